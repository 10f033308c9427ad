//! Import of certificates as people have them.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::Bench;

const PATH: &str = "/edgeway/v1/certificates";

/// An EC key made by `openssl ecparam -genkey -name prime256v1`, and its certificate.
const SEC1_KEY: &str = include_str!("sec1.key.pem");
const SEC1_CERTIFICATE: &str = include_str!("sec1.crt.pem");
/// An RSA key made by `openssl genrsa -traditional 2048`, and its certificate.
const PKCS1_KEY: &str = include_str!("pkcs1.key.pem");
const PKCS1_CERTIFICATE: &str = include_str!("pkcs1.crt.pem");

struct Family {
    leaf: String,
    middle: String,
    root: String,
    key: String,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn family() -> Family {
    let root_key = KeyPair::generate().unwrap();
    let root = authority("root").self_signed(&root_key).unwrap().pem();
    let root_issuer = Issuer::new(authority("root"), root_key);
    let middle_key = KeyPair::generate().unwrap();
    let middle = authority("middle").signed_by(&middle_key, &root_issuer);
    let middle_issuer = Issuer::new(authority("middle"), middle_key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    Family {
        leaf: params.signed_by(&key, &middle_issuer).unwrap().pem(),
        middle: middle.unwrap().pem(),
        root,
        key: key.serialize_pem(),
    }
}

fn body(parts: &[&str], key: &str) -> Value {
    json!({"certificate": parts.concat(), "privateKey": key})
}

#[tokio::test]
async fn any_order_of_a_chain_is_put_right() {
    let family = family();
    let (leaf, middle, root) = (&family.leaf, &family.middle, &family.root);
    for parts in [
        [leaf, middle, root],
        [root, middle, leaf],
        [middle, leaf, root],
        [leaf, leaf, middle],
    ] {
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
        let bench = Bench::new();
        let made = bench
            .expect(201, "POST", PATH, body(&parts, &family.key))
            .await;
        assert_eq!(made.body["names"], json!(["a.test"]));
        assert_eq!(made.body["status"], "ISSUED");
    }
}

#[tokio::test]
async fn what_does_not_belong_is_refused_by_name() {
    let (family, other) = (family(), family());
    let bench = Bench::new();
    let leaf = family.leaf.as_str();
    let cases = [
        (body(&[leaf], &other.key), "do not fit"),
        (
            body(&[leaf, &other.middle], &family.key),
            "CN=middle did not issue CN=leaf",
        ),
        (
            body(&[leaf, &family.root], &family.key),
            "CN=root did not issue CN=leaf",
        ),
        (body(&[leaf], "no key"), "PEM text is not usable"),
        (
            body(&[&SEC1_CERTIFICATE.replace('M', "A")], SEC1_KEY),
            "cannot be read",
        ),
        (body(&[PKCS1_CERTIFICATE], SEC1_KEY), "do not fit"),
    ];
    for (body, words) in cases {
        bench
            .refused(("BadRequestException", words), "POST", PATH, body)
            .await;
    }
}

#[tokio::test]
async fn old_key_forms_are_converted() {
    let bench = Bench::new();
    for (certificate, key) in [(SEC1_CERTIFICATE, SEC1_KEY), (PKCS1_CERTIFICATE, PKCS1_KEY)] {
        let made = bench
            .expect(201, "POST", PATH, body(&[certificate], key))
            .await;
        assert_eq!(made.body["names"], json!(["old.test"]));
        let days = made.body["expiresInDays"].as_u64().unwrap();
        assert!(days > 3650, "{days}");
    }
}

#[tokio::test]
async fn a_certificate_by_acme_is_pending_until_it_is_issued() {
    let bench = Bench::new();
    let wanted =
        |name: &str, challenge: &str| json!({"acme": {"names": [name], "challenge": challenge}});
    let refused = async |body: Value, words: &str| {
        bench
            .refused(("BadRequestException", words), "POST", PATH, body)
            .await;
    };
    refused(wanted("a.test", "http-01"), "no ACME directory").await;
    let settings = json!({"directory": "https://acme.test/dir", "contact": ["mailto:ops@a.test"]});
    let shown = bench.expect(200, "PUT", "/edgeway/v1/acme", settings).await;
    assert_eq!(shown.body["registered"], false);
    refused(wanted("*.a.test", "http-01"), "dns-01 alone").await;
    refused(wanted("a.test", "dns-01"), "in no zone").await;
    refused(wanted("a.test", "carrier-pigeon"), "acme.challenge must be").await;
    let made = bench
        .expect(201, "POST", PATH, wanted("A.test", "http-01"))
        .await;
    assert_eq!(made.body["status"], "PENDING_VALIDATION");
    assert_eq!(made.body["acme"]["state"], "WAITING_FOR_DOMAIN");
    let arn = made.text("certificateArn");
    let configuration = json!({"certificateArn": arn});
    let domain = json!({"domainName": "a.test", "domainNameConfigurations": [configuration]});
    bench.expect(201, "POST", "/v2/domainnames", domain).await;
    let path = format!("{PATH}/{}", made.text("certificateId"));
    let shown = bench.expect(200, "GET", &path, Value::Null).await;
    assert_eq!(shown.body["acme"]["state"], "QUEUED");
    assert_eq!(shown.body["inUseBy"], json!(["a.test"]));
    assert_eq!(shown.body["notAfter"], Value::Null);
}
