//! What the lists hold.

use rustls::NamedGroup;

use super::{TlsGroups, TlsPolicy, TlsSuites, TlsVersions};

#[test]
fn each_policy_has_a_place_of_its_own() {
    let all: Vec<TlsPolicy> = TlsPolicy::all().collect();
    assert_eq!(all.len(), TlsPolicy::COUNT);
    for (place, policy) in all.into_iter().enumerate() {
        assert_eq!(policy.index(), place, "{policy:?}");
    }
}

#[test]
fn suites_are_cut_down_to_the_list() {
    let count = |suites| {
        let policy = TlsPolicy {
            suites,
            ..TlsPolicy::default()
        };
        policy.provider().cipher_suites.len()
    };
    let counts = [TlsSuites::All, TlsSuites::Aes12, TlsSuites::Aes].map(count);
    assert_eq!(counts, [9, 7, 6]);
}

#[test]
fn groups_come_in_the_order_of_the_list() {
    let names = |groups| -> Vec<NamedGroup> {
        let policy = TlsPolicy {
            groups,
            versions: TlsVersions::Only13,
            ..TlsPolicy::default()
        };
        let groups = policy.provider().kx_groups;
        groups.iter().map(|group| group.name()).collect()
    };
    use NamedGroup::{X25519, X25519MLKEM768, secp256r1, secp256r1MLKEM768, secp384r1};
    let hybrid = [X25519MLKEM768, X25519, secp256r1, secp384r1];
    assert_eq!(names(TlsGroups::Hybrid), hybrid);
    assert_eq!(names(TlsGroups::Classic), [X25519, secp256r1, secp384r1]);
    assert_eq!(names(TlsGroups::Nist), [secp256r1, secp384r1]);
    let nist = [X25519MLKEM768, secp256r1MLKEM768, secp256r1, secp384r1];
    assert_eq!(names(TlsGroups::NistHybrid), nist);
}
