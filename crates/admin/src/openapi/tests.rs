//! Files that are read, written and read again; files that are wrong.

use std::sync::Arc;

use model::rest::{AuthorizationType, Definition, IntegrationType, RestApi, Settings, Verb};
use model::{EndpointType, IpAddressType};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::read::{self, BasePath, Dialect, Mode, Read, Wanted};
use super::write::{Extensions, Source, document};
use super::{Substitutions, parse};
use crate::refusal::Refusal;

const KNOWN: Substitutions<'static> = Substitutions {
    account: "000000000000",
    region: "eu-west-1",
};
const ALL: Extensions = Extensions {
    integrations: true,
    authorizers: true,
    gateway: true,
    documentation: true,
};

fn empty() -> Definition {
    let rest = RestApi::empty("root000000".into());
    Definition {
        settings: Settings {
            name: String::new(),
            description: None,
            version: None,
            endpoint: EndpointType::Edge,
            ip_address_type: IpAddressType::Ipv4,
            disable_execute_api_endpoint: false,
            security_policy: "TLS_1_0".to_owned(),
            endpoint_access_mode: None,
            vpc_endpoints: Vec::new(),
            binary_media_types: Vec::new(),
            minimum_compression_size: None,
            api_key_source: rest.content.api_key_source,
            policy: None,
        },
        content: rest.content,
    }
}

const WANTED: Wanted<'static> = Wanted {
    api: "abcdefghij",
    mode: Mode::Overwrite,
    base_path: BasePath::Ignore,
    ignore_documentation: false,
    fail_on_warnings: false,
};

fn read_with(file: &Value, before: Definition, wanted: Wanted<'_>) -> Result<Read, Refusal> {
    let bytes = serde_json::to_vec(file).unwrap();
    let root = parse(&bytes, &KNOWN).map_err(Refusal::from)?;
    read::definition(&root, before, wanted)
}

pub(super) fn read(file: &Value) -> Result<Read, Refusal> {
    read_with(file, empty(), WANTED)
}

