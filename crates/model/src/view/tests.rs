//! Projections made step by step are those made at once, and a step costs what has changed.

use std::sync::Arc;

use crate::{
    Change, ChangeId, Config, CreateHttpApi, EdgeView, EndpointType, Machine, Op, Revision,
    ZoneView, codec, fixtures::bootstrap,
};

/// A configuration with so many copies of one API.
fn config(apis: usize) -> Config {
    let mut machine = Machine::default();
    let quick = Op::CreateHttpApi(Box::new(CreateHttpApi {
        api: crate::fixtures::http_api("a1b2c3d4e5"),
        quick: None,
    }));
    for (id, op) in [(1, bootstrap()), (2, quick)] {
        let change = Change {
            id: ChangeId(id),
            at_ms: 1,
            by: "test".into(),
            origin: crate::Origin::default(),
            spare_deployment: "spare".into(),
            op,
        };
        machine.apply(change).expect("the change is accepted");
    }
    let mut config = Config::clone(machine.config());
    let first = config.apis.values().next().cloned().expect("an API");
    for index in 1..apis {
        let mut api = (*first).clone();
        api.id = format!("api{index:07}").into();
        config.apis.insert(api.id.clone(), Arc::new(api));
    }
    config
}

/// The same with one API served anew.
fn altered(config: &Config, id: &str) -> Config {
    let mut next = config.clone();
    next.revision = Revision(next.revision.0 + 1);
    let api = next.apis.get_mut(id).map(Arc::make_mut);
    api.expect("the API is there").served = next.revision;
    next
}

#[test]
fn a_step_leads_to_what_a_whole_projection_gives() {
    let before = config(300);
    let mut after = altered(&before, "api0000150");
    after.apis.remove("api0000007");
    if let Some(api) = after.apis.get_mut("api0000008") {
        Arc::make_mut(api).endpoint = EndpointType::Private;
    }
    let (old, zone) = (EdgeView::of(&before), ZoneView::of(&before));
    let (next, next_zone) = (old.next(&before, &after), zone.next(&before, &after));
    assert_eq!(next, EdgeView::of(&after));
    assert_eq!(next.sum(), EdgeView::of(&after).sum());
    assert_eq!(next_zone, ZoneView::of(&after));
    assert_eq!(next_zone.sum(), ZoneView::of(&after).sum());
    assert_eq!(next.apis.len(), 298);
    assert_ne!(next.sum().digest, old.sum().digest);
    let delta = old.delta(&next).expect("a delta leads there");
    let received = old.after(delta);
    assert_eq!((received.sum(), &received), (next.sum(), &next));
    // Nothing that DNS knows changes with a deployment.
    let deployed = altered(&before, "api0000150");
    assert!(zone.next(&before, &deployed).apis.is_copy_of(&zone.apis));
}

#[test]
fn what_a_change_sends_does_not_grow_with_the_number_of_apis() {
    let delta_bytes = |apis: usize| {
        let before = config(apis);
        let after = altered(&before, "a1b2c3d4e5");
        let old = EdgeView::of(&before);
        let delta = old.delta(&old.next(&before, &after));
        let delta = codec::encode(codec::Kind::Feed, &delta);
        delta.expect("a delta encodes").len()
    };
    assert_eq!(delta_bytes(10_000), delta_bytes(1));
}
