//! The hosts of a plan, made from those of the plan before: a change to one API among thousands
//! makes the hosts that lead to it.

use std::{collections::BTreeSet, sync::Arc};

use model::{ApiId, DomainId, EdgeDomain, EdgeView};

use super::{EdgeHost, EdgePlan, HostKind};

impl EdgePlan {
    /// Brings the hosts from the view `old` to this plan's view.
    pub(super) fn take_hosts(&mut self, old: &EdgeView) {
        let view = Arc::clone(&self.view);
        let mut due = BTreeSet::new();
        view.domains
            .changes(&old.domains, PartialEq::eq, |name, before, after| {
                for (domain, uses) in [(before, false), (after, true)] {
                    for api in domain.into_iter().flat_map(|domain| &domain.apis) {
                        self.note_user(api, name, uses);
                    }
                }
                due.insert(name.clone());
            });
        view.apis.changes(&old.apis, PartialEq::eq, |id, _, after| {
            match after {
                Some(_) => {
                    self.made += 1;
                    self.apis.insert(id.clone(), default_host(&view, id));
                }
                None => self.apis.remove(id),
            }
            due.extend(
                self.users
                    .get(id)
                    .into_iter()
                    .flat_map(|all| all.iter().cloned()),
            );
        });
        for name in due {
            let fault = match view.domains.get(&name) {
                Some(domain) => self.put_domain(name.as_str(), domain).err(),
                None => {
                    self.drop_domain(name.as_str());
                    None
                }
            };
            match fault {
                Some(fault) => drop(self.faults.insert(name, fault)),
                None => drop(self.faults.remove(&name)),
            }
        }
    }

    fn note_user(&mut self, api: &ApiId, domain: &DomainId, uses: bool) {
        let mut users = self.users.get(api).cloned().unwrap_or_default();
        if uses {
            Arc::make_mut(&mut users).insert(domain.clone());
        } else {
            Arc::make_mut(&mut users).remove(domain);
        }
        if users.is_empty() {
            self.users.remove(api);
        } else {
            self.users.insert(api.clone(), users);
        }
    }

    fn put_domain(&mut self, name: &str, domain: &EdgeDomain) -> Result<(), &'static str> {
        let (parent, table) = match name.strip_prefix("*.") {
            Some(parent) => (parent, &mut self.wildcards),
            None => (name, &mut self.domains),
        };
        if !is_host_name(parent) {
            return Err("is not a host name in lower case, with or without '*.' in front");
        }
        let dangling = domain
            .apis
            .iter()
            .any(|api| !self.view.apis.contains_key(api));
        self.made += 1;
        table.insert(parent.into(), custom_host(&self.view, domain));
        // The domain works all the same: requests for the other APIs are none of its business.
        if dangling {
            Err("maps to an api that this POP does not serve")
        } else {
            Ok(())
        }
    }

    fn drop_domain(&mut self, name: &str) {
        match name.strip_prefix("*.") {
            Some(parent) => self.wildcards.remove(parent),
            None => self.domains.remove(name),
        }
    }
}

fn default_host(view: &EdgeView, id: &ApiId) -> Arc<EdgeHost> {
    let api = view.apis.get(id);
    Arc::new(EdgeHost {
        kind: HostKind::Default,
        apis: vec![id.clone()],
        generation: api.map_or(0, |api| api.generation),
        disabled: api.is_some_and(|api| api.default_endpoint_disabled),
    })
}

fn custom_host(view: &EdgeView, domain: &EdgeDomain) -> Arc<EdgeHost> {
    let generations = domain.apis.iter().map(|id| {
        // One that is missing differs from all that are there: a revision is never that large.
        view.apis.get(id).map_or(u64::MAX, |api| api.generation)
    });
    // FNV-1a, folded by words: it only has to differ when any part differs.
    let generation = generations.fold(domain.mappings, |hash, part| {
        (hash ^ part)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(29)
    });
    let apis = domain.apis.clone();
    Arc::new(EdgeHost {
        kind: HostKind::Custom,
        apis,
        generation,
        disabled: false,
    })
}

fn is_host_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        let known = label
            .bytes()
            .all(|byte| plain(byte) || matches!(byte, b'-' | b'_'));
        known && !label.is_empty() && label.len() <= 63
    };
    name.len() <= 253 && name.split('.').all(label)
}
