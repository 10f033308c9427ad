//! Checking a value against nodes, within a budget.

use std::{cmp::Ordering, collections::HashSet};

use serde_json::Number;

use super::{
    Schema,
    node::{Bound, Id, Items, Node, Rule},
    number, sentence,
};
use crate::json::View;

/// Most steps of one check; a step is a schema applied to a value, a member looked at, or some
/// dozens of bytes of text.
pub const STEPS_MAX: u64 = 4_000_000;

/// Most schemas inside of each other while checking.
pub const DEPTH_MAX: usize = 200;

/// Most sentences of one check.
pub const SENTENCES_MAX: usize = 50;

/// Bytes of text that cost one step.
const STEP_BYTES: usize = 32;

/// How much dearer a byte of a key is than one of text.
const KEY_COST: usize = 8;

/// One check under way.
struct Run<'a> {
    schema: &'a Schema,
    steps: u64,
    is_over: bool,
    sentences: Vec<String>,
}

/// What becomes of what is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    /// It is put into words.
    Words,
    /// Only that something is counts.
    Nothing,
}

pub(super) fn check(schema: &Schema, body: View<'_>) -> Result<(), Vec<String>> {
    let mut run = Run {
        schema,
        steps: STEPS_MAX,
        is_over: false,
        sentences: Vec::new(),
    };
    let is_right = run.value(schema.root, body, 0, Tell::Words);
    if run.is_over {
        return Err(vec!["instance takes too long to check".to_owned()]);
    }
    if is_right { Ok(()) } else { Err(run.sentences) }
}

// === impl Run ===

impl<'a> Run<'a> {
    /// False, and the check is over, where the budget does not allow it.
    fn spend(&mut self, bytes: usize) -> bool {
        let steps = 1 + u64::try_from(bytes / STEP_BYTES).unwrap_or(u64::MAX);
        match self.steps.checked_sub(steps) {
            Some(left) => self.steps = left,
            None => self.is_over = true,
        }
        !self.is_over
    }

    fn tell(&mut self, tell: Tell, words: impl FnOnce() -> String) {
        if tell == Tell::Words && self.sentences.len() < SENTENCES_MAX {
            self.sentences.push(words());
        }
    }

    /// Whether a value is right; its parts are only looked at if it is itself.
    fn value(&mut self, id: Id, value: View<'_>, depth: usize, tell: Tell) -> bool {
        if depth == DEPTH_MAX {
            self.is_over = true;
        }
        let Some(node) = self.schema.nodes.get(id) else {
            return false;
        };
        if self.is_over || !self.spend(0) {
            return false;
        }
        let mut is_right = true;
        for rule in &node.rules {
            is_right &= self.rule(node, rule, value, depth, tell);
            if !is_right && (tell == Tell::Nothing || self.is_over) {
                return false;
            }
        }
        is_right
            && if value.is_array() {
                self.items(node, value, depth, tell)
            } else if value.is_object() {
                self.members(node, value, depth, tell)
            } else {
                true
            }
    }

    fn items(&mut self, node: &'a Node, list: View<'_>, depth: usize, tell: Tell) -> bool {
        let mut is_right = true;
        for (index, item) in list.items().enumerate() {
            let id = match &node.items {
                Items::Any => return true,
                Items::All(id) => Some(*id),
                Items::Each(each, other) => each.get(index).copied().or(*other),
            };
            let Some(id) = id else {
                return is_right;
            };
            is_right &= self.value(id, item, depth + 1, tell);
            if !is_right && (tell == Tell::Nothing || self.is_over) {
                return false;
            }
        }
        is_right
    }

    fn members(&mut self, node: &'a Node, object: View<'_>, depth: usize, tell: Tell) -> bool {
        let rules = &node.members;
        if rules.named.is_empty() && rules.patterns.is_empty() && rules.other.is_none() {
            return true;
        }
        let mut is_right = true;
        for (name, member) in object.entries() {
            let named = rules.named.get(name);
            let mut is_known = named.is_some();
            if let Some(id) = named {
                is_right &= self.value(id, member, depth + 1, tell);
            }
            for (pattern, id) in &rules.patterns {
                if self.spend(name.len()) && pattern.is_found(name) {
                    is_known = true;
                    is_right &= self.value(*id, member, depth + 1, tell);
                }
            }
            if let (false, Some(id)) = (is_known, rules.other) {
                is_right &= self.value(id, member, depth + 1, tell);
            }
            if self.is_over || !self.spend(0) || !is_right && tell == Tell::Nothing {
                return false;
            }
        }
        is_right
    }

