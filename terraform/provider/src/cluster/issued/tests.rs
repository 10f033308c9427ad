//! Certificates are for their names, and are renewed before they end.

use super::{DAY_S, is_old, issue, now_s};
use crate::cty::Value;

fn planned() -> Value {
    let secrets = super::super::secrets::make("c1").unwrap();
    let text = |name: &str| secrets.text(name).unwrap().to_owned();
    Value::object()
        .with("ca_certificate_pem", text("ca_certificate_pem"))
        .with("ca_private_key_pem", text("ca_private_key_pem"))
        .with("names", vec!["api.example.test"])
        .with("days", 3_i64)
}

#[test]
fn a_chain_and_its_key_come_from_the_authority() {
    let issued = issue(&planned()).unwrap();
    let chain = issued.text("certificate").unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(issued.text("private_key").unwrap().contains("PRIVATE KEY"));
    let nameless = planned().with("names", Vec::<String>::new());
    assert!(issue(&nameless).is_err());
    let other = super::super::secrets::make("c1").unwrap();
    let foreign = other.text("ca_private_key_pem").unwrap().to_owned();
    assert!(issue(&planned().with("ca_private_key_pem", foreign)).is_err());
}

#[test]
fn it_is_old_after_two_thirds_of_its_life() {
    let issued = |days_ago: u64| {
        let at = i64::try_from(now_s() - days_ago * DAY_S).unwrap();
        planned().with("issued_at", at)
    };
    assert!(!is_old(&issued(1)));
    assert!(is_old(&issued(2)));
    assert!(!is_old(&planned()));
}
