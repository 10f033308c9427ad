//! Which route of a deployment a method and path lead to (docs/aws-behaviour.md, routes).
//!
//! One trie of segments per stage. First the exact routes are searched (a literal beats a variable
//! at the same position, a method beats `ANY`), then the greedy ones, deepest first, then
//! `$default`. A path whose method has no route falls through to the next candidate; there is no
//! 405. A trailing slash is an empty last segment, so it is significant by itself.
//!
//! Literals are compared decoded, so that `/%70ets` cannot slip past the route of `/pets`. A search
//! visits each node of the trie at most once and allocates nothing unless the path has escapes.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use model::{RouteKey, RoutePath, Segment};
use percent_encoding::percent_decode_str;

use super::route::RoutePlan;

/// The routes of one stage.
#[derive(Debug, Default)]
pub(super) struct Router {
    nodes: Vec<Node>,
    fallback: Option<Arc<RoutePlan>>,
}

#[derive(Debug, Default)]
struct Node {
    /// Children by decoded literal.
    literals: HashMap<Box<[u8]>, usize>,
    variable: Option<usize>,
    /// Routes that end here.
    exact: Leaf,
    /// Routes that take the whole rest from here.
    greedy: Leaf,
}

/// Routes of one pattern by method.
#[derive(Debug, Default)]
struct Leaf {
    by_method: Vec<(Box<str>, Arc<RoutePlan>)>,
    any: Option<Arc<RoutePlan>>,
}

/// Which leaves a search looks at.
#[derive(Clone, Copy)]
enum Looking {
    Exact,
    Greedy,
}

const ROOT: usize = 0;

impl Router {
    /// Adds a route; answers false when its pattern and method are taken.
    pub(super) fn insert(&mut self, key: &RouteKey, route: Arc<RoutePlan>) -> bool {
        let (method, path) = match key {
            RouteKey::Default => {
                let free = self.fallback.is_none();
                self.fallback.get_or_insert(route);
                return free;
            }
            RouteKey::Path { method, path } => (method.as_deref(), path),
            // No request has such a key.
            RouteKey::Message(_) => return true,
        };
        let (node, greedy) = self.node_of(path);
        let Some(node) = self.nodes.get_mut(node) else {
            return false;
        };
        let leaf = if greedy {
            &mut node.greedy
        } else {
            &mut node.exact
        };
        leaf.insert(method, route)
    }

    /// The route for `method` and a path without its first slash.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<&Arc<RoutePlan>> {
        let search = Search {
            router: self,
            method,
        };
        if self.nodes.is_empty() {
            return self.fallback.as_ref();
        }
        search
            .below(ROOT, path, Looking::Exact)
            .or_else(|| search.below(ROOT, path, Looking::Greedy))
            .or(self.fallback.as_ref())
    }

    /// The node where `path` ends, made if need be, and whether its last segment is greedy.
    fn node_of(&mut self, path: &RoutePath) -> (usize, bool) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = ROOT;
        for segment in &path.0 {
            let new = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else {
                break;
            };
            at = match segment {
                Segment::Literal(text) => *node.literals.entry(decoded(text).into()).or_insert(new),
                Segment::Variable(_) => *node.variable.get_or_insert(new),
                Segment::Greedy(_) => return (at, true),
            };
            if at == new {
                self.nodes.push(Node::default());
            }
        }
        (at, false)
    }
}

/// One search. Recursion is as deep as the longest pattern, which `model` bounds by the URI length.
struct Search<'p, 'm> {
    router: &'p Router,
    method: &'m str,
}

impl<'p> Search<'p, '_> {
    /// Searches the routes below `at`, where `path` is what is left to match.
    fn below(&self, at: usize, path: &str, looking: Looking) -> Option<&'p Arc<RoutePlan>> {
        let node = self.router.nodes.get(at)?;
        let (segment, rest) = match path.split_once('/') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (path, None),
        };
        let literal = match node.literals.is_empty() {
            true => None,
            false => node.literals.get(&*decoded(segment)).copied(),
        };
        // An empty segment is no value: `/pets/` is not `/pets/{id}`.
        let variable = node.variable.filter(|_| !segment.is_empty());
        [literal, variable]
            .into_iter()
            .flatten()
            .find_map(|child| self.behind(child, rest, looking))
            .or_else(|| match looking {
                // Deeper greedy routes have been tried above, so the longest prefix wins.
                Looking::Greedy if !path.is_empty() => node.greedy.find(self.method),
                Looking::Greedy | Looking::Exact => None,
            })
    }

    /// Searches behind a segment that led to `child`.
    fn behind(
        &self,
        child: usize,
        rest: Option<&str>,
        looking: Looking,
    ) -> Option<&'p Arc<RoutePlan>> {
        match (rest, looking) {
            (Some(rest), _) => self.below(child, rest, looking),
            (None, Looking::Exact) => self.router.nodes.get(child)?.exact.find(self.method),
            // A greedy variable takes at least one segment.
            (None, Looking::Greedy) => None,
        }
    }
}

impl Leaf {
    fn insert(&mut self, method: Option<&str>, route: Arc<RoutePlan>) -> bool {
        let Some(method) = method else {
            let free = self.any.is_none();
            self.any.get_or_insert(route);
            return free;
        };
        let free = !self.by_method.iter().any(|(taken, _)| **taken == *method);
        if free {
            self.by_method.push((method.into(), route));
        }
        free
    }

    fn find(&self, method: &str) -> Option<&Arc<RoutePlan>> {
        let own = self.by_method.iter().find(|(name, _)| **name == *method);
        own.map(|(_, route)| route).or(self.any.as_ref())
    }
}

/// A segment with its escapes decoded; borrows when it has none.
pub(super) fn decoded(segment: &str) -> Cow<'_, [u8]> {
    percent_decode_str(segment).into()
}
