//! What a join policy asks for, read from a request. Conditions that would let in strangers by
//! leaving something out are refused: an account, an audience and a claim are always asked for.

use std::collections::{BTreeMap, BTreeSet};

use lang::jwt::{KEYS_BYTES_MAX, KeySet};
use model::{AwsIid, AwsSigner, JoinProof, Oidc, OidcKeys};
use x509_parser::{
    oid_registry::OID_PKCS1_RSAENCRYPTION,
    prelude::{FromDer as _, X509Certificate},
};

use crate::{
    call::Call,
    chain,
    document::Document,
    limits::{JOIN_AGE_S, JOIN_AGE_S_MAX, JOIN_VALUES_MAX, PEM_CHARS_MAX},
    refusal::Refusal,
};

/// Longest value that a condition may name.
const VALUE_CHARS_MAX: usize = 400;
/// Of an RSA key that verifies documents.
const KEY_BITS_MIN: usize = 2048;

pub(super) fn proof(call: &Call<'_>) -> Result<JoinProof, Refusal> {
    let (aws, oidc) = (
        call.document.object("awsIid")?,
        call.document.object("oidc")?,
    );
    match (aws, oidc) {
        (Some(aws), None) => Ok(JoinProof::AwsIid(aws_iid(&aws)?)),
        (None, Some(oidc)) => Ok(JoinProof::Oidc(self::oidc(call, &oidc)?)),
        (Some(_), Some(_)) | (None, None) => {
            Err(Refusal::bad("exactly one of awsIid and oidc must be given"))
        }
    }
}

fn aws_iid(document: &Document) -> Result<AwsIid, Refusal> {
    let accounts = values(document, "accountIds")?;
    let is_account = |one: &String| one.len() == 12 && one.bytes().all(|it| it.is_ascii_digit());
    if accounts.is_empty() || !accounts.iter().all(is_account) {
        return Err(Refusal::bad(
            "awsIid.accountIds must hold account ids of twelve digits",
        ));
    }
    let age_s = document.integer("maxAgeSeconds", 1, JOIN_AGE_S_MAX)?;
    let pem = document.required("certificates", PEM_CHARS_MAX)?;
    Ok(AwsIid {
        signers: signers(&pem)
            .map_err(|reason| Refusal::bad(format!("awsIid.certificates: {reason}")))?,
        accounts,
        regions: values(document, "regions")?,
        zones: values(document, "availabilityZones")?,
        images: values(document, "imageIds")?,
        instance_types: values(document, "instanceTypes")?,
        age_s_max: age_s
            .and_then(|age| u32::try_from(age).ok())
            .unwrap_or(JOIN_AGE_S),
    })
}

fn signers(pem: &str) -> Result<Vec<AwsSigner>, String> {
    let certificates = chain::certificates(pem)?;
    if certificates.len() > JOIN_VALUES_MAX {
        return Err(format!("at most {JOIN_VALUES_MAX} certificates"));
    }
    let read = |(at, der): (usize, &rustls_pki_types::CertificateDer<'_>)| {
        let at = at + 1;
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| format!("number {at} cannot be read"))?;
        let key = certificate.public_key();
        let is_rsa = key.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION;
        let bits = key.parsed().map_or(0, |key| key.key_size());
        if !is_rsa || bits < KEY_BITS_MIN {
            return Err(format!(
                "number {at} has no RSA key of {KEY_BITS_MIN} bits: AWS has several certificates \
                 for each region, of which the one for RSA-2048 signatures is wanted"
            ));
        }
        let not_after_s = certificate.validity().not_after.timestamp();
        Ok(AwsSigner {
            certificate_der: der.to_vec(),
            rsa_key_der: key.subject_public_key.data.to_vec(),
            not_after_ms: u64::try_from(not_after_s).unwrap_or(0).saturating_mul(1000),
        })
    };
    certificates.iter().enumerate().map(read).collect()
}

