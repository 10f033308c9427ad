//! Requests in progress are bounded, and counted to their last byte.

use std::sync::{Arc, atomic::AtomicUsize};

use http::Response;

use super::{
    backend::{Backend, counted},
    harness::{Rig, Setup, get, line},
};

#[tokio::test]
async fn one_request_more_is_refused() {
    let backend = Backend::http(|_| {
        let body = counted(100, 1 << 16, Arc::new(AtomicUsize::new(0)));
        async move { Response::new(body) }
    })
    .await;
    let rig = Rig::start_with(Setup::of([line("$default", backend.url())]), |settings| {
        settings.in_flight_max = 2;
    })
    .await;
    let (one, two) = (rig.send(get("/")).await, rig.send(get("/")).await);
    assert_eq!(rig.region.load().in_flight, 2);
    let third = rig.get("/").await;
    assert_eq!(
        (third.status, third.text.as_str()),
        (503, r#"{"message":"Service Unavailable"}"#)
    );
    assert_eq!(rig.metric("edgeway_region_faults_total", "overloaded"), 1);
    drop((one, two));
    let load = rig.region.load();
    assert_eq!((load.in_flight, load.limit), (0, 2));
    assert!(load.service_p50_us > 0);
    assert_eq!(rig.get("/").await.status, 200);
}
