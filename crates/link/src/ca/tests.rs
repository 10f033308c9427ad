//! The authority: what it signs, what it refuses, and that it survives being stored.

use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::identity::PeerRole;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn now() -> SystemTime {
    SystemTime::now()
}

fn authority(cluster: &str) -> Authority {
    Authority::create(cluster, 3650 * DAY, now()).unwrap()
}

fn pop(cluster: &str) -> NodeIdentity {
    NodeIdentity::new(cluster, PeerRole::Pop, "fra", 9).unwrap()
}

#[test]
fn an_authority_reads_back_from_pem_and_der() {
    let ca = authority("c1");
    let from_pem = Authority::from_pem(ca.cert_pem(), &ca.key_pem()).unwrap();
    let from_der = Authority::from_der(ca.cert_der(), &ca.key_der()).unwrap();
    for again in [from_pem, from_der] {
        assert_eq!(again.cluster(), "c1");
        assert_eq!(again.fingerprint(), ca.fingerprint());
        let issued = again.issue_node(&pop("c1"), DAY, now()).unwrap();
        assert_eq!(issued.ca_fingerprint(), ca.fingerprint());
    }
    let other = authority("c1");
    let mixed = Authority::from_pem(ca.cert_pem(), &other.key_pem());
    assert!(matches!(mixed, Err(CaError::Key)));
}

#[test]
fn a_csr_gets_the_identity_the_authority_chose_and_no_other() {
    let ca = authority("c1");
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.subject_alt_names.push(SanType::URI(
        "edgeway://c1/region/us-east-1/1".try_into().unwrap(),
    ));
    let csr = params.serialize_request(&key).unwrap();
    let chain = ca.sign_csr(csr.der(), &pop("c1"), DAY, now()).unwrap();
    assert_eq!(chain.len(), 2);
    assert_eq!(
        NodeIdentity::from_certificate(&chain[0]).unwrap(),
        pop("c1")
    );
    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0]).unwrap();
    assert!(!leaf.is_ca());
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names.len(), 2);
    leaf.verify_signature(Some(
        x509_parser::parse_x509_certificate(&chain[1])
            .unwrap()
            .1
            .public_key(),
    ))
    .unwrap();
}

#[test]
fn bad_requests_are_refused() {
    let ca = authority("c1");
    let request = CertificateRequest::fresh().unwrap();
    let mut broken = request.csr_der().to_vec();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    for csr in [
        &broken[..],
        b"",
        b"\x30\x00",
        &vec![0x30; CSR_BYTES_MAX + 1],
    ] {
        let signed = ca.sign_csr(csr, &pop("c1"), DAY, now());
        assert!(matches!(signed, Err(CaError::Csr)), "{signed:?}");
    }
    let foreign = ca.sign_csr(request.csr_der(), &pop("c2"), DAY, now());
    assert!(matches!(foreign, Err(CaError::OtherCluster)));
    let forever = ca.sign_csr(request.csr_der(), &pop("c1"), Duration::MAX, now());
    assert!(matches!(forever, Err(CaError::Validity)));
}

#[test]
fn server_certificates_name_hosts_but_never_nodes() {
    let ca = authority("c1");
    let names = ServerNames {
        dns: vec![
            "edgeway.test".into(),
            "*.execute-api.us-east-1.edgeway.test".into(),
        ],
        ips: vec!["127.0.0.1".parse().unwrap()],
    };
    let issued = ca.issue_server(&names, DAY, now()).unwrap();
    let (_, leaf) = x509_parser::parse_x509_certificate(&issued.chain[0]).unwrap();
    assert_eq!(
        leaf.subject_alternative_name()
            .unwrap()
            .unwrap()
            .value
            .general_names
            .len(),
        3
    );
    assert!(NodeIdentity::from_certificate(&issued.chain[0]).is_err());
    assert_eq!(issued.chain_pem.matches("BEGIN CERTIFICATE").count(), 2);
    let mixed = Credentials::new(issued.chain, issued.key, ca.cert_der().clone());
    assert!(mixed.is_err());
    for reserved in [
        vec![],
        vec!["node.edgeway".to_owned()],
        vec!["*.EDGEWAY".to_owned()],
    ] {
        let names = ServerNames {
            dns: reserved,
            ips: vec![],
        };
        assert!(matches!(
            ca.issue_server(&names, DAY, now()),
            Err(CaError::Names)
        ));
    }
}
