//! A conversation of length-prefixed frames in both directions, on one stream.
//!
//! Back-pressure is QUIC's: a slow reader makes the writer wait. Dropping a half without
//! [`FrameSender::finish`] is a reset, so that a reader can tell an end from a failure.

use bytes::{Bytes, BytesMut};

use crate::code;
use crate::error::{CallError, CallFailure};
use crate::wire::stream::{Inbound, Outbound, ReadFault};
use crate::wire::{COALESCE_BYTES, PREFIX_BYTES};

/// Why a frame could not be sent or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The other side gave up, or wants no more frames.
    #[error("frames were given up by the other node")]
    Reset,
    /// The connection was lost.
    #[error("frames were cut off with the connection")]
    ConnectionLost,
    /// The stream ended inside a frame.
    #[error("frame ended early")]
    Truncated,
    /// A frame is over its limit.
    #[error("frame is over its size limit")]
    TooLarge,
    /// A send was dropped halfway, so that nothing can follow it.
    #[error("an earlier frame was sent only in part")]
    Interrupted,
}

/// Both halves of a conversation.
#[derive(Debug)]
pub struct Frames {
    sender: FrameSender,
    receiver: FrameReceiver,
}

impl Frames {
    pub(crate) fn new(outbound: Outbound, inbound: Inbound, frame_bytes_max: usize) -> Self {
        Self {
            sender: FrameSender {
                outbound,
                frame_bytes_max,
                partial: false,
            },
            receiver: FrameReceiver {
                // A feed is begun again elsewhere; only calls have to be waited for.
                inbound: inbound.uncounted(),
                frame_bytes_max,
            },
        }
    }

    /// Sends one frame; see [`FrameSender::send`].
    pub async fn send(&mut self, frame: Bytes) -> Result<(), FrameError> {
        self.sender.send(frame).await
    }

    /// Receives one frame; see [`FrameReceiver::recv`].
    pub async fn recv(&mut self) -> Result<Option<Bytes>, FrameError> {
        self.receiver.recv().await
    }

    /// Ends our direction; see [`FrameSender::finish`].
    pub async fn finish(self) -> Result<(), FrameError> {
        self.sender.finish().await
    }

    /// The two directions apart, for two tasks.
    pub fn split(self) -> (FrameSender, FrameReceiver) {
        (self.sender, self.receiver)
    }
}

/// The sending direction.
#[derive(Debug)]
pub struct FrameSender {
    outbound: Outbound,
    frame_bytes_max: usize,
    partial: bool,
}

impl FrameSender {
    /// Sends one frame, waiting while the receiver is behind. Not cancel safe: if the future is
    /// dropped halfway, every later send fails with [`FrameError::Interrupted`].
    pub async fn send(&mut self, frame: Bytes) -> Result<(), FrameError> {
        if self.partial {
            return Err(FrameError::Interrupted);
        }
        if frame.len() > self.frame_bytes_max {
            return Err(FrameError::TooLarge);
        }
        let length = u32::try_from(frame.len()).map_err(|_| FrameError::TooLarge)?;
        self.partial = true;
        let sent = if frame.len() <= COALESCE_BYTES {
            let mut whole = BytesMut::with_capacity(PREFIX_BYTES + frame.len());
            whole.extend_from_slice(&length.to_be_bytes());
            whole.extend_from_slice(&frame);
            self.outbound.write(whole.freeze()).await
        } else {
            let prefix = Bytes::copy_from_slice(&length.to_be_bytes());
            self.outbound.write_two(prefix, frame).await
        };
        sent.map_err(|fault| of_call(CallError::from_write(&fault)))?;
        self.partial = false;
        Ok(())
    }

    /// The clean end: the receiver gets every frame and then none. Waits until everything has
    /// arrived, or the receiver has stopped caring.
    pub async fn finish(mut self) -> Result<(), FrameError> {
        if self.partial {
            return Err(FrameError::Interrupted);
        }
        self.outbound.finish();
        self.outbound.stopped().await;
        Ok(())
    }

    /// Resolves when the receiver wants no more, or the connection is lost.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        self.outbound.stopped()
    }
}

/// The receiving direction.
#[derive(Debug)]
pub struct FrameReceiver {
    inbound: Inbound,
    frame_bytes_max: usize,
}

impl FrameReceiver {
    /// The next frame; none after a clean end. Cancel safe.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, FrameError> {
        match self.inbound.next_block(self.frame_bytes_max).await {
            Ok(frame) => Ok(frame),
            Err(ReadFault::Truncated) => Err(FrameError::Truncated),
            Err(ReadFault::TooLarge(_)) => {
                self.inbound.stop(code::HEAD_TOO_LARGE);
                Err(FrameError::TooLarge)
            }
            Err(ReadFault::Stream(fault)) => Err(of_call(CallError::from_read(&fault))),
        }
    }
}

impl Drop for FrameReceiver {
    fn drop(&mut self) {
        if !self.inbound.at_end() {
            self.inbound.stop(code::ENOUGH);
        }
    }
}

fn of_call(error: CallError) -> FrameError {
    match error.reason {
        CallFailure::ConnectionLost | CallFailure::HandshakeFailed => FrameError::ConnectionLost,
        CallFailure::TooLarge => FrameError::TooLarge,
        _ => FrameError::Reset,
    }
}
