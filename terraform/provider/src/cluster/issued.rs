//! A certificate of the cluster's own authority, for trying and for names inside.
//!
//! It is made here and not by the cluster: whoever has the authority's key can do so. Certificates
//! that the world trusts come from elsewhere, or by ACME.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use link::{Authority, ServerNames};

use crate::{
    cty::Value,
    framework::{Attribute, Call, Check, Failure, Note, Path, Planning, Resource, Schema},
};

const DAY_S: u64 = 24 * 3600;
const DAYS: i64 = 365;
/// Made anew by the first apply after this part of its life, in percent.
const RENEW_AT: u64 = 66;

pub(super) struct IssuedCertificate;

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn life_s(value: &Value) -> u64 {
    u64::try_from(value.whole("days").unwrap_or(DAYS)).unwrap_or(1) * DAY_S
}

fn issue(planned: &Value) -> Result<Value, Note> {
    let text = |name: &str| planned.text(name).unwrap_or_default();
    let authority = Authority::from_pem(text("ca_certificate_pem"), text("ca_private_key_pem"));
    let authority = authority.map_err(|error| {
        let note = Note::error("The authority cannot be used", format!("{error}."));
        note.at(Path::of("ca_private_key_pem"))
    })?;
    let names = ServerNames {
        dns: planned.texts("names"),
        ips: Vec::new(),
    };
    let life = life_s(planned);
    let issued = authority.issue_server(&names, Duration::from_secs(life), SystemTime::now());
    let issued = issued.map_err(|error| {
        Note::error("The certificate cannot be issued", format!("{error}.")).at(Path::of("names"))
    })?;
    let made = i64::try_from(now_s()).unwrap_or_default();
    Ok(Value::object()
        .with("id", made.to_string())
        .with("issued_at", made)
        .with("certificate", issued.chain_pem)
        .with("private_key", issued.key_pem))
}

fn is_old(state: &Value) -> bool {
    let issued = state
        .whole("issued_at")
        .and_then(|at| u64::try_from(at).ok());
    issued.is_some_and(|at| now_s() >= at + life_s(state) / 100 * RENEW_AT)
}

#[async_trait]
impl Resource for IssuedCertificate {
    fn name(&self) -> &'static str {
        "edgeway_issued_certificate"
    }

    fn in_cluster(&self) -> bool {
        false
    }

    fn schema(&self) -> Schema {
        let ca = |name, description| Attribute::text(name, description).required().replaces();
        Schema::new(
            "A certificate of a cluster's own authority, which clients do not trust unless they \
             are told to: for trying custom domain names without a certificate of the world. Its \
             key is in Terraform's state. It is issued again after two thirds of its life.",
        )
        .with(Attribute::id("When it was issued."))
        .with(ca("ca_certificate_pem", "Of `edgeway_cluster_secrets`."))
        .with(ca("ca_private_key_pem", "Of `edgeway_cluster_secrets`.").sensitive())
        .with(
            Attribute::text_list("names", "DNS names; `*.` at the beginning is allowed.")
                .required()
                .replaces(),
        )
        .with(
            Attribute::number("days", "How long it is good.")
                .or(DAYS)
                .replaces()
                .check(Check::Range(1, 3_650)),
        )
        .with(
            Attribute::text("certificate", "The chain, PEM.")
                .computed()
                .stable(),
        )
        .with(
            Attribute::text("private_key", "Its key, PEM.")
                .computed()
                .stable()
                .sensitive(),
        )
        .with(
            Attribute::number(
                "issued_at",
                "Seconds since 1970; a version for `.._wo_version`.",
            )
            .computed()
            .stable(),
        )
    }

    async fn plan(&self, _: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        if plan.prior.is_set() && is_old(plan.prior) {
            for name in ["id", "certificate", "private_key", "issued_at"] {
                plan.planned.set(name, Value::Unknown);
            }
        }
        Ok(())
    }

    async fn create(&self, _: &mut Call<'_>, planned: &Value, _: &Value) -> Result<Value, Failure> {
        Ok(issue(planned)?)
    }

    async fn read(&self, _: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        Ok(Some(state.clone()))
    }

    async fn update(
        &self,
        _: &mut Call<'_>,
        _: &Value,
        planned: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        Ok(issue(planned)?)
    }

    async fn delete(&self, _: &mut Call<'_>, _: &Value) -> Result<(), Failure> {
        Ok(())
    }

    fn import_refusal(&self) -> Option<&'static str> {
        Some("It is nowhere but in the state. Let Terraform issue another one.")
    }
}

#[cfg(test)]
mod tests;
