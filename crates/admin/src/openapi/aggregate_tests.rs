//! `x-edgeway-aggregate`: read, written and read again; written wrong.

use std::sync::Arc;

use model::rest::{Aggregate, Merge, OnFailure, Verb};
use serde_json::{Value, json};

use super::read::Dialect;
use super::tests::{read, refused, written};

fn file(aggregate: Value) -> Value {
    json!({"openapi": "3.0.1", "info": {"title": "Shop"}, "paths": {"/{id}": {"get": {
        "parameters": [{"name": "id", "in": "path", "required": true}],
        "responses": {"200": {"description": "all"}},
        "x-edgeway-aggregate": aggregate,
    }}}})
}

fn found(content: &model::rest::Content) -> Arc<Aggregate> {
    let mut methods = content.methods();
    let (_, verb, method) = methods.next().unwrap();
    assert_eq!(verb, Verb::Get);
    assert!(method.is_complete() && method.integration.is_none());
    method.aggregate.clone().unwrap()
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let wanted = json!({"merge": "flat", "statusCode": 203, "template": "$input.body", "parts": {
        "second": {"uri": "https://a.example/{id}", "onFailure": "default", "default": {"a": [1]},
            "path": {"id": "parts.first.body.id"}, "cacheTtlInSeconds": 60,
            "headers": {"x-status": "parts.first.status"}, "after": ["first"]},
        "first": {"uri": "http://${stageVariables.host}/x", "httpMethod": "POST",
            "body": "method.request.body", "timeoutInMillis": 500,
            "query": {"page": "method.request.querystring.page"}},
    }});
    let first = read(&file(wanted)).unwrap().definition;
    let aggregate = found(&first.content);
    assert_eq!((aggregate.merge, aggregate.status), (Merge::Flat, 203));
    assert_eq!(aggregate.template.as_deref(), Some("$input.body"));
    let names: Vec<&str> = aggregate
        .parts
        .iter()
        .map(|part| part.name.as_str())
        .collect();
    assert_eq!(names, ["second", "first"]);
    assert_eq!(aggregate.parts[0].on_failure, OnFailure::Default);
    assert_eq!(aggregate.parts[0].default.as_deref(), Some(r#"{"a":[1]}"#));
    assert_eq!(aggregate.parts[1].on_failure, OnFailure::Fail);
    assert_eq!(aggregate.parts[1].timeout_ms, 500);
    for dialect in [Dialect::Two, Dialect::Three] {
        let again = read(&written(&first, dialect)).unwrap().definition;
        assert_eq!(found(&again.content), aggregate);
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let check = |aggregate: Value, part: &str| {
        let text = refused(&file(aggregate));
        assert!(text.contains(part), "{text}\nshould contain {part}");
    };
    let one = |alter: Value| {
        let mut one = json!({"uri": "http://a"});
        one.as_object_mut()
            .unwrap()
            .extend(alter.as_object().unwrap().clone());
        json!({"parts": {"a": one}})
    };
    check(json!({}), "'parts' is missing");
    check(json!({"parts": {}}), "must have 1 to 16 parts");
    check(
        json!({"parts": {"a b": {"uri": "http://a"}}}),
        "names of parts",
    );
    check(json!({"parts": {"a": {}}}), "'uri' is missing");
    check(
        json!({"parts": {"a": {"uri": "http://a"}}, "merge": "deep"}),
        "unknown value",
    );
    check(
        json!({"parts": {"a": {"uri": "http://a"}}, "statusCode": 99}),
        "200 to 599",
    );
    check(
        json!({"parts": {"a": {"uri": "http://a"}}, "layout": "x"}),
        "layout",
    );
    check(
        json!({"parts": {"a": {"uri": "http://a"}}, "template": "#if(true)x"}),
        "template: line 1",
    );
    check(one(json!({"retries": 3})), "/parts/a/retries");
    check(one(json!({"timeoutInMillis": 10})), "50 to 29000");
    check(one(json!({"cacheTtlInSeconds": 9999})), "at most 3600");
    check(one(json!({"onFailure": "default"})), "'default' is missing");
    check(one(json!({"after": ["b"]})), "unknown part");
    check(
        one(json!({"query": {"x": "method.request.cookie.y"}})),
        "not a mapping expression",
    );
    check(
        one(json!({"body": "parts.a.bodies"})),
        "not a mapping expression",
    );
    let mut both = file(one(json!({})));
    both["paths"]["/{id}"]["get"]["x-amazon-apigateway-integration"] = json!({"type": "mock"});
    assert!(refused(&both).contains("not both"));
}
