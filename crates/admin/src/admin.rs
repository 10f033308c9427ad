//! The handler: authenticate, find the operation, run it, record it.

use std::{sync::Arc, time::Instant};

use http::request::Parts;
use ledger::ProposeError;
use model::{Change, Config, NodeId, Op, Outcome, RegionName, Revision, RolloutMode, codec};
use percent_encoding::percent_decode;
use serve::{Body, BodyError, BoxFuture, Conn, Handler, Request, Response};
use tokio::sync::Semaphore;

use crate::{
    access::{Asked, Policies, Target},
    answer::Answer,
    auth,
    call::{Call, Write},
    clock,
    document::Document,
    ids,
    limits::{
        BODY_BYTES_MAX, PART_BYTES, PROPOSE_AGAIN_WITHIN, PROPOSE_TRIES, REQUESTS_MAX, WAITERS_MAX,
    },
    metrics::Metrics,
    operation::{self, Operation, Run, Takes, Waited},
    ports::{Caches, Explain, Fleet, Invoke, Members, Store, TokenMint, UsageCounts},
    reason,
    refusal::{ACCESS_DENIED, Refusal, Version},
    repeat::{self, Repeat},
};

/// Parts of a call that choose something.
const OPERATION: u64 = 0;
const CHANGE: u64 = 1;

/// Where this endpoint runs.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// The home of APIs that are made here, and the region in ARNs.
    pub region: RegionName,
    /// This node.
    pub node: NodeId,
}

/// What the management API works on.
#[derive(Clone)]
pub struct Ports {
    /// The configuration.
    pub store: Arc<dyn Store>,
    /// The regions' Raft group.
    pub members: Arc<dyn Members>,
    /// Which nodes live.
    pub fleet: Arc<dyn Fleet>,
    /// The POPs' caches.
    pub caches: Arc<dyn Caches>,
    /// What keys have used.
    pub usage: Arc<dyn UsageCounts>,
    /// Makes join tokens.
    pub tokens: Arc<dyn TokenMint>,
    /// Says why clients are sent where they are sent.
    pub explain: Arc<dyn Explain>,
    /// Tries methods.
    pub invoke: Arc<dyn Invoke>,
}

/// The management API as a [`Handler`].
pub struct Admin {
    settings: AdminSettings,
    ports: Ports,
    metrics: Metrics,
    policies: Policies,
    room: Semaphore,
    waiters: Semaphore,
}

/// What is recorded of a request.
struct Record {
    operation: &'static str,
    by: String,
    revision: Option<Revision>,
    /// How the change reaches the nodes: `now`, `staged`, or as the policy says.
    rollout: &'static str,
    /// Why, as the caller says.
    why: Option<String>,
}

