//! The link beside HTTP/2 over TLS on one path of the lab: the same bodies, the same question, one
//! connection each, and either controller of congestion on both sides.
//!
//! Both are what they are in earnest: the link is the product's own `Peer` and `Listener` with
//! their default limits, HTTP/2 is hyper over rustls over the kernel's TCP. Windows are the same
//! on both sides and far above what the path holds, so that neither waits for them.

mod h2;
mod quic;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use link::Congestion;
use serve::Body;

use super::{Host, Wan, place::Place};

/// Bytes of one small answer.
pub const SMALL_BYTES: usize = 32 * 1024;

/// Requests at once.
pub const PARALLEL: usize = 50;

/// What a stream, and the whole connection, may have on the way on both carriers: the link's own
/// defaults.
const STREAM_WINDOW: u32 = 8 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// A burst that takes longer has failed.
const BURST_TIMEOUT: Duration = Duration::from_secs(60);

/// The large body is made of pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// 2 GiB in all: no path of the lab carries that in the time of a measurement.
const PIECES: usize = 32 * 1024;

/// What requests travel by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The link.
    Quic(Congestion),
    /// HTTP/2 over TLS 1.3 over TCP.
    Http2(Congestion),
}

impl Carrier {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::Quic(Congestion::Cubic),
        Self::Http2(Congestion::Cubic),
        Self::Quic(Congestion::Bbr),
        Self::Http2(Congestion::Bbr),
    ];

    /// For tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quic(Congestion::Cubic) => "link, quinn's CUBIC",
            Self::Quic(Congestion::Bbr) => "link, quinn's BBR",
            Self::Http2(Congestion::Cubic) => "HTTP/2, Linux' CUBIC",
            Self::Http2(Congestion::Bbr) => "HTTP/2, Linux' BBR",
        }
    }

    /// Where its server listens.
    fn port(self) -> u16 {
        let place = Self::ALL.iter().position(|one| *one == self);
        place
            .and_then(|place| u16::try_from(place).ok())
            .map_or(4_000, |place| 4_000 + place)
    }
}

/// The path between the two hosts.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// There and back.
    pub round_trip: Duration,
    /// The part of packets lost, each way.
    pub loss: f64,
    /// Bits a second, each way.
    pub rate_bits: u64,
}

/// Two hosts with servers of all carriers on one of them.
pub struct Comparison {
    wan: Wan,
    quic: quic::Server,
    h2: h2::Server,
}

impl std::fmt::Debug for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparison").finish_non_exhaustive()
    }
}

/// What one connection has shown.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Of each request of the first burst, on a connection that has carried nothing yet.
    pub first: Vec<Duration>,
    /// Of each request of the bursts after it.
    pub later: Vec<Duration>,
    /// Bits a second of the large body, on a connection of its own.
    pub rate_bits: f64,
    /// Bytes that this took on the wire towards the client, for one byte of the large body.
    pub wire: f64,
}

impl Comparison {
    /// Makes the hosts and starts the servers.
    ///
    /// # Errors
    /// Without root, or when a server does not start.
    pub async fn start(seed: u64) -> anyhow::Result<Self> {
        let here = Place::new(0.0, 0.0);
        let wan = Wan::start(&[("server", here), ("client", here)], seed)?;
        let quic = quic::Server::start(wan.host("server")?).await?;
        let h2 = h2::Server::start(wan.host("server")?).await?;
        Ok(Self { wan, quic, h2 })
    }