fn oidc(call: &Call<'_>, document: &Document) -> Result<Oidc, Refusal> {
    let issuer = document.required("issuer", VALUE_CHARS_MAX)?;
    let keys = keys(document)?;
    if matches!(keys, OidcKeys::Discovered) && !is_fetched_from(&issuer) {
        return Err(Refusal::bad(
            "oidc.issuer must be an https URL where keys are found by it: give jwks otherwise",
        ));
    }
    let mut audiences = values(document, "audiences")?;
    if audiences.is_empty() {
        let cluster = call.config.cluster.as_ref();
        audiences.extend(cluster.map(|cluster| cluster.name.clone()));
    }
    let claims = claims(document)?;
    if claims.is_empty() {
        return Err(Refusal::bad(
            "oidc.claims must name a claim, such as sub: the issuer has other subjects too",
        ));
    }
    Ok(Oidc {
        issuer,
        audiences,
        claims,
        keys,
        once_by: document.sized("onceBy", 1, VALUE_CHARS_MAX)?,
    })
}

fn keys(document: &Document) -> Result<OidcKeys, Refusal> {
    let url = document.sized("jwksUri", 1, VALUE_CHARS_MAX)?;
    let given = document.sized("jwks", 1, KEYS_BYTES_MAX)?;
    match (url, given) {
        (None, None) => Ok(OidcKeys::Discovered),
        (Some(url), None) if is_fetched_from(&url) => Ok(OidcKeys::Document(url)),
        (Some(_), None) => Err(Refusal::bad("oidc.jwksUri must be an https URL")),
        (None, Some(text)) => {
            let keys = KeySet::parse(text.as_bytes());
            let keys = keys.map_err(|error| Refusal::bad(format!("oidc.jwks: {error}")))?;
            if keys.is_empty() {
                return Err(Refusal::bad(
                    "oidc.jwks has no key that verifies tokens: each needs kty and kid",
                ));
            }
            Ok(OidcKeys::Given(text))
        }
        (Some(_), Some(_)) => Err(Refusal::bad("give oidc.jwksUri or oidc.jwks, not both")),
    }
}

/// Whether keys may be fetched there: over TLS, or from this machine itself.
fn is_fetched_from(url: &str) -> bool {
    let is_plain = url
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !br#"@#\"<>"#.contains(&byte));
    let starts = ["https://", "http://127.0.0.1:", "http://localhost:"];
    let rest = starts.iter().find_map(|start| url.strip_prefix(start));
    is_plain && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':']))
}

/// Claims with the values that each may have.
fn claims(document: &Document) -> Result<BTreeMap<String, BTreeSet<String>>, Refusal> {
    let Some(claims) = document.object("claims")? else {
        return Ok(BTreeMap::new());
    };
    let mut all = BTreeMap::new();
    for name in claims.names() {
        let values = values(&claims, name)?;
        if values.is_empty() || name.is_empty() || name.chars().count() > VALUE_CHARS_MAX {
            return Err(Refusal::bad(format!(
                "oidc.claims.{name} must list the values that are allowed"
            )));
        }
        all.insert(name.to_owned(), values);
    }
    if all.len() > JOIN_VALUES_MAX {
        return Err(Refusal::bad(format!(
            "oidc.claims may name at most {JOIN_VALUES_MAX} claims"
        )));
    }
    Ok(all)
}

fn values(document: &Document, name: &str) -> Result<BTreeSet<String>, Refusal> {
    let values = document.texts(name)?.unwrap_or_default();
    let fits = |value: &String| (1..=VALUE_CHARS_MAX).contains(&value.chars().count());
    if values.len() > JOIN_VALUES_MAX || !values.iter().all(fits) {
        return Err(Refusal::bad(format!(
            "{} may hold at most {JOIN_VALUES_MAX} texts of 1 to {VALUE_CHARS_MAX} characters",
            document.path(name)
        )));
    }
    Ok(values.into_iter().collect())
}
