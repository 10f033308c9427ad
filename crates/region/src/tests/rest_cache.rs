//! The stage cache of REST APIs: a real backend that counts how often it is asked.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Response, StatusCode};
use model::{
    Stage,
    rest::{
        CacheControlStrategy, Canary, IntegrationType, Method, MethodSetting, Millionths,
        ResponseTransfer, StageSettings, Verb,
    },
};
use plan::region::rest::CACHE_ERRORS_TAG;
use serve::Body;
use tokio::sync::Semaphore;

use super::{
    backend::{Backend, counted},
    harness::{Answer, Rig, eventually, get, request},
    rest::{method, rig_with},
};

const REQUESTS: &str = "edgeway_region_stage_cache_requests_total";
const ANSWERS: &str = "edgeway_region_stage_cache_answers_total";

/// What is set where answers are kept.
fn caching() -> MethodSetting {
    MethodSetting {
        caching: true,
        cache_control_authorized: false,
        ..MethodSetting::default()
    }
}

fn stage(settings: &[(&str, MethodSetting)]) -> impl FnOnce(&mut Stage) {
    let settings = settings.iter();
    let settings = settings.map(|(name, setting)| ((*name).to_owned(), setting.clone()));
    let settings: BTreeMap<_, _> = settings.collect();
    move |stage| {
        stage.rest = Some(Box::new(StageSettings {
            cache_cluster: true,
            cache_size: Some("0.5".to_owned()),
            method_settings: settings,
            ..StageSettings::default()
        }));
    }
}

fn integration(method: &mut Method) -> &mut model::rest::IntegrationSettings {
    &mut method.integration.as_mut().unwrap().settings
}

/// A region whose `/prod/{id}` calls a backend that tells how often it has been asked, and how
/// `?kind` says.
struct Cached {
    rig: Rig,
    calls: Arc<AtomicUsize>,
    /// The backend answers once it has a permit, if it is asked for `kind=gated`.
    gate: Arc<Semaphore>,
}

impl Cached {
    async fn start(alter: impl FnOnce(&mut Method), stage: impl FnOnce(&mut Stage)) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let (counted, gated) = (Arc::clone(&calls), Arc::clone(&gate));
        let backend = Backend::http(move |request| {
            let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
            let query = request.uri().query().unwrap_or("").to_owned();
            let gate = Arc::clone(&gated);
            async move {
                if query.contains("kind=gated") {
                    gate.acquire().await.unwrap().forget();
                }
                answer(number, &query)
            }
        })
        .await;
        let uri = Some(format!("{}/{{id}}", backend.url()));
        let mut proxy = method(IntegrationType::HttpProxy, uri);
        integration(&mut proxy).cache_key_parameters = ["path.id", "querystring.kind"]
            .map(|name| format!("method.request.{name}"))
            .into();
        alter(&mut proxy);
        let rig = rig_with(vec![("{id}", Verb::Any, proxy)], &[], stage).await;
        Self { rig, calls, gate }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Alters the stage and waits until that is served.
    async fn alter(&self, alter: impl FnOnce(&mut Stage)) {
        let mut config = (**self.rig.config.borrow()).clone();
        let api = Arc::make_mut(config.apis.values_mut().next().unwrap());
        alter(api.stages.values_mut().next().unwrap());
        config.revision = model::Revision(config.revision.0 + 1);
        let revision = config.revision.0;
        self.rig.config.send_replace(Arc::new(config));
        eventually(|| self.rig.region.revision() == revision).await;
    }

    async fn text(&self, path: &str) -> String {
        self.rig.get(path).await.text
    }

    async fn fresh(&self, path: &str) -> Answer {
        let mut asked = get(path);
        let value = "no-transform, Max-Age=0".parse().unwrap();
        asked.headers_mut().insert("cache-control", value);
        self.rig.ask(asked).await
    }
}

fn answer(number: usize, query: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(format!("answer {number}")));
    let headers = response.headers_mut();
    headers.insert("x-number", number.into());
    let kind = query.split('&').find_map(|one| one.strip_prefix("kind="));
    match kind.unwrap_or("") {
        "error" => *response.status_mut() = StatusCode::NOT_FOUND,
        "partial" => *response.status_mut() = StatusCode::PARTIAL_CONTENT,
        "moved" => *response.status_mut() = StatusCode::FOUND,
        "cookie" => {
            headers.insert("set-cookie", "a=b".parse().unwrap());
        }
        "stream" => {
            headers.insert("content-type", "text/event-stream".parse().unwrap());
        }
        // Of unknown length, one byte more than what is kept.
        "large" => *response.body_mut() = counted(1, 1_048_577, Arc::default()),
        "largest" => *response.body_mut() = counted(16, 65_536, Arc::default()),
        _ => {}
    }
    response
}

