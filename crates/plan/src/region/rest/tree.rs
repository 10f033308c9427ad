//! Which resource of a REST API a path leads to (docs/aws-behaviour.md, REST APIs).
//!
//! A tree of path parts. At each level the exact part is tried before `{name}` before `{name+}`,
//! and a branch that ends nowhere is given up for the next one. Only resources with methods can
//! be the end of a path; whether one has the *right* method is not looked at here, since the
//! most specific resource answers alone. A slash at the end of a path means nothing.
//!
//! Parts are compared decoded, segment by segment, so that an encoded slash is never a separator.
//! A search visits each node at most once and allocates only what it captures.

use std::{collections::HashMap, sync::Arc};

use model::{
    ResourceId,
    rest::{Content, Resource, Verb},
};

use super::super::router::decoded;

/// The resources of one deployment.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// A resource.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Children by decoded part.
    literals: HashMap<Box<[u8]>, usize>,
    variable: Option<Variable>,
    greedy: Option<Variable>,
    /// Indices of methods.
    methods: Vec<(Verb, usize)>,
}

#[derive(Debug)]
struct Variable {
    name: Box<str>,
    child: usize,
}

/// A variable of a path with what stood in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'p, 'r> {
    /// Its name, without braces.
    pub name: &'p str,
    /// Still encoded.
    pub raw: &'r str,
    /// It may hold several segments.
    pub greedy: bool,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Leaf<'p, 'r> {
    pub(super) node: &'p Node,
    pub(super) captured: Vec<Captured<'p, 'r>>,
}

const ROOT: usize = 0;

impl Tree {
    /// The tree of `content`; `index_of` says which number a method has.
    pub(super) fn compile(
        content: &Content,
        index_of: &dyn Fn(&ResourceId, Verb) -> Option<usize>,
    ) -> Self {
        let mut tree = Self {
            nodes: vec![Node::default()],
        };
        let mut children: HashMap<&ResourceId, Vec<&Arc<Resource>>> = HashMap::new();
        for resource in content.resources.values() {
            if let Some(parent) = &resource.parent {
                children.entry(parent).or_default().push(resource);
            }
        }
        // From the root down, so that what hangs on nothing is left out.
        let mut open = vec![(&content.root, ROOT)];
        while let Some((id, at)) = open.pop() {
            let resource = content.resources.get(id);
            let verbs = resource.map(|resource| resource.methods.keys());
            if let Some(node) = tree.nodes.get_mut(at) {
                let numbered = verbs.into_iter().flatten();
                node.methods = numbered
                    .filter_map(|verb| Some((*verb, index_of(id, *verb)?)))
                    .collect();
            }
            // Each resource is looked at once, even if somebody made a circle of them.
            for child in children.remove(id).into_iter().flatten() {
                let new = tree.add(at, &child.part);
                open.push((&child.id, new));
            }
        }
        tree
    }

    fn add(&mut self, at: usize, part: &str) -> usize {
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        let Some(node) = self.nodes.get_mut(at) else {
            return new;
        };
        let inner = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
        match inner {
            None => {
                node.literals.insert(decoded(part).into(), new);
            }
            Some(name) => {
                let (slot, name) = match name.strip_suffix('+') {
                    Some(name) => (&mut node.greedy, name),
                    None => (&mut node.variable, name),
                };
                let name = name.into();
                *slot = Some(Variable { name, child: new });
            }
        }
        new
    }

    /// The resource for a path without its first slash.
    pub(super) fn find<'p, 'r>(&'p self, path: &'r str) -> Option<Leaf<'p, 'r>> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut captured = Vec::new();
        let rest = (!path.is_empty()).then_some(path);
        let node = self.below(ROOT, rest, &mut captured)?;
        Some(Leaf { node, captured })
    }

    /// Searches at and below `at`; `rest` is what is left of the path. The recursion is as deep as
    /// the tree.
    fn below<'p, 'r>(
        &'p self,
        at: usize,
        rest: Option<&'r str>,
        captured: &mut Vec<Captured<'p, 'r>>,
    ) -> Option<&'p Node> {
        let node = self.nodes.get(at)?;
        let Some(rest) = rest else {
            return Some(node).filter(|node| !node.methods.is_empty());
        };
        let (segment, behind) = match rest.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (rest, None),
        };
        if !node.literals.is_empty()
            && let Some(child) = node.literals.get(&*decoded(segment))
            && let Some(found) = self.below(*child, behind, captured)
        {
            return Some(found);
        }
        if segment.is_empty() {
            return None;
        }
        let known = captured.len();
        if let Some(Variable { name, child }) = &node.variable {
            captured.push(Captured {
                name,
                raw: segment,
                greedy: false,
            });
            if let Some(found) = self.below(*child, behind, captured) {
                return Some(found);
            }
            captured.truncate(known);
        }
        let Variable { name, child } = node.greedy.as_ref()?;
        captured.push(Captured {
            name,
            raw: rest,
            greedy: true,
        });
        let found = self.below(*child, None, captured);
        if found.is_none() {
            captured.truncate(known);
        }
        found
    }
}

impl Node {
    /// The number of the method for an HTTP method: its own, else `ANY`.
    pub(super) fn method(&self, name: &str) -> Option<usize> {
        // `ANY` is no method that a client can ask for by its name.
        let verb = Verb::parse(name).filter(|verb| *verb != Verb::Any)?;
        let of = |verb: Verb| self.methods.iter().find(|(own, _)| *own == verb);
        of(verb).or_else(|| of(Verb::Any)).map(|(_, index)| *index)
    }
}
