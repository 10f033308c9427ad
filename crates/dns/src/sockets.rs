//! Opening the sockets: for each address and worker one for UDP and one for TCP.
//!
//! `SO_REUSEPORT` lets the kernel spread clients over the workers' sockets. Nothing is read here.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::{DnsError, settings::UDP_SOCKET_BUFFER_BYTES};

/// Connections that may wait to be accepted, for each worker.
const TCP_BACKLOG: i32 = 1_024;
/// Attempts to find a port that is free for both UDP and TCP, when any will do.
const PORT_ATTEMPTS_MAX: usize = 32;

/// The sockets of one worker.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) tcp: Vec<TcpListener>,
}

/// Opens an address for every worker and returns it, with the port that was taken for port 0.
pub(crate) fn bind(addr: SocketAddr, workers: &mut [Sockets]) -> Result<SocketAddr, DnsError> {
    bind_at(addr, None, workers)
}

/// As `bind`, at one network device only.
pub(crate) fn bind_at(
    addr: SocketAddr,
    device: Option<&str>,
    workers: &mut [Sockets],
) -> Result<SocketAddr, DnsError> {
    if addr.ip().is_unspecified() {
        tracing::warn!(
            %addr,
            "a dns socket on a wildcard address answers from the address of the route, which \
             clients of a host with several refuse"
        );
    }
    let (first_udp, first_tcp) = bind_pair(addr, device)?;
    let actual = address_of(&first_udp, addr)?;
    let mut pair = Some((first_udp, first_tcp));
    for sockets in workers {
        let (udp, tcp) = match pair.take() {
            Some(pair) => pair,
            None => (bind_udp(actual, device)?, bind_tcp(actual, device)?),
        };
        sockets.udp.push(udp);
        sockets.tcp.push(tcp);
    }
    Ok(actual)
}

/// Both sockets of an address, with a port that is free for both.
fn bind_pair(addr: SocketAddr, device: Option<&str>) -> Result<(UdpSocket, TcpListener), DnsError> {
    let attempts = if addr.port() == 0 {
        PORT_ATTEMPTS_MAX
    } else {
        1
    };
    let mut last = None;
    for _ in 0..attempts {
        let udp = bind_udp(addr, device)?;
        match bind_tcp(address_of(&udp, addr)?, device) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| DnsError::Bind {
        address: addr,
        protocol: "tcp",
        source: io::ErrorKind::AddrInUse.into(),
    }))
}

fn address_of(socket: &UdpSocket, addr: SocketAddr) -> Result<SocketAddr, DnsError> {
    let failed = |source| DnsError::Bind {
        address: addr,
        protocol: "udp",
        source,
    };
    socket.local_addr().map_err(failed)
}

fn bind_udp(address: SocketAddr, device: Option<&str>) -> Result<UdpSocket, DnsError> {
    let bind = || {
        let socket = open(address, device, (Type::DGRAM, Protocol::UDP))?;
        // The kernel gives less where its own limit is lower.
        socket.set_recv_buffer_size(UDP_SOCKET_BUFFER_BYTES)?;
        socket.set_send_buffer_size(UDP_SOCKET_BUFFER_BYTES)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    bind().map_err(|source| DnsError::Bind {
        address,
        protocol: "udp",
        source,
    })
}

fn bind_tcp(address: SocketAddr, device: Option<&str>) -> Result<TcpListener, DnsError> {
    let bind = || {
        let socket = open(address, device, (Type::STREAM, Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(TCP_BACKLOG)?;
        Ok(socket.into())
    };
    bind().map_err(|source| DnsError::Bind {
        address,
        protocol: "tcp",
        source,
    })
}

fn open(
    address: SocketAddr,
    device: Option<&str>,
    (kind, protocol): (Type, Protocol),
) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // So that 0.0.0.0 and :: can both be given.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    Ok(socket)
}
