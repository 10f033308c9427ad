//! Reading and checking the signature of a request.

use aws_lc_rs::hmac;

use super::{
    ALGORITHM, EXPIRES_MAX_S, Expected, Message, Refusal, SIGNED_HEADERS_MAX, SKEW_MAX_MS, Scope,
    canonical, canonical::Pair, string_to_sign, time,
};

/// Who a request claims to be from, and the signature that is to prove it.
#[derive(Clone, Debug)]
pub struct Claim {
    access_key_id: String,
    scope: Scope,
    /// Lower case, in the signer's order.
    signed_headers: Vec<String>,
    signature: String,
    /// `YYYYMMDDTHHMMSSZ`
    date: String,
    /// Seconds; only a presigned request has it.
    expires_s: Option<u32>,
    /// The canonical query, without the signature itself.
    query: String,
}

impl Claim {
    /// Finds the signature in the `Authorization` header, else in the query.
    ///
    /// # Errors
    /// Says what is missing or malformed; nothing has been checked yet.
    pub fn read(message: &Message<'_>) -> Result<Self, Refusal> {
        let pairs = canonical::pairs(message.query);
        let claim = if message.header("authorization").next().is_some() {
            Self::from_header(message, &pairs)?
        } else if pairs.iter().any(|(name, _)| name == b"X-Amz-Algorithm") {
            Self::from_query(&pairs)?
        } else {
            return Err(Refusal::Missing);
        };
        // Temporary credentials do not exist here.
        let token_in_query = pairs
            .iter()
            .any(|(name, _)| name == b"X-Amz-Security-Token");
        if token_in_query || message.header("x-amz-security-token").next().is_some() {
            return Err(Refusal::UnknownKey);
        }
        Ok(claim)
    }