impl Admin {
    /// The management API at one node.
    #[must_use]
    pub fn new(settings: AdminSettings, ports: Ports, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self {
            settings,
            ports,
            metrics,
            policies: Policies::default(),
            room: Semaphore::new(REQUESTS_MAX),
            waiters: Semaphore::new(WAITERS_MAX),
        })
    }

    /// If this is dropped (the caller went away), a change that was proposed may still take effect.
    async fn answer(&self, request: Request, conn: &Conn) -> Response {
        let peer = conn.peer;
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        let id = ids::uuid();
        let version = Version::of(parts.uri.path());
        let mut record = Record {
            operation: "Unknown",
            by: String::new(),
            revision: None,
            rollout: "policy",
            why: None,
        };
        let running = self.metrics.running();
        let result = self.run(&parts, body, (conn, &id), &mut record).await;
        drop(running);
        let (answer, reason) = match result {
            Ok(answer) => (answer, "none"),
            Err(refusal) => {
                self.metrics.refused(refusal.reason());
                (refusal.answer(version), refusal.reason())
            }
        };
        let took = started.elapsed();
        self.metrics.answered(record.operation, answer.status, took);
        let status = answer.status.as_u16();
        let (operation, by) = (record.operation, record.by.as_str());
        let ms = took.as_millis();
        match record.revision {
            // Writes are the audit trail; reads and strangers' refusals are many.
            Some(revision) => {
                let (rollout, why) = (record.rollout, record.why.as_deref());
                tracing::info!(
                    operation, by, status, %revision, rollout, why, ms, %peer, id, "change"
                );
            }
            None if reason == ACCESS_DENIED => denied(&record, (peer, &id)),
            None => tracing::debug!(operation, by, status, reason, ms, %peer, id, "request"),
        }
        let answer = answer.with("x-amzn-requestid", &id);
        match version {
            Version::One => answer.with("x-amz-apigw-id", &ids::extended()),
            Version::Two => answer,
        }
        .into_response()
    }

    async fn run(
        &self,
        parts: &Parts,
        body: Body,
        (conn, id): (&Conn, &str),
        record: &mut Record,
    ) -> Result<Answer, Refusal> {
        let _room = self
            .room
            .try_acquire()
            .map_err(|_| Refusal::Busy("requests"))?;
        let config = self.ports.store.config();
        let claimed = auth::claimed(parts, &config)?;
        let body = body
            .into_bytes(BODY_BYTES_MAX)
            .await
            .map_err(|error| Refusal::Body(BodyError::of(&*error).unwrap_or(BodyError::Aborted)))?;
        let now_ms = clock::now_ms();
        let key = claimed.verify(parts, &body, now_ms)?;
        key.id.as_str().clone_into(&mut record.by);
        let query = query(parts.uri.query().unwrap_or_default());
        let method = parts.method.as_str();
        let (operation, arguments) = operation::find(method, parts.uri.path(), &query)?;
        record.operation = operation.name;
        let document = match operation.takes {
            Takes::Document => Document::read(&body),
            Takes::File => Ok(Document::default()),
        };
        let asked = Asked {
            operation: operation.name,
            method: parts.method.as_str(),
            target: Target::of(parts.uri.path())?,
            region: self.settings.region.as_str(),
            key,
            conn,
            headers: &parts.headers,
            query: &query,
            document: document.as_ref().ok(),
            config: &config,
            now_ms,
        };
        self.policies.admit(&asked)?;
        record.why = reason::read(parts, &query)?;
        let origin = asked.origin(id, record.why.clone());
        let call = Call {
            settings: &self.settings,
            ports: &self.ports,
            waiters: &self.waiters,
            config: &config,
            arguments,
            mode: mode(parts, &query)?,
            query,
            document: document?,
            body: &body,
            operation: operation.name,
            accept: accept(parts),
            now_ms,
            by: key.id.as_str(),
            repeat: Repeat::of(parts, &body, key.id.as_str(), &config)?,
            origin,
        };
        self.perform(operation, &call, record).await
    }

    async fn perform(
        &self,
        operation: &Operation,
        call: &Call<'_>,
        record: &mut Record,
    ) -> Result<Answer, Refusal> {
        let write = match operation.run {
            Run::Read(run) => {
                let answer = run(call)?;
                return Ok(answer.with("x-edgeway-revision", &call.config.revision.to_string()));
            }
            Run::Write(run) => repeat::within(call.repeat, OPERATION, || run(call))?,
            Run::Wait(run) => match run(call).await? {
                Waited::Answer(answer) => return Ok(answer),
                Waited::Write(write) => write,
            },
            Run::Unsupported => {
                return Err(Refusal::UnsupportedOperation(format!(
                    "{} is not supported by this version of Edgeway",
                    operation.name
                )));
            }
        };
        self.write(write, call, record).await
    }

    async fn write(
        &self,
        write: Write,
        call: &Call<'_>,
        record: &mut Record,
    ) -> Result<Answer, Refusal> {
        let mut revision = call.config.revision;
        record.rollout = call.mode.map_or("policy", mode_text);
        let (op, render) = write.into_change();
        if let Some(op) = op {
            let op = match call.mode {
                Some(mode) if !op.apis().is_empty() => Op::InMode(mode, Box::new(op)),
                _ => op,
            };
            revision = self.propose(op, call).await?.revision;
            record.revision = Some(revision);
        }
        let config: Arc<Config> = self.ports.store.config();
        let answer = render(&config)?;
        Ok(answer.with("x-edgeway-revision", &revision.to_string()))
    }

    /// Proposes an operation, in parts if it is too long for one change.
    async fn propose(&self, op: Op, call: &Call<'_>) -> Result<Outcome, Refusal> {
        let encoded = codec::encode_at(call.config.format(), codec::Kind::Other, &op)
            .map_err(|error| Refusal::from(ProposeError::Encode(error)))?;
        if encoded.len() <= PART_BYTES {
            return self.propose_whole(op, call, call.repeat).await;
        }
        let of = ids::change();
        let mut at = 0;
        for bytes in encoded.chunks(PART_BYTES) {
            let bytes = bytes.to_vec();
            let length = bytes.len() as u64;
            let part = Op::Part { of, at, bytes };
            self.propose_whole(part, call, None).await?;
            at += length;
        }
        // Parts that were sent again are forgotten; what they make is made once.
        self.propose_whole(Op::Assemble(of), call, call.repeat)
            .await
    }

    async fn propose_whole(
        &self,
        op: Op,
        call: &Call<'_>,
        repeat: Option<Repeat>,
    ) -> Result<Outcome, Refusal> {
        let change = Change {
            id: repeat::within(repeat, CHANGE, ids::change),
            at_ms: call.now_ms,
            by: call.by.to_owned(),
            origin: call.origin.clone(),
            spare_deployment: ids::deployment().into(),
            op,
        };
        // The change's id makes it apply once, however often it is proposed. Where nobody answered
        // for all of the store's time, there is no majority, and the caller has waited enough.
        let begun = Instant::now();
        for _ in 1..PROPOSE_TRIES {
            match self.ports.store.propose(change.clone()).await {
                Err(ProposeError::Undecided) if begun.elapsed() < PROPOSE_AGAIN_WITHIN => {}
                decided => return Ok(decided?.outcome?),
            }
        }
        Ok(self.ports.store.propose(change).await?.outcome?)
    }
}

