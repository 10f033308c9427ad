//! REST APIs and bodies: validation, content handling, compression.

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

use bytes::Bytes;
use flate2::{Compression, read, write};
use http::Request;
use model::{
    ApiKind, Content,
    rest::{
        self, ContentHandling, IntegrationType, Method, Model, RequestValidator, Resource, RestApi,
        Verb,
    },
};
use serve::Body;

use super::{
    backend::Backend,
    harness::{Rig, Setup, eventually, get, request},
    rest::method,
};

/// A region with a REST API whose stage `prod` serves this content.
pub(super) async fn rig(content: rest::Content) -> Rig {
    let rig = Rig::start(Setup::default()).await;
    let mut config = (**rig.config.borrow()).clone();
    let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
    api.kind = ApiKind::Rest(RestApi::empty("root".into()));
    for deployment in api.deployments.values_mut() {
        Arc::make_mut(deployment).content = Content::Rest(Arc::new(content.clone()));
    }
    let mut stage = api.stages.pop_first().unwrap().1;
    stage.name = "prod".into();
    api.stages.insert(stage.name.clone(), stage);
    config.revision = model::Revision(2);
    rig.config.send_replace(Arc::new(config));
    eventually(|| rig.region.revision() == 2).await;
    rig
}

/// Content that proxies `/x/{id}` to an echo.
fn proxied(
    backend: &Backend,
    alter: impl FnOnce(&mut Method, &mut rest::Content),
) -> rest::Content {
    let mut content = rest::Content::empty("root".into());
    let uri = Some(format!("{}/{{id}}", backend.url()));
    let mut proxy = method(IntegrationType::HttpProxy, uri);
    alter(&mut proxy, &mut content);
    for (id, parent, part) in [("x", "root", "x"), ("id", "x", "{id}")] {
        let methods = if id == "id" {
            [(Verb::Any, Arc::new(proxy.clone()))].into()
        } else {
            Default::default()
        };
        let resource = Resource {
            id: id.into(),
            parent: Some(parent.into()),
            part: part.to_owned(),
            methods,
        };
        content.resources.insert(id.into(), Arc::new(resource));
    }
    content
}

fn validator(method: &mut Method, content: &mut rest::Content, parameters: bool, body: bool) {
    let validator = RequestValidator {
        id: "v".into(),
        name: None,
        body,
        parameters,
    };
    content.validators.insert("v".into(), Arc::new(validator));
    method.settings.validator = Some("v".into());
}

fn model(content: &mut rest::Content, name: &str, schema: &str) {
    let model = Model {
        id: name.into(),
        name: name.to_owned(),
        description: None,
        schema: Some(schema.to_owned()),
        content_type: "application/json".to_owned(),
    };
    content.models.insert(name.to_owned(), Arc::new(model));
}

