//! What callers send as signatures, for fuzzers and for property tests: panics when something that
//! must hold does not. Nothing else uses it.

use super::{Claim, Expected, Message, Signer};

/// The time on the verifier's clock: 2026-01-02T03:04:05Z.
const NOW_MS: u64 = 1_767_323_045_000;
const EXPECTED: Expected<'static> = Expected {
    secret: "nobody has this one",
    service: "apigateway",
    now_ms: NOW_MS,
};
/// Ends the query, the body, and each header.
const NEXT: u8 = b'\n';

/// Reads `bytes` as a request: a line of query, a line of body, then headers, one a line. Whatever
/// it claims is refused, since nobody has the secret; and the same request signed with it is taken,
/// unless what is to be signed is itself out of order.
pub fn request(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == NEXT);
    let mut line = || lines.next().unwrap_or_default();
    let (query, body) = (String::from_utf8_lossy(line()), line());
    let headers: Vec<(String, &[u8])> = lines
        .map(|line| {
            let colon = line.iter().position(|byte| *byte == b':');
            let (name, value) = line.split_at(colon.unwrap_or(line.len()));
            let name = String::from_utf8_lossy(name).into_owned();
            (name, value.strip_prefix(b":").unwrap_or(value))
        })
        .collect();
    let mut headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let message = Message {
        method: "POST",
        path: "/restapis",
        query: &query,
        headers: &headers,
        body,
    };
    if let Ok(claim) = Claim::read(&message) {
        let verified = claim.verify(&message, &EXPECTED);
        assert!(verified.is_err(), "a forged signature is taken: {claim:?}");
    }
    // A second one beside what is there already would be ambiguous, and is refused.
    let claims = ["authorization", "x-amz-date", "host", "date"];
    headers.retain(|(name, _)| !claims.iter().any(|claim| name.eq_ignore_ascii_case(claim)));
    if query.contains("X-Amz-") || headers.len() > 16 {
        return;
    }
    headers.push(("host", b"edgeway.test"));
    signed_is_taken(&query, &headers, body);
}

fn signed_is_taken(query: &str, headers: &[(&str, &[u8])], body: &[u8]) {
    let message = Message {
        method: "POST",
        path: "/restapis",
        query,
        headers,
        body,
    };
    let signer = Signer {
        access_key_id: "AKIDFUZZ",
        secret: EXPECTED.secret,
        region: "us-east-1",
        service: EXPECTED.service,
    };
    let signed = signer.sign(&message, NOW_MS);
    let mut headers = headers.to_vec();
    headers.push(("x-amz-date", signed.date.as_bytes()));
    headers.push(("authorization", signed.authorization.as_bytes()));
    let message = Message {
        headers: &headers,
        ..message
    };
    // Names of headers that no parser of HTTP lets through may make the claim unreadable.
    let token = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !name.is_empty() && name.bytes().all(plain)
    };
    if !headers.iter().all(|(name, _)| token(name)) {
        return;
    }
    let claim = Claim::read(&message);
    let taken = claim.and_then(|claim| claim.verify(&message, &EXPECTED));
    assert!(taken.is_ok(), "{taken:?} for {message:?}");
}

#[cfg(test)]
mod tests;
