//! Sockets and QUIC settings of the link.
//!
//! quinn leaves socket buffers at the operating system's default, which drops packets under
//! load; they are raised here as far as allowed. Reset tokens are derived from the node's key,
//! so that a restarted node tells its peers at once that their old connections are gone,
//! instead of leaving them to time out.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use aws_lc_rs::hmac;
use quinn::congestion::{BbrConfig, ControllerFactory, CubicConfig};
use quinn::{
    ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime,
    TransportConfig, VarInt,
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::credentials::Credentials;
use crate::digest;
use crate::error::LinkError;
use crate::limits::{Congestion, LinkLimits};

/// Datagrams are only probes: a few may wait, more are worthless.
const DATAGRAM_BUFFER_BYTES: usize = 16 * 1024;
const CID_BYTES: usize = 8;
/// Connections over TCP that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Ports that are tried when any will do.
const ANY_PORT_TRIES: u32 = 16;

/// Binds a socket for clients, which nobody shares.
pub(crate) fn bind_client(addr: SocketAddr, limits: &LinkLimits) -> Result<UdpSocket, LinkError> {
    bind(addr, false, limits).map_err(|source| LinkError::Bind { addr, source })
}

/// Binds the sockets of a listener; several may share the address, one per worker. TCP has the
/// port of UDP, so that one address in the configuration stands for both.
pub(crate) fn bind_server(
    addr: SocketAddr,
    limits: &LinkLimits,
) -> Result<(UdpSocket, Option<TcpListener>), LinkError> {
    let failed = |source| LinkError::Bind { addr, source };
    let mut tries = if addr.port() == 0 { ANY_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = bind(addr, true, limits).map_err(failed)?;
        if !limits.fallback {
            return Ok((udp, None));
        }
        match udp.local_addr().and_then(bind_tcp) {
            Ok(tcp) => return Ok((udp, Some(tcp))),
            // The free port of UDP may be taken for TCP.
            Err(_) if tries > 0 => {}
            Err(source) => return Err(failed(source)),
        }
    }
}

fn bind_tcp(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_port(true)?;
    // Connections of a process that is gone do not keep the port.
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn bind(addr: SocketAddr, shared: bool, limits: &LinkLimits) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() && !shared {
        // One client socket reaches both families.
        socket.set_only_v6(false)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    // Best effort: the kernel caps it at net.core.{r,w}mem_max.
    let buffers = socket
        .set_recv_buffer_size(limits.socket_buffer)
        .and_then(|()| socket.set_send_buffer_size(limits.socket_buffer));
    if let Err(error) = buffers {
        tracing::debug!(%error, "socket buffers stay at the system's default");
    }
    socket.bind(&addr.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Starts an endpoint on the current runtime.
pub(crate) fn endpoint(
    socket: UdpSocket,
    server: Option<quinn::ServerConfig>,
    credentials: Option<&Credentials>,
) -> Result<Endpoint, LinkError> {
    let no_randomness = |e| LinkError::Endpoint(io::Error::other(e));
    let reset_key = match credentials {
        Some(credentials) => reset_key(credentials),
        None => digest::random().map_err(no_randomness)?,
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &reset_key);
    let mut config = EndpointConfig::new(Arc::new(key));
    let seed: [u8; 32] = digest::random().map_err(no_randomness)?;
    config.cid_generator(move || Box::new(Cids { seed, count: 0 }));
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).map_err(LinkError::Endpoint)
}

/// Stable while the node keeps its certificate, secret because its key is.
fn reset_key(credentials: &Credentials) -> [u8; 32] {
    let mut input = b"edgeway reset key 1\0".to_vec();
    input.extend_from_slice(credentials.key().secret_der());
    digest::sha256(&input)
}

/// Unpredictable connection ids. quinn's own generator refuses ids from before a restart, and
/// then no stateless reset would be sent for them.
struct Cids {
    seed: [u8; 32],
    count: u64,
}

impl ConnectionIdGenerator for Cids {
    fn generate_cid(&mut self) -> ConnectionId {
        self.count += 1;
        let mut input = [0; 40];
        let (seed, count) = input.split_at_mut(32);
        seed.copy_from_slice(&self.seed);
        count.copy_from_slice(&self.count.to_be_bytes());
        let [a, b, c, d, e, f, g, h, ..] = digest::sha256(&input);
        ConnectionId::new(&[a, b, c, d, e, f, g, h])
    }

    fn cid_len(&self) -> usize {
        CID_BYTES
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

/// The QUIC settings of both sides.
pub(crate) fn transport_config(limits: &LinkLimits) -> Result<Arc<TransportConfig>, LinkError> {
    let idle =
        IdleTimeout::try_from(limits.idle_timeout).map_err(|_| LinkError::Limit("idle_timeout"))?;
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.streams_max))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(limits.stream_window))
        .receive_window(VarInt::from_u32(limits.connection_window))
        .send_window(limits.send_window)
        .max_idle_timeout(Some(idle))
        .initial_rtt(limits.initial_rtt)
        .keep_alive_interval(Some(limits.keep_alive))
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER_BYTES))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES)
        .congestion_controller_factory(controller(limits));
    Ok(Arc::new(config))
}

fn controller(limits: &LinkLimits) -> Arc<dyn ControllerFactory + Send + Sync> {
    match limits.congestion {
        Congestion::Cubic => {
            let mut config = CubicConfig::default();
            config.initial_window(limits.initial_window);
            Arc::new(config)
        }
        Congestion::Bbr => {
            let mut config = BbrConfig::default();
            config.initial_window(limits.initial_window);
            Arc::new(config)
        }
    }
}
