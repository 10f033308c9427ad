//! Secrets belong together, and no two are the same.

use link::Authority;
use serde_json::Value as Json;

use super::{label, make};

#[test]
fn the_json_is_what_the_attributes_say() {
    let made = make("c1").unwrap();
    let json: Json = serde_json::from_str(made.text("json").unwrap()).unwrap();
    for name in [
        "ca_certificate_pem",
        "ca_private_key_pem",
        "access_key_id",
        "secret_access_key",
    ] {
        assert_eq!(json[name].as_str(), made.text(name), "{name}");
    }
    let certificate = made.text("ca_certificate_pem").unwrap();
    let authority = Authority::from_pem(certificate, made.text("ca_private_key_pem").unwrap());
    assert_eq!(authority.unwrap().cluster(), "c1");
    let other = make("c1").unwrap();
    assert_ne!(
        other.text("secret_access_key"),
        made.text("secret_access_key")
    );
}

#[test]
fn names_of_clusters_are_labels() {
    for good in ["a", "edge-1", "0"] {
        assert_eq!(label(good), Ok(()));
    }
    for bad in ["", "-a", "a-", "A", "a_b", "a.b"] {
        assert!(label(bad).is_err(), "{bad}");
    }
}
