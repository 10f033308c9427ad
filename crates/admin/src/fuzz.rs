//! What callers of the management API send, for fuzzers and for property tests: each function takes
//! any bytes and panics when something that must hold does not. Nothing else uses it.
//!
//! Operations run as they do behind the listener, from the document to the answer, on a
//! configuration in memory that is thrown away; only signatures, which no fuzzer can make, are left
//! out (`lang::sigv4::fuzz` reads those).

#[cfg(test)]
mod tests;
mod world;

use serde_json::{Value, json};

use crate::operation;
use world::World;

/// Ends a field where several are needed.
const NEXT: u8 = b'\n';
/// What stands for a path's variable, besides ids that are there.
const ARGUMENTS: [&str; 10] = [
    "GET",
    "200",
    "prod",
    "none",
    "%24default",
    "x%2Fy",
    "Error",
    "DEFAULT_4XX",
    "edgeway.test",
    "arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Faccount",
];
/// Paths whose resources are altered by patch documents; `REST` and `ROOT` stand for ids.
const PATCHED: [&str; 7] = [
    "/restapis/REST",
    "/restapis/REST/stages/prod",
    "/restapis/REST/resources/ROOT",
    "/restapis/REST/resources/ROOT/methods/GET",
    "/restapis/REST/resources/ROOT/methods/GET/integration",
    "/restapis/REST/resources/ROOT/methods/GET/responses/200",
    "/account",
];
/// How a file may be asked to be imported.
const IMPORTS: [(&str, &str); 6] = [
    ("POST", "/restapis?mode=import"),
    ("POST", "/restapis?mode=import&failonwarnings=true"),
    ("PUT", "/restapis/REST?mode=merge"),
    ("PUT", "/restapis/REST?mode=overwrite&basepath=prepend"),
    ("PUT", "/v2/apis?basepath=split"),
    ("PUT", "/v2/apis/HTTP?basepath=prepend"),
];

/// Runs an operation, chosen by the first bytes together with its path's variables, with the rest
/// as its body. Nothing is answered with 500.
pub fn body(bytes: &[u8]) {
    let world = World::new();
    let (choice, body) = bytes.split_at_checked(4).unwrap_or((&[], bytes));
    let at = |index: usize| choice.get(index).copied().map_or(0, usize::from);
    let all: Vec<_> = operation::all()
        .into_iter()
        .filter(|(_, path)| !path.ends_with("/wait"))
        .collect();
    let (method, path) = all.get(at(0) % all.len()).copied().unwrap_or_default();
    let known = [world.rest.as_str(), &world.http, &world.root];
    let values: Vec<&str> = known.into_iter().chain(ARGUMENTS).collect();
    let mut taken = 0;
    let segments = path.split('/').map(|segment| {
        let (name, query) = segment.split_once('?').unwrap_or((segment, ""));
        if !name.starts_with('{') {
            return segment.to_owned();
        }
        taken += 1;
        let value = values.get(at(taken) % values.len());
        let value = value.copied().unwrap_or_default();
        if query.is_empty() {
            value.to_owned()
        } else {
            format!("{value}?{query}")
        }
    });
    let target = segments.collect::<Vec<_>>().join("/");
    world.checked(method, &target, body);
}

/// Applies a patch document to a resource chosen by the first byte. Each line is a step: operation,
/// path, value and source, with spaces between; `\_` stands for a space in them. The answer is no
/// 500, and what is refused has changed nothing.
pub fn patch(bytes: &[u8]) {
    let world = World::new();
    let (at, steps) = bytes.split_first().unwrap_or((&0, &[]));
    let target = PATCHED.get(usize::from(*at) % PATCHED.len());
    let target = world.named(target.copied().unwrap_or_default());
    let steps = steps.split(|byte| *byte == NEXT).map(|line| {
        let line = String::from_utf8_lossy(line);
        let words = line.split(' ');
        let words = words.map(|word| Value::from(word.replace("\\_", " ")));
        let names = ["op", "path", "value", "from"].map(str::to_owned);
        Value::Object(names.into_iter().zip(words).collect())
    });
    let steps: Vec<Value> = steps.collect();
    let body = json!({ "patchOperations": steps }).to_string();
    let before = world.revision();
    if world.checked("PATCH", &target, body.as_bytes()).is_none() {
        assert_eq!(world.revision(), before, "a refusal changed something");
    }
}

/// Imports a file, JSON or YAML, in a way chosen by the first byte. What is imported can be
/// exported, and that can be imported again; what is refused has changed nothing.
pub fn openapi(bytes: &[u8]) {
    let world = World::new();
    let (at, file) = bytes.split_first().unwrap_or((&0, &[]));
    let import = IMPORTS.get(usize::from(*at) % IMPORTS.len());
    let (method, target) = import.copied().unwrap_or_default();
    let before = world.revision();
    let file = sent(target, file);
    let Some(made) = world.checked(method, &world.named(target), &file) else {
        assert_eq!(world.revision(), before, "a refusal changed something");
        return;
    };
    let id = |name: &str| made.get(name).and_then(Value::as_str);
    let (source, method, again) = if let Some(id) = id("apiId") {
        let source = format!("/v2/apis/{id}/exports/OAS30?outputType=JSON");
        (source, "PUT", "/v2/apis")
    } else {
        let id = id("id").unwrap_or_default();
        let deployments = format!("/restapis/{id}/deployments");
        let deployed = world.checked("POST", &deployments, br#"{"stageName":"fuzz"}"#);
        // Without methods or integrations there is nothing to deploy.
        if deployed.is_none() {
            return;
        }
        let source = format!("/restapis/{id}/stages/fuzz/exports/oas30?extensions=apigateway");
        (source, "POST", "/restapis?mode=import")
    };
    let (status, exported) = world.call("GET", &source, &[]);
    assert_eq!(status, 200, "no export: {}", lossy(&exported));
    let (status, said) = world.call(method, again, &sent(again, &exported));
    let fine = (200..300).contains(&status);
    assert!(
        fine,
        "an export cannot be imported: {} of {}",
        lossy(&said),
        lossy(&exported)
    );
}

/// The body that carries a file: v2 wants it as a text in an object.
fn sent(target: &str, file: &[u8]) -> Vec<u8> {
    if target.starts_with("/v2/") {
        return json!({ "body": lossy(file) }).to_string().into_bytes();
    }
    file.to_vec()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
