//! The TLS connection below the streams: made or taken, and then shared among them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::driver::{self, Ends};
use super::{Muxed, MuxedLost, MuxedSettings, Shared, lost_by};

/// The ALPN that the configurations of both sides must name.
const ALPN: &[u8] = b"h2";
/// The longest frame we take; large bodies cost fewer of them than with HTTP/2's 16 KiB.
const FRAME_BYTES_MAX: u32 = 64 * 1024;
/// No stream needs more than its path.
const HEAD_BYTES_MAX: u32 = 4 * 1024;
/// Streams that were reset before they were taken: a caller that gives up does so often.
const RESET_STREAMS_MAX: usize = 1024;
/// Streams that wait to be taken; the next is refused, so that nothing was done for it.
pub(super) const ACCEPTED_MAX: usize = 1024;

/// A TLS connection on which nothing has been said yet.
#[derive(Debug)]
pub struct MuxedTls {
    stream: TlsStream<TcpStream>,
    remote: SocketAddr,
}

impl MuxedTls {
    /// Connects to `addr`, from the address `from` if given. `tls` says who is trusted.
    ///
    /// # Errors
    ///
    /// When the network or TLS fails; TLS has [`io::ErrorKind::InvalidData`].
    pub async fn connect(
        addr: SocketAddr,
        from: Option<IpAddr>,
        tls: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let socket = match addr {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(from) = from.filter(|from| from.is_ipv4() == addr.is_ipv4()) {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream = socket.connect(addr).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(tls).connect(name, stream).await?;
        Self::checked(stream.into(), addr)
    }

    /// Takes a connection of `remote` that a listener accepted.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn accept(
        stream: TcpStream,
        remote: SocketAddr,
        tls: Arc<ServerConfig>,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let stream = TlsAcceptor::from(tls).accept(stream).await?;
        Self::checked(stream.into(), remote)
    }

    fn checked(stream: TlsStream<TcpStream>, remote: SocketAddr) -> io::Result<Self> {
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(ALPN) {
            let error = "the other side does not speak http/2 here";
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
        Ok(Self { stream, remote })
    }

    /// The certificates the other side showed, leaf first; empty if none.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let shown = self.stream.get_ref().1.peer_certificates();
        shown.unwrap_or_default().to_vec()
    }

    /// Begins HTTP/2. The future must be driven for as long as the connection is used, and
    /// ends with it.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub async fn multiplex(
        self,
        settings: MuxedSettings,
    ) -> Result<(Muxed, impl Future<Output = ()> + Send + 'static), MuxedLost> {
        let shared = Arc::new(Shared {
            close: watch::Sender::new(None),
            ended: watch::Sender::new(None),
            rtt_us: AtomicU64::new(0),
        });
        let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
        let remote = self.remote;
        let (requests, ends) = match self.stream {
            TlsStream::Client(stream) => {
                let made = client(&settings).handshake(stream).await;
                let (requests, connection) = made.map_err(|error| lost_by(&error))?;
                (Some(requests), Ends::Client(Box::new(connection)))
            }
            TlsStream::Server(stream) => {
                let made = server(&settings).handshake(stream).await;
                let connection = made.map_err(|error| lost_by(&error))?;
                (None, Ends::Server(Box::new(connection), sender))
            }
        };
        let muxed = Muxed {
            shared: Arc::clone(&shared),
            remote,
            requests,
            accepted: Mutex::new(accepted),
        };
        Ok((muxed, driver::drive(ends, shared, settings)))
    }
}

fn client(settings: &MuxedSettings) -> h2::client::Builder {
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .enable_push(false);
    builder
}

fn server(settings: &MuxedSettings) -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_concurrent_streams(settings.streams_max);
    builder
}
