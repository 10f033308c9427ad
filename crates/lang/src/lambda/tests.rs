//! Events as Amazon writes them, and answers in every form that was recorded.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Decision, MalformedAnswer as Bad, MalformedDecision, PRELUDE_BYTES_MAX, Pairs, Prelude,
    PreludeError, PreludeReader, ProxyAnswer, ProxyEvent, RequestEvent, TokenEvent, header_name,
};
use crate::policy::{Caller, Context, Request, Verdict};

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    list.iter().map(own).collect()
}

fn context() -> Value {
    json!({
        "accountId": "111111111111", "apiId": "abc", "awsEndpointRequestId": "not shown",
        "domainName": "abc.execute-api.us-east-1.amazonaws.com", "domainPrefix": "abc",
        "deploymentId": "d1", "extendedRequestId": "x=", "httpMethod": "GET",
        "identity": {"sourceIp": "1.2.3.4", "userAgent": "python-requests/testing"},
        "path": "/stage/proxy-value", "protocol": "HTTP/1.1", "requestId": "uuid",
        "requestTime": "21/Nov/2026:03:00:00 +0000", "requestTimeEpoch": 1_795_230_000_000_u64,
        "resourceId": "r1", "resourcePath": "/{proxy+}", "stage": "stage",
    })
}

const CONTEXT: &str = concat!(
    r#"{"accountId":"111111111111","apiId":"abc","deploymentId":"d1","#,
    r#""domainName":"abc.execute-api.us-east-1.amazonaws.com","domainPrefix":"abc","#,
    r#""extendedRequestId":"x=","httpMethod":"GET","identity":{"accessKey":null,"#,
    r#""accountId":null,"caller":null,"cognitoAuthenticationProvider":null,"#,
    r#""cognitoAuthenticationType":null,"cognitoIdentityId":null,"#,
    r#""cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"1.2.3.4","user":null,"#,
    r#""userAgent":"python-requests/testing","userArn":null},"path":"/stage/proxy-value","#,
    r#""protocol":"HTTP/1.1","requestId":"uuid","requestTime":"21/Nov/2026:03:00:00 +0000","#,
    r#""requestTimeEpoch":1795230000000,"resourceId":"r1","resourcePath":"/{proxy+}","#,
    r#""stage":"stage"}"#,
);

fn event(headers: &Pairs, query: &Pairs, path: &Pairs, body: Option<&str>) -> String {
    let event = ProxyEvent {
        resource: "/{proxy+}",
        path: "/proxy-value",
        http_method: "GET",
        headers,
        query,
        path_parameters: path,
        stage_variables: &BTreeMap::new(),
        context: &context(),
        body,
        is_base64_encoded: false,
    };
    String::from_utf8(event.to_json()).unwrap()
}

#[test]
fn recorded_event() {
    let headers = pairs(&[("X-Forwarded-Port", "443"), ("Accept", "*/*")]);
    let text = event(&headers, &[], &pairs(&[("proxy", "proxy-value")]), None);
    let expected = [
        r#"{"resource":"/{proxy+}","path":"/proxy-value","httpMethod":"GET","headers":"#,
        r#"{"Accept":"*/*","X-Forwarded-Port":"443"},"multiValueHeaders":"#,
        r#"{"Accept":["*/*"],"X-Forwarded-Port":["443"]},"queryStringParameters":null,"#,
        r#""multiValueQueryStringParameters":null,"pathParameters":{"proxy":"proxy-value"},"#,
        r#""stageVariables":null,"requestContext":"#,
        CONTEXT,
        r#","body":null,"isBase64Encoded":false}"#,
    ];
    assert_eq!(text, expected.concat());
}

#[test]
fn repeated_values_and_optional_facts() {
    let mut context = context();
    context["authorizer"] = json!({"principalId": "u", "integrationLatency": 3});
    context["identity"]["apiKey"] = json!("k");
    let variables = BTreeMap::from([("v".to_owned(), "1".to_owned())]);
    let event = ProxyEvent {
        resource: "/",
        path: "/",
        http_method: "POST",
        headers: &pairs(&[("a", "1"), ("a", "2")]),
        query: &pairs(&[("q", ""), ("q", "é")]),
        path_parameters: &[],
        stage_variables: &variables,
        context: &context,
        body: Some("\"\n"),
        is_base64_encoded: true,
    };
    let value: Value = serde_json::from_slice(&event.to_json()).unwrap();
    assert_eq!(value["headers"], json!({"a": "2"}));
    assert_eq!(value["multiValueHeaders"], json!({"a": ["1", "2"]}));
    assert_eq!(value["queryStringParameters"], json!({"q": "é"}));
    assert_eq!(
        value["multiValueQueryStringParameters"],
        json!({"q": ["", "é"]})
    );
    assert_eq!(value["pathParameters"], Value::Null);
    assert_eq!(value["stageVariables"], json!({"v": "1"}));
    assert_eq!(value["body"], "\"\n");
    assert_eq!(value["isBase64Encoded"], true);
    assert_eq!(value["requestContext"]["authorizer"]["principalId"], "u");
    assert_eq!(value["requestContext"]["identity"]["apiKey"], "k");
}

