//! Execution logs of stages: what is logged at which level, and what never is.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use arc_swap::ArcSwap;
use model::{
    Stage,
    rest::{self, IntegrationType, LogLevel, Method, MethodSetting, Resource, StageSettings, Verb},
};
use serve::Body;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{
    backend::Backend,
    harness::{Answer, Rig, Setup, get},
    rest::{method, serve_content},
};
use crate::{AwsEndpoint, AwsSettings};

/// Collects the lines of execution logs.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Message<'l>(&'l mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            *self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "execution"
    }
    fn event(&self, event: &Event<'_>) {
        let mut line = String::new();
        event.record(&mut Message(&mut line));
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

fn logged(stage: &mut Stage, settings: &[(&str, LogLevel, bool)]) {
    let settings = settings.iter().map(|(name, level, data_trace)| {
        let setting = MethodSetting {
            log_level: Some(*level),
            data_trace: *data_trace,
            ..MethodSetting::default()
        };
        ((*name).to_owned(), setting)
    });
    stage.rest = Some(Box::new(StageSettings {
        method_settings: settings.collect(),
        ..StageSettings::default()
    }));
}

/// What is logged of a request to a stage with these settings, and its answer.
async fn log(
    method: Method,
    aws: Option<&Backend>,
    settings: &[(&str, LogLevel, bool)],
) -> (Vec<String>, Answer) {
    let resource = Resource {
        id: "part".into(),
        parent: Some("root".into()),
        part: "part".to_owned(),
        methods: [(Verb::Get, Arc::new(method))].into(),
    };
    let mut content = rest::Content::empty("root".into());
    content.resources.insert("part".into(), Arc::new(resource));
    let rig = Rig::start_with(Setup::default(), |settings| {
        let endpoint = aws.map(|backend| AwsEndpoint::parse(&backend.url()).unwrap());
        settings.upstreams.aws = Arc::new(ArcSwap::from_pointee(AwsSettings {
            endpoint,
            ..AwsSettings::default()
        }));
    });
    let rig = serve_content(rig.await, content, |stage| logged(stage, settings)).await;
    let lines = Lines::default();
    let guard = tracing::subscriber::set_default(lines.clone());
    let mut asked = get("/prod/part?a=1");
    for (name, value) in [("authorization", "Bearer secret"), ("x-own", "mine")] {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = rig.ask(asked).await;
    drop(guard);
    let lines = lines.0.lock().unwrap().clone();
    let id = format!("({}) ", answer.header("x-amzn-requestid"));
    let events = lines
        .iter()
        .map(|line| line.strip_prefix(&id).unwrap().to_owned());
    (events.collect(), answer)
}

#[track_caller]
fn starts(lines: &[String], expected: &[&str]) {
    let fits = lines.len() == expected.len()
        && lines
            .iter()
            .zip(expected)
            .all(|(line, start)| line.starts_with(start));
    assert!(fits, "{lines:#?}");
}

#[tokio::test]
async fn steps_are_logged_and_data_where_it_is_wanted() {
    let backend = Backend::echo().await;
    let proxy = || method(IntegrationType::HttpProxy, Some(backend.url()));
    let steps = [
        "Starting execution for request: ",
        "HTTP Method: GET, Resource Path: /part",
        "Sending request to http://127.0.0.1:",
        "Received response. Status: 200, Integration latency: ",
        "Successfully completed execution",
        "Method completed with status: 200",
    ];
    let (lines, _) = log(proxy(), None, &[("*/*", LogLevel::Info, false)]).await;
    starts(&lines, &steps);
    let (lines, answer) = log(proxy(), None, &[("*/*", LogLevel::Info, true)]).await;
    let all = [
        steps[0],
        steps[1],
        "Method request path: {}",
        "Method request query string: {a=1}",
        "Method request headers: {",
        "Method request body before transformations: ",
        "Endpoint request URI: http://",
        "Endpoint request headers: {",
        "Endpoint request body after transformations: ",
        steps[2],
        steps[3],
        "Endpoint response headers: {",
        "Endpoint response body before transformations: ",
        "Method response body after transformations: ",
        "Method response headers: {",
        steps[4],
        steps[5],
    ];
    starts(&lines, &all);
    assert!(lines[4].contains("authorization=****") && lines[4].contains("x-own=mine"));
    assert!(
        !lines.iter().any(|line| line.contains("secret")),
        "{lines:#?}"
    );
    // The backend was not kept from seeing it, nor its answer from the client.
    assert!(answer.text.contains("authorization: Bearer secret"));
}

#[tokio::test]
async fn methods_have_settings_of_their_own() {
    let backend = Backend::echo().await;
    let proxy = || method(IntegrationType::HttpProxy, Some(backend.url()));
    let info = ("*/*", LogLevel::Info, true);
    let (lines, _) = log(proxy(), None, &[info, ("part/GET", LogLevel::Off, false)]).await;
    starts(&lines, &[]);
    let (lines, _) = log(proxy(), None, &[("other/GET", LogLevel::Info, true)]).await;
    starts(&lines, &[]);
    let (lines, _) = log(proxy(), None, &[]).await;
    starts(&lines, &[]);
}

#[tokio::test]
async fn errors_alone_are_logged_where_only_they_are_wanted() {
    let backend = Backend::echo().await;
    let errors = [("*/*", LogLevel::Error, true)];
    let proxy = method(IntegrationType::HttpProxy, Some(backend.url()));
    let (lines, _) = log(proxy, None, &errors).await;
    starts(&lines, &[]);
    let broken = method(
        IntegrationType::HttpProxy,
        Some("https://127.0.0.1:1".to_owned()),
    );
    let (lines, answer) = log(broken, None, &errors).await;
    assert_eq!(answer.status, 504);
    starts(
        &lines,
        &[
            "Execution failed due to an unavailable endpoint: ",
            "Method completed with status: 504",
        ],
    );
}

/// The event of a function holds the client's headers once more.
#[tokio::test]
async fn secrets_inside_of_events_are_masked() {
    let function = Backend::http(|_| async {
        http::Response::new(Body::full(r#"{"statusCode":202,"body":"made"}"#))
    })
    .await;
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:f";
    let uri =
        format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations");
    let mut proxy = method(IntegrationType::AwsProxy, Some(uri));
    let settings = &mut proxy.integration.as_mut().unwrap().settings;
    settings.http_method = Some("POST".to_owned());
    let info = [("part/GET", LogLevel::Info, true)];
    let (lines, answer) = log(proxy, Some(&function), &info).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (202, "made"),
        "{lines:#?}"
    );
    let event = "Endpoint request body after transformations: ";
    let event = lines.iter().find(|line| line.starts_with(event)).unwrap();
    assert!(event.contains(r#""Authorization":"****""#), "{event}");
    assert!(
        !lines.iter().any(|line| line.contains("secret")),
        "{lines:#?}"
    );
}
