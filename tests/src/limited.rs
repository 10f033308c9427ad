//! APIs whose callers are limited, and clients that call them as often as they are told to.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::{
    client::{Http1, Whole},
    management::Management,
};

/// What came back to all clients together.
#[derive(Debug, Default)]
pub struct Tally {
    admitted: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
}

impl Tally {
    /// Answers of status 200, of status 429, and all else.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        (read(&self.admitted), read(&self.refused), read(&self.other))
    }
}

/// One client: where it asks, as whom, and how often at most.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where.
    pub addr: SocketAddr,
    /// `Host`.
    pub host: String,
    /// `x-api-key`.
    pub key: String,
    /// Requests a second.
    pub per_second: u32,
}

impl Client {
    /// Asks until it is told to stop.
    pub async fn run(self, tally: Arc<Tally>, stop: Arc<AtomicBool>) {
        let mut kept = None;
        while !stop.load(Ordering::SeqCst) {
            let next = tokio::time::Instant::now() + Duration::from_secs(1) / self.per_second;
            let count = match self.ask(&mut kept).await {
                Some(200) => &tally.admitted,
                Some(429) => &tally.refused,
                _ => &tally.other,
            };
            count.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep_until(next).await;
        }
    }

    async fn ask(&self, kept: &mut Option<Http1>) -> Option<u16> {
        let request = Request::get("/prod")
            .header("host", &self.host)
            .header("x-api-key", &self.key)
            .body(Whole::default())
            .ok()?;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Http1::open(self.addr).await.ok()?,
        };
        let sent = tokio::time::timeout(Duration::from_secs(10), connection.send(request)).await;
        let answer = sent.ok()?.ok()?;
        *kept = Some(connection);
        Some(answer.status().as_u16())
    }
}

/// Clients that go on until they are told to stop.
#[derive(Debug)]
pub struct Clients {
    /// What came back so far.
    pub tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    running: tokio::task::JoinSet<()>,
    began: Instant,
}

impl Clients {
    /// One client at each address, each with so many requests a second at most.
    #[must_use]
    pub fn start(at: &[SocketAddr], host: &str, key: &str, per_second: u32) -> Self {
        let mut clients = Self {
            tally: Arc::default(),
            stop: Arc::default(),
            running: tokio::task::JoinSet::new(),
            began: Instant::now(),
        };
        for addr in at {
            let client = Client {
                addr: *addr,
                host: host.to_owned(),
                key: key.to_owned(),
                per_second,
            };
            let (tally, stop) = (Arc::clone(&clients.tally), Arc::clone(&clients.stop));
            clients.running.spawn(client.run(tally, stop));
        }
        clients
    }

    /// Ends them; what came back, and how long it took to the last answer.
    pub async fn end(self) -> (Arc<Tally>, Duration) {
        self.stop.store(true, Ordering::SeqCst);
        self.running.join_all().await;
        (self.tally, self.began.elapsed())
    }
}

/// A key in a usage plan of its own.
#[derive(Clone, Debug)]
pub struct Holder {
    /// What clients send.
    pub value: String,
    /// The key's id.
    pub key: String,
    /// The plan's id.
    pub plan: String,
}

/// A mock API whose stage `prod` wants a key; its id.
///
/// # Errors
/// When any step fails.
pub async fn api(management: &Management) -> anyhow::Result<String> {
    let body = json!({ "name": "limited" });
    let made = management
        .must(Method::POST, "/restapis", Some(body))
        .await?;
    let text = |name: &str| made[name].as_str().map(str::to_owned);
    let id = text("id").context("an API has an id")?;
    let root = text("rootResourceId").context("an API has a root")?;
    let method = format!("/restapis/{id}/resources/{root}/methods/GET");
    let wants = json!({ "authorizationType": "NONE", "apiKeyRequired": true });
    let mock = json!({
        "type": "MOCK",
        "requestTemplates": { "application/json": "{\"statusCode\": 200}" },
    });
    for (part, body) in [
        ("", wants),
        ("/integration", mock),
        ("/responses/200", json!({})),
        ("/integration/responses/200", json!({})),
    ] {
        let path = format!("{method}{part}");
        management.must(Method::PUT, &path, Some(body)).await?;
    }
    let path = format!("/restapis/{id}/deployments");
    let body = json!({ "stageName": "prod" });
    management.must(Method::POST, &path, Some(body)).await?;
    Ok(id)
}

impl Holder {
    /// A key for an API, in a plan with these limits, once all nodes know it.
    ///
    /// # Errors
    /// When any step fails.
    pub async fn new(management: &Management, api: &str, limits: &Value) -> anyhow::Result<Self> {
        let made = management.must(Method::POST, "/apikeys", Some(json!({ "enabled": true })));
        let made = made.await?;
        let mut plan = json!({ "name": "p", "apiStages": [{ "apiId": api, "stage": "prod" }] });
        for (name, limit) in limits.as_object().into_iter().flatten() {
            plan[name.as_str()] = limit.clone();
        }
        let plan = management
            .must(Method::POST, "/usageplans", Some(plan))
            .await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        let holder = Self {
            value: text(&made["value"])?,
            key: text(&made["id"])?,
            plan: text(&plan["id"])?,
        };
        let link = json!({ "keyId": holder.key, "keyType": "API_KEY" });
        let path = format!("/usageplans/{}/keys", holder.plan);
        let linked = management.call(Method::POST, &path, Some(link)).await?;
        let revision = linked.headers.get("x-edgeway-revision");
        let revision = revision.context("a revision")?.to_str()?.parse()?;
        management.wait(revision).await?;
        Ok(holder)
    }
}
