//! `ClientCertificate`: what the gateway shows to backends, so that they know it.

use model::{
    ClientCertificateId, Config,
    rest::{ClientCertificate, SharedKey, SharedPart},
};
use serde_json::Value;

use super::{
    checks,
    kind::{self, Key, Kind, Part},
    patch::{Holds, R, Rule, rule},
    view::{View, object, seconds},
};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    ids,
    operation::{Operation, read, write},
    refusal::Refusal,
};

const ONE: &str = "/clientcertificates/{certificate}";

pub(super) const OPERATIONS: &[Operation] = &[
    read("GetClientCertificates", "/clientcertificates", list),
    write(
        "GenerateClientCertificate",
        "POST",
        "/clientcertificates",
        create,
    ),
    read("GetClientCertificate", ONE, kind::show::<Certificates>),
    write(
        "UpdateClientCertificate",
        "PATCH",
        ONE,
        kind::update::<Certificates>,
    ),
    write(
        "DeleteClientCertificate",
        "DELETE",
        ONE,
        kind::delete::<Certificates>,
    ),
];

/// A year, as Amazon's.
const LIFE_MS: u64 = 365 * 86_400_000;

struct Certificates;

impl Kind for Certificates {
    type Item = ClientCertificate;

    const RULES: &'static [Rule] = &[rule("/description", R, Holds::Text)];

    fn key(call: &Call<'_>) -> Result<Key, Refusal> {
        let id = call.argument(0).into();
        Ok(Key::Shared(SharedKey::ClientCertificate(id)))
    }

    fn missing(_call: &Call<'_>) -> Refusal {
        Refusal::Missing("Invalid Client Certificate identifier specified".to_owned())
    }

    fn item(part: Part) -> Option<ClientCertificate> {
        match part {
            Part::Shared(SharedPart::ClientCertificate(certificate)) => Some(*certificate),
            _ => None,
        }
    }

    fn part(certificate: ClientCertificate) -> Part {
        Part::Shared(SharedPart::ClientCertificate(certificate.into()))
    }

    fn view(certificate: &ClientCertificate) -> Value {
        let view = View::default();
        view.maybe("description", certificate.description.as_deref())
            .done()
    }

    fn read(
        call: &Call<'_>,
        input: &Document,
        old: Option<&ClientCertificate>,
    ) -> Result<ClientCertificate, Refusal> {
        let description = checks::optional(input, "description")?;
        if let Some(old) = old {
            return Ok(ClientCertificate {
                description,
                ..old.clone()
            });
        }
        let expires_ms = call.now_ms.saturating_add(LIFE_MS);
        let made = generate(call.now_ms, expires_ms);
        let (certificate_pem, key_der) = made.map_err(|error| {
            Refusal::Internal(format!("generating the certificate failed: {error}"))
        })?;
        Ok(ClientCertificate {
            id: ClientCertificateId::from(ids::deployment()),
            description,
            certificate_pem,
            key_der,
            created_ms: call.now_ms,
            expires_ms,
            tags: checks::tags(input)?,
        })
    }

    fn shown(_config: &Config, _key: &Key, certificate: &ClientCertificate) -> Value {
        shape(certificate)
    }
}

/// A self-signed certificate (PEM) and its key (PKCS#8).
fn generate(from_ms: u64, to_ms: u64) -> Result<(String, Vec<u8>), rcgen::Error> {
    let time = |ms: u64| {
        let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
        time::OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
    };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = rcgen::CertificateParams::default();
    params.not_before = time(from_ms);
    params.not_after = time(to_ms);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "ApiGateway");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_der()))
}

fn shape(certificate: &ClientCertificate) -> Value {
    View::default()
        .put("clientCertificateId", certificate.id.as_str())
        .maybe("description", certificate.description.as_deref())
        .put(
            "pemEncodedCertificate",
            certificate.certificate_pem.as_str(),
        )
        .put("createdDate", seconds(certificate.created_ms))
        .put("expirationDate", seconds(certificate.expires_ms))
        .filled("tags", object(&certificate.tags))
        .done()
}

fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let all = call.config.client_certificates.values();
    kind::list(call, all.map(|one| (one.id.as_str(), shape(one))))
}

fn create(call: &Call<'_>) -> Result<Write, Refusal> {
    kind::create::<Certificates>(call, |one| {
        Key::Shared(SharedKey::ClientCertificate(one.id.clone()))
    })
}
