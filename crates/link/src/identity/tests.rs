//! The identity's text form, strictly.

use super::*;

fn check(uri: &str, expected: Result<(&str, PeerRole, &str, u64), IdentityError>) {
    let parsed = NodeIdentity::parse_uri(uri);
    let expected = expected
        .map(|(cluster, role, place, node)| NodeIdentity::new(cluster, role, place, node).unwrap());
    assert_eq!(parsed, expected, "{uri}");
    if let Ok(identity) = parsed {
        assert_eq!(identity.to_uri(), uri);
    }
}

#[test]
fn identities_have_one_form() {
    check(
        "edgeway://c1/region/us-east-1/7",
        Ok(("c1", PeerRole::Region, "us-east-1", 7)),
    );
    check(
        "edgeway://c/connector/x/18446744073709551615",
        Ok(("c", PeerRole::Connector, "x", u64::MAX)),
    );
    check("edgeway://c/pop/x/07", Err(IdentityError::Node));
    check("edgeway://c/pop/x/+7", Err(IdentityError::Node));
    check(
        "edgeway://c/pop/x/18446744073709551616",
        Err(IdentityError::Node),
    );
    check("edgeway://c/admin/x/1", Err(IdentityError::Role));
    check("edgeway://c/pop//1", Err(IdentityError::Name));
    check("edgeway://C/pop/x/1", Err(IdentityError::Name));
    check("edgeway://c/pop/x", Err(IdentityError::Form));
    check("edgeway://c/pop/x/1/2", Err(IdentityError::Form));
    check("https://c/pop/x/1", Err(IdentityError::Form));
    assert_eq!(
        NodeIdentity::new("a".repeat(64), PeerRole::Pop, "x", 1),
        Err(IdentityError::Name)
    );
}

#[test]
fn expectations_compare_what_they_name() {
    let pop = NodeIdentity::new("c", PeerRole::Pop, "fra", 4).unwrap();
    assert!(Expected::any().admits(&pop));
    assert!(Expected::role(PeerRole::Pop).admits(&pop));
    assert!(Expected::place(PeerRole::Pop, "fra").admits(&pop));
    assert!(Expected::node(PeerRole::Pop, "fra", 4).admits(&pop));
    assert!(!Expected::role(PeerRole::Region).admits(&pop));
    assert!(!Expected::place(PeerRole::Pop, "ams").admits(&pop));
    assert!(!Expected::node(PeerRole::Pop, "fra", 5).admits(&pop));
}

#[test]
fn garbage_is_not_a_certificate() {
    assert_eq!(
        NodeIdentity::from_certificate(b"\x30\x03abc"),
        Err(IdentityError::Certificate)
    );
    assert_eq!(
        NodeIdentity::from_certificate(b""),
        Err(IdentityError::Certificate)
    );
}
