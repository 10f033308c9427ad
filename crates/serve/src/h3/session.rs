//! TLS of a QUIC connection, by the policy of the name that the client asks for.
//!
//! The QUIC library makes a session before it has seen anything of the client. So a session here
//! begins as the default one and holds back the client's first message until it is whole; then it
//! becomes the session of the policy that the name in it is bound by. It reads nothing else of the
//! message, and whatever is wrong with it is left to the session to refuse.

use std::any::Any;
use std::sync::Arc;

use quinn_proto::crypto::{
    ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session,
    UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectionId, Side, TransportError, TransportErrorCode};
use rustls::server::Acceptor;

use crate::tls::Quic;

/// Bytes of a client's first message; a longer one is refused.
const HELLO_BYTES_MAX: usize = 64 * 1024;

/// Type and length in front of a handshake message (RFC 8446 section 4).
const MESSAGE_HEAD_BYTES: usize = 4;

/// The type of a client's first message.
const CLIENT_HELLO: u8 = 1;

/// Bytes of a message in one TLS record, and what such a record begins with.
const RECORD_BYTES_MAX: usize = 16 * 1024;
const RECORD_OF_HANDSHAKE: [u8; 3] = [22, 3, 1];

/// Begins sessions.
#[derive(Debug)]
pub(crate) struct ByName(Arc<Quic>);

/// A session of the library, once it is known which.
struct Named {
    session: Box<dyn Session>,
    /// Until the client has named a host.
    waiting: Option<Waiting>,
}

struct Waiting {
    settings: Arc<Quic>,
    version: u32,
    params: TransportParameters,
    hello: Vec<u8>,
}

impl ByName {
    pub(crate) fn new(settings: Quic) -> Self {
        Self(Arc::new(settings))
    }
}

impl ServerConfig for ByName {
    fn initial_keys(
        &self,
        version: u32,
        dst_cid: &ConnectionId,
    ) -> Result<Keys, UnsupportedVersion> {
        // The same with every policy (RFC 9001 section 5.2).
        self.0.of(None).initial_keys(version, dst_cid)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.0.of(None).retry_tag(version, orig_dst_cid, packet)
    }

    fn start_session(
        self: Arc<Self>,
        version: u32,
        params: &TransportParameters,
    ) -> Box<dyn Session> {
        Box::new(Named {
            session: Arc::clone(self.0.of(None)).start_session(version, params),
            waiting: Some(Waiting {
                settings: Arc::clone(&self.0),
                version,
                params: *params,
                hello: Vec::new(),
            }),
        })
    }
}

impl Named {
    /// Reads the client's first message, and gives the session its whole.
    fn read_hello(&mut self, mut waiting: Waiting, buf: &[u8]) -> Result<bool, TransportError> {
        if waiting.hello.len().saturating_add(buf.len()) > HELLO_BYTES_MAX {
            return Err(TransportErrorCode::CRYPTO_BUFFER_EXCEEDED.into());
        }
        waiting.hello.extend_from_slice(buf);
        if !is_whole(&waiting.hello) {
            self.waiting = Some(waiting);
            return Ok(false);
        }
        if let Some(name) = server_name(&waiting.hello) {
            let settings = Arc::clone(waiting.settings.of(Some(&name)));
            self.session = settings.start_session(waiting.version, &waiting.params);
        }
        self.session.read_handshake(&waiting.hello)
    }
}

/// Whether the message is there to its end, or is none that is worth waiting for.
fn is_whole(bytes: &[u8]) -> bool {
    match *bytes {
        [CLIENT_HELLO, a, b, c, ..] => {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            bytes.len() >= MESSAGE_HEAD_BYTES.saturating_add(length)
        }
        [] | [CLIENT_HELLO, ..] => false,
        [_, ..] => true,
    }
}

/// The name in a whole first message, as a session would read it.
fn server_name(hello: &[u8]) -> Option<String> {
    let mut records = Vec::with_capacity(hello.len() + 64);
    for part in hello.chunks(RECORD_BYTES_MAX) {
        records.extend_from_slice(&RECORD_OF_HANDSHAKE);
        records.extend_from_slice(&u16::try_from(part.len()).ok()?.to_be_bytes());
        records.extend_from_slice(part);
    }
    let mut acceptor = Acceptor::default();
    let mut unread = records.as_slice();
    while !unread.is_empty() {
        acceptor.read_tls(&mut unread).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return accepted.client_hello().server_name().map(str::to_owned);
        }
    }
    None
}

impl Session for Named {
    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        match self.waiting.take() {
            Some(waiting) => self.read_hello(waiting, buf),
            None => self.session.read_handshake(buf),
        }
    }

    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.session.initial_keys(dst_cid, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.session.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.session.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.session.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.session.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.session.transport_parameters()
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        self.session.write_handshake(buf)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.session.next_1rtt_keys()
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.session.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.session.export_keying_material(output, label, context)
    }
}

#[cfg(test)]
mod tests;
