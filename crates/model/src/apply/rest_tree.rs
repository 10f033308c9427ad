//! Whether the resources of a whole definition make a tree, in one walk: an imported file may put
//! thousands of them below one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Rejection, ResourceKind, rest::Content};

impl Content {
    /// Whether every resource may stand where it says.
    pub(super) fn all_fit(&self) -> Result<(), Rejection> {
        let parents = self.resources.values();
        let parents: BTreeSet<_> = parents.filter_map(|one| one.parent.as_ref()).collect();
        let mut names = BTreeSet::new();
        let mut variables = BTreeMap::new();
        for resource in self.resources.values() {
            self.hangs(resource, || parents.contains(&resource.id))?;
            let Some(parent) = &resource.parent else {
                continue;
            };
            let part = resource.part.as_str();
            if !names.insert((parent, part)) {
                beside(part, part)?;
            }
            if part.starts_with('{')
                && let Some(sibling) = variables.insert(parent, part)
            {
                beside(part, sibling)?;
            }
        }
        Ok(())
    }
}

/// Whether two resources may stand below the same one.
pub(super) fn beside(part: &str, sibling: &str) -> Result<(), Rejection> {
    if sibling == part {
        return Err(Rejection::conflict(
            ResourceKind::Resource,
            format!("Another resource with the same parent already has this name: {part}"),
        ));
    }
    if sibling.starts_with('{') && part.starts_with('{') {
        return Err(Rejection::invalid(
            "pathPart",
            format!(
                "A sibling ({sibling}) of this resource already has a variable path part \
                 -- only one is allowed"
            ),
        ));
    }
    Ok(())
}
