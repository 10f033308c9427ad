//! A path to one remote node that connects when first needed and reconnects by itself.
//!
//! One background task owns the connection. Callers read the open connection without a lock,
//! and fail at once while the path is known to be down. It does not choose between nodes and
//! does not retry calls; `edge` does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{Request, Response};
use serve::{Body, Drain};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calling;
use crate::carrier::LinkTransport;
use crate::code;
use crate::error::{CallError, CallFailure, RpcError, Sent};
use crate::frames::Frames;
use crate::identity::NodeIdentity;
use crate::limits::LinkLimits;
use crate::live::Live;
use crate::metrics::{Metrics, Refused, Side};
use crate::probe::{ProbeError, ProbeOutcome, ProbeReport};
use crate::services::{CallMeta, Service};

/// Outcomes a slow reader of a prober may leave unread; newer ones are then dropped.
const OUTCOMES_MAX: usize = 16;

/// Whether a peer can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// Not asked for yet.
    Idle,
    /// The first attempt to connect runs; calls wait for it.
    Connecting,
    /// Connected.
    Up,
    /// The last attempt failed or the connection was lost; calls fail at once while the next
    /// attempts run in the background.
    Down,
    /// Closed on our side, for good.
    Closed,
}

/// What the peer's handle and its background task share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) addr: SocketAddr,
    pub(crate) limits: Arc<LinkLimits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) drain: Drain,
    /// Background tasks that live as long as the peer; a drain does not wait for them.
    pub(crate) tasks: TaskTracker,
    pub(crate) live: ArcSwapOption<Live>,
    pub(crate) state: watch::Sender<PeerState>,
    pub(crate) wanted: Notify,
    pub(crate) cancel: CancellationToken,
    /// Whether the last attempt failed in TLS or in the identity check.
    pub(crate) mistrusted: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        addr: SocketAddr,
        limits: Arc<LinkLimits>,
        metrics: Arc<Metrics>,
        drain: Drain,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            addr,
            limits,
            metrics,
            drain,
            tasks,
            live: ArcSwapOption::empty(),
            state: watch::Sender::new(PeerState::Idle),
            wanted: Notify::new(),
            cancel: CancellationToken::new(),
            mistrusted: AtomicBool::new(false),
        })
    }

    pub(crate) fn publish(&self, live: Option<Arc<Live>>, state: PeerState) {
        self.live.store(live);
        self.state.send_replace(state);
    }

    fn down(&self) -> CallError {
        CallError::unsent(if self.mistrusted.load(Ordering::Relaxed) {
            CallFailure::HandshakeFailed
        } else {
            CallFailure::Unreachable
        })
    }

    /// The open connection; waits only for a first attempt to connect.
    async fn acquire(&self) -> Result<Arc<Live>, CallError> {
        if let Some(live) = self.live.load_full() {
            return Ok(live);
        }
        let first = async {
            let mut state = self.state.subscribe();
            loop {
                match *state.borrow_and_update() {
                    PeerState::Up => {
                        if let Some(live) = self.live.load_full() {
                            return Ok(live);
                        }
                    }
                    PeerState::Down => return Err(self.down()),
                    PeerState::Closed => return Err(CallError::unsent(CallFailure::Closed)),
                    PeerState::Idle => self.wanted.notify_one(),
                    PeerState::Connecting => {}
                }
                if state.changed().await.is_err() {
                    return Err(CallError::unsent(CallFailure::Closed));
                }
            }
        };
        let waited = tokio::time::timeout(self.limits.connect_timeout, first).await;
        waited.unwrap_or_else(|_| Err(self.down()))
    }
}

/// A path to one remote node. Cloning is cheap; the connection is closed when the last clone is
/// dropped.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Handle>);

#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.cancel.cancel();
    }
}

