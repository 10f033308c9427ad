//! A custom domain with its mappings in the order in which they are tried (docs/aws-behaviour.md).
//!
//! With a mapping of several segments on the domain, the longest *string* prefix of the path wins:
//! `/ordersandmore` is matched by `orders`. Without one, the first segment must equal the key. That
//! is how Amazon's domains behave, and clients may rely on it.

use std::sync::Arc;

use lang::policy::Policy;
use model::{ApiId, DomainName, EndpointType, StageName, v2::RoutingMode};

use super::rest::expanded;
use crate::Diagnostic;

/// A compiled custom domain.
#[derive(Debug)]
pub struct DomainPlan {
    source: Arc<DomainName>,
    /// Longest key first; the empty key, which matches everything, is last.
    mappings: Vec<Mapping>,
    by_prefix: bool,
    /// Of a private domain; why it cannot be read.
    policy: Result<Option<Policy>, String>,
}

/// A mapping of a custom domain.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) key: Box<str>,
    pub(super) api: ApiId,
    pub(super) stage: StageName,
}

impl DomainPlan {
    pub(super) fn compile(source: &Arc<DomainName>, account: &str) -> Self {
        let mut mappings: Vec<Mapping> = source
            .mappings
            .values()
            .map(|mapping| Mapping {
                key: mapping.key.as_str().into(),
                api: mapping.api.clone(),
                stage: mapping.stage.clone(),
            })
            .collect();
        mappings.sort_by(|a, b| {
            b.key
                .len()
                .cmp(&a.key.len())
                .then_with(|| a.key.cmp(&b.key))
        });
        let by_prefix = mappings.iter().any(|mapping| mapping.key.contains('/'));
        Self {
            source: Arc::clone(source),
            mappings,
            by_prefix,
            policy: policy(source, account),
        }
    }

    /// Its name, `*.` in front for a wildcard.
    #[must_use]
    pub fn name(&self) -> &str {
        self.source.name.as_str()
    }

    /// Where clients reach it.
    #[must_use]
    pub fn endpoint(&self) -> EndpointType {
        self.source.endpoint
    }

    /// Whether only private endpoints lead to it.
    pub(super) fn is_private(&self) -> bool {
        self.source.endpoint == EndpointType::Private
    }

    /// Whether a private endpoint may reach it. Wildcards cannot be had for private domains.
    pub(super) fn is_associated(&self, endpoint: &str) -> bool {
        let private = self.source.private.as_ref();
        private.is_some_and(|private| private.associations.contains_key(endpoint))
    }

    /// Of a private domain: its policy, without which nobody is let in.
    ///
    /// # Errors
    /// The policy cannot be read.
    pub fn policy(&self) -> Result<Option<&Policy>, &str> {
        let policy = self.policy.as_ref();
        policy.map(Option::as_ref).map_err(String::as_str)
    }

    /// The id of a private domain, which stands behind a `+` in its ARN.
    #[must_use]
    pub fn private_id(&self) -> Option<&str> {
        let private = self.source.private.as_ref();
        private.map(|private| private.id.as_str())
    }

    /// Whether rules decide before the mappings do. A mapping that stands behind a rule must not
    /// get the requests that the rule is for.
    pub(super) fn has_rules(&self) -> bool {
        self.source.routing.mode != RoutingMode::Mappings
    }

    /// What is wrong with it.
    pub(super) fn diagnostic(&self) -> Option<Diagnostic> {
        let message = if let Err(reason) = &self.policy {
            format!("the domain's policy cannot be read, so nobody is let in: {reason}")
        } else if self.has_rules() {
            "routing rules are not evaluated by this version; the domain answers 501".to_owned()
        } else {
            return None;
        };
        Some(Diagnostic {
            at: format!("domainnames/{}", self.name()),
            message,
        })
    }

    /// The mapping for a path (without its first slash) and what is left of the path.
    pub(super) fn mapping<'r>(&self, path: &'r str) -> Option<(&Mapping, &'r str)> {
        if self.by_prefix {
            return self.mappings.iter().find_map(|mapping| {
                let rest = path.strip_prefix(&*mapping.key)?;
                let rest = if mapping.key.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('/').unwrap_or(rest)
                };
                Some((mapping, rest))
            });
        }
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        self.mappings.iter().find_map(|mapping| {
            if mapping.key.is_empty() {
                Some((mapping, path))
            } else {
                (*mapping.key == *first).then_some((mapping, rest))
            }
        })
    }
}

/// A private domain's policy; `execute-api:/` in it stands for all that is the account's own.
fn policy(source: &DomainName, account: &str) -> Result<Option<Policy>, String> {
    let private = source.private.as_ref();
    let text = private.and_then(|private| private.policy.as_deref());
    let long = format!("arn:aws:execute-api:*:{account}:/");
    text.map(|text| expanded(text, &long)).transpose()
}