impl Handler for Admin {
    fn handle(&self, request: Request, conn: Arc<Conn>) -> BoxFuture<'_, Response> {
        Box::pin(async move { self.answer(request, &conn).await })
    }
}

/// The media types that the caller accepts, as it wrote them.
fn accept(parts: &Parts) -> &str {
    let accept = parts.headers.get(http::header::ACCEPT);
    accept
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The header or query parameter that says how a change reaches the nodes.
const ROLLOUT: &str = "x-edgeway-rollout";

fn mode(parts: &Parts, query: &[(String, String)]) -> Result<Option<RolloutMode>, Refusal> {
    let asked = query.iter().find(|(name, _)| name == ROLLOUT);
    let asked = asked.map(|(_, value)| value.as_bytes());
    let header = || parts.headers.get(ROLLOUT).map(http::HeaderValue::as_bytes);
    match asked.or_else(header) {
        None => Ok(None),
        Some(b"now") => Ok(Some(RolloutMode::Now)),
        Some(b"staged") => Ok(Some(RolloutMode::Staged)),
        Some(_) => Err(Refusal::bad(format!("{ROLLOUT} must be now or staged"))),
    }
}

const fn mode_text(mode: RolloutMode) -> &'static str {
    match mode {
        RolloutMode::Now => "now",
        RolloutMode::Staged => "staged",
    }
}

/// The decoded pairs of a query.
fn query(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaces = text.replace('+', " ");
        percent_decode(spaces.as_bytes())
            .decode_utf8_lossy()
            .into_owned()
    };
    let parts = text.split('&').filter(|part| !part.is_empty());
    let pairs = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    pairs
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Logs who asked for what they may not. Who they are has been proven, so that nobody else can
/// fill the log.
fn denied(record: &Record, (peer, id): (std::net::SocketAddr, &str)) {
    let (operation, by) = (record.operation, record.by.as_str());
    tracing::info!(operation, by, %peer, id, "denied");
}
