//! A request's body: left on the wire for as long as nobody needs to look at it.

use bytes::Bytes;
use lang::json::Notes;
use serve::{Body, BodyError};

use super::Refusal;
use crate::fault::{Blame, Fault};

/// Largest body of a REST API, bytes; Amazon's limit.
pub(crate) const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A body that was read as JSON.
pub(crate) struct Noted {
    bytes: Bytes,
    notes: Notes,
}

impl Noted {
    pub(crate) const fn new(bytes: Bytes, notes: Notes) -> Self {
        Self { bytes, notes }
    }

    /// The notes, if this very text is what they are about.
    pub(crate) fn of(&self, text: &str) -> Option<&Notes> {
        let is_same = std::ptr::eq(text.as_bytes(), &*self.bytes);
        (is_same && !text.is_empty()).then_some(&self.notes)
    }
}

/// A body that is collected when somebody asks for it.
pub(crate) enum Held {
    /// As it comes from the client.
    Unread(Body),
    /// All of it.
    Whole(Bytes),
}

impl Held {
    /// All of it; read once.
    ///
    /// # Errors
    /// It is too large, or the client failed.
    pub(crate) async fn whole(&mut self) -> Result<&Bytes, Fault> {
        if let Self::Unread(body) = self {
            let body = std::mem::replace(body, Body::empty());
            let read = body.into_bytes(BODY_BYTES_MAX).await;
            *self = Self::Whole(read.map_err(|error| refused(BodyError::of(&*error)))?);
        }
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::Unread(_) => Err(refused(None)),
        }
    }

    /// All of it, if it has been read.
    pub(crate) const fn read(&self) -> Option<&Bytes> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Unread(_) => None,
        }
    }

    /// To pass it on: whole if it was read, else as it comes.
    pub(crate) fn pass(&mut self) -> Body {
        match self {
            Self::Whole(bytes) => Body::full(bytes.clone()),
            Self::Unread(body) => std::mem::replace(body, Body::empty()),
        }
    }
}

/// What a client is told whose body failed.
pub(crate) fn refused(error: Option<BodyError>) -> Fault {
    if error == Some(BodyError::TooLarge) {
        return Refusal::too_large().into();
    }
    let reason = error.map_or("body_aborted", BodyError::reason);
    Refusal::bad_request("Bad Request", reason)
        .blaming(Blame::Client)
        .into()
}