    /// The path from now on. The queue before the bottleneck holds what the path does.
    pub fn set(&self, path: Path) {
        let held = path.round_trip.as_secs_f64() * precise(path.rate_bits) / 8.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bytes on one path"
        )]
        let queue_bytes = held as u64;
        self.wan.links.change(0, 1, |link| {
            link.latency = path.round_trip / 2;
            link.loss = path.loss;
            link.rate_bits = path.rate_bits;
            link.queue_bytes = queue_bytes;
        });
    }

    /// Measures one carrier: bursts of [`PARALLEL`] requests on one connection, one after the
    /// other, then one large body for so long on another.
    ///
    /// # Errors
    /// When a request fails.
    pub async fn measure(
        &self,
        carrier: Carrier,
        bursts: usize,
        large: Duration,
    ) -> anyhow::Result<Measured> {
        let client = self.wan.host("client")?;
        let mut measured = Measured::default();
        let caller = Arc::new(self.connect(client, carrier).await?);
        for number in 0..bursts {
            let task = client.spawn(burst(Arc::clone(&caller)));
            let took = tokio::time::timeout(BURST_TIMEOUT, task);
            let took = took
                .await
                .with_context(|| format!("{}: burst {number}: time-out", carrier.name()))???;
            if number == 0 {
                measured.first = took;
            } else {
                measured.later.extend(took);
            }
        }
        drop(caller);
        let caller = self.connect(client, carrier).await?;
        let before = self.wan.links.counts(0, 1).bytes;
        let (bytes, took) = client.spawn(stream(caller, large)).await??;
        let wire = self.wan.links.counts(0, 1).bytes - before;
        measured.rate_bits = precise(bytes) * 8.0 / took.as_secs_f64();
        measured.wire = precise(wire) / precise(bytes.max(1));
        Ok(measured)
    }

    /// Lets one large body run, and makes the path slower after a third of the time: how long the
    /// carrier keeps sending more than fits. Gives, for the last third, the bits a second that
    /// arrive and the part of packets that the bottleneck drops.
    ///
    /// # Errors
    /// When the request fails.
    pub async fn slowed(
        &self,
        carrier: Carrier,
        path: Path,
        slower: Path,
        time: Duration,
    ) -> anyhow::Result<(f64, f64)> {
        self.set(path);
        let client = self.wan.host("client")?;
        let caller = self.connect(client, carrier).await?;
        let running = client.spawn(stream(caller, time));
        tokio::time::sleep(time / 3).await;
        self.set(slower);
        tokio::time::sleep(time / 3).await;
        let (before, began) = (self.wan.links.counts(0, 1), Instant::now());
        running.await??;
        let (after, took) = (self.wan.links.counts(0, 1), began.elapsed());
        let dropped = precise(after.overflow - before.overflow);
        let passed = precise(after.passed - before.passed);
        let rate = precise(after.bytes - before.bytes) * 8.0 / took.as_secs_f64();
        Ok((rate, dropped / (dropped + passed).max(1.0)))
    }

    async fn connect(&self, client: &Host, carrier: Carrier) -> anyhow::Result<Caller> {
        let addr = self.wan.host("server")?.at(carrier.port());
        match carrier {
            Carrier::Quic(congestion) => {
                let dialled = quic::dial(addr, self.quic.context(congestion)?);
                Ok(Caller::Quic(client.spawn(dialled).await??))
            }
            Carrier::Http2(congestion) => {
                let dialled = h2::dial(addr, congestion, self.h2.roots());
                Ok(Caller::Http2(client.spawn(dialled).await??))
            }
        }
    }
}

/// One open connection.
enum Caller {
    Quic(quic::Client),
    Http2(h2::Client),
}

impl Caller {
    async fn get(&self, path: &'static str) -> anyhow::Result<Body> {
        let answer = match self {
            Self::Quic(client) => client.get(path).await?,
            Self::Http2(client) => client.get(path).await?,
        };
        anyhow::ensure!(answer.status() == 200, "{path}: {}", answer.status());
        Ok(answer.into_body())
    }
}

/// Requests at once, each from its start to the last byte of its answer.
async fn burst(caller: Arc<Caller>) -> anyhow::Result<Vec<Duration>> {
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..PARALLEL {
        let caller = Arc::clone(&caller);
        tasks.spawn(async move {
            let bytes = whole(caller.get(SMALL).await?).await?;
            anyhow::ensure!(bytes == SMALL_BYTES, "{bytes} bytes");
            anyhow::Ok(began.elapsed())
        });
    }
    tasks.join_all().await.into_iter().collect()
}

async fn whole(body: Body) -> anyhow::Result<usize> {
    let body = body.collect().await;
    Ok(body
        .map_err(|error| anyhow::anyhow!(error))?
        .to_bytes()
        .len())
}

/// Reads the large body for so long; gives what came, from the request on.
async fn stream(caller: Caller, time: Duration) -> anyhow::Result<(u64, Duration)> {
    let began = Instant::now();
    let mut bytes = 0_u64;
    let reading = async {
        let mut body = caller.get(LARGE).await?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| anyhow::anyhow!(error))?;
            bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
        anyhow::Ok(())
    };
    if let Ok(ended) = tokio::time::timeout(time, reading).await {
        ended?;
    }
    Ok((bytes, began.elapsed()))
}

const SMALL: &str = "/small";
const LARGE: &str = "/large";

/// What both servers answer with.
#[derive(Clone, Debug)]
struct Bodies {
    small: Bytes,
    large: Arc<[Bytes]>,
}

impl Bodies {
    fn new() -> Self {
        let piece = Bytes::from(vec![7_u8; PIECE_BYTES]);
        Self {
            small: Bytes::from(vec![7_u8; SMALL_BYTES]),
            large: std::iter::repeat_n(piece, PIECES).collect(),
        }
    }

    fn answer(&self, path: &str) -> http::Response<Body> {
        http::Response::new(match path {
            LARGE => Body::chunks(Arc::clone(&self.large)),
            _ => Body::full(self.small.clone()),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
const fn precise(number: u64) -> f64 {
    number as f64
}

/// For both carriers: any address, then this port.
fn authority(addr: SocketAddr) -> String {
    format!("https://{addr}")
}
