//! A stored answer: immutable, shared by all workers, ready to be sent without copying.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use plan::edge::EdgeHost;
use serve::Body;

use super::coding::Codable;
use super::key::{OwnedKey, variant};

/// Bytes that an entry takes besides its texts and its body: maps, pointers, counters.
const OVERHEAD_BYTES: usize = 1_024;

/// A whole answer to GET.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What it answers.
    pub(crate) key: OwnedKey,
    /// Names of the request headers it depends on.
    pub(crate) names: Arc<[HeaderName]>,
    /// The request headers it depends on, as the request had them.
    pub(crate) variant: Box<[u8]>,
    pub(crate) status: StatusCode,
    /// As they are sent, but for those that belong to a single answer.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Pieces,
    /// The cache's clock when its head arrived.
    pub(crate) born_ms: u64,
    /// How old it was then.
    pub(crate) age_on_arrival_ms: u64,
    /// The age at which it is no longer fresh.
    pub(crate) lifetime_ms: u64,
    /// It may be used when it is not fresh and nothing better can be had.
    pub(crate) stale_allowed: bool,
    /// How long after its lifetime it may be used while a newer one is fetched.
    pub(crate) stale_while_ms: u64,
    /// How long after its lifetime it may be used when a region fails, if it says so.
    pub(crate) stale_error_ms: Option<u64>,
    /// The number of purges that had happened when it was asked for.
    pub(crate) stamp: u64,
    /// The number of purges that are known not to concern it.
    pub(crate) checked: Checked,
    /// The host that it belongs to, for purges by API.
    pub(crate) host: Option<Arc<EdgeHost>>,
    /// It may answer requests with `Authorization`.
    pub(crate) for_everybody: bool,
    /// Variants with a content coding may be made of it.
    pub(crate) codable: Option<Arc<Codable>>,
}

/// A number that only grows, shared by those who use an entry.
#[derive(Debug, Default)]
pub(crate) struct Checked(AtomicU64);

impl Checked {
    pub(crate) fn number(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn raise(&self, number: u64) {
        self.0.fetch_max(number, Ordering::Relaxed);
    }
}

/// A body in memory.
#[derive(Clone, Debug)]
pub(crate) enum Pieces {
    /// In one piece, or none.
    One(Bytes),
    /// In several.
    Many(Arc<[Bytes]>),
}

impl Entry {
    /// The same without its body.
    pub(crate) fn head(&self) -> Self {
        Self {
            key: self.key.clone(),
            names: Arc::clone(&self.names),
            variant: self.variant.clone(),
            headers: self.headers.clone(),
            body: Pieces::of(Vec::new()),
            host: self.host.clone(),
            codable: self.codable.clone(),
            checked: Checked::default(),
            ..*self
        }
    }

    /// Whether it answers requests with these headers (section 4.1 of RFC 9111).
    pub(crate) fn answers(&self, headers: &HeaderMap) -> bool {
        self.names.is_empty()
            || variant(&self.names, headers).is_some_and(|found| found == self.variant)
    }

    /// Section 4.2.3 of RFC 9111.
    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        self.age_on_arrival_ms
            .saturating_add(now_ms.saturating_sub(self.born_ms))
    }

    /// Seconds until it is no longer fresh; negative from then on.
    pub(crate) fn ttl_s(&self, now_ms: u64) -> i64 {
        let signed = |ms: u64| i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
        let age_ms = self.age_ms(now_ms);
        match self.lifetime_ms.checked_sub(age_ms) {
            Some(left_ms) => signed(left_ms),
            None => -signed(age_ms - self.lifetime_ms),
        }
    }

    /// Whether it may be used although it is not fresh, at most `stale_ms_max` after it was.
    pub(crate) fn may_be_stale(&self, now_ms: u64, stale_ms_max: u64) -> bool {
        match self.stale_error_ms {
            Some(ms_max) => self.over_ms(now_ms) <= ms_max,
            None => self.stale_allowed && self.over_ms(now_ms) <= stale_ms_max,
        }
    }

    /// Whether it may be used when a region fails, as it says itself or the request does for
    /// `asked_s` seconds (RFC 5861, section 4).
    pub(crate) fn may_be_used_on_error(&self, now_ms: u64, asked_s: Option<u64>) -> bool {
        let asked_ms = asked_s
            .filter(|_| self.stale_allowed)
            .map(|seconds| seconds.saturating_mul(1_000));
        let allowed_ms = self.stale_error_ms.or(asked_ms);
        allowed_ms.is_some_and(|ms| self.over_ms(now_ms) < ms)
    }

    /// How long its lifetime has been over.
    pub(crate) fn over_ms(&self, now_ms: u64) -> u64 {
        self.age_ms(now_ms).saturating_sub(self.lifetime_ms)
    }

    /// What it costs in the cache, in bytes.
    pub(crate) fn weight(&self) -> u32 {
        let fields = self.headers.iter();
        let fields: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        let texts = self.key.len() + self.variant.len() + fields;
        u32::try_from(OVERHEAD_BYTES + texts + self.body.len()).unwrap_or(u32::MAX)
    }
}

impl Pieces {
    pub(crate) fn of(mut pieces: Vec<Bytes>) -> Self {
        match (pieces.pop(), pieces.is_empty()) {
            (None, _) => Self::One(Bytes::new()),
            (Some(only), true) => Self::One(only),
            (Some(last), false) => {
                pieces.push(last);
                Self::Many(pieces.into())
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(piece) => piece.len(),
            Self::Many(pieces) => pieces.iter().map(Bytes::len).sum(),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Bytes] {
        match self {
            Self::One(piece) => std::slice::from_ref(piece),
            Self::Many(pieces) => pieces,
        }
    }

    pub(crate) fn to_body(&self) -> Body {
        match self {
            Self::One(piece) => Body::full(piece.clone()),
            Self::Many(pieces) => Body::chunks(Arc::clone(pieces)),
        }
    }
}
