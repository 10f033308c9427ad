//! The caller's side of a stream: HTTP calls, rpcs and the opening of feeds.
//!
//! Dropping a call's future, or the response's body before its end, stops the stream, and with
//! it the handler at the other side.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Request, Response};
use serve::{Body, Drain};

use crate::code;
use crate::error::{CallError, CallFailure, RpcError};
use crate::frames::Frames;
use crate::live::Live;
use crate::services::{CallMeta, Service};
use crate::serving::{RPC_OK, RPC_REFUSED};
use crate::wire::body_in::{self, AbortOnDrop, BodyContext};
use crate::wire::body_out::{self, SendFault};
use crate::wire::head::{self, HeadFault, ResponseHead};
use crate::wire::stream::{Inbound, Outbound};
use crate::wire::{PREFIX_BYTES, VERSION};

/// What a head usually needs.
const HEAD_CAPACITY: usize = 1024;

/// Ends the receiving half with "cancelled" unless it was handed on.
struct Receiving(Option<Inbound>);

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Some(inbound) = &mut self.0 {
            inbound.stop(code::CANCELLED);
        }
    }
}

/// One HTTP request and the head of its response.
pub(crate) async fn call(
    live: &Live,
    request: Request<Body>,
    meta: &CallMeta,
    drain: &Drain,
) -> Result<Response<Body>, CallError> {
    let (outbound, inbound) = live.open().await?;
    let mut receiving = Receiving(Some(inbound));
    let (parts, body) = request.into_parts();
    let length = body_out::announced(&body);
    let mut out = BytesMut::with_capacity(HEAD_CAPACITY);
    out.extend_from_slice(&[VERSION, Service::Call as u8]);
    head::put_request(&mut out, &parts, meta, length)
        .map_err(|_| CallError::unsent(CallFailure::Malformed))?;
    if out.len() - 2 - PREFIX_BYTES > live.limits.head_bytes_max
        || parts.headers.len() > live.limits.headers_max
    {
        return Err(CallError::unsent(CallFailure::TooLarge));
    }

    let mut outbound = outbound;
    let idle = live.limits.body_idle;
    let Some(inbound) = &mut receiving.0 else {
        return Err(lost());
    };
    let (answer, sending) = if length == Some(0) || body.as_full().is_some_and(is_small) {
        // One write, then the answer. Nothing is left to send in the background.
        send_all(&mut outbound, out, body, length, idle).await?;
        (read_head(inbound, live).await?, None)
    } else {
        let sending = async move { body_out::send(&mut outbound, out, body, length, idle).await };
        send_while_reading(Box::pin(sending), inbound, live, drain).await?
    };
    let ResponseHead { response, length } = answer;
    let context = BodyContext {
        limits: Arc::clone(&live.limits),
        metrics: Arc::clone(&live.metrics),
    };
    let inbound = receiving.0.take().ok_or_else(lost)?;
    Ok(response.map(|()| body_in::receive(inbound, length, context, sending)))
}

/// Bodies up to this size go with the head; they always fit the stream's window.
const SMALL_BYTES: usize = 64 * 1024;

fn is_small(body: &Bytes) -> bool {
    body.len() <= SMALL_BYTES
}

const fn lost() -> CallError {
    CallError::maybe(CallFailure::Reset)
}

async fn send_all(
    outbound: &mut Outbound,
    out: BytesMut,
    body: Body,
    length: Option<u64>,
    idle: Duration,
) -> Result<(), CallError> {
    match body_out::send(outbound, out, body, length, idle).await {
        Ok(()) => Ok(()),
        Err(fault) => answer_may_follow(fault),
    }
}

/// A peer that stops reading may still have answered; the answer, or its reset, tells more.
fn answer_may_follow(fault: SendFault) -> Result<(), CallError> {
    match fault {
        SendFault::Stream(quinn::WriteError::Stopped(_)) => Ok(()),
        SendFault::Stream(fault) => Err(CallError::from_write(&fault)),
        SendFault::Stalled => Err(CallError::maybe(CallFailure::Deadline)),
        SendFault::Source(body) => Err(CallError {
            body,
            ..CallError::maybe(CallFailure::RequestBody)
        }),
    }
}

type Sending = std::pin::Pin<Box<dyn Future<Output = Result<(), SendFault>> + Send>>;