    fn rule(
        &mut self,
        node: &'a Node,
        rule: &'a Rule,
        value: View<'_>,
        depth: usize,
        tell: Tell,
    ) -> bool {
        let mut matched = 0;
        let is_right = match rule {
            Rule::AllOf(all) => {
                matched = self.matching(all, value, depth);
                matched == all.len()
            }
            Rule::AnyOf(any) => any
                .iter()
                .any(|id| self.value(*id, value, depth + 1, Tell::Nothing)),
            Rule::OneOf(one) => {
                matched = self.matching(one, value, depth);
                matched == 1
            }
            Rule::Not(id) => !self.value(*id, value, depth + 1, Tell::Nothing),
            Rule::DependsOnSchema(name, id) if value.is_object() => {
                !self.has(value, name) || self.value(*id, value, depth + 1, Tell::Nothing)
            }
            Rule::AdditionalProperties if value.is_object() => {
                return self.closed(node, value, tell);
            }
            Rule::Type(types) => types.has(value),
            Rule::Enum(values) => values.iter().any(|one| {
                let mut cost = 0;
                let same = number::equal(one, value, &mut cost);
                self.spend(cost * STEP_BYTES) && same
            }),
            _ => self.own(rule, value),
        };
        if !is_right && !self.is_over {
            self.tell(tell, || sentence::broken(rule, value, matched));
        }
        is_right
    }

    fn matching(&mut self, ids: &[Id], value: View<'_>, depth: usize) -> usize {
        ids.iter()
            .filter(|id| self.value(**id, value, depth + 1, Tell::Nothing))
            .count()
    }

    fn closed(&mut self, node: &'a Node, object: View<'_>, tell: Tell) -> bool {
        let mut foreign: Vec<&str> = Vec::new();
        for (name, _) in object.entries() {
            if !self.spend(name.len()) {
                return false;
            }
            let rules = &node.members;
            let is_known = rules.named.get(name).is_some()
                || rules
                    .patterns
                    .iter()
                    .any(|(pattern, _)| self.spend(name.len()) && pattern.is_found(name));
            if !is_known {
                foreign.push(name);
            }
        }
        if !foreign.is_empty() && !self.is_over {
            self.tell(tell, || sentence::not_allowed(&mut foreign));
            return false;
        }
        foreign.is_empty()
    }

    /// Rules about values of one type, which say nothing about others.
    fn own(&mut self, rule: &Rule, value: View<'_>) -> bool {
        if let Some(text) = value.as_str() {
            self.text(rule, text)
        } else if value.is_object() {
            self.object(rule, value)
        } else if value.is_array() {
            self.list(rule, value)
        } else {
            numeric(rule, value)
        }
    }

    /// Whether an object has a member; pays for those that are passed.
    fn has(&mut self, object: View<'_>, name: &str) -> bool {
        self.spend(object.len() * 2) && object.get(name).is_some()
    }

    fn object(&mut self, rule: &Rule, object: View<'_>) -> bool {
        match rule {
            Rule::Required(names) => names.iter().all(|name| self.has(object, name)),
            Rule::DependsOnMembers(name, needed) => {
                !self.has(object, name) || needed.iter().all(|one| self.has(object, one))
            }
            Rule::MaxProperties(most) => size(object.len()) <= *most,
            Rule::MinProperties(least) => size(object.len()) >= *least,
            _ => true,
        }
    }

    fn list(&mut self, rule: &Rule, list: View<'_>) -> bool {
        match rule {
            Rule::AdditionalItems(most) => list.len() <= *most,
            Rule::MaxItems(most) => size(list.len()) <= *most,
            Rule::MinItems(least) => size(list.len()) >= *least,
            Rule::UniqueItems => {
                let mut seen = HashSet::with_capacity(list.len());
                list.items().all(|item| {
                    let mut key = String::new();
                    number::key(item, &mut key);
                    self.spend(key.len() * KEY_COST) && seen.insert(key)
                })
            }
            _ => true,
        }
    }

    fn text(&mut self, rule: &Rule, text: &str) -> bool {
        match rule {
            Rule::MaxLength(most) => self.spend(text.len()) && size(text.chars().count()) <= *most,
            Rule::MinLength(least) => {
                self.spend(text.len()) && size(text.chars().count()) >= *least
            }
            Rule::Pattern(pattern, _) => self.spend(text.len()) && pattern.is_found(text),
            Rule::Format(format) => self.spend(text.len()) && format.fits(text),
            _ => true,
        }
    }
}

fn numeric(rule: &Rule, value: View<'_>) -> bool {
    let holds = |holds: &dyn Fn(&Number) -> bool| number::of(value).is_none_or(|it| holds(&it));
    match rule {
        Rule::Maximum(most, bound) => holds(&|found| within(number::compare(found, most), *bound)),
        Rule::Minimum(least, bound) => {
            holds(&|found| within(number::compare(least, found), *bound))
        }
        Rule::MultipleOf(of) => holds(&|found| number::is_multiple(found, of)),
        _ => true,
    }
}

fn within(order: Ordering, bound: Bound) -> bool {
    match order {
        Ordering::Less => true,
        Ordering::Equal => bound == Bound::Inclusive,
        Ordering::Greater => false,
    }
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
