//! What a listener is, and how its sockets are opened.
//!
//! Every worker has its own socket on every address (SO_REUSEPORT), so that the kernel spreads
//! connections and no worker waits for another. Port 0 works: the first socket chooses the port.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use crate::certs::CertStore;
use crate::door::Door;
use crate::h3::H3;
use crate::limits::Limits;
use crate::protocol;

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
    /// HTTP/3 on the UDP ports of the same numbers; `None` means none. Needs `tls`.
    pub h3: Option<H3>,
    /// What is spoken instead of HTTP; `None` means HTTP. Needs `tls`; then `h3` means nothing.
    pub protocol: Option<protocol::Protocol>,
    /// Who may come in over TCP. HTTP/3 knows none of it but `device`.
    pub door: Door,
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
            h3: None,
            protocol: None,
            door: Door::default(),
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
/// What is bound to a device hears nothing that arrives by another.
fn open(
    addr: SocketAddr,
    workers: usize,
    device: Option<&str>,
) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let mut sockets = Vec::with_capacity(workers);
    let mut addr = addr;
    for _ in 0..workers {
        let socket = open_one(addr, device)?;
        addr = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok((addr, sockets))
}

/// Bytes the kernel keeps of what clients send, and of what waits to be sent.
const UDP_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Times that a port chosen by the kernel for TCP may be taken for UDP.
const PORT_TRIES_MAX: usize = 16;

/// What was opened at one address.
pub(crate) struct Opened {
    /// The real address.
    pub(crate) addr: SocketAddr,
    /// One per worker.
    pub(crate) tcp: Vec<TcpListener>,
    /// For HTTP/3, on the same port.
    pub(crate) udp: Option<UdpSocket>,
}

/// Opens the TCP sockets at `addr`, and with `h3` a UDP socket on the same port.
pub(crate) fn open_all(
    addr: SocketAddr,
    workers: usize,
    (h3, device): (bool, Option<&str>),
) -> io::Result<Opened> {
    let mut tries = 1;
    loop {
        let (bound, tcp) = open(addr, workers, device)?;
        if !h3 {
            return Ok(Opened {
                addr: bound,
                tcp,
                udp: None,
            });
        }
        match open_udp(bound, device) {
            Ok(udp) => {
                return Ok(Opened {
                    addr: bound,
                    tcp,
                    udp: Some(udp),
                });
            }
            Err(_) if addr.port() == 0 && tries < PORT_TRIES_MAX => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

fn open_udp(addr: SocketAddr, device: Option<&str>) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The kernel gives less where its own limit is lower; that costs speed, nothing else.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(UDP_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

fn open_one(addr: SocketAddr, device: Option<&str>) -> io::Result<TcpListener> {
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
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
