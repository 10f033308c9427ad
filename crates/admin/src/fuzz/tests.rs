//! The fuzz targets as bounded property tests: any bytes, and good input with changes.

use proptest::{prelude::*, sample};

use super::{body, openapi, patch};

const BODIES: [&str; 5] = [
    r#"{"name":"a","protocolType":"HTTP","target":"http://b.test","tags":{"a":"b"}}"#,
    r#"{"name":"a","endpointConfiguration":{"types":["EDGE"]},"minimumCompressionSize":7}"#,
    r#"{"type":"HTTP","httpMethod":"GET","uri":"http://b.test/{x}","timeoutInMillis":50}"#,
    r#"{"patchOperations":[{"op":"replace","path":"/name","value":"b"}]}"#,
    r#"{"stageName":"s","deploymentId":"x","variables":{"a":"1"},"canarySettings":{}}"#,
];
const PATCHES: [&str; 5] = [
    "replace /name b\nadd /binaryMediaTypes/image~1png\nremove /policy",
    "replace /*/*/throttling/rateLimit 7\nreplace /~1x/GET/caching/ttlInSeconds 60",
    "replace /canarySettings/percentTraffic 10.5\ncopy /deploymentId  /canarySettings/deploymentId",
    "add /requestParameters/method.request.header.a true\nremove /requestModels/text~1plain",
    "replace /throttle/rateLimit 1e400\nreplace /variables/a \\_x\\_",
];
const FILES: [&str; 4] = [
    r##"{"openapi":"3.0.1","info":{"title":"t","version":"1"},"paths":{"/a/{b}":{"get":{
    "parameters":[{"name":"b","in":"path","required":true,"schema":{"type":"string"}}],
    "responses":{"200":{"description":"ok"}},"x-amazon-apigateway-integration":{"type":"mock",
    "requestTemplates":{"application/json":"{}"},"responses":{"default":{"statusCode":"200"}}}}}},
"components":{"schemas":{"A":{"type":"object","properties":{"b":{"$ref":"#/components/schemas/A"}
    }}}}}"##,
    r##"{"swagger":"2.0","info":{"title":"t","version":"1"},"basePath":"/x","host":"h.test",
    "paths":{"/":{"x-amazon-apigateway-any-method":{"responses":{},"security":[{"k":[]}],
    "x-amazon-apigateway-integration":{"type":"http_proxy","httpMethod":"ANY",
    "uri":"http://b.test"}}}},"securityDefinitions":{"k":{"type":"apiKey","name":"x-api-key",
    "in":"header"}},"x-amazon-apigateway-binary-media-types":["*/*"]}"##,
    "openapi: 3.0.1\ninfo:\n  title: t\n  version: '1'\npaths:\n  /{proxy+}:\n    \
     x-amazon-apigateway-any-method:\n      responses: {}\n      \
     x-amazon-apigateway-integration:\n        type: http_proxy\n        httpMethod: ANY\n        \
     uri: http://b.test/{proxy}\n        payloadFormatVersion: '1.0'\n",
    "openapi: 3.0.1\ninfo: &i {title: t, version: '1'}\npaths: {}\nx-a: [*i, *i]\n\
     x-amazon-apigateway-cors: {allowOrigins: ['*'], maxAge: 5}\n",
];

/// A text with a few changes.
fn changed(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<sample::Index>(), 0_usize..4, "[ -~\n]{0,4}");
    let changes = prop::collection::vec(change, 0..3);
    (sample::select(texts), changes).prop_map(|(text, changes)| {
        let mut text = text.as_bytes().to_vec();
        for (at, cut, put) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, put.into_bytes());
        }
        text
    })
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").map_or(cases, |text| text.parse().unwrap_or(cases)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn the_good_ones_are_good() {
    for (at, file) in FILES.iter().enumerate() {
        let way = if at < 2 { b'\0' } else { b'\x04' };
        openapi(&[&[way], file.as_bytes()].concat());
        let world = super::World::new();
        let (method, target) = super::IMPORTS[usize::from(way)];
        let made = world.checked(method, target, &super::sent(target, file.as_bytes()));
        assert!(made.is_some(), "{file}");
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn bodies(choice in any::<[u8; 4]>(), body_of in changed(&BODIES)) {
        body(&[&choice, body_of.as_slice()].concat());
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        body(&bytes);
        patch(&bytes);
        openapi(&bytes);
    }

    #[test]
    fn patches(at in any::<u8>(), steps in changed(&PATCHES)) {
        patch(&[&[at], steps.as_slice()].concat());
    }

    #[test]
    fn files(at in any::<u8>(), file in changed(&FILES)) {
        openapi(&[&[at], file.as_slice()].concat());
    }
}
