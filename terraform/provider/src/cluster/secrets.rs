//! What a cluster begins with, made before there is a cluster: its authority and first admin key.
//!
//! `edgeway init --secrets` takes the JSON form. As a resource it is in Terraform's state; as an
//! ephemeral it is nowhere, and is new each time, so that it must be written to a store at once.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use link::Authority;
use serde_json::json;

use crate::{
    cty::Value,
    framework::{
        Attribute, Call, Check, EphemeralResource, Failure, Note, Opened, Resource, Schema,
    },
};

/// Life of the authority.
const AUTHORITY_TTL: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
const ID_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Kept in the state.
pub(super) struct ClusterSecrets;

/// Kept nowhere.
pub(super) struct FreshSecrets;

fn cluster() -> Attribute {
    Attribute::text(
        "cluster",
        "The cluster's name: lower-case letters, digits and dashes.",
    )
    .or("edgeway")
    .check(Check::Text(label))
}

fn label(text: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let plain = (1..=63).contains(&text.len()) && text.bytes().all(inner);
    if plain && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(());
    }
    Err("Use 1 to 63 lower-case letters, digits and dashes.".to_owned())
}

fn results() -> [Attribute; 5] {
    let one = |name, description| Attribute::text(name, description).computed().stable();
    [
        one(
            "ca_certificate_pem",
            "The authority; what to trust, no secret.",
        ),
        one("ca_private_key_pem", "The authority's key.").sensitive(),
        one("access_key_id", "The first admin key."),
        one("secret_access_key", "Its secret.").sensitive(),
        one("json", "All of it, as `edgeway init --secrets` reads it.").sensitive(),
    ]
}

fn random(length: usize, letters: &[u8]) -> String {
    let one = |_| letters[rand::random_range(0..letters.len())];
    (0..length).map(one).map(char::from).collect()
}

pub(super) fn make(cluster: &str) -> Result<Value, Note> {
    let authority = Authority::create(cluster, AUTHORITY_TTL, SystemTime::now());
    let authority = authority.map_err(|error| {
        Note::error(
            "The cluster's authority cannot be made",
            format!("{error}."),
        )
    })?;
    let (certificate, key) = (authority.cert_pem().to_owned(), authority.key_pem());
    let id = format!("AKIA{}", random(16, ID_LETTERS));
    let secret = random(40, SECRET_LETTERS);
    let json = json!({
        "ca_certificate_pem": certificate, "ca_private_key_pem": key,
        "access_key_id": id, "secret_access_key": secret,
    });
    Ok(Value::object()
        .with("cluster", cluster)
        .with("ca_certificate_pem", certificate)
        .with("ca_private_key_pem", key)
        .with("access_key_id", id)
        .with("secret_access_key", secret)
        .with("json", json.to_string()))
}

#[async_trait]
impl Resource for ClusterSecrets {
    fn name(&self) -> &'static str {
        "edgeway_cluster_secrets"
    }

    fn in_cluster(&self) -> bool {
        false
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "What a new cluster begins with: its certificate authority and its first admin key. \
             They are in Terraform's state: keep that as you would keep them, or use the ephemeral \
             of the same name with a store of secrets. Destroying it revokes nothing.",
        )
        .with(Attribute::id("SHA-256 of the authority's certificate."))
        .with(cluster().replaces())
        .all(results())
    }

    async fn create(&self, _: &mut Call<'_>, planned: &Value, _: &Value) -> Result<Value, Failure> {
        let cluster = planned.text("cluster").unwrap_or("edgeway");
        let made = make(cluster)?;
        let certificate = made.text("ca_certificate_pem").unwrap_or_default();
        let key = made.text("ca_private_key_pem").unwrap_or_default();
        let authority = Authority::from_pem(certificate, key).map_err(|error| {
            Note::error(
                "The cluster's authority cannot be read",
                format!("{error}."),
            )
        })?;
        let id: String = authority
            .fingerprint()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(made.with("id", id))
    }

    async fn read(&self, _: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        Ok(Some(state.clone()))
    }

    async fn update(
        &self,
        _: &mut Call<'_>,
        prior: &Value,
        _: &Value,
        _: &Value,
    ) -> Result<Value, Failure> {
        Ok(prior.clone())
    }

    async fn delete(&self, _: &mut Call<'_>, _: &Value) -> Result<(), Failure> {
        Ok(())
    }

    fn import_refusal(&self) -> Option<&'static str> {
        Some("Nothing gives the secrets out. Use a variable for secrets that exist already.")
    }
}

#[async_trait]
impl EphemeralResource for FreshSecrets {
    fn name(&self) -> &'static str {
        "edgeway_cluster_secrets"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Secrets for a new cluster that Terraform stores nowhere. They are others in each plan \
             and apply: write them with a `.._wo` attribute of a store of secrets, whose version \
             stays the same, and let the first node read that store.",
        )
        .with(cluster())
        .all(results())
    }

    async fn open(&self, _: &mut Call<'_>, config: &Value) -> Result<Opened, Failure> {
        let cluster = config.text("cluster").unwrap_or("edgeway");
        Ok(Opened {
            result: make(cluster)?,
            renew_at: None,
        })
    }
}

#[cfg(test)]
mod tests;
