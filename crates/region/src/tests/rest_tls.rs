//! TLS towards backends of REST APIs where it is not as usual: what backends are shown, and whose
//! certificates are taken.

use std::sync::Arc;

use model::{
    ClientCertificateId,
    rest::{self, ClientCertificate, IntegrationType, Resource, StageSettings, Verb},
};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::PrivateKeyDer;

use super::{
    backend::{Backend, echo},
    harness::{Answer, Rig, Setup, eventually},
    rest::{method, serve_content},
};

const CERTIFICATE: &str = "abc123";

pub(super) fn own(names: &[&str]) -> CertifiedKey<KeyPair> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    generate_simple_self_signed(names).unwrap()
}

/// A server that lets in who shows a certificate of `client`, or everybody.
pub(super) fn server(
    made: &CertifiedKey<KeyPair>,
    client: Option<&CertifiedKey<KeyPair>>,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut known = RootCertStore::empty();
            known.add(client.cert.der().clone()).unwrap();
            let known = Arc::new(known);
            let verifier = WebPkiClientVerifier::builder_with_provider(known, provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    builder
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap()
}

/// A region with one method in front of `https://localhost`, whose stage shows a certificate.
async fn rig(backend: &Backend, trusted: &str, skips: Option<bool>, shows: bool) -> Rig {
    let uri = format!("https://localhost:{}", backend.addr.port());
    let mut proxy = method(IntegrationType::HttpProxy, Some(uri));
    let settings = &mut proxy.integration.as_mut().unwrap().settings;
    settings.insecure_skip_verification = skips;
    let resource = Resource {
        id: "part".into(),
        parent: Some("root".into()),
        part: "part".to_owned(),
        methods: [(Verb::Get, Arc::new(proxy))].into(),
    };
    let mut content = rest::Content::empty("root".into());
    content.resources.insert("part".into(), Arc::new(resource));
    let pem = trusted.as_bytes().to_vec();
    let rig = Rig::start_with(Setup::default(), |settings| {
        settings.upstreams.extra_ca_pem = Some(pem);
        settings.upstreams.connect_timeout = std::time::Duration::from_secs(30);
    });
    serve_content(rig.await, content, |stage| {
        stage.rest = Some(Box::new(StageSettings {
            client_certificate: shows.then(|| CERTIFICATE.into()),
            ..StageSettings::default()
        }));
    })
    .await
}

async fn ask(rig: &Rig) -> Answer {
    rig.get("/prod/part").await
}

#[tokio::test]
async fn a_stage_shows_its_certificate() {
    let (made, client) = (own(&["localhost"]), own(&["gateway"]));
    let backend = Backend::tls(server(&made, Some(&client)), echo).await;
    let without = rig(&backend, &made.cert.pem(), None, false).await;
    assert_eq!(ask(&without).await.status, 504);
    let rig = rig(&backend, &made.cert.pem(), None, true).await;
    // One that the configuration does not have yet.
    assert_eq!(ask(&rig).await.status, 504);
    let mut config = (**rig.config.borrow()).clone();
    let certificate = ClientCertificate {
        id: CERTIFICATE.into(),
        description: None,
        certificate_pem: client.cert.pem(),
        key_der: client.signing_key.serialize_der(),
        created_ms: 0,
        expires_ms: 0,
        tags: Default::default(),
    };
    let id = ClientCertificateId::from(CERTIFICATE);
    config.client_certificates.insert(id, Arc::new(certificate));
    config.revision = model::Revision(3);
    rig.config.send_replace(Arc::new(config));
    eventually(|| rig.region.revision() == 3).await;
    let answer = ask(&rig).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn certificates_of_unknown_authorities_are_taken_where_that_is_said() {
    let (made, other) = (own(&["localhost"]), own(&["other"]));
    let backend = Backend::tls(server(&made, None), echo).await;
    for (skips, status) in [(None, 504), (Some(false), 504), (Some(true), 200)] {
        let rig = rig(&backend, &other.cert.pem(), skips, false).await;
        let answer = ask(&rig).await;
        assert_eq!(answer.status, status, "{skips:?} {answer:?}");
    }
}

#[tokio::test]
async fn names_and_times_are_verified_all_the_same() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let cert = params.self_signed(&key).unwrap();
    let expired = CertifiedKey {
        cert,
        signing_key: key,
    };
    for made in [expired, own(&["other"])] {
        let backend = Backend::tls(server(&made, None), echo).await;
        let rig = rig(&backend, &made.cert.pem(), Some(true), false).await;
        assert_eq!(ask(&rig).await.status, 504);
    }
}
