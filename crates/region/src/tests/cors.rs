//! Cross-origin rules: preflights answered by the gateway, headers on everything else.

use http::Response;
use model::Cors;
use serve::Body;

use super::{
    backend::Backend,
    harness::{Answer, Rig, Setup, get, line, request},
};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn rules() -> Cors {
    Cors {
        allow_credentials: false,
        allow_headers: texts(&["content-type", "x-key"]),
        allow_methods: texts(&["GET", "POST"]),
        allow_origins: texts(&["https://app.test", "http://*"]),
        expose_headers: texts(&["x-total"]),
        max_age: Some(600),
    }
}

/// A backend that has its own idea of cross-origin headers.
async fn rig(cors: Option<Cors>) -> (Rig, Backend) {
    let backend = Backend::http(|_| async {
        Response::builder()
            .header("access-control-allow-origin", "https://backend.test")
            .header("access-control-allow-methods", "TRACE")
            .body(Body::full("data"))
            .unwrap()
    })
    .await;
    let mut setup = Setup::of([line("GET /data", backend.url())]);
    setup.cors = cors;
    (Rig::start(setup).await, backend)
}

async fn preflight(rig: &Rig, origin: &str) -> Answer {
    let mut request = request("OPTIONS", "/whatever", Body::empty());
    let headers = request.headers_mut();
    headers.insert("origin", origin.parse().unwrap());
    headers.insert("access-control-request-method", "GET".parse().unwrap());
    headers.insert("access-control-request-headers", "x-other".parse().unwrap());
    rig.ask(request).await
}

async fn data(rig: &Rig, path: &str, origin: Option<&str>) -> Answer {
    let mut request = get(path);
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
    rig.ask(request).await
}

#[tokio::test]
async fn preflights_are_answered_by_the_gateway() {
    let (rig, backend) = rig(Some(rules())).await;
    let answer = preflight(&rig, "https://app.test").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://app.test"
    );
    assert_eq!(answer.header("access-control-allow-methods"), "GET,POST");
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "content-type,x-key"
    );
    assert_eq!(answer.header("access-control-max-age"), "600");
    assert_eq!(answer.header("access-control-expose-headers"), "");
    assert_eq!(answer.header("vary"), "origin");
    assert_eq!(answer.header("apigw-requestid").len(), 16);
    let other = preflight(&rig, "https://evil.test").await;
    assert_eq!(other.status, 204);
    assert!(
        !other
            .headers
            .keys()
            .any(|name| name.as_str().starts_with("access-control"))
    );
    assert_eq!(
        preflight(&rig, "http://any.test")
            .await
            .header("access-control-max-age"),
        "600"
    );
    assert_eq!(backend.accepted(), 0);
}

#[tokio::test]
async fn options_that_are_no_preflight_go_to_routes() {
    let (rig, _backend) = rig(Some(rules())).await;
    let answer = rig.ask(request("OPTIONS", "/data", Body::empty())).await;
    assert_eq!(answer.status, 404);
    let mut half = request("OPTIONS", "/data", Body::empty());
    half.headers_mut()
        .insert("origin", "https://app.test".parse().unwrap());
    assert_eq!(rig.ask(half).await.status, 404);
}

#[tokio::test]
async fn answers_carry_the_rules_headers_and_not_the_backends() {
    let (rig, _backend) = rig(Some(rules())).await;
    let answer = data(&rig, "/data", Some("https://app.test")).await;
    assert_eq!(answer.text, "data");
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://app.test"
    );
    assert_eq!(answer.header("access-control-expose-headers"), "x-total");
    assert_eq!(answer.header("access-control-allow-methods"), "");
    for origin in [None, Some("https://evil.test")] {
        let answer = data(&rig, "/data", origin).await;
        assert_eq!(answer.status, 200);
        assert!(
            !answer
                .headers
                .keys()
                .any(|name| name.as_str().starts_with("access-control"))
        );
    }
    let error = data(&rig, "/nothing", Some("https://app.test")).await;
    assert_eq!(error.status, 404);
    assert_eq!(
        error.header("access-control-allow-origin"),
        "https://app.test"
    );
}

#[tokio::test]
async fn any_origin_and_credentials() {
    let any = Cors {
        allow_origins: texts(&["*"]),
        ..rules()
    };
    let (open, _one) = rig(Some(any)).await;
    let answer = data(&open, "/data", Some("https://x.test")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("vary"), "");
    let named = Cors {
        allow_credentials: true,
        allow_headers: texts(&["*"]),
        ..rules()
    };
    let (closed, _two) = rig(Some(named)).await;
    let answer = preflight(&closed, "https://app.test").await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://app.test"
    );
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!(answer.header("access-control-allow-headers"), "x-other");
    let mute = Cors {
        allow_methods: Vec::new(),
        max_age: None,
        ..rules()
    };
    let (headers_only, _three) = rig(Some(mute)).await;
    let answer = preflight(&headers_only, "https://app.test").await;
    assert_eq!(
        answer.header("access-control-allow-headers"),
        "content-type,x-key"
    );
    assert_eq!(answer.header("access-control-max-age"), "");
}

#[tokio::test]
async fn without_rules_the_backend_is_in_charge() {
    let (rig, _backend) = rig(None).await;
    let answer = data(&rig, "/data", Some("https://x.test")).await;
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://backend.test"
    );
    assert_eq!(preflight(&rig, "https://app.test").await.status, 404);
}