impl Peer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(Arc::new(Handle(shared)))
    }

    /// A peer for a connection that the remote opened; it lives as long as that does.
    pub(crate) fn of_live(live: &Arc<Live>, drain: Drain) -> Self {
        let (limits, metrics) = (Arc::clone(&live.limits), Arc::clone(&live.metrics));
        let shared = Shared::new(
            live.connection.remote_address(),
            limits,
            metrics,
            drain,
            TaskTracker::new(),
        );
        shared.publish(Some(Arc::clone(live)), PeerState::Up);
        Self::new(shared)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    /// Where the node is dialled.
    pub fn addr(&self) -> SocketAddr {
        self.shared().addr
    }

    /// Whether it can be used right now.
    pub fn state(&self) -> PeerState {
        *self.shared().state.borrow()
    }

    /// Tells every change of [`state`](Self::state).
    pub fn watch(&self) -> watch::Receiver<PeerState> {
        self.shared().state.subscribe()
    }

    /// Who is at the other end, while connected.
    pub fn identity(&self) -> Option<Arc<NodeIdentity>> {
        self.shared()
            .live
            .load()
            .as_ref()
            .and_then(|live| live.identity.clone())
    }

    /// What carries the connection, while connected.
    pub fn transport(&self) -> Option<LinkTransport> {
        let live = self.shared().live.load();
        live.as_ref().map(|live| live.connection.transport())
    }

    /// The transport's smoothed round trip, while connected.
    pub fn rtt(&self) -> Option<Duration> {
        self.shared()
            .live
            .load()
            .as_ref()
            .map(|live| live.connection.rtt())
    }

    /// Connects if nobody has asked before, and waits for it, at most the connect time-out.
    ///
    /// # Errors
    ///
    /// As a call without a connection, at once if the path is known to be down.
    pub async fn ready(&self) -> Result<(), CallError> {
        self.shared().acquire().await.map(drop)
    }

    /// Sends one HTTP request. The response comes back when its head is there; its body streams.
    /// Dropping the future or the body stops the handler at the other side.
    ///
    /// # Errors
    ///
    /// Says why, and whether the remote may have begun to act. After `meta.deadline_ms` without
    /// a head it is [`CallFailure::Deadline`].
    pub async fn call(
        &self,
        request: Request<Body>,
        meta: CallMeta,
    ) -> Result<Response<Body>, CallError> {
        let shared = self.shared();
        let in_flight = shared.metrics.call(Side::Client);
        let budget = Duration::from_millis(meta.deadline_ms.into());
        let called = calling::within(budget, async {
            let live = shared.acquire().await?;
            calling::call(&live, request, &meta, &shared.drain).await
        })
        .await;
        drop(in_flight);
        match &called {
            Ok(_) => shared.metrics.answered(Side::Client),
            Err(error) => shared.metrics.failed(error.reason),
        }
        called
    }

    /// Sends one message and waits for its answer.
    ///
    /// # Errors
    ///
    /// The link's failure, the service's refusal, or [`RpcError::Timeout`] after `timeout`.
    pub async fn rpc(
        &self,
        service: Service,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, RpcError> {
        self.rpc_at_most(service, body, (usize::MAX, timeout)).await
    }

    /// As [`rpc`](Self::rpc), of a peer that is trusted with an answer of so many bytes.
    ///
    /// # Errors
    ///
    /// As `rpc`; a longer answer is [`RpcError::TooLarge`], unread.
    pub async fn rpc_at_most(
        &self,
        service: Service,
        body: Bytes,
        (answer_bytes_max, timeout): (usize, Duration),
    ) -> Result<Bytes, RpcError> {
        let shared = self.shared();
        let asked = tokio::time::timeout(timeout, async {
            let live = shared.acquire().await?;
            calling::rpc_at_most(&live, service, body, answer_bytes_max).await
        });
        let answered = asked.await.unwrap_or(Err(RpcError::Timeout));
        let outcome = match &answered {
            Ok(_) => "ok",
            Err(RpcError::Refused(_)) => "refused",
            Err(RpcError::Timeout) => "timeout",
            Err(RpcError::TooLarge) => "too_large",
            Err(RpcError::Link(CallError { sent: Sent::No, .. })) => "unsent",
            Err(RpcError::Link(_)) => "lost",
        };
        shared.metrics.rpc(service, outcome);
        answered
    }

    /// Opens a conversation of frames; `first` is handed to the other side's handler with it.
    ///
    /// # Errors
    ///
    /// As a call. A refusal by the remote shows only at the first `send` or `recv`.
    pub async fn open(&self, service: Service, first: Bytes) -> Result<Frames, CallError> {
        let live = self.shared().acquire().await?;
        calling::open(&live, service, &first).await
    }

    /// Probes once, if connected.
    ///
    /// # Errors
    ///
    /// [`ProbeError::Down`] without a connection, [`ProbeError::Lost`] after `timeout`.
    pub async fn probe(&self, timeout: Duration) -> Result<ProbeReport, ProbeError> {
        let live = self.shared().live.load_full().ok_or(ProbeError::Down)?;
        live.probe(timeout).await
    }

    /// Connects and probes every `every` in the background until the receiver or the last clone
    /// of the peer is dropped. After `probe_misses_max` losses in a row the connection is given
    /// up as dead, long before the transport's own time-out. Outcomes that are not read in time are
    /// dropped.
    pub fn probes(&self, every: Duration) -> mpsc::Receiver<ProbeOutcome> {
        let (outcomes, receiver) = mpsc::channel(OUTCOMES_MAX);
        let shared = Arc::clone(self.shared());
        self.shared().tasks.spawn(async move {
            tokio::select! {
                () = probe_on(&shared, every, &outcomes) => {}
                () = shared.cancel.cancelled() => {}
                () = shared.drain.expired() => {}
            }
        });
        receiver
    }

    /// Gives the open connection up as dead: everything on it fails at once, and the peer
    /// reconnects in the background.
    pub fn mark_down(&self) {
        mark_down(self.shared());
    }

    /// Closes the connection for good; everything on it fails at once.
    pub fn close(&self) {
        self.shared().cancel.cancel();
        if let Some(live) = self.shared().live.swap(None) {
            live.connection.close(code::CLOSE_DONE, b"closed");
        }
    }
}

fn mark_down(shared: &Shared) {
    if let Some(live) = shared.live.swap(None) {
        shared.state.send_if_modified(|state| {
            let was_up = *state == PeerState::Up;
            if was_up {
                *state = PeerState::Down;
            }
            was_up
        });
        live.connection
            .close(code::CLOSE_MARKED_DOWN, b"marked down");
    }
}

async fn probe_on(shared: &Shared, every: Duration, outcomes: &mpsc::Sender<ProbeOutcome>) {
    let mut in_a_row = 0;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    shared.wanted.notify_one();
    while !outcomes.is_closed() {
        ticks.tick().await;
        let probed = match shared.live.load_full() {
            Some(live) => live.probe(live.probe_timeout()).await,
            None => Err(ProbeError::Down),
        };
        let outcome = match probed {
            Ok(report) => {
                in_a_row = 0;
                ProbeOutcome::Report(report)
            }
            Err(ProbeError::Lost) => {
                in_a_row += 1;
                ProbeOutcome::Lost { in_a_row }
            }
            Err(ProbeError::Down) => {
                in_a_row = 0;
                ProbeOutcome::Down
            }
        };
        if in_a_row >= shared.limits.probe_misses_max {
            tracing::info!(addr = %shared.addr, in_a_row, "peer given up after lost probes");
            in_a_row = 0;
            mark_down(shared);
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = outcomes.try_send(outcome) {
            shared.metrics.refused(Refused::ProbeQueue);
        }
    }
}
