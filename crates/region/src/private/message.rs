//! What regions and connectors say to each other beside the requests themselves.
//!
//! Headers with these names never come from a client or go to a backend: whoever sends a call sets
//! or removes all of them, and whoever takes one removes them.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use model::codec;
use serde::{Deserialize, Serialize};
use serve::{Body, Response};

use crate::upstream::UpstreamError;

/// The upstream that a call is for.
pub(super) const UPSTREAM: HeaderName = HeaderName::from_static("edgeway-upstream");
/// Present on a call over TLS: the name to verify.
pub(super) const SERVER_NAME: HeaderName = HeaderName::from_static("edgeway-server-name");
/// Between regions: the connectors that will do.
pub(super) const CONNECTORS: HeaderName = HeaderName::from_static("edgeway-connectors");
/// On an answer: there was none of the backend; holds the reason.
const FAULT: HeaderName = HeaderName::from_static("edgeway-connector-fault");

/// Names in [`CONNECTORS`] that are read.
const CONNECTORS_MAX: usize = 32;

/// Bytes of a list of offers that are read: what the longest good one has.
pub(super) const OFFERS_BYTES_MAX: usize = 512 * 1024;
/// Upstreams of one connector; its settings allow no more.
const OFFERS_MAX: usize = 1_000;
const NAME_BYTES_MAX: usize = 255;
const REASON_BYTES_MAX: usize = 64;

/// What a connector says of itself is not what a connector can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a connector's offers are no list of upstreams within the limits")]
pub(super) struct BadOffers;

/// How an upstream is, as its connector sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpstreamHealth {
    /// Nobody looks, or nobody has looked yet.
    Unchecked,
    /// The last check succeeded.
    Healthy,
    /// The last checks failed.
    Unhealthy,
}

/// An upstream that a connector offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedUpstream {
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: UpstreamHealth,
    /// What its last check found, if that failed.
    pub reason: String,
}

/// A connector as a region node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorSight {
    /// Its number.
    pub node: u64,
    /// Its name; several connectors may have one.
    pub name: String,
    /// It is going away.
    pub draining: bool,
    /// Connections to it that calls can use.
    pub connections: u32,
    /// Calls that it says it has in progress.
    pub in_flight: u32,
    /// What it offers.
    pub upstreams: Vec<OfferedUpstream>,
}

impl OfferedUpstream {
    /// Of letters, digits and little else, and not long.
    fn is_good(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=NAME_BYTES_MAX).contains(&self.name.len())
            && self.reason.len() <= REASON_BYTES_MAX
            && self.name.bytes().chain(self.reason.bytes()).all(plain)
    }
}

impl UpstreamHealth {
    /// The word in lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// Encodes what a connector offers.
pub(super) fn encode_offers(offers: &[OfferedUpstream]) -> Result<Vec<u8>, codec::CodecError> {
    codec::encode(codec::Kind::Other, &offers.to_vec())
}

/// Reads what a connector offers. Names and reasons go into logs, reports and terminals.
pub(super) fn decode_offers(bytes: &[u8]) -> Result<Vec<OfferedUpstream>, BadOffers> {
    let offers = codec::decode::<Vec<OfferedUpstream>>(codec::Kind::Other, bytes);
    let offers = offers.map_err(|_| BadOffers)?;
    let good = offers.len() <= OFFERS_MAX && offers.iter().all(OfferedUpstream::is_good);
    good.then_some(offers).ok_or(BadOffers)
}

/// Takes a header out as text.
pub(super) fn take(headers: &mut HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.remove(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// As a header of names.
pub(super) fn join_names(names: &[Box<str>]) -> Option<HeaderValue> {
    HeaderValue::try_from(names.join(",")).ok()
}

/// The names of such a header.
pub(super) fn split_names(text: &str) -> Box<[Box<str>]> {
    let names = text.split(',').take(CONNECTORS_MAX);
    names.map(Box::from).collect()
}

/// The answer that stands for a fault.
pub(super) fn fault(error: UpstreamError) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    let reason = HeaderValue::from_static(error.reason());
    response.headers_mut().insert(FAULT, reason);
    response
}

/// The fault that an answer stands for, if it does.
pub(super) fn fault_of(response: &Response) -> Option<UpstreamError> {
    let reason = response.headers().get(FAULT)?;
    Some(UpstreamError::of_reason(reason.as_bytes()))
}

/// Takes out what a backend must not say, and what belongs to a connection. Both sides do: a region
/// does not rely on its connectors for it.
pub(super) fn clean(headers: &mut HeaderMap) {
    serve::strip_hop_by_hop(headers);
    headers.remove(FAULT);
}
