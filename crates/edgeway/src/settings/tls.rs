//! Settings of TLS towards clients.

use std::ops::RangeInclusive;

use model::SecurityPolicy;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// TLS towards clients of a data-plane listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// For names without a policy of their own: default endpoints, and names nobody knows.
    #[serde(serialize_with = "name_of", deserialize_with = "named")]
    pub policy: SecurityPolicy,
    /// Seconds for which a key seals session tickets; it opens them for as long again.
    pub ticket_key_life_s: u64,
}

impl Tls {
    /// What `ticket_key_life_s` may be.
    pub(super) const LIFE_S: RangeInclusive<u64> = 60..=6 * 60 * 60;
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            policy: SecurityPolicy::default(),
            ticket_key_life_s: *Self::LIFE_S.end(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn name_of<S: Serializer>(policy: &SecurityPolicy, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(policy.as_str())
}

fn named<'de, D: Deserializer<'de>>(from: D) -> Result<SecurityPolicy, D::Error> {
    let name = String::deserialize(from)?;
    SecurityPolicy::parse(&name).ok_or_else(|| {
        let all = SecurityPolicy::ALL.map(SecurityPolicy::as_str).join(", ");
        D::Error::custom(format!("no tls policy is named '{name}'; there are {all}"))
    })
}
