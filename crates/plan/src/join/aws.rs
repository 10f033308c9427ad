//! The identity document of an EC2 instance before a policy.

use std::collections::BTreeSet;

use lang::aws::InstanceDocument;
use model::AwsIid;

use super::{Proven, Refused, SUBJECT_CHARS_MAX};

/// How far an instance's start may lie in the future: clocks differ.
const AHEAD_MS_MAX: u64 = 60_000;

/// Judges what an instance's metadata service has answered, at a time in milliseconds since 1970.
///
/// # Errors
/// The first condition that is not met.
pub fn judge_instance(policy: &AwsIid, text: &str, now_ms: u64) -> Result<Proven, Refused> {
    let signers = policy.signers.iter();
    let valid = signers.filter(|signer| now_ms < signer.not_after_ms);
    let keys = valid.map(|signer| signer.rsa_key_der.as_slice());
    let document = InstanceDocument::verify(text, keys)?;
    allowed("account", &policy.accounts, &document.account_id)?;
    any_or("region", &policy.regions, &document.region)?;
    any_or("zone", &policy.zones, &document.availability_zone)?;
    any_or("image", &policy.images, &document.image_id)?;
    any_or("type", &policy.instance_types, &document.instance_type)?;
    let wrong_time = || Refused::Instance {
        what: "start",
        value: document.pending_time.clone(),
    };
    let started_ms = document.pending_ms().ok_or_else(wrong_time)?;
    if started_ms > now_ms.saturating_add(AHEAD_MS_MAX) {
        return Err(Refused::Future);
    }
    let until_ms = started_ms.saturating_add(u64::from(policy.age_s_max) * 1000);
    if now_ms >= until_ms {
        return Err(Refused::Age {
            age_s: now_ms.saturating_sub(started_ms) / 1000,
            age_s_max: policy.age_s_max,
        });
    }
    let id = &document.instance_id;
    let is_word = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if id.is_empty() || id.len() > SUBJECT_CHARS_MAX || !is_word {
        return Err(Refused::Instance {
            what: "id",
            value: id.clone(),
        });
    }
    Ok(Proven {
        subject: format!("aws:{id}"),
        until_ms,
    })
}

/// An empty set asks for nothing.
fn any_or(what: &'static str, set: &BTreeSet<String>, value: &str) -> Result<(), Refused> {
    if set.is_empty() {
        return Ok(());
    }
    allowed(what, set, value)
}

fn allowed(what: &'static str, set: &BTreeSet<String>, value: &str) -> Result<(), Refused> {
    if set.contains(value) {
        return Ok(());
    }
    Err(Refused::Instance {
        what,
        value: value.to_owned(),
    })
}
