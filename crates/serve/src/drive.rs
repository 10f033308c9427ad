//! The life of a client connection that speaks HTTP: requests, time limits, drain.
//!
//! Polls the HTTP library's connection and, after each step, one timer. It decides when a
//! connection must end; what the requests mean is the handler's.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::server::conn::{http1, http2};

use crate::check::Refusal;
use crate::connection::Streams;
use crate::drain::Drain;
use crate::limits::Limits;
use crate::vitals::{Expiry, Vitals};
use crate::worker::Station;

/// Time for a connection to close by itself after it was told to, when it is idle.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// Runs the library's connection until it ends, is drained, or runs into a limit.
pub(crate) async fn drive<C: Served>(conn: C, vitals: &Vitals, station: &Station, drain: &Drain) {
    let mut conn = pin!(conn);
    let mut begun = pin!(drain.begun());
    let mut expired = pin!(drain.expired());
    let mut timer = pin!(tokio::time::sleep(CLOSE_GRACE));
    let mut watch = Watch {
        timer: Timer::Fresh,
        closing: None,
    };
    let end = poll_fn(|cx| {
        // A task keeps its waker, so that these need to be polled only to register it. Later
        // one load tells whether they are done; polling them would take shared locks.
        let fresh = matches!(watch.timer, Timer::Fresh);
        if fresh {
            let _ = begun.as_mut().poll(cx);
            let _ = expired.as_mut().poll(cx);
        }
        if drain.has_expired() {
            return Poll::Ready(End::Closed("drain_expired"));
        }
        if !fresh && drain.has_begun() && watch.begin_drain() {
            conn.as_mut().close_gracefully();
        }
        loop {
            if let Poll::Ready(result) = conn.as_mut().poll(cx) {
                return Poll::Ready(End::of::<C>(result, vitals));
            }
            // A fresh connection is read first: a request that is already here gets its answer.
            if drain.has_begun() && watch.begin_drain() {
                conn.as_mut().close_gracefully();
                continue;
            }
            let Some(expiry) = watch.poll(vitals, &station.limits, timer.as_mut(), cx) else {
                return Poll::Pending;
            };
            match watch.act(expiry, vitals) {
                Act::Close => conn.as_mut().close_gracefully(),
                Act::RefuseHead => vitals.expire_head(),
                Act::Drop(reason) => return Poll::Ready(End::Closed(reason)),
            }
        }
    })
    .await;
    match end {
        End::Done if watch.closing == Some(Closing::Idle) => station.metrics.closed("idle"),
        End::Done => {}
        End::Refused(refusal) => station.metrics.refused(refusal.reason()),
        End::Closed(reason) => station.metrics.closed(reason),
    }
}

/// How a connection ended.
enum End {
    /// By the peer's wish, or after a graceful close.
    Done,
    /// The library could not read a head.
    Refused(Refusal),
    /// By us, at a limit.
    Closed(&'static str),
}

impl End {
    fn of<C: Served>(result: Result<(), hyper::Error>, vitals: &Vitals) -> Self {
        let Err(error) = result else {
            return Self::Done;
        };
        tracing::debug!(%error, "connection ended with an error");
        if vitals.head_expired() {
            Self::Refused(Refusal::HeadTimedOut)
        } else if error.is_parse_too_large() {
            Self::Refused(Refusal::HeadTooLarge)
        } else if error.is_parse() {
            Self::Refused(Refusal::Syntax)
        } else if C::IS_H2 && !is_io(&error) {
            // Floods and other offences for which HTTP/2 closes the connection.
            Self::Closed("protocol_error")
        } else {
            Self::Done
        }
    }
}

/// Whether the socket is what failed.
fn is_io(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<io::Error>())
}

/// Why a connection was asked to close gracefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Drained,
    Idle,
}

/// Keeps the one timer of a connection at the next time limit.
struct Watch {
    timer: Timer,
    closing: Option<Closing>,
}

#[derive(Clone, Copy)]
enum Timer {
    Fresh,
    Unset,
    Set(Instant),
}

/// What to do at a time limit.
enum Act {
    Close,
    RefuseHead,
    Drop(&'static str),
}

impl Watch {
    /// The limit that has been reached, or else the timer is set so that the task wakes for the
    /// next one. Usually the next limit is later than what the timer is set to, and nothing is
    /// done: the timer then wakes too early once, and is set anew.
    fn poll(
        &mut self,
        vitals: &Vitals,
        limits: &Limits,
        mut timer: Pin<&mut tokio::time::Sleep>,
        cx: &mut Context<'_>,
    ) -> Option<Expiry> {
        let grace = match self.closing {
            Some(Closing::Idle) => CLOSE_GRACE,
            Some(Closing::Drained) | None => Duration::ZERO,
        };
        // An HTTP/2 stream may end without waking this task; the next ping does.
        let Some((at, expiry)) = vitals.deadline(limits) else {
            if matches!(self.timer, Timer::Fresh) {
                self.timer = Timer::Unset;
            }
            return None;
        };
        let at = if expiry == Expiry::Idle {
            at + grace
        } else {
            at
        };
        loop {
            match self.timer {
                Timer::Set(set) if set <= at && !timer.is_elapsed() => return None,
                Timer::Fresh | Timer::Unset | Timer::Set(_) => {}
            }
            if Instant::now() >= at {
                return Some(expiry);
            }
            timer.as_mut().reset(at.into());
            self.timer = Timer::Set(at);
            if timer.as_mut().poll(cx).is_pending() {
                return None;
            }
        }
    }

    /// Notes that the drain has begun; whether the connection must be told.
    fn begin_drain(&mut self) -> bool {
        let first = self.closing.is_none();
        if first {
            self.closing = Some(Closing::Drained);
        }
        first
    }

    fn act(&mut self, expiry: Expiry, vitals: &Vitals) -> Act {
        match expiry {
            Expiry::Idle if self.closing == Some(Closing::Idle) => Act::Drop("idle"),
            // A drained connection without a request should have closed by itself by now.
            Expiry::Idle if self.closing.is_some() => Act::Drop("drain_idle"),
            Expiry::Idle => {
                self.closing = Some(Closing::Idle);
                Act::Close
            }
            // The library was told and did not end: do not ask it again.
            Expiry::Head if vitals.head_expired() => Act::Drop("head_timed_out"),
            Expiry::Head => Act::RefuseHead,
            Expiry::Write => Act::Drop("write_idle"),
            Expiry::Linger => Act::Drop("linger"),
        }
    }
}

/// A connection of the HTTP library, of either version.
pub(crate) trait Served: Future<Output = Result<(), hyper::Error>> {
    /// Whether it is HTTP/2.
    const IS_H2: bool;

    /// Lets requests under way finish, takes no new ones.
    fn close_gracefully(self: Pin<&mut Self>);
}

impl<S, I, B> Served for http1::UpgradeableConnection<I, S>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<crate::BoxError>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    B: http_body::Body + 'static,
    B::Error: Into<crate::BoxError>,
{
    const IS_H2: bool = false;

    fn close_gracefully(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, I, B> Served for http2::Connection<I, S, Streams>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Future: Send + 'static,
    S::Error: Into<crate::BoxError>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<crate::BoxError>,
{
    const IS_H2: bool = true;

    fn close_gracefully(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
