//! The resolver view of a private endpoint: names of private APIs have the endpoint's addresses
//! here, and here only. Every other name, those of public APIs among them, is passed on as it came
//! to resolvers of the operator's choice, or refused where there are none: nothing is captured.
//!
//! It listens in the private network and serves few clients, so it is a handful of tasks on the
//! runtime it is started from, without caches. It does not resolve anything itself.

mod answer;
mod forward;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use prometheus::{IntCounterVec, Opts, Registry};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{answer::Reply, forward::Forward};
use crate::{DnsError, settings::QUERY_BYTES_MAX, sockets};

/// Queries of one view that are being passed on at a time; more are answered SERVFAIL.
const FORWARDS_MAX: usize = 512;
/// Connections of clients of one view.
const CONNECTIONS_MAX: usize = 64;
/// A connection on which no whole query comes for so long is closed.
const IDLE: Duration = Duration::from_secs(10);
/// Time in which a client takes an answer.
const WRITE: Duration = Duration::from_secs(5);
/// After a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Says which addresses a name has in a view (lower case, no final dot); none for names that are
/// not its own.
pub type Names = Arc<dyn Fn(&str) -> Option<Vec<IpAddr>> + Send + Sync>;

/// A view.
#[derive(Clone)]
pub struct PrivateView {
    /// Its label in metrics.
    pub name: String,
    /// Where it listens, over UDP and TCP.
    pub addrs: Vec<SocketAddr>,
    /// A network device; what arrives by others is not heard.
    pub device: Option<String>,
    /// Networks that are answered; all where empty. Others are not, not even with a refusal.
    pub allowed: Vec<IpNet>,
    /// Asked for names that are not the view's own, in this order.
    pub forward: Vec<SocketAddr>,
    /// What it answers itself.
    pub names: Names,
}

/// Views with their sockets open.
pub struct PrivateDns {
    sockets: Vec<(sockets::Sockets, Arc<Shared>)>,
    addresses: Vec<(String, SocketAddr)>,
}

/// What all tasks of a view share.
struct Shared {
    view: PrivateView,
    forward: Forward,
    connections: Semaphore,
    queries: IntCounterVec,
}

impl PrivateDns {
    /// Opens the sockets of all views.
    ///
    /// # Errors
    /// An address cannot be listened on, or the metrics are there already.
    pub fn bind(views: Vec<PrivateView>, registry: &Registry) -> Result<Self, DnsError> {
        let queries = IntCounterVec::new(
            Opts::new(
                "edgeway_dns_private_queries_total",
                "Queries to resolver views of private endpoints, by what became of them.",
            ),
            &["view", "result"],
        )?;
        registry.register(Box::new(queries.clone()))?;
        let mut bound = Self {
            sockets: Vec::new(),
            addresses: Vec::new(),
        };
        for view in views {
            let shared = Arc::new(Shared {
                forward: Forward::new(view.forward.clone(), FORWARDS_MAX),
                connections: Semaphore::new(CONNECTIONS_MAX),
                queries: queries.clone(),
                view,
            });
            for addr in &shared.view.addrs {
                let mut opened = [sockets::Sockets::default()];
                let device = shared.view.device.as_deref();
                let addr = sockets::bind_at(*addr, device, &mut opened)?;
                bound.addresses.push((shared.view.name.clone(), addr));
                let [opened] = opened;
                bound.sockets.push((opened, Arc::clone(&shared)));
            }
        }
        Ok(bound)
    }

    /// Each view's name with each of its real addresses.
    #[must_use]
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Answers on the current runtime until `drain` is cancelled.
    ///
    /// # Errors
    /// A socket cannot be given to the runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn serve(self, drain: &CancellationToken) -> io::Result<TaskTracker> {
        let tasks = TaskTracker::new();
        for (sockets, shared) in self.sockets {
            for socket in sockets.udp {
                let socket = Arc::new(UdpSocket::from_std(socket)?);
                let (shared, inner) = (Arc::clone(&shared), tasks.clone());
                let work = datagrams(socket, shared, inner);
                tasks.spawn(until(drain.clone(), work));
            }
            for listener in sockets.tcp {
                let listener = TcpListener::from_std(listener)?;
                let (shared, inner) = (Arc::clone(&shared), tasks.clone());
                let work = connections(listener, shared, (inner, drain.clone()));
                tasks.spawn(until(drain.clone(), work));
            }
        }
        tasks.close();
        Ok(tasks)
    }
}

