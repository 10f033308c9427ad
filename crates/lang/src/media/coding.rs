//! Content codings: what a request came in, what an answer goes out in.

use super::essence;

/// Most codings of one body.
pub const CODINGS_MAX: usize = 4;

/// The codings that the gateway reads and writes, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`, also written `x-gzip`.
    Gzip,
    /// `deflate`: the zlib format.
    Deflate,
    /// As it is.
    Identity,
}

/// A body is in a coding that nobody here reads, or in too many; answer with 415.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("content coding is not one of gzip, deflate, identity")]
pub struct UnknownCoding;

// === impl Coding ===

impl Coding {
    /// As in `Content-Encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Identity => "identity",
        }
    }

    fn read(name: &str) -> Option<Self> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("gzip") || is("x-gzip") {
            Some(Self::Gzip)
        } else if is("deflate") {
            Some(Self::Deflate)
        } else if is("identity") {
            Some(Self::Identity)
        } else {
            None
        }
    }
}

/// The codings to undo, in the order of undoing; those that change nothing are left out.
///
/// # Errors
/// [`UnknownCoding`].
pub fn request_codings(content_encoding: &str) -> Result<Vec<Coding>, UnknownCoding> {
    let mut codings = Vec::new();
    for name in content_encoding.split(',').map(str::trim) {
        if name.is_empty() {
            continue;
        }
        match Coding::read(name).ok_or(UnknownCoding)? {
            Coding::Identity => {}
            coding if codings.len() < CODINGS_MAX => codings.push(coding),
            _ => return Err(UnknownCoding),
        }
    }
    codings.reverse();
    Ok(codings)
}

/// The coding of an answer: the one that the client likes best; among equals gzip, then deflate.
/// Plain where it asks for none or refuses everything.
#[must_use]
pub fn answer_coding(accept_encoding: Option<&str>) -> Coding {
    let Some(accept) = accept_encoding else {
        return Coding::Identity;
    };
    let mut best = (0, Coding::Identity);
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Identity] {
        let weight = weight_of(accept, coding);
        if weight > best.0 {
            best = (weight, coding);
        }
    }
    best.1
}

/// How much a client likes a coding, in thousandths. Plain is acceptable where it is not named,
/// but less than anything that is.
fn weight_of(accept: &str, coding: Coding) -> u32 {
    let mut any = None;
    for range in accept.split(',') {
        let name = essence(range);
        if name == "*" {
            any = Some(weight(range));
        } else if Coding::read(name) == Some(coding) {
            return weight(range);
        }
    }
    match coding {
        Coding::Gzip | Coding::Deflate => any.unwrap_or(0),
        Coding::Identity => u32::from(any != Some(0)),
    }
}

/// The `q` of a range, in thousandths; a broken one is 0.
fn weight(range: &str) -> u32 {
    let q = range.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(q) = q else {
        return 1000;
    };
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    if part.len() > 3 || !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "1" if part.bytes().all(|digit| digit == b'0') => 1000,
        "0" => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// Whether bodies of a type get smaller by compression: text, and what is text under another
/// name. Bodies that do not say their type are JSON.
#[must_use]
pub fn compressible(content_type: Option<&str>) -> bool {
    let media = content_type
        .map_or(super::DEFAULT, essence)
        .to_ascii_lowercase();
    let Some((kind, subtype)) = media.split_once('/') else {
        return false;
    };
    match kind {
        "text" => true,
        "image" => matches!(subtype, "svg+xml" | "bmp" | "x-icon" | "vnd.microsoft.icon"),
        "font" => matches!(subtype, "ttf" | "otf" | "collection"),
        "application" => {
            subtype.ends_with("+json")
                || subtype.ends_with("+xml")
                || subtype.starts_with("x-amz-json")
                || APPLICATION.contains(&subtype)
        }
        _ => false,
    }
}

/// Types of `application/` that are text, or as compressible.
const APPLICATION: [&str; 14] = [
    "ecmascript",
    "graphql",
    "javascript",
    "json",
    "manifest",
    "ndjson",
    "sql",
    "toml",
    "wasm",
    "x-javascript",
    "x-ndjson",
    "x-www-form-urlencoded",
    "xml",
    "yaml",
];