fn with(mut request: Request<Body>, headers: &[(&'static str, &'static str)]) -> Request<Body> {
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn all_missing_parameters_are_named_at_once() {
    let backend = Backend::echo().await;
    let rig = rig(proxied(&backend, |method, content| {
        validator(method, content, true, false);
        for (key, required) in [
            ("method.request.querystring.q", true),
            ("method.request.header.X-Must", true),
            ("method.request.header.X-May", false),
            ("method.request.path.id", true),
        ] {
            method
                .settings
                .request_parameters
                .insert(key.to_owned(), required);
        }
    }))
    .await;
    let check = async |path: &str, header: Option<&'static str>, missing: Option<&str>| {
        let mut asked = get(path);
        if let Some(value) = header {
            asked = with(asked, &[("x-must", value)]);
        }
        let answer = rig.ask(asked).await;
        let Some(missing) = missing else {
            assert_eq!(answer.status, 200, "{path} {answer:?}");
            return;
        };
        assert_eq!(answer.status, 400, "{path} {answer:?}");
        let words = format!(r#"{{"message":"Missing required request parameters: [{missing}]"}}"#);
        assert_eq!(answer.text, words);
        assert_eq!(answer.header("x-amzn-errortype"), "BadRequestException");
    };
    check("/prod/x/1", None, Some("X-Must, q")).await;
    check("/prod/x/1?q=1", None, Some("X-Must")).await;
    check("/prod/x/1?q=", Some(" "), Some("X-Must, q")).await;
    check("/prod/x/1?Q=1", Some("1"), Some("q")).await;
    check("/prod/x/1?a=1;q=2", Some("1"), None).await;
    let answer = rig.ask(get("/prod/x/1?q={")).await;
    assert_eq!(answer.status, 400, "{answer:?}");
}

#[tokio::test]
async fn bodies_must_fit_the_model_of_their_type() {
    let backend = Backend::echo().await;
    let rig = rig(proxied(&backend, |method, content| {
        validator(method, content, false, true);
        let pet = r#"{"type":"object","required":["name"],
            "properties":{"tag":{"$ref":"https://a/restapis/b/models/Tag"}}}"#;
        model(content, "Pet", pet);
        model(content, "Tag", r#"{"type":"string","maxLength":3}"#);
        model(content, "Empty", r#"{"type":"object"}"#);
        for (media, name) in [("application/json", "Pet"), ("application/x-any", "Empty")] {
            let models = &mut method.settings.request_models;
            models.insert(media.to_owned(), name.to_owned());
        }
    }))
    .await;
    let check = async |kind: Option<&'static str>, body: &'static str, status: u16| {
        let mut asked = request("POST", "/prod/x/1", Body::full(body));
        if let Some(kind) = kind {
            asked = with(asked, &[("content-type", kind)]);
        }
        let answer = rig.ask(asked).await;
        assert_eq!(answer.status, status, "{kind:?} {body} {answer:?}");
        if status == 400 {
            assert_eq!(answer.text, r#"{"message":"Invalid request body"}"#);
        } else {
            assert!(answer.text.ends_with(body), "{answer:?}");
        }
    };
    check(None, r#"{"name":"Rex","tag":"abc"}"#, 200).await;
    check(
        Some("application/json; charset=utf-8"),
        r#"{"name":1}"#,
        200,
    )
    .await;
    check(None, r#"{"name":"Rex","tag":"abcd"}"#, 400).await;
    check(None, "{}", 400).await;
    check(None, "", 400).await;
    check(None, "{", 400).await;
    check(Some("text/plain"), "anything", 200).await;
    check(Some("application/x-any"), "[]", 200).await;
}

#[tokio::test]
async fn a_broken_model_breaks_its_method_alone() {
    let backend = Backend::echo().await;
    let mut content = proxied(&backend, |method, content| {
        validator(method, content, true, true);
        model(content, "Pet", r#"{"type":"text"}"#);
        let models = &mut method.settings.request_models;
        models.insert("application/json".to_owned(), "Pet".to_owned());
    });
    let resource = Arc::make_mut(
        content
            .resources
            .get_mut(&model::ResourceId::from("x"))
            .unwrap(),
    );
    let other = method(IntegrationType::HttpProxy, Some(backend.url()));
    resource.methods.insert(Verb::Get, Arc::new(other));
    let rig = rig(content).await;
    assert_eq!(rig.get("/prod/x/1").await.status, 500);
    assert_eq!(rig.get("/prod/x").await.status, 200);
}

/// An API whose images are binary.
fn images(backend: &Backend, handling: Option<ContentHandling>) -> rest::Content {
    proxied(backend, |method, content| {
        content.binary_media_types = vec!["image/*".to_owned()];
        let integration = method.integration.as_mut().unwrap();
        integration.settings.content_handling = handling;
    })
}

#[tokio::test]
async fn requests_are_converted_on_their_way_in() {
    use ContentHandling::{ToBinary, ToText};
    let backend = Backend::echo().await;
    // "hello" is aGVsbG8= in base64.
    for (handling, kind, body, expected) in [
        (None, "image/png", "hello", Some("hello")),
        (Some(ToBinary), "image/png", "hello", Some("hello")),
        (Some(ToText), "image/png", "hello", Some("aGVsbG8=")),
        (None, "text/plain", "aGVsbG8=", Some("aGVsbG8=")),
        (Some(ToText), "text/plain", "aGVsbG8=", Some("aGVsbG8=")),
        (Some(ToBinary), "text/plain", "aGVsbG8=\n", Some("hello")),
        (Some(ToBinary), "text/plain", "not base64", None),
    ] {
        let rig = rig(images(&backend, handling)).await;
        let asked = request("POST", "/prod/x/1", Body::full(body));
        let answer = rig.ask(with(asked, &[("content-type", kind)])).await;
        let status = if expected.is_some() { 200 } else { 500 };
        assert_eq!(answer.status, status, "{handling:?} {kind} {answer:?}");
        if let Some(expected) = expected {
            let seen = answer.text.split_once("\n\n").unwrap().1;
            assert_eq!(seen, expected, "{handling:?} {kind}");
        }
    }
}

/// A backend that answers `body` as `kind`.
async fn fixed(kind: &'static str, body: &'static [u8]) -> Backend {
    Backend::http(move |_| async move {
        http::Response::builder()
            .header("content-type", kind)
            .body(Body::full(body))
            .unwrap()
    })
    .await
}

#[tokio::test]
async fn answers_are_converted_on_their_way_out() {
    use ContentHandling::{ToBinary, ToText};
    let check = async |kind: &'static str, accept, handling, body: &'static str, expected| {
        let backend = fixed(kind, body.as_bytes()).await;
        let mut content = images(&backend, None);
        let resource = Arc::make_mut(
            content
                .resources
                .get_mut(&model::ResourceId::from("id"))
                .unwrap(),
        );
        let own = Arc::make_mut(resource.methods.get_mut(&Verb::Any).unwrap());
        let integration = own.integration.as_mut().unwrap();
        integration.settings.kind = IntegrationType::Http;
        integration.settings.http_method = Some("GET".to_owned());
        let response = integration.responses.get_mut(&200).unwrap();
        response.content_handling = handling;
        let rig = rig(content).await;
        let answer = rig.ask(with(get("/prod/x/1"), &[("accept", accept)])).await;
        let found = (answer.status == 200).then_some(answer.text.as_str());
        assert_eq!(found, expected, "{kind} {accept} {handling:?}");
    };
    let (text, image) = ("text/plain", "image/png");
    let (plain, base64) = (Some("hello"), Some("aGVsbG8="));
    check(text, text, None, "aGVsbG8=", base64).await;
    check(text, text, Some(ToBinary), "aGVsbG8=", plain).await;
    check(text, text, Some(ToText), "aGVsbG8=", base64).await;
    check(text, image, None, "aGVsbG8=", plain).await;
    check(text, image, Some(ToBinary), "aGVsbG8=", plain).await;
    check(text, image, Some(ToText), "aGVsbG8=", base64).await;
    check(image, text, None, "hello", base64).await;
    check(image, text, Some(ToBinary), "hello", plain).await;
    check(image, text, Some(ToText), "hello", base64).await;
    check(image, image, None, "hello", plain).await;
    check(image, image, Some(ToBinary), "hello", plain).await;
    check(image, image, Some(ToText), "hello", base64).await;
    check(text, image, None, "no base64", None).await;
}

/// An API that compresses answers of so many bytes.
fn packing(backend: &Backend, least: u32) -> rest::Content {
    proxied(backend, |_, content| {
        content.minimum_compression_size = Some(least);
    })
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = write::GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    Bytes::from(encoder.finish().unwrap())
}

fn zlib(bytes: &[u8]) -> Bytes {
    let mut encoder = write::ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    Bytes::from(encoder.finish().unwrap())
}

#[tokio::test]
async fn compressed_requests_are_read() {
    let backend = Backend::echo().await;
    let rig = rig(packing(&backend, 1_000_000)).await;
    let check = async |coding: &'static str, body: Bytes, status: u16| {
        let asked = request("POST", "/prod/x/1", Body::full(body));
        let answer = rig.ask(with(asked, &[("content-encoding", coding)])).await;
        assert_eq!(answer.status, status, "{coding} {answer:?}");
        if status == 200 {
            assert!(answer.text.ends_with("\n\nhello"), "{coding} {answer:?}");
            assert_eq!(answer.echoed("content-encoding"), None);
            assert_eq!(answer.echoed("content-length"), Some("5"));
        }
    };
    check("gzip", gzip(b"hello"), 200).await;
    check("GZip", gzip(b"hello"), 200).await;
    check("deflate", zlib(b"hello"), 200).await;
    check("deflate, gzip", gzip(&zlib(b"hello")), 200).await;
    check("identity", Bytes::from_static(b"hello"), 200).await;
    let mut members = gzip(b"hel").to_vec();
    members.extend(gzip(b"lo"));
    check("gzip", members.into(), 200).await;
    check("br", Bytes::from_static(b"hello"), 415).await;
    check("gzip", Bytes::from_static(b"hello"), 400).await;
    check("gzip", gzip(b"hello").slice(..15), 400).await;
    // More than the limit of nothing in a few kB, and the same packed once more.
    let bomb = gzip(&vec![0; 11 << 20]);
    check("gzip", bomb.clone(), 413).await;
    check("gzip, gzip", gzip(&bomb), 413).await;
}

#[tokio::test]
async fn other_apis_pass_compressed_requests_on() {
    let backend = Backend::echo().await;
    let rig = rig(proxied(&backend, |_, _| {})).await;
    let asked = request("POST", "/prod/x/1", Body::full("as it is"));
    let answer = rig.ask(with(asked, &[("content-encoding", "gzip")])).await;
    assert!(answer.text.ends_with("\n\nas it is"), "{answer:?}");
}

async fn bytes_of(rig: &Rig, asked: Request<Body>) -> (http::HeaderMap, Bytes) {
    let (head, body) = rig.send(asked).await.into_parts();
    (head.headers, body.into_bytes(1 << 24).await.unwrap())
}

#[tokio::test]
async fn answers_are_compressed_from_a_size_on() {
    let text: &'static str = "all work and no play ".repeat(20_000).leak();
    let large = fixed("text/plain", text.as_bytes()).await;
    let rig_large = rig(packing(&large, 1000)).await;
    let accept = |coding| with(get("/prod/x/1"), &[("accept-encoding", coding)]);
    let (headers, bytes) = bytes_of(&rig_large, accept("gzip, deflate")).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(headers["vary"], "accept-encoding");
    assert!(!headers.contains_key("content-length"));
    assert!(bytes.len() < text.len() / 10);
    let mut read_back = String::new();
    let mut decoder = read::GzDecoder::new(&bytes[..]);
    decoder.read_to_string(&mut read_back).unwrap();
    assert_eq!(read_back, text);
    let (headers, bytes) = bytes_of(&rig_large, accept("gzip;q=0.1, deflate")).await;
    assert_eq!(headers["content-encoding"], "deflate");
    let mut read_back = String::new();
    let mut decoder = read::ZlibDecoder::new(&bytes[..]);
    decoder.read_to_string(&mut read_back).unwrap();
    assert_eq!(read_back, text);
    let (headers, bytes) = bytes_of(&rig_large, accept("br")).await;
    assert!(!headers.contains_key("content-encoding"));
    assert_eq!(headers["vary"], "accept-encoding");
    assert_eq!(bytes.len(), text.len());
}

#[tokio::test]
async fn answers_that_gain_nothing_stay_plain() {
    let asked = || with(get("/prod/x/1"), &[("accept-encoding", "gzip")]);
    let plain = async |backend: &Backend, least: u32| {
        let rig = rig(packing(backend, least)).await;
        let (headers, bytes) = bytes_of(&rig, asked()).await;
        (!headers.contains_key("content-encoding")).then_some(bytes)
    };
    let hello = fixed("text/plain", b"hello").await;
    assert_eq!(plain(&hello, 6).await.as_deref(), Some(&b"hello"[..]));
    assert_eq!(plain(&hello, 5).await, None);
    let image = fixed("image/png", b"hello").await;
    assert_eq!(plain(&image, 0).await.as_deref(), Some(&b"hello"[..]));
    // Of unknown length: two pieces of three bytes.
    let pieces = Backend::http(|_| async {
        let taken = Arc::default();
        let body = super::backend::counted(2, 3, taken);
        http::Response::new(body)
    })
    .await;
    assert_eq!(plain(&pieces, 7).await.as_deref(), Some(&b"xxxxxx"[..]));
    assert_eq!(plain(&pieces, 6).await, None);
    let packed = Backend::http(|_| async {
        let response = http::Response::builder().header("content-encoding", "br");
        response.body(Body::full("packed")).unwrap()
    })
    .await;
    let rig = rig(packing(&packed, 0)).await;
    let (headers, bytes) = bytes_of(&rig, asked()).await;
    assert!(!headers.contains_key("content-encoding") || headers["content-encoding"] == "br");
    assert_eq!(&bytes[..], b"packed");
}
