//! Plain clients: HTTP/1.1 and HTTP/2 over TCP and TLS, and raw bytes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How long any one exchange may take.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A body that is sent whole.
pub type Whole = Full<Bytes>;

/// One request on a connection of its own; the whole answer.
///
/// # Errors
/// When nothing, or not all, comes back in time.
pub async fn once(addr: SocketAddr, request: Request<Whole>) -> anyhow::Result<Response<Bytes>> {
    let exchange = async {
        let mut connection = Http1::open(addr).await?;
        connection.send(request).await
    };
    tokio::time::timeout(TIMEOUT, exchange)
        .await
        .with_context(|| format!("{addr}: time-out"))?
}

/// A GET for `host` and `path`.
///
/// # Errors
/// As `once`.
pub async fn get(addr: SocketAddr, host: &str, path: &str) -> anyhow::Result<Response<Bytes>> {
    once(
        addr,
        Request::get(path)
            .header("host", host)
            .body(Whole::default())?,
    )
    .await
}

/// A kept HTTP/1.1 connection.
pub struct Http1 {
    sender: hyper::client::conn::http1::SendRequest<Whole>,
}

impl Http1 {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(addr: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends and reads the whole answer.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn send(&mut self, request: Request<Whole>) -> anyhow::Result<Response<Bytes>> {
        self.sender.ready().await?;
        whole(self.sender.send_request(request).await?).await
    }
}

/// Reads a whole answer.
///
/// # Errors
/// When it ends early.
pub async fn whole(response: Response<Incoming>) -> anyhow::Result<Response<Bytes>> {
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(
        parts,
        body.collect().await?.to_bytes(),
    ))
}

/// A TLS connection that trusts `authority_pem` alone; `protocol` is `h2` or `http/1.1`.
///
/// # Errors
/// When the handshake fails.
pub async fn tls(
    addr: SocketAddr,
    name: &str,
    authority_pem: &[u8],
    protocol: &str,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority_pem) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(addr).await?;
    let name = ServerName::try_from(name.to_owned())?;
    Ok(TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?)
}

/// A GET with HTTP/1.1 over an open stream.
///
/// # Errors
/// As `once`.
pub async fn get_on<S>(stream: S, host: &str, path: &str) -> anyhow::Result<Response<Bytes>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(path)
        .header("host", host)
        .body(Whole::default())?;
    let exchange = async { whole(sender.send_request(request).await?).await };
    tokio::time::timeout(TIMEOUT, exchange).await?
}

/// A GET over TLS and HTTP/2.
///
/// # Errors
/// When any step fails.
pub async fn get_h2(
    addr: SocketAddr,
    host: &str,
    path: &str,
    authority_pem: &[u8],
) -> anyhow::Result<Response<Bytes>> {
    let stream = tls(addr, host, authority_pem, "h2").await?;
    let alpn = stream.get_ref().1.alpn_protocol();
    anyhow::ensure!(alpn == Some(b"h2"), "the server chose {alpn:?}");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get(format!("https://{host}{path}")).body(Whole::default())?;
    let exchange = async { whole(sender.send_request(request).await?).await };
    tokio::time::timeout(TIMEOUT, exchange).await?
}

/// Sends bytes as they are and reads until the server closes, at most `limit`.
///
/// # Errors
/// When nobody listens.
pub async fn raw(addr: SocketAddr, bytes: &[u8], limit: Duration) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(addr).await?;
    // The server may refuse before all is sent.
    drop(stream.write_all(bytes).await);
    let mut answer = Vec::new();
    drop(tokio::time::timeout(limit, stream.read_to_end(&mut answer)).await);
    Ok(answer)
}

/// The status code of a raw HTTP/1 answer; 0 when there is none.
#[must_use]
pub fn status_of(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0)
}
