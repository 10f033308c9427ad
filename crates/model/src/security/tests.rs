//! Names there and back.

use std::collections::BTreeSet;

use super::SecurityPolicy;

#[test]
fn every_name_leads_back_to_its_policy() {
    for policy in SecurityPolicy::ALL {
        assert_eq!(SecurityPolicy::parse(policy.as_str()), Some(policy));
        assert_eq!(policy.to_string(), policy.as_str());
    }
    let names: BTreeSet<&str> = SecurityPolicy::ALL.iter().map(|one| one.as_str()).collect();
    assert_eq!(names.len(), SecurityPolicy::ALL.len());
}

#[test]
fn names_are_exact() {
    for name in ["", "tls_1_2", "TLS_1_1", "TLS_1_2 ", "SecurityPolicy_"] {
        assert_eq!(SecurityPolicy::parse(name), None, "{name:?}");
    }
}
