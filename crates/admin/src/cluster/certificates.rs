//! Certificates for custom domains: imported as PEM, named by an ARN as in Amazon's ACM.

use http::StatusCode;
use model::{Certificate, CertificateId, Config, Op, ResourceKind, Revision};
use rustls_pki_types::PrivateKeyDer;
use serde::Serialize;
use serve::{CertEntry, CertStore};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

use super::list as list_of;
use crate::{
    answer::Answer,
    call::{Call, Write},
    clock, ids,
    limits::{CHAIN_MAX, PEM_CHARS_MAX},
    refusal::Refusal,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateShape<'a> {
    certificate_id: &'a str,
    certificate_arn: String,
    names: &'a [String],
    not_after: String,
    /// Issued and renewed by the cluster itself.
    own: bool,
}

fn shape<'a>(config: &Config, certificate: &'a Certificate) -> CertificateShape<'a> {
    CertificateShape {
        certificate_id: certificate.id.as_str(),
        certificate_arn: config.certificate_arn(certificate),
        names: &certificate.names,
        not_after: clock::iso(certificate.not_after_ms),
        own: certificate.own,
    }
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    list_of(
        call.config
            .certificates
            .values()
            .map(|one| shape(call.config, one)),
    )
}

pub(super) fn import(call: &Call<'_>) -> Result<Write, Refusal> {
    let certificate = read(call, ids::uuid().into())?;
    Ok(putting(certificate, StatusCode::CREATED))
}

/// Replaces chain and key; whoever uses the certificate serves the new one.
pub(super) fn renew(call: &Call<'_>) -> Result<Write, Refusal> {
    let id = call.argument(0);
    let known = call.config.certificates.get(id);
    let known = known.ok_or_else(|| Refusal::not_found(ResourceKind::Certificate, id))?;
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
    Ok(putting(certificate, StatusCode::OK))
}

fn putting(certificate: Certificate, status: StatusCode) -> Write {
    let id = certificate.id.clone();
    Write::showing(Op::PutCertificate(certificate), move |config| {
        let missing = || Refusal::not_found(ResourceKind::Certificate, id.as_str());
        let certificate = config.certificates.get(&id).ok_or_else(missing)?;
        Answer::json(status, &shape(config, certificate))
    })
}

pub(super) fn delete(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteCertificate(
        call.argument(0).into(),
    )))
}

/// `certificate` (chain, leaf first) and `privateKey` (PKCS#8), both PEM.
fn read(call: &Call<'_>, id: CertificateId) -> Result<Certificate, Refusal> {
    let chain = call.document.required("certificate", PEM_CHARS_MAX)?;
    let key = call.document.required("privateKey", PEM_CHARS_MAX)?;
    let entry = CertEntry::from_pem(Vec::new(), chain.as_bytes(), key.as_bytes())
        .map_err(|error| Refusal::bad(format!("the PEM text is not usable: {error}")))?;
    if entry.chain.len() > CHAIN_MAX {
        return Err(Refusal::bad(format!(
            "at most {CHAIN_MAX} certificates make a chain"
        )));
    }
    let PrivateKeyDer::Pkcs8(key) = &entry.key else {
        return Err(Refusal::bad(
            "the key must be PKCS#8 (BEGIN PRIVATE KEY); convert it with: openssl pkcs8 -topk8 \
             -nocrypt",
        ));
    };
    let key_der = key.secret_pkcs8_der().to_vec();
    let chain_der: Vec<Vec<u8>> = entry.chain.iter().map(|one| one.to_vec()).collect();
    let (names, not_after_ms) = facts(chain_der.first().map_or(&[], Vec::as_slice))?;
    if not_after_ms <= call.now_ms {
        let end = clock::iso(not_after_ms);
        return Err(Refusal::bad(format!(
            "the certificate has expired at {end}"
        )));
    }
    // Loading it tells whether the key belongs to the certificate.
    if let Some(error) = CertStore::new().replace(vec![entry]).first() {
        let source = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        return Err(Refusal::bad(format!(
            "certificate and key do not fit: {source}"
        )));
    }
    let region = call.settings.region.clone();
    let stored = Revision::default();
    Ok(Certificate {
        id,
        region,
        names,
        chain_der,
        key_der,
        not_after_ms,
        own: false,
        stored,
    })
}

/// The DNS names and the end of a certificate.
fn facts(der: &[u8]) -> Result<(Vec<String>, u64), Refusal> {
    let unreadable = || Refusal::bad("the first certificate cannot be read");
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| unreadable())?;
    let extension = certificate
        .subject_alternative_name()
        .map_err(|_| unreadable())?;
    let mut names: Vec<String> = Vec::new();
    for name in extension
        .iter()
        .flat_map(|extension| &extension.value.general_names)
    {
        if let GeneralName::DNSName(name) = name {
            names.push(name.to_ascii_lowercase());
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(Refusal::bad(
            "the certificate has no DNS name in its subjectAltName",
        ));
    }
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    Ok((names, seconds * 1000))
}
