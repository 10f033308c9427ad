//! One fetch of an issuer's keys: where they are, and what is read of them.
//!
//! Each answer has a limit of time and of bytes, redirections are not followed, and an issuer that
//! is reached over TLS cannot send anybody to keys that are not.

use std::{sync::Arc, time::Duration};

use http::{Method, Request, StatusCode, Uri, header::ACCEPT};
use lang::jwt::{KEYS_BYTES_MAX, KeySet};
use plan::region::{Origin, OriginTls, token::KeySource};
use serde_json::Value;
use serve::Body;

use crate::upstream::{UpstreamError, Upstreams};

/// Longest discovery document that is read.
const DISCOVERY_BYTES_MAX: usize = 64 * 1024;

/// Why keys cannot be had. Closed; the names are metric labels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("too many keys are being fetched")]
    Busy,
    #[error("not a URL that keys are fetched from: {0}")]
    Url(String),
    #[error("the issuer cannot be reached: {0}")]
    Unreachable(UpstreamError),
    #[error("the issuer did not answer in time")]
    TimedOut,
    #[error("the issuer answered {0}")]
    Status(StatusCode),
    #[error("the issuer's answer was cut off or is too long")]
    Body,
    #[error("the discovery document is not JSON, or names no jwks_uri")]
    Discovery,
    #[error("the discovery document is of another issuer")]
    OtherIssuer,
    #[error("the document of keys is none")]
    Keys,
}

impl FetchError {
    /// Its name in metrics and logs.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Url(_) => "url",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timeout",
            Self::Status(_) => "status",
            Self::Body => "body",
            Self::Discovery => "discovery",
            Self::OtherIssuer => "other_issuer",
            Self::Keys => "keys",
        }
    }
}

/// Where a document is.
#[derive(Debug)]
struct Place {
    origin: Arc<Origin>,
    /// Path and query.
    target: String,
}

/// Fetches and reads.
pub(super) async fn fetch(
    upstreams: &Upstreams,
    source: &KeySource,
    answer_max: Duration,
) -> Result<KeySet, FetchError> {
    let place = match source {
        KeySource::Document(url) => Place::of(url)?,
        KeySource::UserPool { region, pool } => {
            let (origin, prefix) = upstreams.user_pools(region);
            let target = format!("{prefix}/{pool}/.well-known/jwks.json");
            Place { origin, target }
        }
        KeySource::Discovered(issuer) => {
            let below = issuer.trim_end_matches('/');
            let discovery = Place::of(&format!("{below}/.well-known/openid-configuration"))?;
            let document = get(upstreams, &discovery, (DISCOVERY_BYTES_MAX, answer_max)).await?;
            discovered(issuer, &document)?
        }
    };
    let document = get(upstreams, &place, (KEYS_BYTES_MAX, answer_max)).await?;
    KeySet::parse(&document).map_err(|_| FetchError::Keys)
}

/// Where a discovery document says that the keys are.
fn discovered(issuer: &str, document: &[u8]) -> Result<Place, FetchError> {
    let document: Value = serde_json::from_slice(document).map_err(|_| FetchError::Discovery)?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    // OpenID Connect Discovery 1.0, 4.3: else anybody's keys could be passed off as the issuer's.
    if text("issuer") != Some(issuer) {
        return Err(FetchError::OtherIssuer);
    }
    let url = text("jwks_uri").ok_or(FetchError::Discovery)?;
    let place = Place::of(url)?;
    if issuer.starts_with("https://") && !place.origin.https {
        return Err(FetchError::Url(url.to_owned()));
    }
    Ok(place)
}

impl Place {
    fn of(url: &str) -> Result<Self, FetchError> {
        let failed = || FetchError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| failed())?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(failed()),
        };
        let authority = uri.authority().ok_or_else(failed)?;
        let host = authority.host().to_ascii_lowercase();
        if authority.as_str().contains('@') || host.is_empty() {
            return Err(failed());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let usual = if https { 443 } else { 80 };
        Ok(Self {
            origin: Arc::new(Origin {
                https,
                host: bare.into(),
                port: authority.port_u16().unwrap_or(usual),
                server_name: None,
                authority: authority.as_str().to_ascii_lowercase().into(),
                tls: OriginTls::default(),
                via: None,
            }),
            target: uri
                .path_and_query()
                .map_or("/", |it| it.as_str())
                .to_owned(),
        })
    }
}

async fn get(
    upstreams: &Upstreams,
    place: &Place,
    (bytes_max, answer_max): (usize, Duration),
) -> Result<bytes::Bytes, FetchError> {
    let request = Request::builder()
        .method(Method::GET)
        .uri(&place.target)
        .header(ACCEPT, "application/json")
        .body(Body::empty())
        .map_err(|_| FetchError::Url(place.target.clone()))?;
    let asked = async {
        let answer = upstreams.call(&place.origin, request).await;
        let answer = answer.map_err(FetchError::Unreachable)?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let body = answer.into_body().into_bytes(bytes_max).await;
        body.map_err(|_| FetchError::Body)
    };
    let answered = tokio::time::timeout(answer_max, asked).await;
    answered.map_err(|_| FetchError::TimedOut)?
}

#[cfg(test)]
mod tests {
    use super::{FetchError, Place, discovered};

    #[test]
    fn documents_name_their_keys() {
        let check = |document: &str, expected: Result<(u16, &str), &str>| {
            let found = discovered("https://a.test/x", document.as_bytes());
            let found = found.as_ref();
            let found = found.map(|place| (place.origin.port, place.target.as_str()));
            assert_eq!(found.map_err(FetchError::reason), expected, "{document}");
        };
        let of = |issuer: &str, uri: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{uri}"}}"#);
        let own = "https://a.test/x";
        check(&of(own, "https://k.test:81/j?a=1"), Ok((81, "/j?a=1")));
        check(&of(own, "https://k.test"), Ok((443, "/")));
        check(
            &of("https://a.test/x/", "https://k.test"),
            Err("other_issuer"),
        );
        check(&of("https://b.test", "https://k.test"), Err("other_issuer"));
        check(&of(own, "http://k.test/j"), Err("url"));
        check(&of(own, "file:///etc/passwd"), Err("url"));
        check(&of(own, "https://u@k.test/j"), Err("url"));
        check(r#"{"issuer":"https://a.test/x"}"#, Err("discovery"));
        check("[]", Err("other_issuer"));
        check("", Err("discovery"));
    }

    #[test]
    fn places_of_documents() {
        let place = Place::of("http://[::1]:80/a/b").unwrap();
        assert_eq!(
            (&*place.origin.host, &*place.origin.authority),
            ("::1", "[::1]:80")
        );
        assert!(!place.origin.https);
        for url in ["", "a.test", "https://", "//a.test/", "ftp://a.test/"] {
            assert!(Place::of(url).is_err(), "{url}");
        }
    }
}
