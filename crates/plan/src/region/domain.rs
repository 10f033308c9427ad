//! A custom domain with its mappings in the order in which they are tried (docs/aws-behaviour.md).
//!
//! With a mapping of several segments on the domain, the longest *string* prefix of the path wins:
//! `/ordersandmore` is matched by `orders`. Without one, the first segment must equal the key. That
//! is how Amazon's domains behave, and clients may rely on it.

use std::sync::Arc;

use model::{ApiId, DomainName, EndpointType, StageName, v2::RoutingMode};

use crate::Diagnostic;

/// A compiled custom domain.
#[derive(Debug)]
pub struct DomainPlan {
    source: Arc<DomainName>,
    /// Longest key first; the empty key, which matches everything, is last.
    mappings: Vec<Mapping>,
    by_prefix: bool,
}

/// A mapping of a custom domain.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) key: Box<str>,
    pub(super) api: ApiId,
    pub(super) stage: StageName,
}

impl DomainPlan {
    pub(super) fn compile(source: &Arc<DomainName>) -> Self {
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

    /// Whether rules decide before the mappings do. A mapping that stands behind a rule must not
    /// get the requests that the rule is for.
    pub(super) fn has_rules(&self) -> bool {
        self.source.routing.mode != RoutingMode::Mappings
    }

    /// What is wrong with it.
    pub(super) fn diagnostic(&self) -> Option<Diagnostic> {
        let message = if self.is_private() {
            "private custom domains are not served by this version; the domain answers 403"
        } else if self.has_rules() {
            "routing rules are not evaluated by this version; the domain answers 501"
        } else {
            return None;
        };
        Some(Diagnostic {
            at: format!("domainnames/{}", self.name()),
            message: message.to_owned(),
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
