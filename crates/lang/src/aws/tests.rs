//! URIs that OpenAPI files hold, and texts that are none.

use super::{
    Call, IntegrationUri, Protocol, RenderError, Service, UriError, Value, known_services, render,
    render_query,
};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:my-f_1:prod";

fn read(text: &str) -> (String, Option<String>, String, Call) {
    let uri = IntegrationUri::parse(text).unwrap();
    (uri.region, uri.subdomain, uri.service, uri.call)
}

#[test]
fn functions() {
    let check = |region: &str, text: &str, streamed: bool| {
        let uri = IntegrationUri::parse(text).unwrap();
        assert_eq!(
            (uri.region.as_str(), uri.service.as_str()),
            (region, "lambda")
        );
        assert_eq!(uri.function(), Some((FUNCTION, streamed)));
    };
    let buffered = |before: &str| format!("{before}/2015-03-31/functions/{FUNCTION}/invocations");
    check(
        "eu-west-1",
        &buffered("arn:aws:apigateway:eu-west-1:lambda:path"),
        false,
    );
    check(
        "cn-north-1",
        &buffered("arn:aws-cn:apigateway:cn-north-1:lambda:path"),
        false,
    );
    check(
        "us-east-1",
        &buffered("arn:aws:apigateway:us-east-1:lambda:path/"),
        false,
    );
    let streamed = format!(
        "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{FUNCTION}\
         /response-streaming-invocations"
    );
    check("us-east-1", &streamed, true);
}

#[test]
fn services() {
    let own = str::to_owned;
    let action = |name: &str, query: &str| Call::Action {
        name: own(name),
        query: own(query),
    };
    assert_eq!(
        read("arn:aws:apigateway:us-west-2:dynamodb:action/PutItem"),
        (
            own("us-west-2"),
            None,
            own("dynamodb"),
            action("PutItem", "")
        )
    );
    assert_eq!(
        read("arn:aws:apigateway:us-west-2:s3:action/GetObject&Bucket={b}&Key={k}").3,
        action("GetObject", "Bucket={b}&Key={k}")
    );
    assert_eq!(
        read("arn:aws:apigateway:us-west-2:s3:path/{bucket}/{key}"),
        (
            own("us-west-2"),
            None,
            own("s3"),
            Call::Path(own("{bucket}/{key}"))
        )
    );
    assert_eq!(
        read("arn:aws:apigateway:us-west-2:my.bucket.s3:path/k").1,
        Some(own("my.bucket"))
    );
    assert_eq!(
        read("arn:aws:apigateway:us-east-1:sqs:path/123456789012/queue:x").3,
        Call::Path(own("123456789012/queue:x"))
    );
}

#[test]
fn what_is_none() {
    let check = |text: &str, expected| {
        assert_eq!(IntegrationUri::parse(text), Err(expected), "{text}");
    };
    check("", UriError::Form);
    check("http://example.com/", UriError::Form);
    check(
        "arn:aws:lambda:us-east-1:123456789012:function:f",
        UriError::Form,
    );
    check("arn:aws:apigateway:us-east-1:sqs", UriError::Form);
    check("arn:aws:apigateway:us-east-1:sqs:other/x", UriError::Form);
    check("arn:aws:apigateway:us-east-1:sqs:action/", UriError::Form);
    check("arn:gcp:apigateway:us-east-1:sqs:action/X", UriError::Form);
    check("arn:aws:apigateway::sqs:action/X", UriError::Name);
    check("arn:aws:apigateway:us-east-1:.sqs:path/X", UriError::Name);
    check(
        "arn:aws:apigateway:us-east-1:evil.com/x:path/X",
        UriError::Name,
    );
    check("arn:aws:apigateway:us-east-1:a@b:path/X", UriError::Name);
    check(
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions//invocations",
        UriError::Function,
    );
    check(
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/x",
        UriError::Function,
    );
    check(
        "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/a/b/invocations",
        UriError::Function,
    );
    check(
        &format!("arn:aws:apigateway:us-east-1:s3:path/{}", "x".repeat(3000)),
        UriError::TooLong,
    );
}

#[test]
fn what_is_known_of_services() {
    let host = |name, subdomain| Service::named(name).host("eu-west-1", subdomain);
    assert_eq!(host("states", None), "states.eu-west-1.amazonaws.com");
    assert_eq!(host("s3", Some("b")), "b.s3.eu-west-1.amazonaws.com");
    assert_eq!(host("iam", None), "iam.amazonaws.com");
    assert_eq!(
        Service::named("sqs").host("cn-north-1", None),
        "sqs.cn-north-1.amazonaws.com.cn"
    );
    let variable = |name| Service::named(name).endpoint_variable();
    assert_eq!(variable("states"), "AWS_ENDPOINT_URL_SFN");
    assert_eq!(variable("events"), "AWS_ENDPOINT_URL_EVENTBRIDGE");
    assert_eq!(variable("dynamodb"), "AWS_ENDPOINT_URL_DYNAMODB");
    assert_eq!(variable("new-one"), "AWS_ENDPOINT_URL_NEW_ONE");
    let unknown = Service::named("new-one");
    assert_eq!(unknown.protocol, Protocol::Query { version: None });
    assert_eq!(unknown.signing_name, "new-one");
    let names: Vec<&str> = known_services().map(|service| service.name).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn paths_and_queries() {
    let values = |name: &str| {
        let (text, keeps_slashes) = match name {
            "bucket" => ("my-bucket", false),
            "key" => ("a/b c+d/ä", true),
            "part" => ("a/b&c=d", false),
            "up" => ("a/../b", true),
            _ => return None,
        };
        let text = text.to_owned();
        Some(Value {
            text,
            keeps_slashes,
        })
    };
    let check = |template: &str, path: &str, query: &str| {
        let expected = (path.to_owned(), query.to_owned());
        assert_eq!(render(template, values), Ok(expected), "{template}");
    };
    check("{bucket}/{key}", "/my-bucket/a/b%20c%2Bd/%C3%A4", "");
    check("/{bucket}/{part}", "/my-bucket/a%2Fb%26c%3Dd", "");
    check("{key+}", "/a/b%20c%2Bd/%C3%A4", "");
    check("123456789012/queue.fifo", "/123456789012/queue.fifo", "");
    check(
        "a:b%20c?list-type=2&p={part}",
        "/a%3Ab%20c",
        "list-type=2&p=a%2Fb%26c%3Dd",
    );
    check("", "/", "");
    check("a{b", "/a%7Bb", "");
    let missing = RenderError::Missing("none".to_owned());
    assert_eq!(render("{none}", values), Err(missing.clone()));
    assert_eq!(render_query("a={none}", values), Err(missing));
    assert_eq!(render("{up}", values), Err(RenderError::Leaves));
    assert_eq!(
        render_query("Key={up}", values),
        Ok("Key=a%2F..%2Fb".to_owned())
    );
}
