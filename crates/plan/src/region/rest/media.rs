//! How bodies of an API travel: which are binary, and which are compressed.

use lang::media::BinaryTypes;
use model::rest::Content;

/// Of all methods of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Types whose bodies are not text.
    pub binary: BinaryTypes,
    /// Answers of at least so many bytes are compressed, and compressed requests are read; none
    /// where neither is.
    pub compress_from: Option<u32>,
}

impl Media {
    pub(super) fn compile(content: &Content) -> Self {
        let types = content.binary_media_types.iter();
        Self {
            binary: BinaryTypes::new(types.map(String::as_str)),
            compress_from: content.minimum_compression_size,
        }
    }
}
