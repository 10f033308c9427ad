//! A token of an issuer before a policy.

use std::{collections::BTreeSet, sync::Arc};

use lang::jwt::{Accepted, Algorithm, Audience, Claims, KeySet, Refused as Unfit, Rules, Token};
use model::{Oidc, OidcKeys};
use serde_json::Value;

use super::{Proven, Refused, SUBJECT_CHARS_MAX};
use crate::region::token::KeySource;

/// Where the keys of a policy's issuer are.
#[derive(Debug)]
pub enum Keys {
    /// Here.
    Given(KeySet),
    /// To be fetched.
    Fetched(Arc<KeySource>),
}

/// Where to find the keys for a policy.
///
/// # Errors
/// Those that the policy holds are none.
pub fn keys(policy: &Oidc) -> Result<Keys, lang::jwt::KeySetError> {
    let source = match &policy.keys {
        OidcKeys::Given(document) => return KeySet::parse(document.as_bytes()).map(Keys::Given),
        OidcKeys::Discovered => KeySource::Discovered(policy.issuer.as_str().into()),
        OidcKeys::Document(url) => KeySource::Document(url.as_str().into()),
    };
    Ok(Keys::Fetched(Arc::new(source)))
}

/// What is wanted of every token under a policy; its claims come after that.
fn rules(policy: &Oidc) -> Rules {
    let audiences = policy.audiences.iter();
    Rules {
        issuer: policy.issuer.as_str().into(),
        audience: Audience::Listed(audiences.map(|one| one.as_str().into()).collect()),
        claims: Vec::new(),
    }
}

/// Which key of a policy's issuer a token says that it was signed with.
///
/// # Errors
/// It is no token, or of another issuer.
pub fn key_id(policy: &Oidc, text: &str) -> Result<String, Refused> {
    let token = Token::parse(text)?;
    if token.claimed_issuer() != Some(policy.issuer.as_str()) {
        return Err(Unfit::Issuer.into());
    }
    Ok(token.key_id().to_owned())
}

/// Judges a token at a time in milliseconds since 1970.
///
/// # Errors
/// The first condition that is not met.
pub fn judge_token(
    policy: &Oidc,
    keys: &KeySet,
    text: &str,
    now_ms: u64,
) -> Result<Proven, Refused> {
    let token = Token::parse(text)?;
    if token.claimed_issuer() != Some(policy.issuer.as_str()) {
        return Err(Unfit::Issuer.into());
    }
    let accepted = Accepted {
        named: Algorithm::ALL.into(),
        unnamed: Algorithm::ALL.into(),
    };
    let fingerprint = token.fingerprint();
    let claims = keys.verify(token, &accepted)?;
    claims.check(&rules(policy), now_ms)?;
    for (name, values) in &policy.claims {
        if !claim(&claims, name).is_some_and(|claim| is_one_of(claim, values)) {
            return Err(Refused::Claim(name.clone()));
        }
    }
    Ok(Proven {
        subject: subject(policy, &claims, &fingerprint)?,
        until_ms: expiry_ms(&claims),
    })
}

/// A claim by its name, or by a JSON pointer (RFC 6901) into others.
fn claim<'c>(claims: &'c Claims, name: &str) -> Option<&'c Value> {
    let Some(pointer) = name.strip_prefix('/') else {
        return claims.all().get(name);
    };
    let mut parts = pointer.split('/');
    let unescaped = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let first = claims.all().get(&unescaped(parts.next()?))?;
    parts.try_fold(first, |value, part| value.get(unescaped(part)))
}

/// A text, a number or a truth as it is written; of a list, one of its texts.
fn is_one_of(claim: &Value, values: &BTreeSet<String>) -> bool {
    match claim {
        Value::String(text) => values.contains(text),
        Value::Number(number) => values.contains(&number.to_string()),
        Value::Bool(truth) => values.contains(&truth.to_string()),
        Value::Array(list) => {
            let mut texts = list.iter().filter_map(Value::as_str);
            texts.any(|text| values.contains(text))
        }
        Value::Null | Value::Object(_) => false,
    }
}

/// What admits once.
fn subject(policy: &Oidc, claims: &Claims, fingerprint: &str) -> Result<String, Refused> {
    let Some(name) = &policy.once_by else {
        return Ok(format!("token:{fingerprint}"));
    };
    let value = match claim(claims, name) {
        Some(Value::String(value)) if !value.is_empty() => value.clone(),
        Some(Value::Number(value)) => value.to_string(),
        _ => return Err(Refused::Once(name.clone())),
    };
    let subject = format!("oidc:{} {value}", policy.issuer);
    if subject.chars().count() > SUBJECT_CHARS_MAX || value.chars().any(char::is_control) {
        return Err(Refused::Once(name.clone()));
    }
    Ok(subject)
}

/// When a token that was checked expires.
fn expiry_ms(claims: &Claims) -> u64 {
    let end_s = claims.all().get("exp").and_then(Value::as_f64);
    // Saturates; `check` has seen that it is a time to come.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float saturates"
    )]
    end_s.map_or(0, |end_s| (end_s * 1000.0) as u64)
}