#[test]
fn spelling_of_names() {
    assert_eq!(header_name("authorization"), "Authorization");
    assert_eq!(header_name("x-requested-with"), "X-Requested-With");
    assert_eq!(header_name("accept"), "Accept");
    assert_eq!(header_name("x-custom"), "x-custom");
    let sorted = super::name::WELL_KNOWN.is_sorted_by_key(|(name, _)| *name);
    assert!(sorted);
    for (name, spelling) in super::name::WELL_KNOWN {
        assert_eq!(header_name(name), spelling);
        assert_eq!(spelling.to_ascii_lowercase(), name);
    }
}

#[test]
fn authorizer_events() {
    let token = TokenEvent {
        method_arn: "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request",
        token: "Bearer x",
    };
    assert_eq!(
        String::from_utf8(token.to_json()).unwrap(),
        concat!(
            r#"{"type":"TOKEN","methodArn":"arn:aws:execute-api:us-east-1:123456789012:"#,
            r#"abcdef123/test/GET/request","authorizationToken":"Bearer x"}"#,
        )
    );
    let request = RequestEvent {
        method_arn: "arn",
        resource: "/{proxy+}",
        path: "/proxy-value",
        http_method: "GET",
        headers: &pairs(&[("HeaderAuth1", "v")]),
        query: &pairs(&[("QueryString1", "v")]),
        path_parameters: &[],
        stage_variables: &BTreeMap::new(),
        context: &context(),
    };
    let text = String::from_utf8(request.to_json()).unwrap();
    let expected = [
        r#"{"type":"REQUEST","methodArn":"arn","resource":"/{proxy+}","path":"/proxy-value","#,
        r#""httpMethod":"GET","headers":{"HeaderAuth1":"v"},"#,
        r#""multiValueHeaders":{"HeaderAuth1":["v"]},"queryStringParameters":"#,
        r#"{"QueryString1":"v"},"multiValueQueryStringParameters":{"QueryString1":["v"]},"#,
        r#""pathParameters":{},"stageVariables":{},"requestContext":"#,
        CONTEXT,
        "}",
    ];
    assert_eq!(text, expected.concat());
}

fn answer(text: &str) -> Result<ProxyAnswer, Bad> {
    ProxyAnswer::parse(text.as_bytes())
}

