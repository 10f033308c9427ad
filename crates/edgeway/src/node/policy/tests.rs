//! What the names say about themselves holds for what they stand for.

use model::SecurityPolicy;
use serve::{TlsGroups, TlsSuites, TlsVersions};

use super::policy;

#[test]
fn a_name_is_no_looser_than_it_says() {
    for named in SecurityPolicy::ALL {
        let (name, stands_for) = (named.as_str(), policy(named));
        let only_13 = name.contains("TLS13_1_3") || name.contains("TLS13_2025");
        assert_eq!(
            stands_for.versions == TlsVersions::Only13,
            only_13,
            "{name}"
        );
        let fips = name.contains("FIPS");
        assert_eq!(stands_for.suites == TlsSuites::Aes, fips, "{name}");
        let nist = [TlsGroups::Nist, TlsGroups::NistHybrid].contains(&stands_for.groups);
        assert_eq!(nist, fips, "{name}");
        let hybrid = [TlsGroups::Hybrid, TlsGroups::NistHybrid].contains(&stands_for.groups);
        assert!(hybrid || !name.contains("_PQ_"), "{name}");
    }
}