async fn until(drain: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = drain.cancelled() => {}
        () = work => {}
    }
}

impl Shared {
    fn count(&self, result: &str) {
        let name = self.view.name.as_str();
        self.queries.with_label_values(&[name, result]).inc();
    }

    fn admits(&self, peer: SocketAddr) -> bool {
        let allowed = &self.view.allowed;
        let ip = peer.ip().to_canonical();
        let admitted = allowed.is_empty() || allowed.iter().any(|net| net.contains(&ip));
        if !admitted {
            self.count("not_allowed");
        }
        admitted
    }

    /// What is said at once; nothing where others have to be asked, or where nobody is to hear.
    fn at_once(&self, query: &[u8]) -> Option<Vec<u8>> {
        let find = |name: &str| (self.view.names)(name);
        match answer::answer(query, &find, !self.view.forward.is_empty()) {
            Reply::Own(answer, result) => {
                self.count(result);
                Some(answer)
            }
            Reply::Dropped => {
                self.count("malformed");
                Some(Vec::new())
            }
            Reply::Elsewhere if self.view.forward.is_empty() => {
                self.count("refused");
                Some(answer::failure(query, answer::REFUSED, false))
            }
            Reply::Elsewhere => None,
        }
    }

    /// What others say.
    async fn elsewhere(&self, query: &[u8], stream: bool) -> Vec<u8> {
        let asked = if stream {
            self.forward.by_stream(query).await
        } else {
            self.forward.by_datagram(query).await
        };
        match asked {
            Ok(answer) => {
                self.count("forwarded");
                answer
            }
            Err(reason) => {
                self.count(reason);
                answer::failure(query, answer::SERVER_FAILED, true)
            }
        }
    }
}

async fn datagrams(socket: Arc<UdpSocket>, shared: Arc<Shared>, tasks: TaskTracker) {
    let mut buffer = vec![0; QUERY_BYTES_MAX];
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // An earlier answer could not be delivered; that says nothing about this socket.
            Err(error) => {
                tracing::debug!(%error, "private dns receive failed");
                tokio::task::yield_now().await;
                continue;
            }
        };
        if !shared.admits(peer) {
            continue;
        }
        let query = buffer.get(..length).unwrap_or_default();
        if let Some(answer) = shared.at_once(query) {
            send(&socket, &answer, peer).await;
            continue;
        }
        let (query, socket) = (query.to_vec(), Arc::clone(&socket));
        let shared = Arc::clone(&shared);
        // Bounded by what may be passed on at a time: beyond it, the task ends at once.
        tasks.spawn(async move {
            let answer = shared.elsewhere(&query, false).await;
            send(&socket, &answer, peer).await;
        });
    }
}

async fn send(socket: &UdpSocket, answer: &[u8], peer: SocketAddr) {
    if answer.is_empty() {
        return;
    }
    if let Err(error) = socket.send_to(answer, peer).await {
        tracing::debug!(%error, "private dns answer not sent");
    }
}

async fn connections(
    listener: TcpListener,
    shared: Arc<Shared>,
    (tasks, drain): (TaskTracker, CancellationToken),
) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "private dns cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !shared.admits(peer) {
            continue;
        }
        let shared = Arc::clone(&shared);
        let work = async move {
            let Ok(_place) = shared.connections.try_acquire() else {
                return shared.count("connections_max");
            };
            if let Err(error) = converse(stream, &shared).await {
                tracing::debug!(%error, "private dns connection ended");
            }
        };
        tasks.spawn(until(drain.clone(), work));
    }
}

/// Answers queries one after another, each behind two bytes of length (RFC 7766).
async fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    loop {
        let query = match timeout(IDLE, read_message(&mut stream)).await {
            Ok(query) => query?,
            Err(_elapsed) => return Ok(()),
        };
        let answer = match shared.at_once(&query) {
            Some(answer) => answer,
            None => shared.elsewhere(&query, true).await,
        };
        if answer.is_empty() {
            return Ok(());
        }
        timeout(WRITE, write_message(&mut stream, &answer)).await??;
    }
}

async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = usize::from(stream.read_u16().await?);
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes(), message].concat();
    stream.write_all(&framed).await
}
