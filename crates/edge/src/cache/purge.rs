//! Which stored answers are taken out of use, and since when.
//!
//! Every purge has a number, and every answer the number of purges that had happened when it was
//! asked for. An answer as new as the newest purge needs one comparison, so that hits stay cheap;
//! an older one is looked up by address, tag and API, once for each purge after it. A purge is
//! effective once its number is there, however many answers it meets. What is remembered is
//! bounded: beyond the limit the oldest numbers are given up for a floor, below which everything
//! counts as purged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use http::{HeaderMap, HeaderName};
use model::ApiId;

use super::entry::Entry;

/// Addresses, tags and APIs remembered.
const NAMES_MAX: usize = 64 * 1024;
/// Prefixes remembered; each is compared with each answer that is older.
const PREFIXES_MAX: usize = 256;
/// Tags of one answer that count.
const TAGS_MAX: usize = 128;

const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");

/// What to take out of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// One address, with its query, in all its variants: `https://host/path?query`. The scheme
    /// and the port do not matter.
    Url(String),
    /// All addresses that begin so: `https://host/path`.
    Prefix(String),
    /// All answers of hosts that serve this API.
    Api(ApiId),
    /// All answers with this word in `Cache-Tag` or `Surrogate-Key`.
    Tag(String),
}

/// The purges that have happened.
#[derive(Debug, Default)]
pub(crate) struct Purges {
    /// The number of the newest one.
    newest: AtomicU64,
    rules: RwLock<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    /// Answers with a smaller number are purged, whatever they are.
    floor: u64,
    names: HashMap<Name, u64>,
    prefixes: Vec<(String, String, u64)>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Name {
    Url(String, String),
    Api(ApiId),
    Tag(Vec<u8>),
}

impl Purges {
    /// The number of the newest purge.
    pub(crate) fn stamp(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// Makes a purge effective.
    pub(crate) fn add(&self, purge: &Purge) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.stamp() + 1;
        if rules.names.len() >= NAMES_MAX || rules.prefixes.len() >= PREFIXES_MAX {
            *rules = Rules {
                floor: number,
                ..Rules::default()
            };
        }
        match purge {
            Purge::Url(url) => {
                let (host, path) = parts(url);
                rules.names.insert(Name::Url(host, path), number);
            }
            Purge::Prefix(url) => {
                let (host, path) = parts(url);
                rules.prefixes.push((host, path, number));
            }
            Purge::Api(api) => {
                rules.names.insert(Name::Api(api.clone()), number);
            }
            Purge::Tag(tag) => {
                rules.names.insert(Name::Tag(tag.clone().into()), number);
            }
        }
        // Last: whoever sees the number finds the rule.
        self.newest.store(number, Ordering::Release);
    }

    /// Whether an answer has been purged since it was asked for.
    pub(crate) fn covers(&self, entry: &Entry) -> bool {
        let newest = self.stamp();
        if entry.stamp.max(entry.checked.number()) >= newest {
            return false;
        }
        let covers = self.rules_cover(entry);
        if !covers {
            // The next hit need not look again. Rules added meanwhile have higher numbers.
            entry.checked.raise(newest);
        }
        covers
    }

    fn rules_cover(&self, entry: &Entry) -> bool {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let later = |number: u64| entry.stamp < number;
        let named = |name: Name| rules.names.get(&name).is_some_and(|number| later(*number));
        if later(rules.floor) {
            return true;
        }
        let (host, path) = entry.key.url();
        let below = |(of, prefix, number): &(String, String, u64)| {
            later(*number) && *of == host && path.starts_with(prefix.as_str())
        };
        if rules.prefixes.iter().any(below) {
            return true;
        }
        let apis = entry.host.iter().flat_map(|host| host.apis.iter());
        named(Name::Url(host, path.to_owned()))
            || apis.cloned().any(|api| named(Name::Api(api)))
            || tags(&entry.headers).any(|tag| named(Name::Tag(tag.to_vec())))
    }
}

/// The tags of an answer: `Cache-Tag` has commas between them, `Surrogate-Key` spaces.
fn tags(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = [CACHE_TAG, SURROGATE_KEY];
    let values = fields
        .into_iter()
        .flat_map(|name| headers.get_all(name).into_iter());
    let words = values.flat_map(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',' || *byte == b' ')
    });
    words.filter(|word| !word.is_empty()).take(TAGS_MAX)
}

/// Host and path of an address; the scheme may be missing.
fn parts(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (plain_host(host), format!("/{path}"))
}

/// In lower case, without a port and a final dot.
pub(crate) fn plain_host(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}
