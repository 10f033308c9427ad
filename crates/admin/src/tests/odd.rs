//! Every operation with documents, paths and queries made at random: nothing panics, and nothing is
//! answered with 500. What is odd is the client's mistake, or no mistake at all.

use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{Bench, KEY, SECRET};
use crate::{clock, operation};

/// Fields of every kind of document that is read.
const NAMES: [&str; 40] = [
    "name",
    "protocolType",
    "target",
    "routeKey",
    "corsConfiguration",
    "allowOrigins",
    "maxAge",
    "integrationType",
    "integrationUri",
    "integrationMethod",
    "timeoutInMillis",
    "tlsConfig",
    "payloadFormatVersion",
    "stageName",
    "autoDeploy",
    "stageVariables",
    "deploymentId",
    "description",
    "domainName",
    "domainNameConfigurations",
    "certificateArn",
    "endpointType",
    "apiId",
    "stage",
    "apiMappingKey",
    "tags",
    "policy",
    "graceSeconds",
    "revision",
    "role",
    "place",
    "ttlSeconds",
    "latitude",
    "longitude",
    "records",
    "addresses",
    "certificate",
    "privateKey",
    "staged",
    "soakMs",
];

fn scalar() -> impl Strategy<Value = Value> {
    let texts = vec![
        "",
        "a",
        "$default",
        "GET /x/{y}",
        "HTTP",
        "HTTP_PROXY",
        "http://h/{x}",
        "*.example.test",
        "arn:aws:acm:us-east-1:000000000000:certificate/x",
        "region",
        "\u{0}",
        "\u{fffd}ä*?${",
        "{\"Statement\":[]}",
        "127.0.0.1",
        "GET",
        "1.0",
        "$request.method $request.path",
    ];
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => select(vec![0, 1, -1, 50, 30_000]).prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        4 => select(texts).prop_map(Value::from),
        1 => "\\PC{0,20}".prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let value = scalar().prop_recursive(4, 32, 4, |inner| {
        let members = prop::collection::btree_map(select(NAMES.to_vec()), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            members.prop_map(|members| json!(members)),
        ]
    });
    let members = prop::collection::btree_map(select(NAMES.to_vec()), value, 0..8);
    members.prop_map(|members| json!(members))
}

#[derive(Clone, Debug)]
struct Odd {
    at: prop::sample::Index,
    /// What stands for the path's variables.
    arguments: Vec<prop::sample::Index>,
    query: String,
    document: Value,
    /// Cuts the document off.
    keep: Option<prop::sample::Index>,
}

fn odd() -> impl Strategy<Value = Odd> {
    let queries = vec![
        "",
        "maxResults=0",
        "nextToken=zz",
        "from=0&to=1",
        "from=x",
        "tagKeys=%00",
        "apiId=a",
        "=&&=%",
        "x-edgeway-rollout=staged",
        "name=%FF&from=1.2.3.4/33",
    ];
    let index = any::<prop::sample::Index>;
    (
        index(),
        prop::collection::vec(index(), 3),
        select(queries),
        document(),
        prop::option::weighted(0.1, index()),
    )
        .prop_map(|(at, arguments, query, document, keep)| Odd {
            at,
            arguments,
            query: query.to_owned(),
            document,
            keep,
        })
}

impl Odd {
    /// The request's method, target and body.
    fn request(&self, api: &str) -> (&'static str, String, String) {
        // Waiting for a revision that never comes would only take time.
        let all: Vec<_> = operation::all()
            .into_iter()
            .filter(|(_, path)| !path.ends_with("/wait"))
            .collect();
        let (method, path) = *self.at.get(&all);
        let values = [
            api,
            api,
            "none",
            "%24default",
            "x%2Fy",
            "%2A",
            "1",
            "99999999999999999999",
            "edgeway.test",
            "192.0.2.0%2F24",
            "arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fx",
        ];
        let mut arguments = self.arguments.iter();
        let segments = path.split('/').map(|segment| {
            let given = segment.starts_with('{').then(|| arguments.next());
            given.flatten().map_or(segment, |index| *index.get(&values))
        });
        let mut target = segments.collect::<Vec<_>>().join("/");
        if !self.query.is_empty() {
            target = format!("{target}?{}", self.query);
        }
        let mut body = self.document.to_string();
        if let Some(keep) = self.keep {
            let cut = keep.index(body.len() + 1);
            body = body.chars().take(cut).collect();
        }
        (method, target, body)
    }
}

#[test]
fn nothing_odd_is_answered_with_500() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bench = Bench::new();
    let body = json!({"name": "a", "protocolType": "HTTP", "target": "http://b.test"});
    let made = runtime.block_on(bench.expect(201, "POST", "/v2/apis", body));
    let api = made.text("apiId").to_owned();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 500,
        ..ProptestConfig::default()
    });
    let tried = runner.run(&odd(), |odd| {
        let (method, target, body) = odd.request(&api);
        let key = (KEY, SECRET);
        let sent = bench.signed((method, &target), &body, key, clock::now_ms());
        let reply = runtime.block_on(sent);
        // 503 is what the test's own ports say where there is nothing to promote or remove.
        prop_assert!(
            reply.status != 500 && reply.status != 403,
            "{method} {target} {body}: {} {}",
            reply.status,
            reply.body
        );
        Ok(())
    });
    tried.unwrap();
}
