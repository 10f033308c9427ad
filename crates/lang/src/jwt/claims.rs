//! What a verified token claims, held against what is wanted of it.

use serde_json::{Map, Value};

use super::Refused;

/// What the signer of a token says. There is no way to make them but to verify a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(pub(super) Map<String, Value>);

/// What is wanted of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Its `iss`.
    pub issuer: Box<str>,
    /// For whom it is.
    pub audience: Audience,
    /// What else it says.
    pub claims: Vec<ClaimRule>,
}

/// For whom tokens must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// That is not asked.
    Any,
    /// One of these must be in `aud`.
    Listed(Vec<Box<str>>),
    /// The same; where a token has no `aud`, its `client_id` counts.
    OrClient(Vec<Box<str>>),
}

/// A claim that is a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    /// Its name.
    pub name: Box<str>,
    /// A token without it is refused.
    pub is_required: bool,
    /// The values that it may have; none: any.
    pub expected: Vec<Box<str>>,
}

impl Claims {
    /// All of them.
    #[must_use]
    pub const fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    /// One that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Holds them against rules at a time, in milliseconds since 1970. There is no allowance for
    /// clocks that differ, as there is none at Amazon.
    ///
    /// # Errors
    /// The first rule that is not met.
    pub fn check(&self, rules: &Rules, now_ms: u64) -> Result<(), Refused> {
        if self.text("iss") != Some(&*rules.issuer) {
            return Err(Refused::Issuer);
        }
        if !self.is_for(&rules.audience) {
            return Err(Refused::Audience);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 need far fewer bits than a float has"
        )]
        let now_s = now_ms as f64 / 1000.0;
        // Comparisons that no time, such as "not a number", gets past.
        if !self
            .0
            .get("exp")
            .and_then(Value::as_f64)
            .is_some_and(|end| now_s < end)
        {
            return Err(Refused::Expired);
        }
        if !self.is_past("nbf", now_s) {
            return Err(Refused::NotYet);
        }
        if !self.is_past("iat", now_s) {
            return Err(Refused::IssuedLater);
        }
        let broken = rules.claims.iter().find(|rule| !self.meets(rule));
        broken.map_or(Ok(()), |rule| Err(Refused::Claim(rule.name.clone())))
    }

    /// The scopes that it was given for: `scope`, a text, or `scp`, a text or a list.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scopes = ["scope", "scp"]
            .into_iter()
            .filter_map(|name| self.0.get(name));
        scopes.flat_map(texts).flat_map(str::split_ascii_whitespace)
    }

    /// For whom it is: `aud`, a text or a list, else `client_id`.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let named = self.0.get("aud").or_else(|| self.0.get("client_id"));
        named.into_iter().flat_map(texts)
    }

    fn is_for(&self, audience: &Audience) -> bool {
        let (wanted, or_client) = match audience {
            Audience::Any => return true,
            Audience::Listed(wanted) => (wanted, false),
            Audience::OrClient(wanted) => (wanted, true),
        };
        if !or_client && !self.0.contains_key("aud") {
            return false;
        }
        self.audiences()
            .any(|own| wanted.iter().any(|wanted| **wanted == *own))
    }

    /// A time that is not there does not matter; one that is no number does.
    fn is_past(&self, name: &str, now_s: f64) -> bool {
        let time = self.0.get(name);
        time.is_none_or(|time| time.as_f64().is_some_and(|time| time <= now_s))
    }

    fn meets(&self, rule: &ClaimRule) -> bool {
        match self.0.get(&*rule.name) {
            None => !rule.is_required,
            Some(Value::String(own)) => {
                let expected = &rule.expected;
                expected.is_empty() || expected.iter().any(|value| **value == **own)
            }
            Some(_) => false,
        }
    }
}

/// One text, or a list of them.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map_or(&[][..], Vec::as_slice);
    let list = list.iter().filter_map(Value::as_str);
    value.as_str().into_iter().chain(list)
}

/// What stands behind `Bearer ` in a header, or all of it.
#[must_use]
pub fn bare(value: &str) -> &str {
    let value = value.trim();
    match value.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
        _ => value,
    }
}
