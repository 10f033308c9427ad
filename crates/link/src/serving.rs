//! Answers one stream that another node opened.
//!
//! Whatever goes wrong before a handler is called is told with a code that means "nothing was
//! done". A handler's future is dropped as soon as the caller gives up.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::Response;
use quinn::VarInt;
use serve::Body;

use crate::code;
use crate::frames::Frames;
use crate::identity::{NodeIdentity, PeerRole};
use crate::live::{Live, Offering};
use crate::metrics::{Refused, Side};
use crate::services::{CallHandler, FeedHandler, Offer, RpcHandler, Service, Shed};
use crate::wire::body_in::{self, BodyContext};
use crate::wire::body_out;
use crate::wire::head;
use crate::wire::stream::{Inbound, Outbound, ReadFault};
use crate::wire::{PREFIX_BYTES, VERSION};

/// Time the first bytes of a stream may take; they are sent with its opening.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What a head usually needs.
const HEAD_CAPACITY: usize = 1024;

/// The first byte of an rpc's answer.
pub(crate) const RPC_OK: u8 = 0;
/// The first byte of an rpc's refusal.
pub(crate) const RPC_REFUSED: u8 = 1;

/// Why a stream was turned away before anything was done.
struct Refusal(VarInt, Refused);

const MALFORMED: Refusal = Refusal(code::HEAD_MALFORMED, Refused::Malformed);
const TOO_LARGE: Refusal = Refusal(code::HEAD_TOO_LARGE, Refused::TooLarge);
const UNKNOWN: Refusal = Refusal(code::REFUSED_UNKNOWN, Refused::Service);
const DRAINING: Refusal = Refusal(code::REFUSED_DRAINING, Refused::Draining);
const OVERLOAD: Refusal = Refusal(code::REFUSED_OVERLOAD, Refused::Calls);
const CONNECTOR_STREAMS: Refusal = Refusal(code::REFUSED_OVERLOAD, Refused::ConnectorStreams);
const LATE: Refusal = Refusal(code::DEADLINE, Refused::Deadline);

/// A stream of another node that is to be answered.
struct Stream {
    live: Arc<Live>,
    outbound: Outbound,
    inbound: Inbound,
}

impl Stream {
    fn refuse(mut self, Refusal(code, reason): Refusal) {
        self.live.metrics.refused(reason);
        self.inbound.stop(code);
        self.outbound.reset(code);
    }
}

/// Serves one stream to its end. Calls and rpcs end with their connection, which hears the
/// drain; only feeds listen to it themselves.
pub(crate) async fn serve(
    live: Arc<Live>,
    offering: Arc<Offering>,
    outbound: Outbound,
    inbound: Inbound,
) {
    let stream = Stream {
        live,
        outbound,
        inbound,
    };
    answer(stream, &offering).await;
}

/// Refuses a stream of a node that has enough of them open.
pub(crate) fn turn_away(live: &Arc<Live>, outbound: Outbound, inbound: Inbound) {
    let stream = Stream {
        live: Arc::clone(live),
        outbound,
        inbound,
    };
    stream.refuse(CONNECTOR_STREAMS);
}

async fn answer(mut stream: Stream, offering: &Offering) {
    let head = begin(&stream.live, offering, &mut stream.inbound);
    let begun = tokio::time::timeout(HEAD_TIMEOUT, head).await;
    let (offer, block) = match begun.unwrap_or(Err(LATE)) {
        Ok(begun) => begun,
        Err(refusal) => return stream.refuse(refusal),
    };
    match (offer, stream.live.identity.clone()) {
        (Offer::Call(handler), Some(from)) => {
            match CallSlot::take(&offering.calls, stream.live.limits.calls_max) {
                Some(_slot) => call(stream, &**handler, from, &block).await,
                None => stream.refuse(OVERLOAD),
            }
        }
        (Offer::Rpc(handler), from) => rpc(stream, &**handler, from, block).await,
        (Offer::Feed(handler), Some(from)) => {
            tokio::select! {
                () = feed(stream, &**handler, from, block) => {}
                () = offering.drain.expired() => {}
            }
        }
        (Offer::Call(_) | Offer::Feed(_), None) => stream.refuse(UNKNOWN),
    }
}

/// Reads version, service and the first block; decides whether the stream is taken.
async fn begin<'a>(
    live: &Live,
    offering: &'a Offering,
    inbound: &mut Inbound,
) -> Result<(&'a Offer, Bytes), Refusal> {
    let [version, service] = inbound.take::<2>().await.map_err(refusal_of)?;
    if version != VERSION {
        return Err(UNKNOWN);
    }
    let service = Service::from_byte(service).ok_or(UNKNOWN)?;
    let offer = offering
        .services
        .find(service, live.identity.as_deref())
        .ok_or(UNKNOWN)?;
    let limits = &live.limits;
    let block_max = match offer {
        // Raft must go on while a node drains; new work must not begin.
        Offer::Call(_) | Offer::Feed(_) if offering.drain.has_begun() => return Err(DRAINING),
        Offer::Call(_) => limits.head_bytes_max,
        Offer::Rpc(_) if live.identity.is_none() => limits.join_bytes_max,
        Offer::Rpc(_) => limits.rpc_bytes_max,
        Offer::Feed(_) => limits.frame_bytes_max,
    };
    let block_max = match live.role() {
        Some(PeerRole::Connector) => block_max.min(limits.connector_message_bytes_max),
        _ => block_max,
    };
    let block = inbound.block(block_max).await.map_err(refusal_of)?;
    Ok((offer, block))
}

