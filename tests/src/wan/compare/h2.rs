//! HTTP/2's side: hyper over rustls over the kernel's TCP, one connection.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use http::{Request, Response};
use hyper::{body::Incoming, client::conn::http2::SendRequest, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use link::Congestion;
use rustls::{RootCertStore, pki_types::PrivateKeyDer};
use rustls_pki_types::ServerName;
use serve::Body;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Bodies, CONNECTION_WINDOW, Carrier, Host, STREAM_WINDOW};

const NAME: &str = "server.edgeway.test";

/// What hyper gathers of one answer before it waits for the connection; above what the path holds.
const GATHERED_BYTES_MAX: usize = 2 << 20;

/// Listeners on the server's host; they end with its runtime.
pub(super) struct Server {
    roots: Arc<RootCertStore>,
}

impl Server {
    pub(super) async fn start(host: &Host) -> anyhow::Result<Self> {
        let issued = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let certificate = issued.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone())?;
        let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der())
            .map_err(|error| anyhow::anyhow!(error))?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        for congestion in [Congestion::Cubic, Congestion::Bbr] {
            let addr = host.at(Carrier::Http2(congestion).port());
            let bound = host.spawn(async move {
                let listener = TcpListener::bind(addr).await?;
                set_congestion(SockRef::from(&listener), congestion)?;
                anyhow::Ok(listener)
            });
            host.spawn(accept(bound.await??, acceptor.clone()));
        }
        Ok(Self {
            roots: Arc::new(roots),
        })
    }

    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// As Linux calls them; an accepted connection has that of its listener.
fn set_congestion(socket: SockRef<'_>, congestion: Congestion) -> anyhow::Result<()> {
    let name = match congestion {
        Congestion::Cubic => "cubic",
        Congestion::Bbr => "bbr",
    };
    socket
        .set_tcp_congestion(name.as_bytes())
        .with_context(|| format!("this kernel has no {name}: load the module tcp_{name}"))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor) {
    let bodies = Bodies::new();
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, acceptor.clone(), bodies.clone()));
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, bodies: Bodies) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let answer = service_fn(move |request: Request<Incoming>| {
        let answer: Response<Body> = bodies.answer(request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    server
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(GATHERED_BYTES_MAX);
    // A client that goes away ends its connection with an error.
    server
        .serve_connection(TokioIo::new(stream), answer)
        .await?;
    Ok(())
}

/// One connection.
pub(super) struct Client {
    sender: SendRequest<Body>,
    addr: SocketAddr,
}

pub(super) async fn dial(
    addr: SocketAddr,
    congestion: Congestion,
    roots: Arc<RootCertStore>,
) -> anyhow::Result<Client> {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = TcpSocket::new_v4()?;
    set_congestion(SockRef::from(&socket), congestion)?;
    let stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from(NAME)?, stream)
        .await?;
    let mut client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    client
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    sender.ready().await?;
    Ok(Client { sender, addr })
}

impl Client {
    pub(super) async fn get(&self, path: &'static str) -> anyhow::Result<Response<Body>> {
        let request = Request::get(format!("{}{path}", super::authority(self.addr)));
        let mut sender = self.sender.clone();
        let answer = sender.send_request(request.body(Body::empty())?).await?;
        Ok(answer.map(Body::wrap))
    }
}
