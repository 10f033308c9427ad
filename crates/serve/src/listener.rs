//! What a listener is, and how its sockets are opened.
//!
//! Every worker has its own socket on every address (SO_REUSEPORT), so that the kernel spreads
//! connections and no worker waits for another. Port 0 works: the first socket chooses the port.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use crate::certs::CertStore;
use crate::limits::Limits;

/// Connections the kernel holds for one socket until a worker accepts them.
const BACKLOG: i32 = 4096;

/// One listener: a name, its addresses, and how connections to it are treated.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Its name in metrics, in logs and in [`Conn::listener`](crate::Conn::listener).
    pub name: String,
    /// The addresses to listen at. Port 0 lets the kernel choose.
    pub addrs: Vec<SocketAddr>,
    /// The certificates; `None` means plain TCP.
    pub tls: Option<Arc<CertStore>>,
    /// Its limits.
    pub limits: Limits,
}

impl ListenerSettings {
    /// A plain listener with default limits.
    #[must_use]
    pub fn plain(name: impl Into<String>, addr: SocketAddr) -> Self {
        Self {
            name: name.into(),
            addrs: vec![addr],
            tls: None,
            limits: Limits::default(),
        }
    }

    /// A TLS listener with default limits.
    #[must_use]
    pub fn tls(name: impl Into<String>, addr: SocketAddr, certs: Arc<CertStore>) -> Self {
        Self {
            tls: Some(certs),
            ..Self::plain(name, addr)
        }
    }
}

/// Opens one socket per worker at `addr`; all have the same port. The address is the real one.
pub(crate) fn open(addr: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let mut sockets = Vec::with_capacity(workers);
    let mut addr = addr;
    for _ in 0..workers {
        let socket = open_one(addr)?;
        addr = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok((addr, sockets))
}

fn open_one(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        // IPv4 has its own listener where wanted; "[::]" must not silently take both.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Accepted sockets inherit it: answers are written whole, so Nagle could only delay them.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
