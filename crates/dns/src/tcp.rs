//! Answering on connections (RFC 7766): two bytes of length in front of each message, any number
//! of queries one after another or all at once, answered in order.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use crate::{
    metrics::{Closed, Metrics, Transport},
    server::Shared,
    settings::{QUERY_BYTES_MAX, TCP_GATHER_BYTES},
    tally::Tally,
    transfer::{Broken, Transfer},
};

/// After a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Lets so many connections of all workers be open at a time.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    open: Arc<AtomicUsize>,
    max: usize,
}

/// A connection's place in the gate.
struct Pass {
    gate: Gate,
    metrics: Metrics,
}

/// Accepts until the drain begins.
pub(crate) async fn run(listener: TcpListener, shared: Shared, gate: Gate) {
    if !shared.has_plan().await {
        return;
    }
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.drain.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => take(stream, peer.ip(), &shared, &gate),
            Err(error) => {
                tracing::warn!(%error, "dns cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves a new connection in a task of its own, if there is a place for it.
fn take(stream: TcpStream, peer: IpAddr, shared: &Shared, gate: &Gate) {
    let Some(pass) = gate.enter(&shared.metrics) else {
        return shared.metrics.closed(Closed::Limit, Transport::Tcp);
    };
    // Answers are gathered here; the kernel need not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "dns connection cannot be set to send at once");
    }
    let mut connection = Connection::new(stream, (peer, Transport::Tcp), shared.clone());
    connection.pass = Some(pass);
    shared.tasks.spawn(connection.serve());
}

/// A byte stream with messages behind their lengths.
pub(crate) struct Connection<S> {
    stream: S,
    peer: IpAddr,
    transport: Transport,
    /// Its place, where the gate is ours.
    pass: Option<Pass>,
    shared: Shared,
    tally: Tally,
    /// Read and not yet answered.
    pending: Vec<u8>,
    /// Written here before the stream.
    gathered: Vec<u8>,
    answer: Vec<u8>,
}

/// What to do after a step of a connection.
enum Next {
    Continue,
    End,
    Close(Closed),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S, (peer, transport): (IpAddr, Transport), shared: Shared) -> Self {
        let tally = Tally::new(transport, shared.metrics.clone());
        Self {
            stream,
            peer,
            transport,
            pass: None,
            shared,
            tally,
            pending: Vec::new(),
            gathered: Vec::new(),
            answer: Vec::new(),
        }
    }

    /// Serves it to its end.
    pub(crate) async fn serve(mut self) {
        loop {
            let next = match self.read_query().await {
                Next::Continue => self.answer_pending().await,
                end => end,
            };
            self.tally.pass_on();
            match next {
                Next::Continue => {}
                Next::End => break,
                Next::Close(closed) => {
                    self.shared.metrics.closed(closed, self.transport);
                    break;
                }
            }
        }
        // Who sees the end finds the place free.
        drop(self.pass.take());
        // Over TLS an end is said, so that the client does not take it for a broken connection.
        let end = timeout(
            self.shared.settings.limits.tcp_write,
            self.stream.shutdown(),
        );
        drop(end.await);
    }

    /// Reads until at least one whole query is there. The limit is on the whole, so that a client
    /// that sends a byte now and then does not keep its place.
    async fn read_query(&mut self) -> Next {
        let idle = self.shared.settings.limits.tcp_idle;
        let drain = self.shared.drain.clone();
        let read = async {
            loop {
                match next_query(&self.pending) {
                    Frame::Whole(..) => return Next::Continue,
                    Frame::TooLong => return Next::Close(Closed::Oversized),
                    Frame::Partial => {}
                }
                match self.stream.read_buf(&mut self.pending).await {
                    Ok(0) | Err(_) => return Next::End,
                    Ok(_) => {}
                }
            }
        };
        tokio::select! {
            biased;
            // Everything that was answered has been written; the rest is asked again elsewhere.
            () = drain.cancelled() => Next::End,
            read = timeout(idle, read) => read.unwrap_or(Next::Close(Closed::Idle)),
        }
    }

    /// Answers every whole query that is there.
    async fn answer_pending(&mut self) -> Next {
        let mut done = 0;
        loop {
            let rest = self.pending.get(done..).unwrap_or(&[]);
            let Frame::Whole(query, length) = next_query(rest) else {
                break;
            };
            let responder = self.shared.responder.load();
            let verdict = responder.answer(query, self.peer, self.transport, &mut self.answer);
            let transfer = verdict
                .transfer
                .then(|| responder.transfer(query, &self.shared.transfers));
            self.tally.count(&verdict, &responder);
            drop(responder);
            done += length;
            if let Some(transfer) = transfer {
                match self.copy(transfer).await {
                    Next::Continue => continue,
                    end => return end,
                }
            }
            self.gather();
            if self.gathered.len() >= TCP_GATHER_BYTES
                && let end @ (Next::End | Next::Close(_)) = self.flush().await
            {
                return end;
            }
        }
        self.pending.drain(..done);
        self.flush().await
    }

    /// Puts the answer behind the others that wait to be written.
    fn gather(&mut self) {
        if let Ok(length) = u16::try_from(self.answer.len())
            && length > 0
        {
            self.gathered.extend_from_slice(&length.to_be_bytes());
            self.gathered.extend_from_slice(&self.answer);
        }
    }

    /// Sends a copy of a zone. A client that has not taken a message holds up the next one, and
    /// a copy that cannot be ended well ends the connection.
    async fn copy(&mut self, transfer: Option<Transfer>) -> Next {
        let Some(mut transfer) = transfer else {
            self.shared.metrics.transfer("busy");
            return Next::Close(Closed::Limit);
        };
        loop {
            match transfer.next(&mut self.answer) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(Broken) => {
                    self.shared.metrics.transfer("broken");
                    return Next::End;
                }
            }
            self.gather();
            if let end @ (Next::End | Next::Close(_)) = self.flush().await {
                self.shared.metrics.transfer("unread");
                return end;
            }
            // A long copy must not keep other clients of this worker waiting.
            tokio::task::yield_now().await;
        }
        self.shared.metrics.transfer("sent");
        Next::Continue
    }

    async fn flush(&mut self) -> Next {
        let limit = self.shared.settings.limits.tcp_write;
        let write = async {
            self.stream.write_all(&self.gathered).await?;
            self.stream.flush().await
        };
        let written = timeout(limit, write).await;
        self.gathered.clear();
        match written {
            Ok(Ok(())) => Next::Continue,
            Ok(Err(_)) => Next::End,
            Err(_) => Next::Close(Closed::Unread),
        }
    }
}

/// What a connection's bytes begin with.
enum Frame<'b> {
    /// A query, and how many bytes it takes with its length.
    Whole(&'b [u8], usize),
    Partial,
    TooLong,
}

fn next_query(bytes: &[u8]) -> Frame<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return Frame::Partial;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > QUERY_BYTES_MAX {
        return Frame::TooLong;
    }
    rest.get(..length)
        .map_or(Frame::Partial, |query| Frame::Whole(query, length + 2))
}

impl Gate {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            open: Arc::default(),
            max,
        }
    }

    fn enter(&self, metrics: &Metrics) -> Option<Pass> {
        let step = |open: usize| (open < self.max).then_some(open + 1);
        let entered = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
        entered.ok()?;
        metrics.tcp_open.inc();
        Some(Pass {
            gate: self.clone(),
            metrics: metrics.clone(),
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Ordering::Relaxed);
        self.metrics.tcp_open.dec();
    }
}
