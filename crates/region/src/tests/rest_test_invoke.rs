//! Methods that are tried: what is not deployed runs, and the log says what happened.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::HeaderMap;
use model::{
    ApiKind, Config,
    rest::{AuthorizationType, IntegrationType, Method, Resource, RestApi, Verb},
};

use super::{
    backend::Backend,
    harness::Rig,
    rest::{method, rig},
};
use crate::{MethodTest, MethodTested, Tester};

/// The rig's configuration with a method at `/pets/{id}` that no deployment has.
fn with_method(rig: &Rig, method: Method) -> Config {
    let mut config = (**rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    let mut rest = RestApi::empty("root".into());
    let content = Arc::make_mut(&mut rest.content);
    // Nobody would be let in by it.
    content.policy = Some("{\"Version\":\"2012-10-17\",\"Statement\":[]}".to_owned());
    for (id, parent, part) in [("pets", "root", "pets"), ("pet", "pets", "{id}")] {
        let resource = Resource {
            id: id.into(),
            parent: Some(parent.into()),
            part: part.to_owned(),
            methods: BTreeMap::new(),
        };
        content.resources.insert(id.into(), Arc::new(resource));
    }
    let pet = content.resources.get_mut("pet").map(Arc::make_mut).unwrap();
    pet.methods.insert(Verb::Post, Arc::new(method));
    api.kind = ApiKind::Rest(rest);
    config
}

async fn tried(rig: &Rig, config: &Config, path: Option<&str>) -> Result<MethodTested, String> {
    let api = config.apis.keys().next().unwrap().clone();
    let mut headers = HeaderMap::new();
    headers.insert("x-own", "1".parse().unwrap());
    let test = MethodTest {
        api,
        resource: "pet".into(),
        verb: Verb::Post,
        path_and_query: path.map(str::to_owned),
        headers,
        body: Bytes::from_static(b"{\"a\":1}"),
        variables: BTreeMap::new(),
    };
    Tester::new(&rig.region).method(config, test).await
}

/// Every line of the log in order, without its time.
fn events(tested: &MethodTested) -> Vec<&str> {
    // Bodies have lines of their own, which have no time.
    let timed = |line: &'_ str| line.contains(" UTC ") && line.contains(" : ");
    let lines = tested.log.lines().enumerate();
    lines
        .filter(|(at, line)| *at == 0 || timed(line))
        .map(|(_, line)| line.split_once(" : ").map_or(line, |(_, event)| event))
        .collect()
}

#[track_caller]
fn in_order(tested: &MethodTested, expected: &[&str]) {
    let events = events(tested);
    assert_eq!(events.len(), expected.len(), "{}", tested.log);
    for (event, start) in events.iter().zip(expected) {
        assert!(event.starts_with(start), "{event:?} is not {start:?}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_deployed_calls_its_backend() {
    let backend = Backend::echo().await;
    let uri = format!("{}/base", backend.url());
    let mut guarded = method(IntegrationType::HttpProxy, Some(uri.clone()));
    guarded.settings.api_key_required = true;
    guarded.settings.authorization = AuthorizationType::Iam;
    let rig = rig(vec![], &[]).await;
    let config = with_method(&rig, guarded);
    let tested = tried(&rig, &config, Some("/pets/7?q=1")).await.unwrap();
    assert_eq!(tested.status, 200, "{}", tested.log);
    assert!(tested.body.ends_with(b"{\"a\":1}"));
    let sending = format!("Sending request to {uri}?q=1");
    in_order(
        &tested,
        &[
            "Execution log for request ",
            "Starting execution for request: ",
            "HTTP Method: POST, Resource Path: /pets/{id}",
            "Method request path: {id=7}",
            "Method request query string: {q=1}",
            "Method request headers: {",
            "Method request body before transformations: {\"a\":1}",
            "Endpoint request URI: ",
            "Endpoint request headers: {",
            "Endpoint request body after transformations: {\"a\":1}",
            &sending,
            "Received response. Status: 200, Integration latency: ",
            "Endpoint response headers: {",
            "Endpoint response body before transformations: ",
            "Method response body after transformations: ",
            "Method response headers: {",
            "Successfully completed execution",
            "Method completed with status: 200",
        ],
    );
    // Clients still find nothing there.
    let answer = rig.get("/test-invoke-stage/pets/7").await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_failure_is_said_in_the_log() {
    let mut mock = method(IntegrationType::Mock, None);
    let integration = mock.integration.as_mut().unwrap();
    let template = "{\"statusCode\": 200}".to_owned();
    let templates = &mut integration.settings.request_templates;
    templates.insert("application/json".to_owned(), template);
    integration.responses.clear();
    let rig = rig(vec![], &[]).await;
    let config = with_method(&rig, mock);
    let tested = tried(&rig, &config, None).await.unwrap();
    assert_eq!(tested.status, 500, "{}", tested.log);
    let failed = events(&tested)
        .into_iter()
        .find(|event| event.starts_with("Execution failed"));
    let failed = failed.unwrap();
    assert!(failed.contains("due to configuration error: "), "{failed}");
    assert!(
        tested
            .log
            .trim_end()
            .ends_with("Method completed with status: 500")
    );
    let mut none = config.clone();
    none.apis = model::Table::default();
    assert!(tried_nothing(&rig, &none, &config).await.is_err());
}

/// The same method where its API is not.
async fn tried_nothing(rig: &Rig, none: &Config, known: &Config) -> Result<MethodTested, String> {
    let test = MethodTest {
        api: known.apis.keys().next().unwrap().clone(),
        resource: "pet".into(),
        verb: Verb::Post,
        path_and_query: None,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        variables: BTreeMap::new(),
    };
    Tester::new(&rig.region).method(none, test).await
}
