//! The local socket, and the connections that come in through it.

use std::{
    env, fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    pin::Pin,
    process,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::transport::server::Connected;

/// How long a client may take for its TLS handshake. Terraform opens one connection.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// A socket in a folder that only its owner may enter; both go when this is dropped.
pub(crate) struct Listening {
    listener: UnixListener,
    place: Place,
}

struct Place {
    folder: PathBuf,
    socket: PathBuf,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Whatever is left over is in the temporary folder.
        drop(fs::remove_file(&self.socket));
        drop(fs::remove_dir(&self.folder));
    }
}

impl Listening {
    /// A short name: paths of sockets are limited to 107 bytes.
    pub(crate) fn bind(folder: Option<&Path>) -> io::Result<Self> {
        let around = folder.map_or_else(env::temp_dir, Path::to_path_buf);
        let name = format!("tfp-{}-{:08x}", process::id(), rand::random::<u32>());
        let folder = around.join(name);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let place = Place {
            socket: folder.join("s"),
            folder,
        };
        let listener = UnixListener::bind(&place.socket)?;
        fs::set_permissions(&place.socket, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, place })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place.socket
    }

    /// The connections, each after its handshake; one that fails is left out.
    pub(crate) fn connections(
        self,
        acceptor: Option<TlsAcceptor>,
    ) -> impl Stream<Item = io::Result<Connection>> {
        stream::unfold((self, acceptor), |(listening, acceptor)| async move {
            loop {
                let stream = match listening.listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => return Some((Err(error), (listening, acceptor))),
                };
                if let Some(connection) = greet(stream, acceptor.as_ref()).await {
                    return Some((Ok(connection), (listening, acceptor)));
                }
            }
        })
    }
}

async fn greet(stream: UnixStream, acceptor: Option<&TlsAcceptor>) -> Option<Connection> {
    let Some(acceptor) = acceptor else {
        return Some(Connection::Plain(stream));
    };
    match timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Connection::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            super::log::warning(&format!("a TLS handshake failed: {error}"));
            None
        }
        Err(_) => {
            super::log::warning("a TLS handshake took too long");
            None
        }
    }
}

/// A connection of Terraform's.
pub(crate) enum Connection {
    Plain(UnixStream),
    Tls(Box<TlsStream<UnixStream>>),
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
