//! Streams in both directions over HTTP/2 over TLS, for nodes that cannot reach each other by UDP.
//!
//! A stream is one `POST` whose request and response bodies are the two directions. What is said
//! on it, and who may say it, is the business of `link`. This uses `h2`, which hyper is made from,
//! because hyper hides what `link` needs: the codes of resets, and halves that end apart.
//! It deliberately knows no identities, dials nothing again, and does not spawn: the future that
//! drives a connection is handed to the caller.

mod driver;
mod half;
mod secure;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::{Method, Request, Uri};
use tokio::sync::{Mutex, mpsc, watch};

pub use half::{MuxedReceiver, MuxedSender, StreamFault};
pub use secure::MuxedTls;

/// Added to the codes of resets and closes: HTTP/2 keeps the low numbers for itself and gives an
/// unknown one no meaning (RFC 9113, section 7).
const CODE_BASE: u32 = 0x4557_0000;
/// The largest code that fits above the base.
const CODE_MAX: u32 = 0xffff;

/// How a connection behaves.
#[derive(Clone, Debug)]
pub struct MuxedSettings {
    /// Bytes in flight towards us on one stream before the sender waits.
    pub stream_window: u32,
    /// Bytes in flight towards us on the connection before senders wait.
    pub connection_window: u32,
    /// Streams the other side may have open at once; its next one waits.
    pub streams_max: u32,
    /// Between two pings, which measure the round trip and keep the connection alive.
    pub ping_every: Duration,
    /// Time a ping may take; then the connection is dead.
    pub ping_timeout: Duration,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MuxedLost {
    /// The other side closed it with this code.
    #[error("connection was closed by the other side with code {0}")]
    Closed(u32),
    /// TLS failed: most often, one side does not trust the other.
    #[error("connection failed in tls")]
    Tls,
    /// The other side has not answered a ping.
    #[error("connection is silent")]
    Silent,
    /// It was closed on our side.
    #[error("connection was closed on this side")]
    Local,
    /// The network or the other side broke it off, or what came is not HTTP/2.
    #[error("connection was lost")]
    Lost,
}

/// A stream that the other side opened.
#[derive(Debug)]
pub struct MuxedStream {
    /// What its request asked for.
    pub path: String,
    /// Our direction.
    pub sender: MuxedSender,
    /// The other side's direction.
    pub receiver: MuxedReceiver,
}

/// What the handle and the driver share.
#[derive(Debug)]
struct Shared {
    /// The code to close with, once that is wanted.
    close: watch::Sender<Option<u32>>,
    ended: watch::Sender<Option<MuxedLost>>,
    /// Smoothed round trip in microseconds; zero until the first answer to a ping.
    rtt_us: AtomicU64,
}

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub struct Muxed {
    shared: Arc<Shared>,
    remote: SocketAddr,
    /// Only the side that dialled can open streams: so it is in HTTP/2.
    requests: Option<SendRequest<Bytes>>,
    accepted: Mutex<mpsc::Receiver<MuxedStream>>,
}

impl Muxed {
    /// Where the other side is.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// The smoothed round trip of pings; zero before the first answer.
    pub fn rtt(&self) -> Duration {
        Duration::from_micros(self.shared.rtt_us.load(Ordering::Relaxed))
    }

    /// Whether this side dialled, and so is the one that can open streams.
    pub fn has_dialled(&self) -> bool {
        self.requests.is_some()
    }

    /// Opens a stream; waits while the other side allows no more.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or this side accepted it.
    pub async fn open(&self, uri: Uri) -> Result<(MuxedSender, MuxedReceiver), MuxedLost> {
        let Some(requests) = self.requests.clone() else {
            return Err(MuxedLost::Local);
        };
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let ready = requests.ready().await;
        let opened = ready.and_then(|mut requests| requests.send_request(request, false));
        let (response, stream) = opened.map_err(|error| self.why(&error))?;
        Ok((
            MuxedSender::new(stream),
            MuxedReceiver::of_response(response),
        ))
    }

    /// The next stream that the other side opens. Cancel safe.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub async fn accept(&self) -> Result<MuxedStream, MuxedLost> {
        // Only its one user waits for this lock.
        let next = self.accepted.lock().await.recv().await;
        match next {
            Some(stream) => Ok(stream),
            None => Err(self.ended().await),
        }
    }

    /// Closes the connection with a code; everything on it fails.
    pub fn close(&self, code: u32) {
        self.shared.close.send_if_modified(|close| {
            let first = close.is_none();
            close.get_or_insert(code);
            first
        });
    }

    /// Why it has ended, if it has.
    pub fn lost(&self) -> Option<MuxedLost> {
        *self.shared.ended.borrow()
    }

    /// Resolves when it has ended.
    pub async fn ended(&self) -> MuxedLost {
        let mut ended = self.shared.ended.subscribe();
        let lost = ended.wait_for(Option::is_some).await;
        lost.ok().and_then(|lost| *lost).unwrap_or(MuxedLost::Local)
    }

    fn why(&self, error: &h2::Error) -> MuxedLost {
        self.lost().unwrap_or_else(|| lost_by(error))
    }
}

impl Drop for Muxed {
    fn drop(&mut self) {
        self.close(0);
    }
}

fn reason_of(code: u32) -> Reason {
    Reason::from(CODE_BASE + code.min(CODE_MAX))
}

fn code_of(reason: Reason) -> Option<u32> {
    let code = u32::from(reason).checked_sub(CODE_BASE);
    code.filter(|code| *code <= CODE_MAX)
}

/// What an error of h2 says about the connection.
fn lost_by(error: &h2::Error) -> MuxedLost {
    let remote = error.is_go_away() && error.is_remote();
    if let Some(code) = error.reason().filter(|_| remote).and_then(code_of) {
        return MuxedLost::Closed(code);
    }
    // rustls' errors arrive as this kind, and h2 says its own otherwise.
    match error.get_io().map(std::io::Error::kind) {
        Some(std::io::ErrorKind::InvalidData) => MuxedLost::Tls,
        _ => MuxedLost::Lost,
    }
}
