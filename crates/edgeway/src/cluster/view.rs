//! What a subscriber needs to know of a view: its kind, its revision, how a delta leads on.
//!
//! What a view holds is `model`'s business, what it is compiled to the roles'.

use model::{
    EdgeDelta, EdgeView, Revision, Sum, ZoneDelta, ZoneView,
    codec::{self, Level},
};
use serde::{Serialize, de::DeserializeOwned};

/// A view that can be received.
pub(crate) trait View:
    Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Its record kind.
    const KIND: codec::Kind;
    /// What the hello asks for.
    const ZONE: bool;
    /// Its revision.
    fn revision(&self) -> Revision;
    /// At which format it is written.
    fn format(&self) -> Level;
    /// Its digest and size.
    fn sum(&self) -> Sum;
    /// The view that an encoded delta leads to.
    fn after_delta(&self, delta: &[u8]) -> Result<Self, codec::CodecError>;
}

impl View for EdgeView {
    const KIND: codec::Kind = codec::Kind::EdgeView;
    const ZONE: bool = false;

    fn revision(&self) -> Revision {
        self.revision
    }

    fn format(&self) -> Level {
        self.format
    }

    fn sum(&self) -> Sum {
        Self::sum(self)
    }

    fn after_delta(&self, delta: &[u8]) -> Result<Self, codec::CodecError> {
        codec::decode::<EdgeDelta>(codec::Kind::Feed, delta).map(|delta| self.after(delta))
    }
}

impl View for ZoneView {
    const KIND: codec::Kind = codec::Kind::ZoneView;
    const ZONE: bool = true;

    fn revision(&self) -> Revision {
        self.revision
    }

    fn format(&self) -> Level {
        self.format
    }

    fn sum(&self) -> Sum {
        Self::sum(self)
    }

    fn after_delta(&self, delta: &[u8]) -> Result<Self, codec::CodecError> {
        codec::decode::<ZoneDelta>(codec::Kind::Feed, delta).map(|delta| self.after(delta))
    }
}
