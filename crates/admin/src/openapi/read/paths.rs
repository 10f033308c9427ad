//! Paths become a tree of resources.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::rest::{Content, Resource, Verb};
use model::{ResourceId, RoutePath, Segment};

use super::super::fault::Fault;
use super::super::node::Node;
use super::{Builder, Paths};

const ANY_METHOD: &str = "x-amazon-apigateway-any-method";

/// The ids of all paths.
pub(super) fn known(content: &Content) -> Paths {
    let ids = content.resources.keys();
    ids.map(|id| (content.path(id), id.clone())).collect()
}

/// The children that are variables, by the resource above.
pub(super) fn variables(content: &Content) -> BTreeMap<ResourceId, String> {
    let all = content.resources.values();
    let all = all.filter(|resource| resource.part.starts_with('{'));
    all.filter_map(|resource| Some((resource.parent.clone()?, resource.part.clone())))
        .collect()
}

impl<'a> Builder<'a> {
    pub(super) fn read_paths(&mut self, top: &Node<'a>) -> Result<(), Fault> {
        let Some(paths) = top.get("paths") else {
            return Ok(());
        };
        for (path, item) in paths.object()? {
            if path.starts_with("x-") {
                continue;
            }
            if let Err(fault) = self.read_path(path, &item) {
                self.report.error(fault);
            }
        }
        Ok(())
    }

    fn read_path(&mut self, path: &str, item: &Node<'a>) -> Result<(), Fault> {
        let item = item.resolve(self.root)?;
        let whole = format!("{}{path}", self.prefix);
        let whole = match whole.trim_end_matches('/') {
            "" => "/",
            trimmed => trimmed,
        };
        let id = self.resource(whole, &item)?;
        for (key, node) in item.object()? {
            let verb = match key {
                ANY_METHOD => Verb::Any,
                "parameters" | "summary" | "description" | "servers" => continue,
                "trace" => {
                    self.report
                        .warn(&node.at, "TRACE cannot be served; left out");
                    continue;
                }
                other if other.starts_with("x-") => continue,
                other => {
                    let verb = Verb::parse(&other.to_ascii_uppercase());
                    let verb = verb.filter(|verb| *verb != Verb::Any);
                    verb.ok_or_else(|| node.fault("no HTTP method that can be served"))?
                }
            };
            let place = super::methods::Place {
                path: whole,
                resource: &id,
                verb,
                item: &item,
            };
            let method = self.method(&node, &place);
            if let Some(method) = self.report.keep(method)
                && let Some(resource) = self.content.resources.get_mut(&id)
            {
                let methods = &mut Arc::make_mut(resource).methods;
                methods.insert(verb, Arc::new(method));
            }
        }
        Ok(())
    }

    /// The resource of a path; it and those above are made when they are not there.
    fn resource(&mut self, path: &str, node: &Node<'_>) -> Result<ResourceId, Fault> {
        let parsed = RoutePath::parse(path).map_err(|error| node.fault(error.to_string()))?;
        let mut at = self.content.root.clone();
        if path == "/" {
            return Ok(at);
        }
        let mut walked = String::new();
        for segment in &parsed.0 {
            let part = part(segment);
            if part.is_empty() {
                return Err(node.fault("a path has no empty segments"));
            }
            walked.push('/');
            walked.push_str(&part);
            at = self.child(&at, &part, &walked, node)?;
        }
        Ok(at)
    }

    fn child(
        &mut self,
        parent: &ResourceId,
        part: &str,
        path: &str,
        node: &Node<'_>,
    ) -> Result<ResourceId, Fault> {
        if let Some(id) = self.paths.get(path)
            && self.content.resources.contains_key(id)
        {
            return Ok(id.clone());
        }
        if part.starts_with('{') {
            if let Some(sibling) = self.variables.get(parent) {
                return Err(node.fault(format!(
                    "A sibling ({sibling}) of this resource already has a variable path part -- \
                     only one is allowed"
                )));
            }
            self.variables.insert(parent.clone(), part.to_owned());
        }
        let id = self.paths.get(path).cloned().unwrap_or_else(Self::id);
        let resource = Resource {
            id: id.clone(),
            parent: Some(parent.clone()),
            part: part.to_owned(),
            methods: BTreeMap::new(),
        };
        self.content
            .resources
            .insert(id.clone(), Arc::new(resource));
        self.paths.insert(path.to_owned(), id.clone());
        Ok(id)
    }
}

fn part(segment: &Segment) -> String {
    match segment {
        Segment::Literal(text) => text.clone(),
        Segment::Variable(name) => format!("{{{name}}}"),
        Segment::Greedy(name) => format!("{{{name}+}}"),
    }
}