#[tokio::test]
async fn what_is_kept_is_told_apart_by_the_named_parameters() {
    let cached = Cached::start(|_| {}, stage(&[("*/*", caching())])).await;
    assert_eq!(cached.text("/prod/a").await, "answer 1");
    let again = cached.rig.get("/prod/a?other=1").await;
    assert_eq!((again.status, again.text.as_str()), (200, "answer 1"));
    assert_eq!(again.header("x-number"), "1");
    assert_ne!(again.header("age"), "");
    assert_ne!(again.header("x-amzn-requestid"), "");
    assert_eq!(cached.text("/prod/b").await, "answer 2");
    // A parameter that is missing is a value of its own.
    assert_eq!(cached.text("/prod/a?kind=").await, "answer 3");
    assert_eq!(cached.text("/prod/a?kind=x").await, "answer 4");
    assert_eq!(cached.text("/prod/a?kind=x&kind=x").await, "answer 5");
    assert_eq!(cached.text("/prod/a?kind=x").await, "answer 4");
    assert_eq!(cached.text("/prod/a").await, "answer 1");
    // What a proxied backend may compress is told apart, too.
    let mut packed = get("/prod/a");
    let coding = "gzip, br;q=0".parse().unwrap();
    packed.headers_mut().insert("accept-encoding", coding);
    assert_eq!(cached.rig.ask(packed).await.text, "answer 6");
    // Other methods are only kept where that is said of them.
    for count in [7, 8] {
        let posted = cached.rig.ask(request("POST", "/prod/a", Body::empty()));
        assert_eq!(posted.await.text, format!("answer {count}"));
    }
    let metric = |name, label| cached.rig.metric(name, label);
    assert_eq!(metric(REQUESTS, "hit"), 3);
    assert_eq!(metric(REQUESTS, "miss"), 6);
    assert_eq!(metric(ANSWERS, "kept"), 6);
    assert!(metric("edgeway_region_stage_cache_bytes", "") > 0);
}

#[tokio::test]
async fn settings_say_which_methods_answers_are_kept() {
    let none = MethodSetting {
        cache_ttl_s: 0,
        ..caching()
    };
    let settings = [
        ("*/*", caching()),
        ("{id}/POST", caching()),
        ("{id}/GET", none),
    ];
    let cached = Cached::start(|_| {}, stage(&settings)).await;
    let post = || cached.rig.ask(request("POST", "/prod/a", Body::full("x")));
    assert_eq!(cached.text("/prod/a").await, "answer 1");
    assert_eq!(cached.text("/prod/a").await, "answer 2");
    assert_eq!(post().await.text, "answer 3");
    assert_eq!(post().await.text, "answer 3");
    // A stage without a cache keeps nothing, whatever is set for its methods.
    let off = |stage: &mut Stage| {
        stage.rest.as_mut().unwrap().cache_cluster = false;
    };
    cached.alter(off).await;
    assert_eq!(post().await.text, "answer 4");
    assert_eq!(post().await.text, "answer 5");
    let streamed = |method: &mut Method| {
        integration(method).response_transfer = ResponseTransfer::Stream;
    };
    let streamed = Cached::start(streamed, stage(&[("*/*", caching())])).await;
    assert_eq!(streamed.text("/prod/a").await, "answer 1");
    assert_eq!(streamed.text("/prod/a").await, "answer 2");
}

#[tokio::test]
async fn keys_follow_mappings_and_namespaces() {
    let mapped = |method: &mut Method| {
        let settings = integration(method);
        settings.cache_namespace = "shared".to_owned();
        settings.cache_key_parameters = vec![
            "integration.request.querystring.lang".to_owned(),
            "method.request.header.X-Who".to_owned(),
        ];
        settings.request_parameters.insert(
            "integration.request.querystring.lang".to_owned(),
            "method.request.querystring.l".to_owned(),
        );
    };
    let cached = Cached::start(mapped, stage(&[("*/*", caching())])).await;
    assert_eq!(cached.text("/prod/a?l=en").await, "answer 1");
    assert_eq!(cached.text("/prod/b?l=en").await, "answer 1");
    assert_eq!(cached.text("/prod/b?l=de").await, "answer 2");
    let mut asked = get("/prod/a?l=en");
    asked.headers_mut().insert("x-who", "me".parse().unwrap());
    assert_eq!(cached.rig.ask(asked).await.text, "answer 3");
}

#[tokio::test]
async fn some_answers_are_not_kept() {
    let cached = Cached::start(|_| {}, stage(&[("*/*", caching())])).await;
    let twice = async |kind: &str| {
        let path = format!("/prod/a?kind={kind}");
        let before = cached.calls();
        let (first, second) = (cached.rig.get(&path).await, cached.rig.get(&path).await);
        assert_eq!(first.status, second.status);
        assert_eq!(first.text.len(), second.text.len(), "{kind}");
        cached.calls() - before
    };
    for kind in ["error", "partial", "cookie", "stream"] {
        assert_eq!(twice(kind).await, 2, "{kind}");
        assert_eq!(cached.rig.metric(ANSWERS, kind), 2, "{kind}");
    }
    assert_eq!(twice("large").await, 2);
    assert_eq!(cached.rig.metric(ANSWERS, "too_large"), 2);
    assert_eq!(twice("largest").await, 1);
    assert_eq!(twice("moved").await, 1);
    // The owner may want errors to be kept.
    let tag = |stage: &mut Stage| {
        let tags = &mut stage.tags;
        tags.insert(CACHE_ERRORS_TAG.to_owned(), "true".to_owned());
    };
    cached.alter(tag).await;
    assert_eq!(twice("error").await, 1);
    assert_eq!(twice("partial").await, 2);
}

