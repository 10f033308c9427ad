//! Certificates by ACME: which authority, which names, and how each of them is doing.
//!
//! Asking for a certificate gives an ARN at once. The order begins when every name is a custom
//! domain of this cluster (nothing else is ever ordered), so that the domain is made with the ARN,
//! answers over plain HTTP and with the cluster's own certificate, and gets its certificate within
//! seconds. The orders themselves are run by the leader, in `edgeway`.

use model::{
    AcmeChange, AcmeOrder, AcmeSettings, Certificate, ChallengeKind, Config, Op, ResourceKind,
    Revision, limits::ACME_NAMES_MAX,
};
use serde::Serialize;

use crate::{
    answer::Answer,
    call::{Call, Write},
    clock,
    document::Document,
    limits::PEM_CHARS_MAX,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsShape<'a> {
    directory: &'a str,
    contact: &'a [String],
    /// Whether the directory is trusted by roots of its own instead of the system's.
    own_roots: bool,
    /// The cluster has an account there.
    registered: bool,
}

/// What a certificate's entry says about ACME.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderShape<'a> {
    challenge: &'static str,
    state: &'static str,
    /// Orders begun since the last success.
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    /// Names that no order can be begun for, because they are no custom domain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_a_domain: Vec<&'a str>,
}

pub(super) fn order_shape<'a>(
    config: &Config,
    certificate: &'a Certificate,
    order: &'a AcmeOrder,
) -> OrderShape<'a> {
    let names = certificate.names.iter().map(String::as_str);
    let missing: Vec<&str> = names
        .filter(|name| !config.domains.contains_key(*name))
        .collect();
    let state = if config.acme.settings.is_none() {
        "NO_DIRECTORY"
    } else if !missing.is_empty() {
        "WAITING_FOR_DOMAIN"
    } else if order.running {
        "ORDERING"
    } else if order.error.is_some() {
        "BACKING_OFF"
    } else if certificate.is_issued() {
        "ISSUED"
    } else {
        "QUEUED"
    };
    OrderShape {
        challenge: order.challenge.as_str(),
        state,
        attempts: order.attempt,
        next_attempt: (order.next_ms > 0 && !order.running).then(|| clock::iso(order.next_ms)),
        last_error: order.error.as_deref(),
        not_a_domain: missing,
    }
}

fn settings_answer(config: &Config) -> Result<Answer, Refusal> {
    let settings = config.acme.settings.as_ref();
    let settings = settings.ok_or_else(|| {
        Refusal::not_found(
            ResourceKind::Cluster,
            "has no ACME directory; PUT /edgeway/v1/acme",
        )
    })?;
    Answer::ok(&SettingsShape {
        directory: &settings.directory,
        contact: &settings.contact,
        own_roots: settings.roots_pem.is_some(),
        registered: config.acme.account.is_some(),
    })
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    settings_answer(call.config)
}

pub(super) fn put(call: &Call<'_>) -> Result<Write, Refusal> {
    let directory = call.document.required("directory", 2048)?;
    let rest = directory.strip_prefix("https://").unwrap_or_default();
    if rest.is_empty() || rest.starts_with('/') || directory.parse::<http::Uri>().is_err() {
        return Err(Refusal::bad("directory must be an https:// URL"));
    }
    let contact = call.document.texts("contact")?.unwrap_or_default();
    if contact.len() > 10 || contact.iter().any(|one| !one.starts_with("mailto:")) {
        return Err(Refusal::bad(
            "contact must hold at most 10 addresses such as mailto:ops@example.com",
        ));
    }
    let roots_pem = call.document.sized("rootsPem", 1, PEM_CHARS_MAX)?;
    if let Some(pem) = &roots_pem {
        crate::chain::certificates(pem)
            .map_err(|error| Refusal::bad(format!("rootsPem: {error}")))?;
    }
    let settings = AcmeSettings {
        directory,
        contact,
        roots_pem,
    };
    let op = Op::Acme(Box::new(AcmeChange::Configure(settings)));
    Ok(Write::showing(op, settings_answer))
}

/// `{"acme": {"names": [...], "challenge": "http-01"}}`
pub(super) fn request(call: &Call<'_>, acme: &Document) -> Result<Certificate, Refusal> {
    if call.config.acme.settings.is_none() {
        return Err(Refusal::bad(
            "no ACME directory is configured; PUT /edgeway/v1/acme first",
        ));
    }
    let kind = acme.text("challenge")?;
    let challenge = kind
        .as_deref()
        .map_or(Some(ChallengeKind::Http01), ChallengeKind::parse);
    let challenge = challenge
        .ok_or_else(|| Refusal::bad("acme.challenge must be http-01, tls-alpn-01 or dns-01"))?;
    let mut names = Vec::new();
    for name in acme.texts("names")?.unwrap_or_default() {
        names.push(name_of(call.config, &name, challenge)?);
    }
    names.sort();
    names.dedup();
    if names.is_empty() || names.len() > ACME_NAMES_MAX {
        return Err(Refusal::bad(format!(
            "acme.names must hold 1 to {ACME_NAMES_MAX} names"
        )));
    }
    Ok(Certificate {
        id: crate::ids::uuid().into(),
        region: call.settings.region.clone(),
        names,
        chain_der: Vec::new(),
        key_der: Vec::new(),
        not_after_ms: 0,
        own: false,
        acme: Some(AcmeOrder {
            challenge,
            attempt: 0,
            next_ms: 0,
            running: false,
            error: None,
        }),
        stored: Revision::default(),
    })
}

/// A name that may be ordered by this challenge.
fn name_of(config: &Config, name: &str, challenge: ChallengeKind) -> Result<String, Refusal> {
    let name = crate::v2::domain_name(name, config.base_domain())?;
    let plain = name.strip_prefix("*.").unwrap_or(&name);
    if plain.len() < name.len() && challenge != ChallengeKind::Dns01 {
        return Err(Refusal::bad(format!(
            "{name}: authorities issue wildcards by dns-01 alone"
        )));
    }
    let inside = |zone: &String| {
        let above = plain.strip_suffix(zone.as_str());
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    if challenge == ChallengeKind::Dns01 && !config.zones.keys().any(inside) {
        return Err(Refusal::bad(format!(
            "{name} is in no zone of this cluster, whose DNS nodes would have to answer for it; \
             PUT /edgeway/v1/zones/{{zone}} first, or use http-01"
        )));
    }
    Ok(name)
}
