//! Streams towards the node that dialled, which in HTTP/2 only that node can open.
//!
//! A node that serves over a connection it has dialled keeps a few streams open that nobody uses.
//! The other side takes one and writes on it as if it had opened it; with the first byte it is an
//! accepted stream, and another takes its place. Nodes that serve nothing keep none.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use quinn::{ConnectionError, ReadError};
use serve::{BoxFuture, MuxedReceiver, MuxedSender};
use tokio::sync::mpsc;

use super::{BACK_PATH, Tcp, lost, small, uri};
use crate::code;
use crate::wire::stream::{Counted, Inbound, Outbound, ReadFault};

/// Streams that wait to be used. One is replaced within a round trip of its first byte; calls
/// beyond that wait for as long.
const READY: usize = 32;
/// Streams of the other side that are kept; it has no reason to offer more.
const KEPT_MAX: usize = 2 * READY;

type Halves = (MuxedSender, MuxedReceiver);
type Begun = Result<(MuxedSender, Inbound), ReadFault>;

/// What either side keeps for it.
#[derive(Debug)]
pub(super) struct Back {
    /// We have dialled, and serve.
    serves: AtomicBool,
    /// Of the side that has dialled. Its one reader may be dropped while it waits.
    ready: tokio::sync::Mutex<FuturesUnordered<BoxFuture<'static, Begun>>>,
    /// Of the other side.
    offered: Mutex<mpsc::Sender<Halves>>,
    kept: tokio::sync::Mutex<mpsc::Receiver<Halves>>,
}

impl Default for Back {
    fn default() -> Self {
        let (offered, kept) = mpsc::channel(KEPT_MAX);
        Self {
            serves: AtomicBool::new(false),
            ready: tokio::sync::Mutex::default(),
            offered: Mutex::new(offered),
            kept: tokio::sync::Mutex::new(kept),
        }
    }
}

impl Back {
    /// Keeps a stream that the other side has opened to be used by us.
    pub(super) fn keep(&self, halves: Halves) {
        let offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(full) = offered.try_send(halves) {
            let (mut sender, _) = full.into_inner();
            sender.reset(small(code::REFUSED_OVERLOAD));
        }
    }
}

impl Tcp {
    /// What the other side begins will be served.
    pub(crate) fn serve_back(&self) {
        self.back.serves.store(true, Ordering::Relaxed);
    }

    /// Begins a stream towards the node that dialled; waits while it has none ready.
    pub(super) async fn open_back(&self) -> Result<(Outbound, Inbound), ConnectionError> {
        let next = async { self.back.kept.lock().await.recv().await };
        tokio::select! {
            biased;
            why = self.muxed.ended() => Err(lost(why)),
            halves = next => {
                let (sender, receiver) = halves.ok_or(ConnectionError::LocallyClosed)?;
                Ok((Outbound::tcp(sender, None), Inbound::tcp(receiver, None)))
            }
        }
    }

    /// The next stream that the node we have dialled begins. Cancel safe.
    pub(super) async fn accept_back(&self) -> Result<(Outbound, Inbound), ConnectionError> {
        let mut ready = self.back.ready.lock().await;
        loop {
            let serves = self.back.serves.load(Ordering::Relaxed);
            tokio::select! {
                biased;
                why = self.muxed.ended() => return Err(lost(why)),
                Some(begun) = ready.next(), if !ready.is_empty() => match begun {
                    Ok((sender, inbound)) => {
                        let counted = Counted::enter(&self.calls);
                        return Ok((Outbound::tcp(sender, Some(counted)), inbound));
                    }
                    Err(fault) if is_unknown(&fault) => {
                        // An older node, which does not know of this.
                        self.back.serves.store(false, Ordering::Relaxed);
                    }
                    // Taken, and given up before anything was written.
                    Err(_) => {}
                },
                opened = self.muxed.open(uri(BACK_PATH)), if serves && ready.len() < READY => {
                    let (sender, receiver) = opened.map_err(lost)?;
                    ready.push(Box::pin(begin(sender, receiver)));
                }
            }
        }
    }
}

/// Waits for the first byte.
async fn begin(sender: MuxedSender, receiver: MuxedReceiver) -> Begun {
    let mut inbound = Inbound::tcp(receiver, None);
    if inbound.fill(1).await? {
        Ok((sender, inbound))
    } else {
        Err(ReadFault::Truncated)
    }
}

fn is_unknown(fault: &ReadFault) -> bool {
    matches!(fault, ReadFault::Stream(ReadError::Reset(code)) if *code == code::REFUSED_UNKNOWN)
}