fn refusal_of(fault: ReadFault) -> Refusal {
    match fault {
        ReadFault::TooLarge(_) => TOO_LARGE,
        ReadFault::Truncated | ReadFault::Stream(_) => MALFORMED,
    }
}

async fn call(stream: Stream, handler: &dyn CallHandler, from: Arc<NodeIdentity>, block: &Bytes) {
    let limits = &stream.live.limits;
    let begun = match head::read_request(block, limits.headers_max) {
        Ok(begun) => begun,
        Err(error) => {
            tracing::debug!(%error, "request head refused");
            return stream.refuse(MALFORMED);
        }
    };
    let Stream {
        live,
        mut outbound,
        inbound,
    } = stream;
    let metrics = Arc::clone(&live.metrics);
    let in_flight = metrics.call(Side::Server);
    let context = BodyContext {
        limits: Arc::clone(&live.limits),
        metrics: Arc::clone(&metrics),
    };
    let deadline = Duration::from_millis(begun.meta.deadline_ms.into());
    let body = body_in::receive(inbound, begun.length, context, None);
    let request = begun.request.map(|()| body);
    let handled = handler.call(request, begun.meta, from);
    let handled = or_stopped(tokio::time::timeout(deadline, handled), &outbound).await;
    drop(in_flight);
    match handled {
        Some(Ok(response)) if response.extensions().get::<Shed>().is_some() => {
            metrics.refused(Refused::Calls);
            outbound.reset(code::REFUSED_OVERLOAD);
        }
        Some(Ok(response)) => respond(&live, outbound, response).await,
        Some(Err(_)) => {
            metrics.refused(Refused::Deadline);
            outbound.reset(code::DEADLINE);
        }
        None => metrics.cancelled(),
    }
}

/// Sends the handler's response.
async fn respond(live: &Live, mut outbound: Outbound, response: Response<Body>) {
    let (parts, body) = response.into_parts();
    let length = body_out::announced(&body);
    let mut out = BytesMut::with_capacity(HEAD_CAPACITY);
    if let Err(error) = head::put_response(&mut out, &parts, length) {
        tracing::warn!(%error, "response head cannot be sent");
        return outbound.reset(code::BODY_FAILED);
    }
    let idle = live.limits.body_idle;
    let sent = if length == Some(0) || body.as_full().is_some() {
        // At hand as a whole: only a write can wait, and that ends by itself with the stream.
        body_out::send(&mut outbound, out, body, length, idle)
            .await
            .is_ok()
    } else {
        let mut stopped = pin!(outbound.stopped());
        let sending = body_out::send(&mut outbound, out, body, length, idle);
        tokio::select! {
            biased;
            sent = sending => sent.is_ok(),
            () = &mut stopped => false,
        }
    };
    if sent {
        live.metrics.answered(Side::Server)
    } else {
        live.metrics.cancelled()
    }
}

async fn rpc(
    stream: Stream,
    handler: &dyn RpcHandler,
    from: Option<Arc<NodeIdentity>>,
    body: Bytes,
) {
    let Stream {
        live,
        mut outbound,
        mut inbound,
    } = stream;
    inbound.at_end();
    let Some(answered) = or_stopped(handler.rpc(from, body), &outbound).await else {
        return live.metrics.cancelled();
    };
    let mut out = BytesMut::new();
    let encoded = match answered {
        Ok(answer) if answer.len() > live.limits.rpc_bytes_max => Err(code::HEAD_TOO_LARGE),
        Ok(answer) => put_answer(&mut out, &answer),
        Err(refusal) => {
            out.put_u8(RPC_REFUSED);
            head::put_refusal(&mut out, &refusal).map_err(|_| code::HEAD_MALFORMED)
        }
    };
    if encoded.is_ok() && outbound.write(out.freeze()).await.is_ok() {
        outbound.finish();
    } else {
        // The service has acted, so none of the codes for "nothing was done" fits.
        outbound.reset(code::BODY_TOO_LARGE);
    }
}

fn put_answer(out: &mut BytesMut, answer: &Bytes) -> Result<(), VarInt> {
    let length = u32::try_from(answer.len()).map_err(|_| code::HEAD_TOO_LARGE)?;
    out.reserve(1 + PREFIX_BYTES + answer.len());
    out.put_u8(RPC_OK);
    out.put_u32(length);
    out.extend_from_slice(answer);
    Ok(())
}

async fn feed(stream: Stream, handler: &dyn FeedHandler, from: Arc<NodeIdentity>, first: Bytes) {
    let Stream {
        live,
        outbound,
        inbound,
    } = stream;
    let frames = Frames::new(outbound, inbound, live.limits.frame_bytes_max);
    handler.open(from, first, frames).await;
}

/// Runs `work`, but drops it when the caller no longer wants the answer. Work that is done at
/// once never looks, which spares it two locks of the connection.
async fn or_stopped<F: Future>(work: F, outbound: &Outbound) -> Option<F::Output> {
    let mut work = pin!(work);
    let at_once = std::future::poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx)));
    if let Poll::Ready(done) = at_once.await {
        return Some(done);
    }
    tokio::select! {
        biased;
        done = work => Some(done),
        () = outbound.stopped() => None,
    }
}

/// One of the calls that a listener runs at once.
struct CallSlot<'a>(&'a AtomicUsize);

impl<'a> CallSlot<'a> {
    fn take(calls: &'a AtomicUsize, max: usize) -> Option<Self> {
        let slot = Self(calls);
        // On the way out the guard gives back what was counted, also when refused.
        (calls.fetch_add(1, Ordering::Relaxed) < max).then_some(slot)
    }
}

impl Drop for CallSlot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
