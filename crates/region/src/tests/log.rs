//! The access log: one event a request, with these fields, after the last byte.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{
    backend::Backend,
    harness::{Rig, Setup, get, line},
};

type Events = Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>;

/// Collects events with the target `access`.
struct Collector(Events);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "access"
    }
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(BTreeMap::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Collects the lines of stages' own logs.
pub(super) struct Lines(pub(super) Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "access::stage"
    }
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(BTreeMap::new());
        event.record(&mut fields);
        let line = fields.0.remove("message").unwrap_or_default();
        self.0.lock().unwrap().push(line);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

#[tokio::test]
async fn every_request_is_one_event() {
    let events = Events::default();
    let _guard = tracing::subscriber::set_default(Collector(Arc::clone(&events)));
    let backend = Backend::echo().await;
    let rig = Rig::start(Setup::of([line("GET /pets/{id}", backend.url())])).await;
    let response = rig.send(get("/pets/7?secret=1")).await;
    assert!(events.lock().unwrap().is_empty());
    let length = response.into_body().into_bytes(9999).await.unwrap().len();
    assert_eq!(rig.get("/none").await.status, 404);
    let events = events.lock().unwrap();
    let field = |at: usize, name: &str| events[at].get(name).map_or("", String::as_str);
    assert_eq!(events.len(), 2);
    for (name, value) in [
        ("api", "a1"),
        ("stage", "$default"),
        ("route", "GET /pets/{id}"),
        ("method", "GET"),
        ("path", "/pets/7"),
        ("protocol", "HTTP/1.1"),
        ("status", "200"),
        ("source_ip", "192.0.2.7"),
        ("fault", "-"),
    ] {
        assert_eq!(field(0, name), value);
    }
    assert_eq!(field(0, "bytes"), length.to_string());
    assert_eq!(field(0, "request_id").len(), 16);
    assert!(field(0, "latency_ms").parse::<f64>().unwrap() > 0.0);
    assert!(!field(0, "integration_latency_ms").is_empty());
    assert_eq!((field(1, "status"), field(1, "fault")), ("404", "no_route"));
    assert_eq!((field(1, "route"), field(1, "blame")), ("-", "client"));
}