/// The text of the refusal.
pub(super) fn refused(file: &Value) -> String {
    match read(file) {
        Err(Refusal::BadRequest(text)) => text,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(super) fn written(definition: &Definition, dialect: Dialect) -> Value {
    let source = Source {
        settings: &definition.settings,
        content: &definition.content,
        host: "abcdefghij.execute-api.eu-west-1.edgeway.test",
        stage: "prod",
        created: "2026-11-21T00:00:00Z",
        documentation_version: Some("1"),
    };
    document(&source, dialect, ALL)
}

/// An API that uses every extension, in OpenAPI 3.0.
fn everything() -> Value {
    serde_json::from_str(include_str!("everything.json")).unwrap()
}

#[test]
fn a_file_with_every_extension_is_read() {
    let read = read(&everything()).unwrap();
    let (settings, content) = (&read.definition.settings, &read.definition.content);
    assert_eq!(read.warnings, Vec::<String>::new());
    assert_eq!(settings.name, "Pets");
    assert_eq!(settings.vpc_endpoints, ["vpce-1"]);
    assert_eq!(settings.minimum_compression_size, Some(1024));
    assert_eq!(read.documentation_version.as_deref(), Some("1"));
    let mut paths: Vec<String> = content
        .resources
        .keys()
        .map(|id| content.path(id))
        .collect();
    paths.sort();
    let expected = ["/", "/files", "/files/{proxy+}", "/pets", "/pets/{id}"];
    assert_eq!(paths, expected);
    let find = |path: &str, verb| {
        let mut all = content.methods();
        let found = all.find(|(resource, v, _)| content.path(&resource.id) == path && *v == verb);
        found.unwrap().2.clone()
    };
    let list = find("/pets", Verb::Get);
    assert!(list.settings.api_key_required);
    assert_eq!(list.settings.operation_name.as_deref(), Some("listPets"));
    assert!(list.settings.request_parameters["method.request.header.X-Trace"]);
    assert!(!list.settings.request_parameters["method.request.querystring.limit"]);
    assert_eq!(list.responses[&200].models["application/json"], "Pet");
    let integration = list.integration.as_ref().unwrap();
    assert_eq!(integration.settings.kind, IntegrationType::Aws);
    let uri = integration.settings.uri.as_deref().unwrap();
    assert!(
        uri.starts_with("arn:aws:apigateway:eu-west-1:lambda:path/"),
        "{uri}"
    );
    assert!(uri.contains(":000000000000:function:f"), "{uri}");
    assert_eq!(
        integration.responses[&500].selection_pattern.as_deref(),
        Some("5\\d\\d")
    );
    let any = find("/pets/{id}", Verb::Any);
    assert_eq!(any.settings.authorization, AuthorizationType::Cognito);
    assert_eq!(any.settings.scopes, ["read", "write"]);
    assert_eq!(
        find("/", Verb::Get).settings.authorization,
        AuthorizationType::Iam
    );
    let pet = content.models["Pet"].schema.as_deref().unwrap();
    let owner = "https://apigateway.amazonaws.com/restapis/abcdefghij/models/Owner";
    assert!(pet.contains(owner), "{pet}");
}

/// What is written is read as the same, ids included, by way of either format.
#[test]
fn what_is_written_is_read_as_the_same() {
    let first = read(&everything()).unwrap().definition;
    let again = |dialect| {
        let file = written(&first, dialect);
        read_with(&file, first.clone(), WANTED).unwrap().definition
    };
    let three = again(Dialect::Three);
    assert_eq!(three.settings, first.settings);
    assert_eq!(three.content, first.content);
    let yaml = yaml_serde::to_string(&written(&first, Dialect::Three)).unwrap();
    let root = parse(yaml.as_bytes(), &KNOWN).unwrap();
    let from_yaml = read::definition(&root, first.clone(), WANTED).unwrap();
    assert_eq!(from_yaml.definition, first);
    // OpenAPI 2.0 has one schema for all media types of a body: that much is lost, and no more.
    let two = again(Dialect::Two);
    let mut expected = first.content.as_ref().clone();
    for resource in expected.resources.values_mut() {
        for method in Arc::make_mut(resource).methods.values_mut() {
            let models = &mut Arc::make_mut(method).settings.request_models;
            if let Some(first) = models.values().next().cloned() {
                models
                    .values_mut()
                    .for_each(|model| model.clone_from(&first));
            }
        }
    }
    assert_eq!(two.settings, first.settings);
    assert_eq!(*two.content, expected);
}

#[test]
fn merging_keeps_what_the_file_does_not_have() {
    let before = read(&everything()).unwrap().definition;
    let file = json!({
        "swagger": "2.0", "info": { "title": "Pets" },
        "paths": { "/pets": { "put": { "responses": { "200": {} } } }, "/new": { "get": {} } }
    });
    let merge = Wanted {
        mode: Mode::Merge,
        ..WANTED
    };
    let merged = read_with(&file, before.clone(), merge).unwrap().definition;
    assert_eq!(merged.settings, before.settings);
    assert_eq!(
        merged.content.resources.len(),
        before.content.resources.len() + 1
    );
    let verbs = merged.content.methods().count();
    assert_eq!(verbs, before.content.methods().count() + 2);
    let overwritten = read_with(&file, before.clone(), WANTED).unwrap().definition;
    assert_eq!(overwritten.content.methods().count(), 2);
    assert!(overwritten.content.models.is_empty());
    assert_eq!(overwritten.settings.policy, None);
    let pets = |definition: &Definition| {
        let content = &definition.content;
        let mut ids = content.resources.keys();
        ids.find(|id| content.path(id) == "/pets").unwrap().clone()
    };
    assert_eq!(
        pets(&overwritten),
        pets(&before),
        "a path that stays keeps its id"
    );
}

#[test]
fn base_paths_are_ignored_prepended_or_split() {
    let file = everything();
    let paths = |base_path| {
        let read = read_with(
            &file,
            empty(),
            Wanted {
                base_path,
                ..WANTED
            },
        )
        .unwrap();
        let content = read.definition.content;
        let mut paths: Vec<_> = content
            .methods()
            .map(|(r, ..)| content.path(&r.id))
            .collect();
        paths.sort();
        paths.swap_remove(0)
    };
    assert_eq!(paths(BasePath::Ignore), "/");
    assert_eq!(paths(BasePath::Prepend), "/v1/base");
    assert_eq!(paths(BasePath::Split), "/base");
}

#[test]
fn faults_name_their_place() {
    let base = |paths: Value| json!({"openapi": "3.0.1", "info": {"title": "x"}, "paths": paths});
    let check = |file: &Value, part: &str| {
        let text = refused(file);
        assert!(text.contains(part), "{text}\nshould contain {part}");
    };
    check(&json!({}), "neither 'swagger' nor 'openapi'");
    check(
        &json!({"swagger": "1.2"}),
        "version 1.2 is not 2.0 (at /swagger)",
    );
    check(&json!({"openapi": "3.1.0"}), "(at /openapi)");
    check(&json!({"openapi": "3.0.0"}), "'info' is missing");
    check(&json!({"openapi": "3.0.0", "info": {}}), "(at /info)");
    check(&base(json!({"pets": {}})), "(at /paths/pets)");
    check(&base(json!({"/a/{b": {}})), "(at /paths/~1a~1{b)");
    check(
        &base(json!({"/{a}": {}, "/{b}": {}})),
        "already has a variable path part",
    );
    check(&base(json!({"/": {"fetch": {}}})), "(at /paths/~1/fetch)");
    let integration = |value: Value| {
        base(json!({"/": {"get": {
        "responses": {}, "x-amazon-apigateway-integration": value}}}))
    };
    let at = "(at /paths/~1/get/x-amazon-apigateway-integration";
    check(&integration(json!({})), at);
    check(
        &integration(json!({"type": "carrier_pigeon"})),
        "carrier_pigeon",
    );
    check(
        &integration(json!({"type": "http", "httpMethod": "GET", "uri": "ftp://x"})),
        at,
    );
    check(
        &integration(json!({"type": "mock", "responses": {"default": {"statusCode": 200}}})),
        "Output mapping refers to an invalid method response: 200",
    );
    check(
        &integration(json!({"type": "mock", "requestTemplates": {"a": {}}})),
        "/requestTemplates/a)",
    );
    check(
        &base(json!({"/": {"$ref": "other.json"}})),
        "points out of the file",
    );
    check(
        &base(json!({"/": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}})),
        "#/nowhere",
    );
    check(
        &base(json!({"/": {"get": {"x-amazon-apigateway-request-validator": "v"}}})),
        "(at /paths/~1/get/x-amazon-apigateway-request-validator)",
    );
    // Every fault of a file is told at once.
    let text = refused(&base(json!({"/a": {"fetch": {}}, "/b": {"grab": {}}})));
    assert!(text.contains("/fetch") && text.contains("/grab"), "{text}");
}

#[test]
fn what_cannot_be_read_names_its_line() {
    let fault = |text: &str| parse(text.as_bytes(), &KNOWN).unwrap_err().to_string();
    assert!(fault("{\n \"a\": 1,\n}").contains("line 3"));
    assert!(fault("a:\n - b\n  c: d\n").contains("line 3"));
    assert!(fault("{\"a\": 1, \"a\": 2}").contains("twice"));
    assert!(fault("just text").contains("no object"));
    assert!(fault("").contains("no object"));
}

/// Aliases that multiply are refused before they fill the memory.
#[test]
fn a_file_that_unfolds_without_end_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let items = vec![format!("*a{}", n - 1); 10].join(", ");
        text.push_str(&format!("a{n}: &a{n} [{items}]\n"));
    }
    let fault = parse(text.as_bytes(), &KNOWN).unwrap_err().to_string();
    assert!(
        fault.contains("values") || fault.contains("repetition"),
        "{fault}"
    );
}

