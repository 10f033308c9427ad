//! Whether a request is fit to be handed on: the checks that the HTTP library leaves to us.
//!
//! Pure: it sees a parsed head and gives a verdict. What the library itself refuses (bad
//! characters, folded headers, wrong lengths) never gets here; it is only named here, so that all
//! refusals are one closed set. Sections are those of RFC 9110 and RFC 9112.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use http::uri::{Authority, Uri};
use http::{Method, StatusCode, Version};

use crate::handler::Scheme;
use crate::limits::Limits;

/// Why a request was refused before a handler saw it. Its [`reason`](Self::reason) is the metric
/// label, the log field and the test assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The head does not parse.
    Syntax,
    /// The head has more bytes than the limit.
    HeadTooLarge,
    /// The head has more fields than the limit.
    HeadersTooMany,
    /// The head did not arrive in time.
    HeadTimedOut,
    /// HTTP/1.1 without `Host`, or HTTP/2 without `:authority` and `Host`.
    HostMissing,
    /// More than one `Host`.
    HostRepeated,
    /// A `Host` or authority that is empty or is no host with an optional port.
    HostMalformed,
    /// The target names another host than `Host` does.
    HostMismatch,
    /// The authority carries a user name.
    UserInfo,
    /// `CONNECT`: this is no forward proxy.
    Connect,
    /// `*` with another method than `OPTIONS`.
    AsteriskForm,
    /// A target that is neither a path nor an http(s) URI.
    TargetMalformed,
    /// Both `Content-Length` and `Transfer-Encoding`.
    BothFramings,
    /// More than one `Content-Length`.
    LengthRepeated,
    /// A transfer coding other than a single `chunked`.
    CodingUnsupported,
    /// Bytes whose framing the two readers of a connection understand differently.
    FramingUnclear,
    /// The announced body is larger than the limit.
    BodyTooLarge,
    /// A header that belongs to an HTTP/1.1 connection, over HTTP/3.
    ConnectionField,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::HeadTooLarge | Self::HeadersTooMany => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::HeadTimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::CodingUnsupported => StatusCode::NOT_IMPLEMENTED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Syntax
            | Self::Connect
            | Self::HostMissing
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::HostMismatch
            | Self::UserInfo
            | Self::AsteriskForm
            | Self::TargetMalformed
            | Self::BothFramings
            | Self::LengthRepeated
            | Self::FramingUnclear
            | Self::ConnectionField => StatusCode::BAD_REQUEST,
        }
    }

    /// Its name in metrics and logs.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::HeadTooLarge => "head_too_large",
            Self::HeadersTooMany => "headers_too_many",
            Self::HeadTimedOut => "head_timed_out",
            Self::HostMissing => "host_missing",
            Self::HostRepeated => "host_repeated",
            Self::HostMalformed => "host_malformed",
            Self::HostMismatch => "host_mismatch",
            Self::UserInfo => "user_info",
            Self::Connect => "connect",
            Self::AsteriskForm => "asterisk_form",
            Self::TargetMalformed => "target_malformed",
            Self::BothFramings => "both_framings",
            Self::LengthRepeated => "length_repeated",
            Self::CodingUnsupported => "coding_unsupported",
            Self::FramingUnclear => "framing_unclear",
            Self::BodyTooLarge => "body_too_large",
            Self::ConnectionField => "connection_field",
        }
    }
}

/// The parts of a request that are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) version: Version,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) scheme: Scheme,
    /// The length of the body as the library understood the framing; `None` if not known yet.
    pub(crate) body_length: Option<u64>,
}

/// Gives the first reason to refuse, if any.
pub(crate) fn check(head: &Head<'_>, limits: &Limits) -> Result<(), Refusal> {
    if head.headers.len() > limits.headers_max {
        return Err(Refusal::HeadersTooMany);
    }
    check_framing(head, limits)?;
    check_target(head)?;
    check_host(head)
}

fn check_framing(head: &Head<'_>, limits: &Limits) -> Result<(), Refusal> {
    let coded = head.headers.contains_key(TRANSFER_ENCODING);
    if coded {
        // RFC 9112 6.3: both together are an attack or a defect; the library hides the length in
        // most cases, which the scanner of the connection then reports.
        if head.headers.contains_key(CONTENT_LENGTH) {
            return Err(Refusal::BothFramings);
        }
        let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
        let only = codings.next().map_or(&b""[..], |coding| coding.as_bytes());
        if codings.next().is_some() || !only.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal::CodingUnsupported);
        }
    }
    if head
        .body_length
        .is_some_and(|length| length > limits.body_bytes_max)
    {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(())
}