/// Sends the request until the response's head is there; then the rest goes on by itself until
/// the response is done with.
async fn send_while_reading(
    mut sending: Sending,
    inbound: &mut Inbound,
    live: &Live,
    drain: &Drain,
) -> Result<(ResponseHead, Option<AbortOnDrop>), CallError> {
    let mut reading = pin!(read_head(inbound, live));
    let answer = tokio::select! {
        biased;
        answer = &mut reading => answer,
        sent = &mut sending => {
            sent.or_else(answer_may_follow)?;
            return Ok((reading.await?, None));
        }
    };
    let answer = answer?;
    let rest = drain.spawn(async move {
        // A failure resets the stream, which the other side's handler sees.
        let _ = sending.await;
    });
    Ok((answer, Some(AbortOnDrop(rest.abort_handle()))))
}

async fn read_head(inbound: &mut Inbound, live: &Live) -> Result<ResponseHead, CallError> {
    let block = inbound.block(live.limits.head_bytes_max).await;
    let block = block.map_err(crate::wire::stream::ReadFault::into_call_error)?;
    head::read_response(&block, live.limits.headers_max).map_err(|error| {
        tracing::debug!(%error, "response head refused");
        CallError::maybe(match error {
            HeadFault::TooLarge => CallFailure::TooLarge,
            _ => CallFailure::Malformed,
        })
    })
}

/// One message and its answer, without a time-out.
pub(crate) async fn rpc(live: &Live, service: Service, body: Bytes) -> Result<Bytes, RpcError> {
    rpc_at_most(live, service, body, usize::MAX).await
}

/// As [`rpc`], with an answer of at most so many bytes.
pub(crate) async fn rpc_at_most(
    live: &Live,
    service: Service,
    body: Bytes,
    wanted_max: usize,
) -> Result<Bytes, RpcError> {
    let limits = &live.limits;
    let answer_max = if service == Service::Join {
        limits.join_bytes_max
    } else {
        limits.rpc_bytes_max
    };
    if body.len() > answer_max {
        return Err(RpcError::TooLarge);
    }
    let answer_max = answer_max.min(wanted_max);
    let (mut outbound, inbound) = live.open().await?;
    let mut receiving = Receiving(Some(inbound));
    let out = opening(service, &body)?;
    match outbound.write(out).await {
        Ok(()) => outbound.finish(),
        Err(fault) => {
            answer_may_follow(SendFault::Stream(fault))?;
        }
    }
    let Some(inbound) = &mut receiving.0 else {
        return Err(lost().into());
    };
    let answer = async {
        let [status] = inbound.take::<1>().await?;
        Ok((status, inbound.block(answer_max).await?))
    };
    let (status, block) = answer
        .await
        .map_err(crate::wire::stream::ReadFault::into_call_error)
        .map_err(|error| match error.reason {
            CallFailure::TooLarge => RpcError::TooLarge,
            _ => RpcError::Link(error),
        })?;
    inbound.at_end();
    match status {
        RPC_OK => Ok(block),
        RPC_REFUSED => Err(head::read_refusal(&block).map_or_else(
            |_| RpcError::Link(CallError::maybe(CallFailure::Malformed)),
            RpcError::Refused,
        )),
        _ => Err(CallError::maybe(CallFailure::Malformed).into()),
    }
}

/// Opens a conversation of frames; `first` travels with the opening.
pub(crate) async fn open(
    live: &Live,
    service: Service,
    first: &Bytes,
) -> Result<Frames, CallError> {
    if first.len() > live.limits.frame_bytes_max {
        return Err(CallError::unsent(CallFailure::TooLarge));
    }
    let (mut outbound, inbound) = live.open().await?;
    let out = opening(service, first)?;
    outbound
        .write(out)
        .await
        .map_err(|fault| CallError::from_write(&fault))?;
    Ok(Frames::new(outbound, inbound, live.limits.frame_bytes_max))
}

fn opening(service: Service, first: &Bytes) -> Result<Bytes, CallError> {
    let length =
        u32::try_from(first.len()).map_err(|_| CallError::unsent(CallFailure::TooLarge))?;
    let mut out = BytesMut::with_capacity(2 + PREFIX_BYTES + first.len());
    out.extend_from_slice(&[VERSION, service as u8]);
    out.put_u32(length);
    out.extend_from_slice(first);
    Ok(out.freeze())
}

/// Runs `work` for at most `budget`.
pub(crate) async fn within<T>(
    budget: Duration,
    work: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(budget, work).await {
        Ok(done) => done,
        Err(_) => Err(CallError::maybe(CallFailure::Deadline)),
    }
}