#[test]
fn answers() {
    let check = |text: &str, status: u16, headers: &[(&str, &str)], body: Option<&str>| {
        let expected = ProxyAnswer {
            status,
            headers: pairs(headers),
            body: body.map(str::to_owned),
            is_base64_encoded: false,
        };
        assert_eq!(answer(text), Ok(expected), "{text}");
    };
    check("{}", 200, &[], None);
    check(r#"{"statusCode":201}"#, 201, &[], None);
    check(r#"{"statusCode":"404"}"#, 404, &[], None);
    check(
        r#"{"statusCode":null,"headers":null,"multiValueHeaders":null,"body":null}"#,
        200,
        &[],
        None,
    );
    check(
        r#"{"body":"text","isBase64Encoded":false}"#,
        200,
        &[],
        Some("text"),
    );
    check(r#"{"body":12}"#, 200, &[], Some("12"));
    check(
        r#"{"headers":{"a":"b","c":true,"d":1.50,"e":null}}"#,
        200,
        &[("a", "b"), ("c", "true"), ("d", "1.5")],
        None,
    );
    // The lists' values come first, and their spelling wins.
    check(
        r#"{"headers":{"test-multi":"value-solo","x":"1"},
            "multiValueHeaders":{"Test-Multi":["value-multi","b"]}}"#,
        200,
        &[
            ("Test-Multi", "value-multi"),
            ("Test-Multi", "b"),
            ("Test-Multi", "value-solo"),
            ("x", "1"),
        ],
        None,
    );
    let binary = answer(r#"{"body":"YQ==","isBase64Encoded":true}"#);
    assert!(binary.unwrap().is_base64_encoded);
}

#[test]
fn malformed_answers() {
    let check = |text: &str, expected: Bad| assert_eq!(answer(text), Err(expected), "{text}");
    check("", Bad::Json);
    check("{", Bad::Json);
    check(&"[".repeat(100_000), Bad::Json);
    check("null", Bad::Object);
    check("\"text\"", Bad::Object);
    check("[]", Bad::Object);
    check(r#"{"statusCode":200,"foo":1}"#, Bad::Key("foo".to_owned()));
    check(
        r#"{"statusCode":200,"cookies":[]}"#,
        Bad::Key("cookies".to_owned()),
    );
    for status in [
        "\"x\"", "200.5", "true", "{}", "99", "101", "600", "-1", "\"\"", "1e9",
    ] {
        check(&format!(r#"{{"statusCode":{status}}}"#), Bad::Status);
    }
    check(r#"{"headers":"a"}"#, Bad::Headers);
    check(r#"{"headers":[]}"#, Bad::Headers);
    check(r#"{"headers":{"a":["b"]}}"#, Bad::Headers);
    check(r#"{"multiValueHeaders":{"a":"b"}}"#, Bad::MultiValueHeaders);
    check(
        r#"{"multiValueHeaders":{"a":[{}]}}"#,
        Bad::MultiValueHeaders,
    );
    check(r#"{"multiValueHeaders":[]}"#, Bad::MultiValueHeaders);
    check(r#"{"body":{"a":1}}"#, Bad::Body);
    check(r#"{"isBase64Encoded":1}"#, Bad::Base64);
}

#[test]
fn streamed_heads() {
    let head = r#"{"statusCode":201,"headers":{"a":"b"},"cookies":["x=1","y=2"]}"#;
    let mut bytes = head.as_bytes().to_vec();
    bytes.extend([0; 9]);
    bytes.extend(b"payload");
    let expected = Prelude {
        status: 201,
        headers: pairs(&[("a", "b"), ("set-cookie", "x=1"), ("set-cookie", "y=2")]),
    };
    for step in [1, 5, 70, bytes.len()] {
        let mut reader = PreludeReader::default();
        let mut parts = bytes.chunks(step);
        let (prelude, mut payload) = loop {
            if let Some(done) = reader.push(parts.next().unwrap()).unwrap() {
                break done;
            }
        };
        payload.extend(parts.flatten());
        assert_eq!(prelude, expected);
        // The ninth NUL belongs to the payload.
        assert_eq!(payload, b"\0payload");
    }
    let mut reader = PreludeReader::default();
    let failed = reader.push(&vec![b' '; PRELUDE_BYTES_MAX + 9]);
    assert_eq!(failed, Err(PreludeError::TooLong));
    let check = |text: &[u8], expected: Bad| {
        let bytes = [text, &[0; 8]].concat();
        let failed = PreludeReader::default().push(&bytes);
        assert_eq!(failed, Err(PreludeError::Malformed(expected)));
    };
    check(b"", Bad::Json);
    check(b"[]", Bad::Object);
    check(br#"{"statusCode":"x"}"#, Bad::Status);
    check(br#"{"cookies":"x"}"#, Bad::Cookies);
    check(br#"{"body":"x"}"#, Bad::Key("body".to_owned()));
}

#[test]
fn decisions() {
    let text = r#"{"principalId":"u","policyDocument":{"Version":"2012-10-17","Statement":
        [{"Action":"execute-api:Invoke","Effect":"Allow",
        "Resource":"arn:aws:execute-api:*:*:a/s/GET/a"}]},
        "context":{"k":"v","n":1,"b":true,"z":null},"usageIdentifierKey":"apikey"}"#;
    let decision = Decision::parse(text.as_bytes()).unwrap();
    assert_eq!(decision.principal_id, "u");
    assert_eq!(decision.usage_identifier_key.as_deref(), Some("apikey"));
    let context = BTreeMap::from([("b", "true"), ("k", "v"), ("n", "1")]);
    let own = context
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    assert_eq!(decision.context, own.collect());
    let verdict = |resource| {
        decision.policy.evaluate(&Request {
            action: "execute-api:Invoke",
            resource,
            caller: Caller::default(),
            context: &Context::new(),
        })
    };
    assert_eq!(
        verdict("arn:aws:execute-api:us-east-1:1:a/s/GET/a"),
        Verdict::Allowed
    );
    assert_eq!(
        verdict("arn:aws:execute-api:us-east-1:1:a/s/GET/b"),
        Verdict::NotAllowed
    );
}

#[test]
fn malformed_decisions() {
    let policy = r#""policyDocument":{"Version":"2012-10-17","Statement":[]}"#;
    let check = |text: &str, expected| {
        assert_eq!(Decision::parse(text.as_bytes()), Err(expected), "{text}");
    };
    check("", MalformedDecision::Object);
    check("\"Unauthorized\"", MalformedDecision::Object);
    check(&format!("{{{policy}}}"), MalformedDecision::Principal);
    check(
        &format!(r#"{{"principalId":"",{policy}}}"#),
        MalformedDecision::Principal,
    );
    check(
        &format!(r#"{{"principalId":1,{policy}}}"#),
        MalformedDecision::Principal,
    );
    check(r#"{"principalId":"u"}"#, MalformedDecision::NoPolicy);
    check(
        r#"{"principalId":"u","policyDocument":"x"}"#,
        MalformedDecision::NoPolicy,
    );
    let nested = r#"{"principalId":"u","policyDocument":{"Version":"2012-10-17","Statement":
        {"Effect":"Allow","Action":"*","Resource":"*"}},"context":{"a":{}}}"#;
    check(nested, MalformedDecision::Context);
    let bad = r#"{"principalId":"u","policyDocument":{"Statement":[{"Effect":"Maybe"}]}}"#;
    let failed = Decision::parse(bad.as_bytes());
    assert!(
        matches!(failed, Err(MalformedDecision::Policy(_))),
        "{failed:?}"
    );
}

proptest! {
    #[test]
    fn anything_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = ProxyAnswer::parse(&bytes);
        let _ = Decision::parse(&bytes);
        let _ = PreludeReader::default().push(&bytes);
    }
}
