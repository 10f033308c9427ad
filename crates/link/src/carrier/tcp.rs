//! A connection over HTTP/2 over TLS, in the terms of a QUIC connection.
//!
//! Datagrams travel as blocks on one stream of their own, which the dialling side opens first:
//! that it is taken also proves that the other side has accepted our certificate. In HTTP/2 a node
//! cannot open streams towards the one that dialled it; `back.rs` keeps some open for it.

mod back;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::Uri;
use quinn::{ApplicationClose, ConnectionClose, ConnectionError, ReadError, TransportErrorCode};
use quinn::{VarInt, WriteError};
use rustls_pki_types::CertificateDer;
use serve::{Muxed, MuxedLost, MuxedSender, MuxedSettings, MuxedTls, StreamFault};
use tokio::sync::Notify;

use self::back::Back;
use crate::ca::NODE_NAME;
use crate::code;
use crate::limits::LinkLimits;
use crate::wire::PREFIX_BYTES;
use crate::wire::stream::{Counted, Inbound, Outbound};

/// The paths of streams and of datagrams; they carry the protocol's version, as the ALPN of QUIC.
const STREAM_PATH: &str = "/edgeway/1";
const DATAGRAM_PATH: &str = "/edgeway/1/datagrams";
const BACK_PATH: &str = "/edgeway/1/back";
/// Longer than any datagram of ours.
const DATAGRAM_BYTES_MAX: usize = 1200;
/// Beside calls, a peer needs one stream for datagrams.
const EXTRA_STREAMS: u32 = 1;
/// TLS alert 42, "bad certificate": which one it was is not known any more.
const ALERT: u8 = 42;

