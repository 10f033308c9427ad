//! IAM policies: documents that say who may do what to which resource, and deciding by them.
//!
//! A document is parsed once (`Policy::parse`) and evaluated for every request. A statement applies
//! when its principal, action, resource and all its conditions do; one that denies goes before any
//! that allow, and what nothing allows is denied. What a document may hold is bounded, and so is
//! what one evaluation may cost: a policy that is too costly for a request denies it.
//!
//! Which actions, resources and condition keys there are is the caller's business: the management
//! API asks with `apigateway:POST` and ARNs of APIs, a resource policy with `execute-api:Invoke`.
//! Deliberately not here: permission boundaries, session policies, and combining several policies.

mod condition;
mod json;
mod pattern;
mod principal;
mod read;
#[cfg(test)]
mod tests;
mod value;

use std::{cell::Cell, collections::BTreeMap};

use self::{
    condition::Condition,
    pattern::{Budget, Pattern},
    principal::Principals,
};

pub use self::{principal::Caller, read::PolicyError};

/// Largest document, bytes. Amazon's limits are 6,144 characters for a policy of a user and 8,192
/// for one of an API.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 10;
/// Most statements of a document.
pub const STATEMENTS_MAX: usize = 200;
/// Most texts (actions, resources, principals, condition values) of a document.
pub const TEXTS_MAX: usize = 2_000;
/// Characters that one evaluation may look at; beyond that the request is denied.
pub const STEPS_MAX: u32 = 2_000_000;

/// Whom a document is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To whoever asks: names no principal.
    Identity,
    /// To what is asked for: names the principals it is about.
    Resource,
}

/// A document that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    allows: bool,
    /// Of a resource's policy.
    principals: Option<Principals>,
    actions: Texts,
    resources: Texts,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq)]
struct Texts {
    negated: bool,
    patterns: Vec<Pattern>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Such as `apigateway:POST`.
    pub action: &'a str,
    /// An ARN.
    pub resource: &'a str,
    /// Matters to policies of resources alone.
    pub caller: Caller<'a>,
    /// Values of condition keys.
    pub context: &'a Context,
}

/// Values of condition keys, such as `aws:SourceIp`. Names have no case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

/// What a policy says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
    /// Deciding would have cost more than [`STEPS_MAX`]; it counts as denied.
    TooCostly,
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// Says where in the document what is wrong.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, PolicyError> {
        read::document(text, kind).map(|statements| Self { statements })
    }

    /// Decides.
    #[must_use]
    pub fn evaluate(&self, request: &Request<'_>) -> Verdict {
        let budget = Budget(Cell::new(STEPS_MAX));
        let mut verdict = Verdict::NotAllowed;
        for statement in &self.statements {
            // One that allows what is allowed already need not be looked at.
            if statement.allows && verdict == Verdict::Allowed {
                continue;
            }
            let applies = statement.applies(request, &budget);
            if budget.0.get() == 0 {
                return Verdict::TooCostly;
            }
            match (applies, statement.allows) {
                (true, false) => return Verdict::Denied,
                (true, true) => verdict = Verdict::Allowed,
                (false, _) => {}
            }
        }
        verdict
    }
}

impl Verdict {
    /// Whether the request may go on.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

impl Statement {
    fn applies(&self, request: &Request<'_>, budget: &Budget) -> bool {
        let context = request.context;
        let principals = self.principals.as_ref();
        self.actions.include(request.action, context, budget)
            && self.resources.include(request.resource, context, budget)
            && principals.is_none_or(|principals| principals.include(&request.caller))
            && self.conditions.iter().all(|one| one.holds(context, budget))
    }
}

impl Texts {
    fn include(&self, text: &str, context: &Context, budget: &Budget) -> bool {
        let one = |pattern: &Pattern| pattern.matches(text, context, budget);
        self.patterns.iter().any(one) != self.negated
    }
}

impl Context {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value to a key.
    pub fn add(&mut self, key: &str, value: impl Into<String>) {
        let values = self.0.entry(key.to_ascii_lowercase()).or_default();
        values.push(value.into());
    }

    /// The values of a key in lower case.
    fn values(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }
}
