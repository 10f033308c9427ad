//! The `Forwarded` header towards backends (RFC 7239, docs/aws-behaviour.md).
//!
//! What proxies before us said comes first, in `Forwarded` or folded from `X-Forwarded-For`; our
//! own element is last and holds the client's address as this cluster saw it, so the rightmost
//! element is the one to trust. Nothing of a client's header ever stands in for the address.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

/// Folded into `Forwarded` and removed.
static X_FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
];
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Earlier elements longer than this are dropped as a whole: nobody's chain of proxies is so long.
const EARLIER_BYTES_MAX: usize = 2048;

/// Our own element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop<'a> {
    /// Where the client reached us.
    pub(crate) by: &'a By,
    /// The client.
    pub(crate) client: IpAddr,
    /// The client's `Host`.
    pub(crate) host: &'a str,
    /// Whether the client used TLS.
    pub(crate) https: bool,
}

/// The interface at which a request came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A listener of this node.
    Address(SocketAddr),
    /// A POP by name; it is written as an obfuscated identifier (RFC 7239 section 6.3).
    Pop(String),
}

/// Replaces all headers about earlier hops by one `Forwarded`.
pub(crate) fn fold(headers: &mut HeaderMap, hop: Hop<'_>) {
    let mut value = String::with_capacity(128);
    push_earlier(&mut value, headers);
    if value.len() > EARLIER_BYTES_MAX {
        value.clear();
    }
    push_own(&mut value, hop);
    for name in &X_FORWARDED {
        headers.remove(name);
    }
    match HeaderValue::try_from(value) {
        Ok(value) => headers.insert(FORWARDED, value),
        Err(_) => headers.remove(FORWARDED),
    };
}

fn push_earlier(out: &mut String, headers: &HeaderMap) {
    for element in headers
        .get_all(FORWARDED)
        .iter()
        .filter_map(|value| value.to_str().ok())
    {
        push_separator(out, ", ");
        out.push_str(element);
    }
    let lists = headers.get_all(X_FORWARDED_FOR);
    let texts = lists.iter().filter_map(|value| value.to_str().ok());
    for address in texts.flat_map(|list| list.split(',')) {
        if let Some(address) = parse_address(address.trim()) {
            push_separator(out, ", ");
            push_for(out, address);
        }
    }
}

fn push_own(out: &mut String, hop: Hop<'_>) {
    push_separator(out, ", ");
    // Writing to a String cannot fail.
    let _ = match hop.by {
        By::Address(SocketAddr::V4(address)) => write!(out, "by={}", address.ip()),
        By::Address(SocketAddr::V6(address)) => write!(out, "by=\"[{}]\"", address.ip()),
        By::Pop(name) => write!(out, "by=_{name}"),
    };
    out.push(';');
    push_for(out, hop.client);
    let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let quote = if hop.host.bytes().all(token) {
        ""
    } else {
        "\""
    };
    let proto = if hop.https { "https" } else { "http" };
    // A host that `serve` let through has neither quotes nor backslashes.
    let _ = write!(out, ";host={quote}{}{quote};proto={proto}", hop.host);
}

fn push_for(out: &mut String, address: IpAddr) {
    let _ = match address.to_canonical() {
        IpAddr::V4(address) => write!(out, "for={address}"),
        IpAddr::V6(address) => write!(out, "for=\"[{address}]\""),
    };
}

fn push_separator(out: &mut String, separator: &str) {
    if !out.is_empty() {
        out.push_str(separator);
    }
}

/// An entry of `X-Forwarded-For`: an address, with or without a port or brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{By, Hop, fold};

    /// What `Forwarded` becomes for a client at 192.0.2.1, and that nothing else is left.
    #[track_caller]
    fn check(sent: &[(&'static str, &str)], expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        let by = By::Address("203.0.113.9:443".parse().unwrap());
        let client = "192.0.2.1".parse().unwrap();
        fold(
            &mut headers,
            Hop {
                by: &by,
                client,
                host: "a.test",
                https: true,
            },
        );
        let value = headers.remove("forwarded").unwrap();
        assert_eq!(value.to_str().unwrap(), expected);
        assert!(headers.is_empty(), "{headers:?}");
    }

    const OWN: &str = "by=203.0.113.9;for=192.0.2.1;host=a.test;proto=https";

    #[test]
    fn own_element_is_last() {
        check(&[], OWN);
        check(
            &[("x-forwarded-proto", "http"), ("x-forwarded-host", "evil")],
            OWN,
        );
        check(&[("x-forwarded-port", "1")], OWN);
        check(
            &[
                ("x-forwarded-for", "10.0.0.1, junk, 10.0.0.2:80"),
                ("x-forwarded-for", "::1"),
            ],
            &format!("for=10.0.0.1, for=10.0.0.2, for=\"[::1]\", {OWN}"),
        );
        check(
            &[
                ("x-forwarded-for", "10.0.0.1"),
                ("forwarded", "for=10.9.9.9;proto=http"),
            ],
            &format!("for=10.9.9.9;proto=http, for=10.0.0.1, {OWN}"),
        );
    }

    #[test]
    fn endless_chains_are_dropped() {
        let long = "10.0.0.1, ".repeat(1000);
        check(&[("x-forwarded-for", &long)], OWN);
    }

    #[test]
    fn six_and_ports_are_quoted() {
        let mut headers = HeaderMap::new();
        let client = "2001:db8::1".parse().unwrap();
        let by = By::Pop("pop-1".into());
        fold(
            &mut headers,
            Hop {
                by: &by,
                client,
                host: "a.test:8080",
                https: false,
            },
        );
        assert_eq!(
            headers.get("forwarded").unwrap(),
            "by=_pop-1;for=\"[2001:db8::1]\";host=\"a.test:8080\";proto=http"
        );
    }
}