/// Runs the future that drives a connection.
pub(crate) type Spawner<'a> = &'a (dyn Fn(serve::BoxFuture<'static, ()>) + Send + Sync);

/// The connection.
#[derive(Debug)]
pub(crate) struct Tcp {
    pub(crate) muxed: Muxed,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    outgoing: Mutex<Option<MuxedSender>>,
    /// Its one reader may be dropped while it waits, so it cannot own this.
    incoming: tokio::sync::Mutex<Option<Inbound>>,
    arrived: Notify,
    calls: Arc<AtomicUsize>,
    back: Back,
}

/// What HTTP/2 is told.
pub(crate) fn settings(limits: &LinkLimits, streams_max: u32) -> MuxedSettings {
    MuxedSettings {
        stream_window: limits.stream_window,
        connection_window: limits.connection_window,
        streams_max: streams_max.saturating_add(EXTRA_STREAMS),
        ping_every: limits.keep_alive,
        ping_timeout: limits.ping_timeout,
    }
}

impl Tcp {
    /// Begins HTTP/2; what drives the connection is given to `spawn`.
    pub(crate) async fn begin(
        tls: MuxedTls,
        settings: MuxedSettings,
        spawn: Spawner<'_>,
    ) -> Result<Self, ConnectionError> {
        let chain = tls.chain();
        let (muxed, driver) = tls.multiplex(settings).await.map_err(lost)?;
        spawn(Box::pin(driver));
        Ok(Self {
            muxed,
            chain,
            outgoing: Mutex::default(),
            incoming: tokio::sync::Mutex::default(),
            arrived: Notify::new(),
            calls: Arc::default(),
            back: Back::default(),
        })
    }

    /// The dialling side: opens the stream of datagrams and waits until it is taken.
    pub(crate) async fn greet(&self) -> Result<(), ConnectionError> {
        let opened = self.muxed.open(uri(DATAGRAM_PATH)).await;
        let (sender, mut receiver) = opened.map_err(lost)?;
        if let Err(fault) = receiver.taken().await {
            // The connection's end says more than that of the stream.
            return Err(match fault {
                StreamFault::Lost(MuxedLost::Lost) => lost(self.muxed.ended().await),
                StreamFault::Lost(why) => lost(why),
                StreamFault::Reset(_) | StreamFault::Refused => ConnectionError::Reset,
            });
        }
        self.take_datagrams(sender, Inbound::tcp(receiver, None))
            .await;
        Ok(())
    }

    async fn take_datagrams(&self, sender: MuxedSender, receiver: Inbound) {
        *self.outgoing.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        *self.incoming.lock().await = Some(receiver);
        self.arrived.notify_one();
    }

    pub(crate) async fn open(&self) -> Result<(Outbound, Inbound), ConnectionError> {
        if !self.muxed.has_dialled() {
            return self.open_back().await;
        }
        let (sender, receiver) = self.muxed.open(uri(STREAM_PATH)).await.map_err(lost)?;
        let counted = Counted::enter(&self.calls);
        let outbound = Outbound::tcp(sender, None);
        Ok((outbound, Inbound::tcp(receiver, Some(counted))))
    }

    pub(crate) async fn accept(&self) -> Result<(Outbound, Inbound), ConnectionError> {
        if self.muxed.has_dialled() {
            return self.accept_back().await;
        }
        loop {
            let mut stream = self.muxed.accept().await.map_err(lost)?;
            match stream.path.as_str() {
                STREAM_PATH => {
                    let inbound = Inbound::tcp(stream.receiver, None);
                    return Ok((Outbound::tcp(stream.sender, None), inbound));
                }
                DATAGRAM_PATH if self.incoming.try_lock().is_ok_and(|held| held.is_none()) => {
                    let receiver = Inbound::tcp(stream.receiver, None);
                    self.take_datagrams(stream.sender, receiver).await;
                }
                BACK_PATH => self.back.keep((stream.sender, stream.receiver)),
                _ => stream.sender.reset(small(code::REFUSED_UNKNOWN)),
            }
        }
    }

    pub(crate) async fn read_datagram(&self) -> Result<Bytes, ConnectionError> {
        loop {
            let mut incoming = self.incoming.lock().await;
            if let Some(inbound) = incoming.as_mut() {
                if let Ok(Some(datagram)) = inbound.next_block(DATAGRAM_BYTES_MAX).await {
                    return Ok(datagram);
                }
                // Without datagrams a connection is still good for all else.
                *incoming = None;
            }
            drop(incoming);
            tokio::select! {
                () = self.arrived.notified() => {}
                why = self.muxed.ended() => return Err(lost(why)),
            }
        }
    }

    pub(crate) fn send_datagram(&self, datagram: &Bytes) -> bool {
        let Ok(length) = u32::try_from(datagram.len()) else {
            return false;
        };
        let mut block = BytesMut::with_capacity(PREFIX_BYTES + datagram.len());
        block.extend_from_slice(&length.to_be_bytes());
        block.extend_from_slice(datagram);
        let mut outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        outgoing
            .as_mut()
            .is_some_and(|sender| sender.try_write(block.freeze()))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

fn uri(path: &'static str) -> Uri {
    let made = Uri::builder()
        .scheme("https")
        .authority(NODE_NAME)
        .path_and_query(path)
        .build();
    made.unwrap_or_default()
}

/// Codes of ours are small.
pub(crate) fn small(code: VarInt) -> u32 {
    u32::try_from(code.into_inner()).unwrap_or(u32::MAX)
}

fn lost(why: MuxedLost) -> ConnectionError {
    match why {
        MuxedLost::Closed(code) => ConnectionError::ApplicationClosed(ApplicationClose {
            error_code: VarInt::from_u32(code),
            reason: Bytes::new(),
        }),
        MuxedLost::Tls => ConnectionError::ConnectionClosed(ConnectionClose {
            error_code: TransportErrorCode::crypto(ALERT),
            frame_type: None,
            reason: Bytes::new(),
        }),
        MuxedLost::Silent => ConnectionError::TimedOut,
        MuxedLost::Local => ConnectionError::LocallyClosed,
        MuxedLost::Lost => ConnectionError::Reset,
    }
}

fn reset_code(code: Option<u32>) -> VarInt {
    code.map_or(code::CANCELLED, VarInt::from_u32)
}

pub(crate) fn read_fault(fault: StreamFault) -> ReadError {
    match fault {
        StreamFault::Reset(code) => ReadError::Reset(reset_code(code)),
        StreamFault::Refused => ReadError::Reset(code::REFUSED_OVERLOAD),
        StreamFault::Lost(why) => ReadError::ConnectionLost(lost(why)),
    }
}

pub(crate) fn write_fault(fault: StreamFault) -> WriteError {
    match fault {
        StreamFault::Reset(code) => WriteError::Stopped(reset_code(code)),
        StreamFault::Refused => WriteError::Stopped(code::REFUSED_OVERLOAD),
        StreamFault::Lost(why) => WriteError::ConnectionLost(lost(why)),
    }
}
