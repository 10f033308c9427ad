//! The connector's half: answers calls of regions from upstreams on its list, and nothing else.
//!
//! It keeps nothing but how its upstreams are, and decides nothing about requests: what a region
//! sends is passed on, to the upstream that the region names.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use link::{
    CallHandler, CallMeta, LoadReport, NodeIdentity, PeerRole, ProbeState, RpcHandler, RpcRefusal,
    Service, Services, Shed,
};
use plan::region::Origin;
use prometheus::Registry;
use serve::{Body, BoxError, BoxFuture, Drain, Request, Response};

use super::{
    Connectors,
    health::{self, Board},
    message,
    metrics::ConnectorMetrics,
    offer::{ConnectorSettings, Upstream},
};
use crate::{
    issuers::{Issuers, KeyTimes},
    metrics::Metrics,
    region::RegionError,
    rest::KeptAnswers,
    upstream::{
        BackendTls, Decisions, KeepHost, Shared, UpstreamError, UpstreamSettings, Upstreams,
    },
};

/// A connector.
pub struct Connector {
    upstreams: BTreeMap<String, (Upstream, Arc<Origin>)>,
    in_flight_max: u32,
    board: Arc<Board>,
    in_flight: Arc<AtomicU32>,
    metrics: Arc<ConnectorMetrics>,
    client: ClientParts,
    drain: Drain,
    leaving: Drain,
}

/// What the HTTP client of each runtime is made from.
struct ClientParts {
    settings: UpstreamSettings,
    tls: Arc<BackendTls>,
    metrics: Arc<Metrics>,
    decisions: Arc<Decisions>,
    answers: Arc<KeptAnswers>,
    issuers: Arc<Issuers>,
    connectors: Arc<Connectors>,
}

/// A connector in one runtime, with connections of its own.
struct Gate {
    connector: Arc<Connector>,
    client: Upstreams,
}

/// Tells regions what is offered.
struct Teller(Arc<Board>);

impl Connector {
    /// A connector. `leaving` says that it is about to go: regions then choose others.
    ///
    /// # Errors
    /// Metrics or trust cannot be set up.
    pub fn new(
        settings: ConnectorSettings,
        registry: &Registry,
        (drain, leaving): (Drain, Drain),
    ) -> Result<Arc<Self>, RegionError> {
        // Of a region's numbers only those of its HTTP client mean anything here.
        let apart = Registry::new();
        let metrics = Metrics::register(&apart)?;
        registry.register(Box::new(metrics.upstream_connections.clone()))?;
        let upstreams = UpstreamSettings {
            extra_ca_pem: settings.extra_ca_pem,
            ..UpstreamSettings::default()
        };
        let client = ClientParts {
            tls: BackendTls::new(upstreams.extra_ca_pem.as_deref())?,
            settings: upstreams,
            decisions: Arc::new(Decisions::new(metrics.authorizer_decisions.clone())),
            answers: KeptAnswers::new(&apart)?,
            issuers: Issuers::new(KeyTimes::default(), metrics.key_fetches.clone()).0,
            connectors: Connectors::new(&apart)?,
            metrics,
        };
        let board = Board::new(settings.upstreams.iter());
        let named = settings.upstreams.into_iter().map(|upstream| {
            let plain = upstream.origin(None);
            (upstream.name.clone(), (upstream, plain))
        });
        Ok(Arc::new(Self {
            upstreams: named.collect(),
            in_flight_max: settings.in_flight_max,
            board: Arc::new(board),
            in_flight: Arc::default(),
            metrics: Arc::new(ConnectorMetrics::register(registry)?),
            client,
            drain,
            leaving,
        }))
    }

    /// What regions may use over connections of the current runtime.
    pub fn services(self: &Arc<Self>) -> Services {
        let gate = Gate {
            connector: Arc::clone(self),
            client: self.make_client(),
        };
        let state = Arc::clone(self);
        let probe = move || ProbeState {
            load: LoadReport {
                in_flight: state.in_flight.load(Ordering::Relaxed),
                limit: state.in_flight_max,
                service_p50_us: 0,
            },
            revision: state.board.revision(),
            draining: state.leaving.has_begun(),
        };
        Services::new()
            .with_call(Arc::new(gate))
            .with_roles(Service::Call, &[PeerRole::Region])
            .with_rpc(Service::Cluster, Arc::new(Teller(Arc::clone(&self.board))))
            .with_roles(Service::Cluster, &[PeerRole::Region])
            .with_probe(Arc::new(probe))
    }

