//! `TestInvokeMethod` and `TestInvokeAuthorizer`: tries a method, deployed or not, or an authorizer
//! at the node that is asked.
//!
//! What happens is the region's; here is what the call asks for and gets.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::{ResourceKind, rest::Verb};
use serde_json::{Map, Value, json};
use serve::BoxFuture;

use super::input;
use crate::{
    answer::Answer,
    call::Call,
    document::Document,
    operation::{Operation, Waited, wait},
    ports::{AuthorizerTest, AuthorizerTested, MethodTest, MethodTested},
    refusal::Refusal,
};

pub(super) const OPERATIONS: &[Operation] = &[
    wait(
        "TestInvokeMethod",
        "POST",
        "/restapis/{api}/resources/{resource}/methods/{verb}",
        run,
    ),
    wait(
        "TestInvokeAuthorizer",
        "POST",
        "/restapis/{api}/authorizers/{authorizer}",
        ask,
    ),
];

/// Longest path that can be tried.
const PATH_BYTES_MAX: usize = 8 * 1024;

fn run<'a>(call: &'a Call<'_>) -> BoxFuture<'a, Result<Waited, Refusal>> {
    Box::pin(async move {
        let test = read(call)?;
        let tried = call.ports.invoke.method(call.config, test).await;
        let tested = tried.map_err(Refusal::bad)?;
        answer(call, &shown(&tested))
    })
}

fn read(call: &Call<'_>) -> Result<MethodTest, Refusal> {
    let missing = |what: &str| Refusal::Missing(format!("Invalid {what} identifier specified"));
    let api = call.argument(0);
    let Some((_, rest)) = call.config.rest_api(api) else {
        return Err(Refusal::not_found(ResourceKind::Api, api));
    };
    let resource = rest.content.resources.get(call.argument(1));
    let resource = resource.ok_or_else(|| missing("Resource"))?;
    let verb = Verb::parse(call.argument(2)).filter(|verb| resource.methods.contains_key(verb));
    let input = input(call);
    input.unsupported(&["clientCertificateId"])?;
    Ok(MethodTest {
        api: api.into(),
        resource: resource.id.clone(),
        verb: verb.ok_or_else(|| missing("Method"))?,
        path_and_query: path_and_query(&input)?,
        headers: headers(&input)?,
        body: Bytes::from(input.text("body")?.unwrap_or_default()),
        variables: input.map("stageVariables")?.unwrap_or_default(),
    })
}

fn ask<'a>(call: &'a Call<'_>) -> BoxFuture<'a, Result<Waited, Refusal>> {
    Box::pin(async move {
        let test = read_question(call)?;
        let tried = call.ports.invoke.authorizer(call.config, test).await;
        let tested = tried.map_err(Refusal::bad)?;
        answer(call, &shown_decision(&tested))
    })
}

fn read_question(call: &Call<'_>) -> Result<AuthorizerTest, Refusal> {
    let api = call.argument(0);
    let Some((_, rest)) = call.config.rest_api(api) else {
        return Err(Refusal::not_found(ResourceKind::Api, api));
    };
    let authorizer = rest.content.authorizers.get(call.argument(1));
    let missing = || Refusal::Missing("Invalid Authorizer identifier specified".to_owned());
    let authorizer = authorizer.ok_or_else(missing)?;
    let input = input(call);
    input.unsupported(&["additionalContext"])?;
    Ok(AuthorizerTest {
        api: api.into(),
        authorizer: authorizer.id.clone(),
        path_and_query: path_and_query(&input)?,
        headers: headers(&input)?,
        body: Bytes::from(input.text("body")?.unwrap_or_default()),
        variables: input.map("stageVariables")?.unwrap_or_default(),
    })
}

/// With the revision that was tried.
fn answer(call: &Call<'_>, shape: &Value) -> Result<Waited, Refusal> {
    let revision = call.config.revision.to_string();
    let answer = Answer::ok(shape)?.with("x-edgeway-revision", &revision);
    Ok(Waited::Answer(answer))
}

fn path_and_query(input: &Document) -> Result<Option<String>, Refusal> {
    let path = input.sized("pathWithQueryString", 0, PATH_BYTES_MAX)?;
    let path = path.filter(|path| !path.is_empty());
    if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        return Err(Refusal::bad("pathWithQueryString must begin with /"));
    }
    Ok(path)
}

fn headers(input: &Document) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        let parsed = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        );
        let (Ok(name), Ok(value)) = parsed else {
            return Err(Refusal::bad(format!("Invalid header specified: {name}")));
        };
        headers.append(name, value);
        Ok(())
    };
    for (name, value) in input.map("headers")?.unwrap_or_default() {
        add(&name, &value)?;
    }
    if let Some(many) = input.object("multiValueHeaders")? {
        for name in many.names() {
            for value in many.texts(name)?.unwrap_or_default() {
                add(name, &value)?;
            }
        }
    }
    Ok(headers)
}

fn shown(tested: &MethodTested) -> Value {
    let (mut one, mut all) = (Map::new(), Map::new());
    for name in tested.headers.keys() {
        let values = tested.headers.get_all(name).iter();
        let values: Vec<Value> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into())
            .collect();
        let last = values.last().cloned().unwrap_or_default();
        one.insert(name.to_string(), last);
        all.insert(name.to_string(), Value::Array(values));
    }
    json!({
        "status": tested.status,
        "body": String::from_utf8_lossy(&tested.body),
        "headers": one,
        "multiValueHeaders": all,
        "log": tested.log,
        "latency": tested.latency_ms,
    })
}

fn shown_decision(tested: &AuthorizerTested) -> Value {
    let context = tested.context.iter();
    let context: Map<String, Value> = context
        .map(|(name, value)| (name.clone(), json!([value])))
        .collect();
    let mut shown = json!({
        "clientStatus": tested.client_status,
        "log": tested.log,
        "latency": tested.latency_ms,
    });
    if let (Some(who), Value::Object(fields)) = (&tested.principal_id, &mut shown) {
        fields.insert("principalId".to_owned(), who.as_str().into());
        fields.insert("policy".to_owned(), tested.policy.clone().into());
        fields.insert("authorization".to_owned(), context.into());
        fields.insert("claims".to_owned(), json!({}));
    }
    if let (false, Value::Object(fields)) = (tested.claims.is_empty(), &mut shown) {
        fields.insert("claims".to_owned(), json!(tested.claims));
    }
    shown
}
