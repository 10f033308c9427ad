//! What integrations behind an edge endpoint are told about the client, in the headers that
//! CloudFront adds for edge-optimised APIs (docs/aws-behaviour.md, edge marks).
//!
//! Clients cannot say any of it themselves: what they send under these names is removed first.

use std::{fmt::Debug, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header::USER_AGENT};
use plan::region::Entrance;

use crate::exchange::Facts;

/// Knows where clients are.
pub trait Viewers: Debug + Send + Sync {
    /// The place of an address; empty when nothing is known of it.
    fn place(&self, address: IpAddr) -> ViewerPlace;
}

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerPlace {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<String>,
    /// Autonomous system number.
    pub asn: Option<u32>,
}

/// Of the request, the same as the one that the client is told.
pub(crate) const CF_ID: HeaderName = HeaderName::from_static("x-amz-cf-id");
/// Asks the POP to put its marks on an answer; POPs take it off.
pub(crate) const WANTS_MARKS: HeaderName = HeaderName::from_static("edgeway-edge-marks");

const OURS: &str = "cloudfront-";
const PROTO: HeaderName = HeaderName::from_static("cloudfront-forwarded-proto");
const COUNTRY: HeaderName = HeaderName::from_static("cloudfront-viewer-country");
const ASN: HeaderName = HeaderName::from_static("cloudfront-viewer-asn");

/// The kinds of device, each with its header.
const DEVICES: [(Device, HeaderName); 4] = [
    (
        Device::Desktop,
        HeaderName::from_static("cloudfront-is-desktop-viewer"),
    ),
    (
        Device::Mobile,
        HeaderName::from_static("cloudfront-is-mobile-viewer"),
    ),
    (
        Device::SmartTv,
        HeaderName::from_static("cloudfront-is-smarttv-viewer"),
    ),
    (
        Device::Tablet,
        HeaderName::from_static("cloudfront-is-tablet-viewer"),
    ),
];

/// What kind of device a client is, as far as its `User-Agent` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    /// Anything else, programs included.
    Desktop,
    Mobile,
    SmartTv,
    Tablet,
}

/// Adds the marks to a request that came by a POP; leaves others alone.
pub(crate) fn mark(headers: &mut HeaderMap, facts: &Facts, viewers: Option<&dyn Viewers>) {
    if facts.entrance != Entrance::Pop {
        return;
    }
    let foreign = |name: &&HeaderName| name.as_str().starts_with(OURS);
    let foreign: Vec<HeaderName> = headers.keys().filter(foreign).cloned().collect();
    for name in foreign {
        headers.remove(name);
    }
    let proto = if facts.https { "https" } else { "http" };
    headers.insert(PROTO, HeaderValue::from_static(proto));
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let device = Device::of(agent.unwrap_or_default());
    for (kind, name) in &DEVICES {
        let is = if *kind == device { "true" } else { "false" };
        headers.insert(name, HeaderValue::from_static(is));
    }
    if let Some(viewers) = viewers {
        let place = viewers.place(facts.client.ip());
        let country = place.country.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(country)) = country {
            headers.insert(COUNTRY, country);
        }
        if let Some(asn) = place.asn {
            headers.insert(ASN, HeaderValue::from(asn));
        }
    }
    if let Ok(id) = HeaderValue::from_str(&facts.request_id) {
        headers.insert(CF_ID, id);
    }
}

impl Device {
    /// Looks for the words by which browsers of each kind name themselves.
    fn of(agent: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        let is_android = agent.contains("Android");
        if has(&[
            "SmartTV", "SMART-TV", "Smart TV", "AppleTV", "Apple TV", "Roku/", "BRAVIA",
        ]) || has(&[
            "HbbTV", "NetCast", "Web0S", "webOS.TV", "CrKey", "AFTM", "AFTT", "AFTB",
        ]) {
            Self::SmartTv
        } else if has(&["iPad", "Tablet", "PlayBook", "Silk/", "Kindle"])
            || is_android && !agent.contains("Mobile")
        {
            Self::Tablet
        } else if is_android
            || has(&[
                "iPhone",
                "iPod",
                "Windows Phone",
                "BlackBerry",
                "BB10",
                "Opera Mini",
            ])
            || has(&["IEMobile", "Mobile Safari", "Mobile;", "Opera Mobi"])
        {
            Self::Mobile
        } else {
            Self::Desktop
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http::{HeaderMap, HeaderName, HeaderValue};
    use plan::region::Entrance;

    use super::{Device, ViewerPlace, Viewers, mark};
    use crate::{exchange::Facts, forwarded::By};

    #[derive(Debug)]
    struct Everywhere;

    impl Viewers for Everywhere {
        fn place(&self, _: IpAddr) -> ViewerPlace {
            ViewerPlace {
                country: Some("NZ".to_owned()),
                asn: Some(64_500),
            }
        }
    }

    fn marked(entrance: Entrance, viewers: Option<&dyn Viewers>) -> HeaderMap {
        let facts = Facts {
            entrance,
            endpoint: None,
            client: ([192, 0, 2, 1], 4711).into(),
            by: By::Pop("pop-1".to_owned()),
            https: true,
            request_id: "the-id".to_owned(),
            deadline: None,
        };
        let mut headers = HeaderMap::new();
        for name in [
            "cloudfront-viewer-country",
            "cloudfront-viewer-tls",
            "x-amz-cf-id",
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static("forged"),
            );
        }
        mark(&mut headers, &facts, viewers);
        headers
    }

    #[test]
    fn what_clients_claim_is_replaced_by_what_is_known() {
        let known = marked(Entrance::Pop, Some(&Everywhere));
        let of = |name: &str| known.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(of("cloudfront-viewer-country"), Some("NZ"));
        assert_eq!(of("cloudfront-viewer-asn"), Some("64500"));
        assert_eq!(of("cloudfront-viewer-tls"), None);
        assert_eq!(of("cloudfront-forwarded-proto"), Some("https"));
        assert_eq!(of("cloudfront-is-desktop-viewer"), Some("true"));
        assert_eq!(of("cloudfront-is-tablet-viewer"), Some("false"));
        assert_eq!(of("x-amz-cf-id"), Some("the-id"));
        let unknown = marked(Entrance::Pop, None);
        assert_eq!(unknown.get("cloudfront-viewer-country"), None);
    }

    #[test]
    fn at_a_region_they_are_headers_like_any_other() {
        let passed = marked(Entrance::Regional, Some(&Everywhere));
        assert_eq!(passed.len(), 3);
        assert!(passed.values().all(|value| value == "forged"));
    }

    #[test]
    fn devices_are_told_by_their_user_agent() {
        let phone = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/120 \
                     Mobile Safari/537.36";
        let tablet = "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 Safari/537.36";
        for (agent, device) in [
            (phone, Device::Mobile),
            (tablet, Device::Tablet),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)",
                Device::Tablet,
            ),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0)", Device::Mobile),
            ("Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0)", Device::SmartTv),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0)", Device::Desktop),
            ("curl/8.5.0", Device::Desktop),
            ("", Device::Desktop),
        ] {
            assert_eq!(Device::of(agent), device, "{agent}");
        }
    }
}
