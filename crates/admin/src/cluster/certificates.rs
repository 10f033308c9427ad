//! Certificates for custom domains: imported as PEM, named by an ARN as in Amazon's ACM.

use http::StatusCode;
use model::{Certificate, CertificateId, Config, Op, ResourceKind, Revision};
use serde::Serialize;

use super::{acme, list as list_of};
use crate::{
    answer::Answer,
    call::{Call, Write},
    chain::Chain,
    clock, ids,
    limits::PEM_CHARS_MAX,
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateShape<'a> {
    certificate_id: &'a str,
    certificate_arn: String,
    names: &'a [String],
    /// `PENDING_VALIDATION`, `ISSUED` or `EXPIRED`, as Amazon's ACM.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_days: Option<u64>,
    /// Issued and renewed by the cluster itself.
    own: bool,
    /// Custom domains that use it.
    in_use_by: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acme: Option<acme::OrderShape<'a>>,
}

const DAY_MS: u64 = 24 * 3600 * 1000;

fn shape<'a>(config: &'a Config, one: &'a Certificate, now_ms: u64) -> CertificateShape<'a> {
    let issued = one.is_issued();
    let users = config.domains.values();
    let order = one.acme.as_ref();
    CertificateShape {
        certificate_id: one.id.as_str(),
        certificate_arn: config.certificate_arn(one),
        names: &one.names,
        status: match issued {
            false => "PENDING_VALIDATION",
            true if one.not_after_ms <= now_ms => "EXPIRED",
            true => "ISSUED",
        },
        not_after: issued.then(|| clock::iso(one.not_after_ms)),
        expires_in_days: issued.then(|| one.not_after_ms.saturating_sub(now_ms) / DAY_MS),
        own: one.own,
        in_use_by: users
            .filter(|domain| domain.certificate == one.id)
            .map(|domain| domain.name.as_str())
            .collect(),
        acme: order.map(|order| acme::order_shape(config, one, order)),
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    list_of(
        call.config
            .certificates
            .values()
            .map(|one| shape(call.config, one, call.now_ms)),
    )
}

pub(super) fn show(call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.argument(0);
    let known = call.config.certificates.get(id);
    let known = known.ok_or_else(|| Refusal::not_found(ResourceKind::Certificate, id))?;
    Answer::ok(&shape(call.config, known, call.now_ms))
}

/// Imports one, or asks for one by ACME.
pub(super) fn import(call: &Call<'_>) -> Result<Write, Refusal> {
    let certificate = match call.document.object("acme")? {
        Some(wanted) => acme::request(call, &wanted)?,
        None => read(call, ids::uuid().into())?,
    };
    Ok(putting(certificate, StatusCode::CREATED, call.now_ms))
}

/// Replaces chain and key; whoever uses the certificate serves the new one.
pub(super) fn renew(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = call.argument(0);
    let known = call.config.certificates.get(id);
    let known = known.ok_or_else(|| Refusal::not_found(ResourceKind::Certificate, id))?;
    if known.acme.is_some() {
        return Err(Refusal::Conflict(
            "this certificate is renewed by ACME; import another and point the domain to it"
                .to_owned(),
        ));
    }
    let mut certificate = read(call, known.id.clone())?;
    certificate.region = known.region.clone();
    if known.own {
        return Err(Refusal::Conflict(
            "the cluster renews this certificate itself".to_owned(),
        ));
    }
    let lost = |name: &&String| !certificate.names.contains(name);
    let used = call
        .config
        .domains
        .values()
        .any(|domain| domain.certificate == known.id);
    if let Some(name) = known.names.iter().find(lost).filter(|_| used) {
        return Err(Refusal::bad(format!(
            "the certificate is in use and must keep its names; {name} is missing"
        )));
    }
    Ok(putting(certificate, StatusCode::OK, call.now_ms))
}

fn putting(certificate: Certificate, status: StatusCode, now_ms: u64) -> Write {
    let id = certificate.id.clone();
    Write::showing(Op::PutCertificate(certificate), move |config| {
        let missing = || Refusal::not_found(ResourceKind::Certificate, id.as_str());
        let certificate = config.certificates.get(&id).ok_or_else(missing)?;
        Answer::json(status, &shape(config, certificate, now_ms))
    })
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteCertificate(
        call.argument(0).into(),
    )))
}

/// `certificate` (the chain) and `privateKey`, both PEM.
fn read(call: &Call<'_>, id: CertificateId) -> Result<Certificate, Refusal> {
    let chain = call.document.required("certificate", PEM_CHARS_MAX)?;
    let key = call.document.required("privateKey", PEM_CHARS_MAX)?;
    let chain = Chain::read(&chain, &key).map_err(|error| Refusal::bad(error.to_string()))?;
    if chain.not_after_ms <= call.now_ms {
        let end = clock::iso(chain.not_after_ms);
        return Err(Refusal::bad(format!(
            "the certificate has expired at {end}"
        )));
    }
    Ok(Certificate {
        id,
        region: call.settings.region.clone(),
        names: chain.names,
        chain_der: chain.chain_der,
        key_der: chain.key_der,
        not_after_ms: chain.not_after_ms,
        own: false,
        acme: None,
        stored: Revision::default(),
    })
}
