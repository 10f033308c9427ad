//! Signing a request, in a header or in its query.

use aws_lc_rs::hmac;

use super::{ALGORITHM, Message, Scope, canonical, string_to_sign, time};

/// Who signs, and for what.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The public half of the access key.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret: &'a str,
    /// Any region's name.
    pub region: &'a str,
    /// `apigateway` or `execute-api`.
    pub service: &'a str,
}

/// The two headers that make a request a signed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// For `authorization`.
    pub authorization: String,
    /// For `x-amz-date`.
    pub date: String,
}

/// Headers that proxies and HTTP libraries alter on the way; the AWS SDKs do not sign them either.
const NOT_SIGNED: [&str; 6] = [
    "authorization",
    "connection",
    "expect",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

impl Signer<'_> {
    /// Signs `message`, whose headers must include `host` and must not include `x-amz-date`.
    #[must_use]
    pub fn sign(&self, message: &Message<'_>, now_ms: u64) -> Signed {
        let date = time::format(now_ms);
        let mut headers = message.headers.to_vec();
        headers.push(("x-amz-date", date.as_bytes()));
        let message = Message {
            headers: &headers,
            ..*message
        };
        let signed = signed_headers(&message);
        let query = canonical::query(&canonical::pairs(message.query));
        let scope = self.scope(&date);
        let signature = self.signature(&message, &signed, &query, &date);
        let authorization = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.access_key_id,
            scope.text(),
            signed.join(";"),
        );
        Signed {
            authorization,
            date,
        }
    }

    /// The query that makes `message` a request anyone may send for `expires_s` seconds from now.
    #[must_use]
    pub fn presign(&self, message: &Message<'_>, now_ms: u64, expires_s: u32) -> String {
        let date = time::format(now_ms);
        let signed = signed_headers(message);
        let credential = format!("{}/{}", self.access_key_id, self.scope(&date).text());
        let mut pairs = canonical::pairs(message.query);
        let added = [
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", credential),
            ("X-Amz-Date", date.clone()),
            ("X-Amz-Expires", expires_s.to_string()),
            ("X-Amz-SignedHeaders", signed.join(";")),
        ];
        pairs.extend(added.map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes())));
        let query = canonical::query(&pairs);
        let signature = self.signature(message, &signed, &query, &date);
        format!("{query}&X-Amz-Signature={signature}")
    }

    fn signature(
        &self,
        message: &Message<'_>,
        signed: &[String],
        query: &str,
        date: &str,
    ) -> String {
        let scope = self.scope(date);
        let canonical = canonical::request(message, signed, query);
        let text = string_to_sign(date, &scope, &canonical);
        canonical::hex(hmac::sign(&scope.key(self.secret), text.as_bytes()).as_ref())
    }

    fn scope(&self, date: &str) -> Scope {
        Scope {
            date: date.chars().take(8).collect(),
            region: self.region.to_owned(),
            service: self.service.to_owned(),
        }
    }
}

/// The names to sign: lower case, sorted, each once.
pub(super) fn signed_headers(message: &Message<'_>) -> Vec<String> {
    let names = message
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    let mut names: Vec<String> = names
        .filter(|name| !NOT_SIGNED.contains(&name.as_str()))
        .collect();
    names.sort();
    names.dedup();
    names
}