    /// The public half of the access key that is said to have signed.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The region in the credential's scope; any is accepted.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.scope.region
    }

    /// Checks scope, time and signature; the comparison takes the same time wherever it differs.
    ///
    /// # Errors
    /// Says why the request counts as not signed.
    pub fn verify(&self, message: &Message<'_>, expected: &Expected<'_>) -> Result<(), Refusal> {
        if self.scope.service != expected.service {
            return Err(Refusal::Service(expected.service.to_owned()));
        }
        let day = self.date.get(..8).unwrap_or_default();
        if self.scope.date != day {
            let (scope, day) = (self.scope.date.clone(), day.to_owned());
            return Err(Refusal::ScopeDate {
                scope,
                day,
                date: self.date.clone(),
            });
        }
        if !self.signed_headers.iter().any(|name| name == "host") {
            return Err(Refusal::HostNotSigned);
        }
        whole_payload(message)?;
        self.is_current(expected.now_ms)?;
        let canonical = canonical::request(message, &self.signed_headers, &self.query);
        let text = string_to_sign(&self.date, &self.scope, &canonical);
        let signature = canonical::unhex(&self.signature).ok_or(Refusal::Mismatch)?;
        hmac::verify(
            &self.scope.key(expected.secret),
            text.as_bytes(),
            &signature,
        )
        .map_err(|_| Refusal::Mismatch)
    }

    fn is_current(&self, now_ms: u64) -> Result<(), Refusal> {
        let signed_ms = time::parse(&self.date);
        let signed_ms = signed_ms.ok_or_else(|| Refusal::DateFormat(self.date.clone()))?;
        let now = time::format(now_ms);
        if signed_ms > now_ms + SKEW_MAX_MS {
            let limit = time::format(now_ms + SKEW_MAX_MS);
            return Err(Refusal::NotYet {
                signed: self.date.clone(),
                limit,
                now,
            });
        }
        // A presigned request says itself when it ends; others live as long as clocks may differ.
        let earliest = now_ms.saturating_sub(SKEW_MAX_MS);
        let (end_ms, limit_ms) = match self.expires_s {
            Some(seconds) => (signed_ms + u64::from(seconds) * 1000, now_ms),
            None => (signed_ms, earliest),
        };
        if end_ms < limit_ms {
            let (signed, limit) = (time::format(end_ms), time::format(limit_ms));
            return Err(Refusal::Expired { signed, limit, now });
        }
        Ok(())
    }

    fn from_header(message: &Message<'_>, pairs: &[Pair]) -> Result<Self, Refusal> {
        let header = message.single("authorization").ok_or(Refusal::Algorithm)?;
        let rest = header
            .trim()
            .strip_prefix(ALGORITHM)
            .filter(|rest| rest.starts_with(' '));
        let rest = rest.ok_or(Refusal::Algorithm)?;
        // `Credential=.., SignedHeaders=.., Signature=..` in any order, blanks optional.
        let part = |name: &'static str| {
            let mut values = rest.split(',').filter_map(|part| {
                part.trim()
                    .strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix('='))
            });
            let value = values.next().filter(|value| !value.is_empty());
            if values.next().is_some() { None } else { value }.ok_or(Refusal::Part(name))
        };
        let (access_key_id, scope) = credential(part("Credential")?)?;
        let dated = |name| {
            if message.header(name).next().is_some() {
                Some(name)
            } else {
                None
            }
        };
        let date_name = dated("x-amz-date")
            .or_else(|| dated("date"))
            .ok_or(Refusal::Date)?;
        let date = message.single(date_name).ok_or(Refusal::Date)?.trim();
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: signed_headers(part("SignedHeaders")?)?,
            signature: part("Signature")?.to_owned(),
            date: iso_date(date)?,
            expires_s: None,
            query: canonical::query(pairs),
        })
    }

    fn from_query(pairs: &[Pair]) -> Result<Self, Refusal> {
        let part = |name: &'static str| {
            let mut values = pairs.iter().filter(|(key, _)| key == name.as_bytes());
            let value = values
                .next()
                .and_then(|(_, value)| std::str::from_utf8(value).ok());
            if values.next().is_some() { None } else { value }.ok_or(Refusal::Parameter(name))
        };
        if part("X-Amz-Algorithm")? != ALGORITHM {
            return Err(Refusal::Algorithm);
        }
        let (access_key_id, scope) = credential(part("X-Amz-Credential")?)?;
        let expires_s = part("X-Amz-Expires")?
            .parse()
            .map_err(|_| Refusal::Expires)?;
        if !(1..=EXPIRES_MAX_S).contains(&expires_s) {
            return Err(Refusal::Expires);
        }
        let unsigned: Vec<Pair> = pairs
            .iter()
            .filter(|(name, _)| name != b"X-Amz-Signature")
            .cloned()
            .collect();
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: signed_headers(part("X-Amz-SignedHeaders")?)?,
            signature: part("X-Amz-Signature")?.to_owned(),
            date: iso_date(part("X-Amz-Date")?)?,
            expires_s: Some(expires_s),
            query: canonical::query(&unsigned),
        })
    }
}

/// Splits `KEY/DATE/REGION/SERVICE/aws4_request`.
fn credential(text: &str) -> Result<(String, Scope), Refusal> {
    let parts: Vec<&str> = text.split('/').collect();
    let [key, date, region, service, end] = parts.as_slice() else {
        return Err(Refusal::Credential(text.to_owned()));
    };
    if *end != "aws4_request" {
        return Err(Refusal::Terminator((*end).to_owned()));
    }
    let own = |text: &&str| (*text).to_owned();
    Ok((
        own(key),
        Scope {
            date: own(date),
            region: own(region),
            service: own(service),
        },
    ))
}

fn signed_headers(text: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = text.split(';').map(str::to_ascii_lowercase).collect();
    if names.len() > SIGNED_HEADERS_MAX {
        return Err(Refusal::TooManyHeaders);
    }
    Ok(names)
}

fn iso_date(text: &str) -> Result<String, Refusal> {
    match time::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(Refusal::DateFormat(text.chars().take(64).collect())),
    }
}

/// The hash is always computed here; a declared one must be the same, and must not be "unsigned".
fn whole_payload(message: &Message<'_>) -> Result<(), Refusal> {
    for value in message.header("x-amz-content-sha256") {
        if value.starts_with(b"UNSIGNED-") || value.starts_with(b"STREAMING-") {
            let declared = String::from_utf8_lossy(value).chars().take(64).collect();
            return Err(Refusal::Payload(declared));
        }
        let actual = canonical::sha256_hex(message.body);
        if !value.eq_ignore_ascii_case(actual.as_bytes()) {
            return Err(Refusal::Mismatch);
        }
    }
    Ok(())
}