#[tokio::test]
async fn a_client_may_want_a_fresh_answer() {
    let cached = Cached::start(|_| {}, stage(&[("*/*", caching())])).await;
    assert_eq!(cached.text("/prod/a").await, "answer 1");
    assert_eq!(cached.fresh("/prod/a").await.text, "answer 2");
    assert_eq!(cached.text("/prod/a").await, "answer 2");
    let answers = async |strategy| {
        let guarded = MethodSetting {
            cache_control_authorized: true,
            unauthorized_cache_control: strategy,
            ..caching()
        };
        cached.alter(stage(&[("*/*", guarded)])).await;
        cached.fresh("/prod/a").await
    };
    let ignored = answers(CacheControlStrategy::Ignore).await;
    assert_eq!((ignored.status, ignored.text.as_str()), (200, "answer 2"));
    assert_eq!(ignored.header("warning"), "");
    let warned = answers(CacheControlStrategy::Warn).await;
    assert_eq!((warned.status, warned.text.as_str()), (200, "answer 2"));
    assert!(warned.header("warning").starts_with("199 "), "{warned:?}");
    assert_eq!(cached.rig.get("/prod/a").await.header("warning"), "");
    let failed = answers(CacheControlStrategy::Fail).await;
    assert_eq!(failed.status, 403);
    assert_eq!(failed.header("x-amzn-errortype"), "AccessDeniedException");
    assert_eq!(cached.calls(), 2);
}

#[tokio::test]
async fn flushes_deployments_and_canaries_do_not_see_what_was_kept() {
    let cached = Cached::start(|_| {}, stage(&[("*/*", caching())])).await;
    assert_eq!(cached.text("/prod/a").await, "answer 1");
    let settings = |stage: &mut Stage, alter: &dyn Fn(&mut StageSettings)| {
        alter(stage.rest.as_mut().unwrap());
    };
    let flush = |settings: &mut StageSettings| settings.cache_flushes += 1;
    cached.alter(|stage| settings(stage, &flush)).await;
    assert_eq!(cached.text("/prod/a").await, "answer 2");
    assert_eq!(cached.text("/prod/a").await, "answer 2");
    let canary = |use_stage_cache| {
        move |settings: &mut StageSettings| {
            settings.canary = Some(Canary {
                percent: Millionths(100_000_000),
                use_stage_cache,
                ..Canary::default()
            });
        }
    };
    cached.alter(|stage| settings(stage, &canary(true))).await;
    assert_eq!(cached.text("/prod/a").await, "answer 2");
    cached.alter(|stage| settings(stage, &canary(false))).await;
    assert_eq!(cached.text("/prod/a").await, "answer 3");
    assert_eq!(cached.text("/prod/a").await, "answer 3");
}

#[tokio::test]
async fn requests_that_miss_together_ask_once() {
    const TOGETHER: usize = 8;
    let cached = Cached::start(|_| {}, stage(&[("*/*", caching())])).await;
    let asking = (0..TOGETHER).map(|_| cached.text("/prod/a?kind=gated"));
    let asking: Vec<_> = asking.map(Box::pin).collect();
    let all = futures_of(asking);
    let opening = async {
        eventually(|| cached.calls() == 1).await;
        cached.gate.add_permits(TOGETHER);
    };
    let (texts, ()) = tokio::join!(all, opening);
    assert_eq!(texts, vec!["answer 1".to_owned(); TOGETHER]);
    assert_eq!(cached.calls(), 1);
    assert_eq!(cached.rig.metric(REQUESTS, "miss"), 1);
}

/// All of them at once.
async fn futures_of<F: Future + Unpin>(mut running: Vec<F>) -> Vec<F::Output> {
    let mut ended = Vec::new();
    std::future::poll_fn(move |context| {
        running.retain_mut(|one| match std::pin::Pin::new(one).poll(context) {
            std::task::Poll::Ready(output) => {
                ended.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() {
            return std::task::Poll::Ready(std::mem::take(&mut ended));
        }
        std::task::Poll::Pending
    })
    .await
}

#[tokio::test]
async fn those_who_wait_go_on_when_the_first_gives_up() {
    let cached = Cached::start(|_| {}, stage(&[("*/*", caching())])).await;
    let mut first = Box::pin(cached.text("/prod/a?kind=gated"));
    let begun = eventually(|| cached.calls() == 1);
    tokio::select! {
        _ = &mut first => unreachable!("nobody has opened the gate"),
        () = begun => {}
    }
    let leaving = async {
        // The other is polled first, so it waits for this one.
        drop(first);
        cached.gate.add_permits(2);
    };
    let (text, ()) = tokio::join!(cached.text("/prod/a?kind=gated"), leaving);
    assert_eq!(text, "answer 2");
}