#[test]
fn warnings_can_be_made_errors() {
    let file = json!({ "openapi": "3.0.1", "info": { "title": "x" }, "paths": { "/": { "get": {
        "parameters": [ { "name": "c", "in": "cookie" } ], "responses": { "default": {} } } } } });
    let read_it = |fail_on_warnings| {
        let wanted = Wanted {
            fail_on_warnings,
            ..WANTED
        };
        read_with(&file, empty(), wanted)
    };
    assert_eq!(read_it(false).unwrap().warnings.len(), 2);
    let refusal = read_it(true).unwrap_err();
    let Refusal::BadRequest(text) = refusal else {
        panic!("{refusal:?}")
    };
    assert!(text.starts_with("Warnings found during import:"), "{text}");
}

fn mangled(value: &mut Value, path: &[u16], with: &Value) {
    let Some((first, rest)) = path.split_first() else {
        *value = with.clone();
        return;
    };
    let at = usize::from(*first);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let at = at % fields.len();
            let field = fields.values_mut().nth(at).unwrap();
            mangled(field, rest, with);
        }
        Value::Array(items) if !items.is_empty() => {
            let at = at % items.len();
            mangled(&mut items[at], rest, with);
        }
        other => *other = with.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any value in any place is read or refused; what is read is written and read again.
    #[test]
    fn no_file_is_too_strange(
        path in proptest::collection::vec(any::<u16>(), 1..7),
        with in prop_oneof![
            Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!(-1)),
            Just(json!("")), Just(json!("{x+}")), Just(json!([[]])), Just(json!({"$ref": "#"})),
            Just(json!({"$ref": "#/paths"})), Just(json!("\u{0}")), Just(json!(1e300)),
        ],
    ) {
        let mut file = everything();
        mangled(&mut file, &path, &with);
        if let Ok(read) = read(&file) {
            let written = written(&read.definition, Dialect::Three);
            let again = read_with(&written, read.definition.clone(), WANTED);
            prop_assert!(again.is_ok(), "{:?}", again);
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(root) = parse(&bytes, &KNOWN) {
            let _ = read::definition(&root, empty(), WANTED);
        }
    }
}