    /// Watches the upstreams on the current runtime until the drain begins.
    pub fn watch_upstreams(&self) {
        let client = Arc::new(self.make_client());
        for (upstream, _) in self.upstreams.values() {
            if let Some(check) = upstream.health.clone() {
                let with = (Arc::clone(&client), Arc::clone(&self.metrics));
                let watched = (upstream.clone(), check);
                let board = Arc::clone(&self.board);
                let watching = health::watch(watched, board, with, self.drain.clone());
                drop(self.drain.spawn(watching));
            }
        }
    }

    fn make_client(&self) -> Upstreams {
        let parts = &self.client;
        Upstreams::new(
            parts.settings.clone(),
            Arc::clone(&parts.tls),
            Arc::clone(&parts.metrics),
            Shared {
                decisions: Arc::clone(&parts.decisions),
                answers: Arc::clone(&parts.answers),
                // Nobody authorizes here.
                issuers: Arc::clone(&parts.issuers),
                connectors: Arc::clone(&parts.connectors),
            },
            &self.drain,
        )
    }
}

impl Gate {
    async fn answer(&self, mut request: Request) -> Response {
        let headers = request.headers_mut();
        let name = message::take(headers, &message::UPSTREAM).unwrap_or_default();
        let server_name = message::take(headers, &message::SERVER_NAME);
        headers.remove(message::CONNECTORS);
        let connector = &self.connector;
        let Some((upstream, plain)) = connector.upstreams.get(&name) else {
            connector.metrics.called("none", "upstream_not_offered");
            return message::fault(UpstreamError::NotOffered);
        };
        let Some(call) = InFlight::enter(connector) else {
            connector.metrics.called(&name, "shed");
            let mut response = message::fault(UpstreamError::Busy);
            response.extensions_mut().insert(Shed);
            return response;
        };
        let origin = match server_name {
            None => Arc::clone(plain),
            Some(asked) => upstream.origin(Some(&asked)),
        };
        serve::strip_hop_by_hop(request.headers_mut());
        // The region has decided which host the upstream is asked for.
        request.extensions_mut().insert(KeepHost);
        match self.client.call(&origin, request).await {
            Ok(mut response) => {
                connector.metrics.called(&name, "answered");
                message::clean(response.headers_mut());
                response.map(|body| call.with(body))
            }
            Err(error) => {
                connector.metrics.called(&name, error.reason());
                message::fault(error)
            }
        }
    }
}

impl CallHandler for Gate {
    fn call(
        &self,
        request: Request,
        meta: CallMeta,
        from: Arc<NodeIdentity>,
    ) -> BoxFuture<'_, Response> {
        tracing::debug!(request_id = meta.request_id, region = %from.place, "call");
        Box::pin(self.answer(request))
    }
}

impl RpcHandler for Teller {
    fn rpc(
        &self,
        _from: Option<Arc<NodeIdentity>>,
        _body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        let encoded = message::encode_offers(&self.0.offers());
        let answer = encoded
            .map(Bytes::from)
            .map_err(|error| RpcRefusal::new(1, error.to_string()));
        Box::pin(std::future::ready(answer))
    }
}

/// Counts a call until its answer's body has ended.
struct InFlight(Arc<Connector>);

impl InFlight {
    /// None when there are enough.
    fn enter(connector: &Arc<Connector>) -> Option<Self> {
        let before = connector.in_flight.fetch_add(1, Ordering::Relaxed);
        connector.metrics.in_flight.inc();
        let counted = Self(Arc::clone(connector));
        (before < connector.in_flight_max).then_some(counted)
    }

    fn with(self, body: Body) -> Body {
        if body.is_empty() {
            return body;
        }
        Body::wrap(Counted { body, _call: self })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.in_flight.dec();
    }
}

/// A body that its call is counted with.
struct Counted {
    body: Body,
    _call: InFlight,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
