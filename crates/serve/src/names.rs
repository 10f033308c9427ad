//! Something for each host name: exact, by a wildcard of one label, or by default.
//!
//! Certificates and policies are looked up alike, so that a name never has the certificate of one
//! domain and the policy of another.

use std::collections::HashMap;

/// Values by name.
#[derive(Debug)]
pub(crate) struct Names<T> {
    exact: HashMap<String, T>,
    /// Keyed by what follows the first label, dot included: `.example.com`.
    wildcard: HashMap<String, T>,
    default: Option<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: None,
        }
    }
}

impl<T> Names<T> {
    /// `name` is exact, a wildcard (`*.example.com`), or `*` for all that is in no other entry.
    pub(crate) fn put(&mut self, name: &str, value: T) {
        let name = name.to_ascii_lowercase();
        if name == "*" {
            self.default = Some(value);
        } else if let Some(suffix) = name.strip_prefix('*') {
            self.wildcard.insert(suffix.to_owned(), value);
        } else {
            self.exact.insert(name, value);
        }
    }

    /// What is stored under exactly this entry name.
    pub(crate) fn entry(&self, name: &str) -> Option<&T> {
        let name = name.to_ascii_lowercase();
        if name == "*" {
            self.default.as_ref()
        } else if let Some(suffix) = name.strip_prefix('*') {
            self.wildcard.get(suffix)
        } else {
            self.exact.get(&name)
        }
    }

    /// What a client that asks for `name` (any case) gets; `None` is one that names no host.
    pub(crate) fn find(&self, name: Option<&str>) -> Option<&T> {
        let Some(name) = name else {
            return self.default.as_ref();
        };
        let lower;
        let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower = name.to_ascii_lowercase();
            lower.as_str()
        } else {
            name
        };
        let by_wildcard = || {
            let dot = name.find('.').filter(|dot| *dot > 0)?;
            self.wildcard.get(name.get(dot..)?)
        };
        let named = self.exact.get(name).or_else(by_wildcard);
        named.or(self.default.as_ref())
    }

    /// How many are exact, how many wildcards, and whether there is a default.
    pub(crate) fn counts(&self) -> (usize, usize, bool) {
        (
            self.exact.len(),
            self.wildcard.len(),
            self.default.is_some(),
        )
    }
}