fn check_target(head: &Head<'_>) -> Result<(), Refusal> {
    if *head.method == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    let Some(path) = head.uri.path_and_query() else {
        // Authority-form belongs to CONNECT only (RFC 9112 3.2.3).
        return Err(Refusal::TargetMalformed);
    };
    if path.path() == "*" {
        let fits = *head.method == Method::OPTIONS && path.query().is_none();
        return if fits {
            Ok(())
        } else {
            Err(Refusal::AsteriskForm)
        };
    }
    if !path.path().starts_with('/') {
        return Err(Refusal::TargetMalformed);
    }
    match head.uri.scheme_str() {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err(Refusal::TargetMalformed),
    }
}

fn check_host(head: &Head<'_>) -> Result<(), Refusal> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next().map(|host| host.as_bytes());
    if hosts.next().is_some() {
        return Err(Refusal::HostRepeated);
    }
    if let Some(host) = host {
        check_authority(host)?;
    }
    let authority = head.uri.authority().map(Authority::as_str);
    if let Some(authority) = authority {
        check_authority(authority.as_bytes())?;
    }
    match (host, authority) {
        (Some(host), Some(authority)) => {
            let same = split_port(host, head.scheme);
            if same.matches(&split_port(authority.as_bytes(), head.scheme)) {
                Ok(())
            } else {
                Err(Refusal::HostMismatch)
            }
        }
        // HTTP/1.0 did not know the field (RFC 9112 3.2 asks for it from 1.1 on, also with a
        // target in absolute form); HTTP/2 has it in the target.
        (None, None) if head.version <= Version::HTTP_10 => Ok(()),
        (None, None) => Err(Refusal::HostMissing),
        (None, Some(_)) if head.version == Version::HTTP_11 => Err(Refusal::HostMissing),
        (Some(_), None) | (None, Some(_)) => Ok(()),
    }
}

/// `host [":" port]` of RFC 9110 4.2: a registered name, an IPv4 address or a bracketed IPv6 one.
fn check_authority(authority: &[u8]) -> Result<(), Refusal> {
    if authority.contains(&b'@') {
        return Err(Refusal::UserInfo);
    }
    let (host, port) = match authority.first() {
        Some(b'[') => {
            let end = authority.iter().position(|byte| *byte == b']');
            let Some((literal, rest)) = end.and_then(|end| authority.split_at_checked(end + 1))
            else {
                return Err(Refusal::HostMalformed);
            };
            let inner = literal.get(1..literal.len() - 1).unwrap_or_default();
            let text = std::str::from_utf8(inner).map_err(|_| Refusal::HostMalformed)?;
            text.parse::<std::net::Ipv6Addr>()
                .map_err(|_| Refusal::HostMalformed)?;
            match rest.split_first() {
                None => return Ok(()),
                Some((b':', port)) => (literal, Some(port)),
                Some(_) => return Err(Refusal::HostMalformed),
            }
        }
        _ => {
            let mut parts = authority.splitn(2, |byte| *byte == b':');
            let host = parts.next().unwrap_or_default();
            if !is_registered_name(host) {
                return Err(Refusal::HostMalformed);
            }
            (host, parts.next())
        }
    };
    if host.is_empty() || port.is_some_and(|port| parse_port(port).is_none()) {
        return Err(Refusal::HostMalformed);
    }
    Ok(())
}

/// The characters of RFC 3986 3.2.2, without percent-encoding: no name that can be configured or
/// resolved needs it, and two spellings of one host would be two routing and cache keys.
fn is_registered_name(host: &[u8]) -> bool {
    /// The longest name of DNS in text form.
    const NAME_BYTES_MAX: usize = 255;
    host.len() <= NAME_BYTES_MAX && host.iter().all(|byte| is_name_byte(*byte))
}

/// Asked for every byte of every request's host; names consist of the first kinds.
const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'A'..=b'Z')
        || matches!(byte, b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')')
        || matches!(byte, b'*' | b'+' | b',' | b';' | b'=')
}

fn parse_port(port: &[u8]) -> Option<u16> {
    if !port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(port).ok()?.parse().ok()
}

/// A host and its port, with the scheme's port where none is written.
struct HostPort<'a> {
    host: &'a [u8],
    port: u16,
}

impl HostPort<'_> {
    fn matches(&self, other: &HostPort<'_>) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(other.host)
    }
}

/// Splits an authority that [`check_authority`] found good.
fn split_port(authority: &[u8], scheme: Scheme) -> HostPort<'_> {
    let default = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let bracket = authority.iter().rposition(|byte| *byte == b']');
    match colon.filter(|colon| bracket.is_none_or(|bracket| *colon > bracket)) {
        Some(colon) => {
            let (host, port) = authority.split_at(colon);
            let port = port.get(1..).and_then(parse_port).unwrap_or(default);
            HostPort { host, port }
        }
        None => HostPort {
            host: authority,
            port: default,
        },
    }
}

#[cfg(test)]
mod tests;
