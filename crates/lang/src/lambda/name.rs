//! The spelling of header names in events.
//!
//! Functions read `headers.Authorization`, as clients of HTTP/1.1 write it. Here all names arrive
//! in lower case, as HTTP/2 has them, so the well-known ones get the spelling that functions
//! expect; names of others stay in lower case.

/// By name in lower case, sorted.
pub(super) const WELL_KNOWN: [(&str, &str); 61] = [
    ("accept", "Accept"),
    ("accept-charset", "Accept-Charset"),
    ("accept-encoding", "Accept-Encoding"),
    ("accept-language", "Accept-Language"),
    (
        "access-control-request-headers",
        "Access-Control-Request-Headers",
    ),
    (
        "access-control-request-method",
        "Access-Control-Request-Method",
    ),
    ("age", "Age"),
    ("authorization", "Authorization"),
    ("cache-control", "Cache-Control"),
    ("cloudfront-forwarded-proto", "CloudFront-Forwarded-Proto"),
    (
        "cloudfront-is-desktop-viewer",
        "CloudFront-Is-Desktop-Viewer",
    ),
    ("cloudfront-is-mobile-viewer", "CloudFront-Is-Mobile-Viewer"),
    (
        "cloudfront-is-smarttv-viewer",
        "CloudFront-Is-SmartTV-Viewer",
    ),
    ("cloudfront-is-tablet-viewer", "CloudFront-Is-Tablet-Viewer"),
    ("cloudfront-viewer-asn", "CloudFront-Viewer-ASN"),
    ("cloudfront-viewer-country", "CloudFront-Viewer-Country"),
    ("connection", "Connection"),
    ("content-disposition", "Content-Disposition"),
    ("content-encoding", "Content-Encoding"),
    ("content-language", "Content-Language"),
    ("content-length", "Content-Length"),
    ("content-md5", "Content-MD5"),
    ("content-type", "Content-Type"),
    ("cookie", "Cookie"),
    ("date", "Date"),
    ("dnt", "DNT"),
    ("expect", "Expect"),
    ("forwarded", "Forwarded"),
    ("from", "From"),
    ("host", "Host"),
    ("if-match", "If-Match"),
    ("if-modified-since", "If-Modified-Since"),
    ("if-none-match", "If-None-Match"),
    ("if-range", "If-Range"),
    ("if-unmodified-since", "If-Unmodified-Since"),
    ("max-forwards", "Max-Forwards"),
    ("origin", "Origin"),
    ("pragma", "Pragma"),
    ("prefer", "Prefer"),
    ("priority", "Priority"),
    ("range", "Range"),
    ("referer", "Referer"),
    ("sec-fetch-dest", "Sec-Fetch-Dest"),
    ("sec-fetch-mode", "Sec-Fetch-Mode"),
    ("sec-fetch-site", "Sec-Fetch-Site"),
    ("sec-fetch-user", "Sec-Fetch-User"),
    ("server", "Server"),
    ("trailer", "Trailer"),
    ("upgrade", "Upgrade"),
    ("upgrade-insecure-requests", "Upgrade-Insecure-Requests"),
    ("user-agent", "User-Agent"),
    ("via", "Via"),
    ("warn", "Warn"),
    ("warning", "Warning"),
    ("www-authenticate", "WWW-Authenticate"),
    ("x-amz-cf-id", "X-Amz-Cf-Id"),
    ("x-amzn-trace-id", "X-Amzn-Trace-Id"),
    ("x-forwarded-for", "X-Forwarded-For"),
    ("x-forwarded-port", "X-Forwarded-Port"),
    ("x-forwarded-proto", "X-Forwarded-Proto"),
    ("x-requested-with", "X-Requested-With"),
];

/// How a header that arrived as `name` (lower case) is called in an event.
#[must_use]
pub fn header_name(name: &str) -> &str {
    let found = WELL_KNOWN.binary_search_by(|(known, _)| (*known).cmp(name));
    let found = found.ok().and_then(|at| WELL_KNOWN.get(at));
    found.map_or(name, |(_, spelling)| spelling)
}
