//! Which names lead where by a private endpoint, and which its resolver view answers.

use std::{collections::BTreeMap, sync::Arc};

use model::{Api, ApiKind, Config, EndpointType, PrivateDomain, PrivateEndpoint, rest::RestApi};

use super::{EndpointPlan, private_addresses};
use crate::region::{
    Miss, RegionPlan,
    tests::{api, config, content, domain, stage},
};

const OWN: &str = "vpce-0123456789abcdef0";
const OTHER: &str = "vpce-0000000000000000f";

fn endpoint(id: &str) -> PrivateEndpoint {
    PrivateEndpoint {
        id: id.into(),
        region: "us-east-1".into(),
        addresses: vec!["10.0.0.5".parse().unwrap()],
        vpc: Some("vpc-1".to_owned()),
        policy: None,
        created_ms: 0,
    }
}

/// Private `a3` (associated with `OWN`) and `a5`, public `a1`; a private domain of each endpoint.
fn setup() -> Config {
    let with = |id: &str, endpoint: EndpointType, associated: &[&str]| -> Api {
        let content = content(&["ANY /{p+}"], "http://b.test");
        let mut api = api(id, content, vec![stage("$default", Some("d"), &[])]);
        api.endpoint = endpoint;
        if let (ApiKind::Http(_), false) = (&api.kind, associated.is_empty()) {
            let mut rest = RestApi::empty("root".into());
            rest.vpc_endpoints = associated.iter().map(|id| (*id).to_owned()).collect();
            api.kind = ApiKind::Rest(rest);
        }
        api
    };
    let owned = |name: &str, source: &str| {
        let mut domain = domain(name, &[("", "a5", "$default"), ("pub", "a1", "$default")]);
        domain.endpoint = EndpointType::Private;
        domain.private = Some(Box::new(PrivateDomain {
            id: "abcdefghij".to_owned(),
            associations: [(source.to_owned(), BTreeMap::new())].into(),
            ..PrivateDomain::default()
        }));
        domain
    };
    let apis = vec![
        with("a1", EndpointType::Regional, &[]),
        with("a3", EndpointType::Private, &[OWN]),
        with("a5", EndpointType::Private, &[]),
    ];
    let public = domain("public.test", &[("", "a1", "$default")]);
    let domains = vec![owned("own.test", OWN), owned("other.test", OTHER), public];
    let mut config = config(apis, domains);
    for id in [OWN, OTHER] {
        let endpoint = Arc::new(endpoint(id));
        config.private_endpoints.insert(id.into(), endpoint);
    }
    config
}

/// The API that a request by `OWN` leads to, or the miss.
#[track_caller]
fn check(plan: &RegionPlan, host: &str, header: Option<&str>, expected: Result<&str, Miss>) {
    let endpoint: &EndpointPlan = plan.private_endpoint(OWN).unwrap();
    let found = plan.find_private(endpoint, (host, header), "/prod/x");
    let found = found.map(|found| found.api.id().as_str());
    assert_eq!(found, expected, "{host} {header:?}");
}

#[test]
fn a_private_endpoint_leads_to_private_apis() {
    let config = setup();
    let plan = RegionPlan::compile(&config).0;
    let x = |first: &str| format!("{first}.execute-api.us-east-1.edgeway.test");
    let unknown = Err(Miss::UnknownHost);
    check(&plan, &x("a5"), None, Ok("a5"));
    check(&plan, &format!("{}:443", x("A5")), None, Ok("a5"));
    check(
        &plan,
        "a5.execute-api.eu-west-1.edgeway.test",
        None,
        Ok("a5"),
    );
    check(&plan, &x("a1"), None, unknown);
    check(&plan, &x("a9"), None, unknown);
    // The header counts where the host names the endpoint alone.
    check(&plan, &x("a1"), Some("a5"), unknown);

    check(&plan, &x(&format!("a3-{OWN}")), None, Ok("a3"));
    check(&plan, &x(&format!("a3-{OTHER}")), None, unknown);
    check(&plan, &x(&format!("a5-{OWN}")), None, unknown);
    check(&plan, &x(&format!("a9-{OWN}")), None, unknown);
    check(&plan, &x(&format!("-{OWN}")), None, unknown);

    let vpce = |first: &str| format!("{first}.execute-api.us-east-1.vpce.edgeway.test");
    for name in [
        vpce(OWN),
        vpce(&format!("{OWN}-r4nd0m")),
        vpce(&format!("{OWN}-r4nd0m-1a")),
    ] {
        check(&plan, &name, Some("a5"), Ok("a5"));
        check(&plan, &name, Some("a1"), unknown);
        check(&plan, &name, None, unknown);
    }
    check(
        &plan,
        &vpce(&format!("{OTHER}-r4nd0m")),
        Some("a5"),
        unknown,
    );
    check(&plan, &vpce(&format!("{OWN}0")), Some("a5"), unknown);
    check(&plan, &vpce("a5"), None, unknown);

    check(&plan, "own.test", None, Ok("a5"));
    check(&plan, "OWN.test.", None, Ok("a5"));
    check(&plan, "other.test", None, unknown);
    check(&plan, "public.test", None, unknown);
}

#[test]
fn a_private_domain_leads_to_private_apis_alone() {
    let plan = RegionPlan::compile(&setup()).0;
    let endpoint = plan.private_endpoint(OWN).unwrap();
    let found = plan.find_private(endpoint, ("own.test", None), "/pub/x");
    assert_eq!(found.err(), Some(Miss::UnknownPath));
}

#[test]
fn the_view_of_an_endpoint_has_its_names_and_no_others() {
    let config = setup();
    let find = |name: &str| private_addresses(&config, OWN, name);
    let has = |name: &str| find(name).is_some();
    let expected: [std::net::IpAddr; 1] = ["10.0.0.5".parse().unwrap()];
    assert_eq!(
        find("a5.execute-api.us-east-1.edgeway.test"),
        Some(&expected[..])
    );
    assert!(has("a3.execute-api.eu-west-1.edgeway.test"));
    assert!(has(&format!("a3-{OWN}.execute-api.us-east-1.edgeway.test")));
    assert!(has(&format!(
        "{OWN}-r4nd.execute-api.us-east-1.vpce.edgeway.test"
    )));
    assert!(has("own.test"));
    for other in [
        "a1.execute-api.us-east-1.edgeway.test".to_owned(),
        format!("a5-{OWN}.execute-api.us-east-1.edgeway.test"),
        format!("a3-{OTHER}.execute-api.us-east-1.edgeway.test"),
        format!("{OTHER}-r4nd.execute-api.us-east-1.vpce.edgeway.test"),
        "execute-api.us-east-1.edgeway.test".to_owned(),
        "a5.execute-api.us-west-9.edgeway.test".to_owned(),
        "a5.execute-api.us-east-1xedgeway.test".to_owned(),
        "other.test".to_owned(),
        "public.test".to_owned(),
        "edgeway.test".to_owned(),
        String::new(),
    ] {
        assert!(!has(&other), "{other}");
    }
    let name = "a5.execute-api.us-east-1.edgeway.test";
    assert_eq!(private_addresses(&config, "vpce-9", name), None);
    assert_eq!(private_addresses(&Config::default(), OWN, name), None);
}
