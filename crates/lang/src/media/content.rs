//! Which bodies are binary, and how bodies are converted for it.

use super::essence;

/// The media types that an API treats as binary: exact ones, `type/*` or `*/*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinaryTypes {
    /// In lower case, without parameters.
    entries: Vec<String>,
}

/// What an owner wants a body to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Bytes.
    ToBinary,
    /// Text; bytes become base64.
    ToText,
}

/// What happens to a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// It stays as it is.
    Keep,
    /// It is base64, and what it stands for is wanted. Broken base64 is a 500.
    Decode,
    /// It becomes base64.
    Encode,
}

// === impl BinaryTypes ===

impl BinaryTypes {
    /// A list as its owner wrote it.
    pub fn new<'a>(types: impl IntoIterator<Item = &'a str>) -> Self {
        let entries = types
            .into_iter()
            .map(|entry| essence(entry).to_ascii_lowercase())
            .filter(|entry| !entry.is_empty())
            .collect();
        Self { entries }
    }

    /// Nothing is binary.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a content type, or the first type of an `Accept`, is in the list. An absent one is
    /// only in a list with `*/*`.
    #[must_use]
    pub fn has(&self, media: Option<&str>) -> bool {
        let media = media.map(essence).unwrap_or_default();
        self.entries.iter().any(|entry| fits(entry, media))
    }
}

fn fits(entry: &str, media: &str) -> bool {
    if entry == "*/*" || entry.eq_ignore_ascii_case(media) {
        return true;
    }
    let Some(kind) = entry.strip_suffix("/*") else {
        return false;
    };
    media
        .split_once('/')
        .is_some_and(|(found, _)| found.eq_ignore_ascii_case(kind))
}

/// What happens to a request's body on the way to the integration.
#[must_use]
pub const fn request_conversion(binary: bool, handling: Option<Handling>) -> Conversion {
    match (binary, handling) {
        (false, None | Some(Handling::ToText)) | (true, None | Some(Handling::ToBinary)) => {
            Conversion::Keep
        }
        (false, Some(Handling::ToBinary)) => Conversion::Decode,
        (true, Some(Handling::ToText)) => Conversion::Encode,
    }
}

/// What happens to an answer's body on the way to the client. `binary` is the payload of the
/// integration, `wanted` whether the client's `Accept` asks for a type of the list.
#[must_use]
pub const fn answer_conversion(
    binary: bool,
    wanted: bool,
    handling: Option<Handling>,
) -> Conversion {
    match (binary, wanted, handling) {
        (false, false, None)
        | (false, _, Some(Handling::ToText))
        | (true, true, None)
        | (true, _, Some(Handling::ToBinary)) => Conversion::Keep,
        (false, true, None) | (false, _, Some(Handling::ToBinary)) => Conversion::Decode,
        (true, false, None) | (true, _, Some(Handling::ToText)) => Conversion::Encode,
    }
}
