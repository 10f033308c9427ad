//! REST APIs, which regions do not run yet: found like others, and answered in one way.

use std::sync::Arc;

use model::{ApiKind, Content, rest::RestApi};

use super::{super::Action, Entrance, RegionPlan, api, config, domain, stage};

#[test]
fn a_rest_apis_stage_is_found_and_says_that_it_is_not_served() {
    let mut rest = api(
        "r1",
        model::HttpContent::default(),
        vec![stage("prod", Some("d"), &[])],
    );
    let empty = RestApi::empty("root".into());
    let content = Arc::clone(&empty.content);
    rest.kind = ApiKind::Rest(empty);
    for deployment in rest.deployments.values_mut() {
        Arc::make_mut(deployment).content = Content::Rest(Arc::clone(&content));
    }
    let mapped = domain("x.test", &[("named", "r1", "prod"), ("open", "r1", "")]);
    let (plan, diagnostics) = RegionPlan::compile(&config(vec![rest], vec![mapped]));
    assert_eq!(diagnostics.len(), 1, "one for the stage");
    let host = "r1.execute-api.us-east-1.edgeway.test";
    for (host, path) in [
        (host, "/prod/pets"),
        ("x.test", "/named/pets"),
        ("x.test", "/open/prod/pets"),
    ] {
        let found = plan.find(Entrance::Regional, host, path).unwrap();
        assert_eq!((found.stage.name().as_str(), found.path), ("prod", "pets"));
        let route = found.stage.route("GET", found.path).unwrap();
        assert!(matches!(route.action(), Action::NotServed));
    }
    assert!(plan.find(Entrance::Regional, host, "/other/pets").is_err());
    let open = plan.find(Entrance::Regional, "x.test", "/open/other");
    assert!(open.is_err(), "the path names no stage");
}
