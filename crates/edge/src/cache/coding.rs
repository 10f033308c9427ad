//! Content codings made at the POP: gzip and br, of what is stored without a coding.
//!
//! Made once, apart from requests, and kept beside the plain body under the same bound of bytes.
//! Until a coded body is there, clients get the plain one. What the backend has coded itself is
//! never touched, and nothing is ever decoded.

#[cfg(test)]
use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderName, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::control::CacheControl;
use super::entry::Pieces;

/// Smaller bodies gain nothing; larger ones take too long (CloudFront has the same bounds).
const BYTES_MIN: u64 = 1_000;
const BYTES_MAX: u64 = 10_000_000;
/// How often one body is coded the same way: the result may have to leave the cache.
const ATTEMPTS_MAX: u8 = 3;
/// Bodies that are coded at the same time in one POP; more wait for a later request.
const JOBS_MAX: usize = 2;
/// Marks a coding that is being made.
const UNDER_WAY: u8 = 0x80;
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 22;
const GZIP_LEVEL: u32 = 6;
const BUFFER_BYTES: usize = 16 * 1024;

/// A coding that POPs make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

/// What came of the wish for a coded body; the metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coded {
    /// It was made.
    Made(Coding),
    /// It is hardly smaller than the plain one.
    Useless,
    /// Too many are being made.
    Busy,
    /// Making it failed.
    Failed,
}

impl Coded {
    pub(crate) const ALL: [Self; 5] = [
        Self::Made(Coding::Brotli),
        Self::Made(Coding::Gzip),
        Self::Useless,
        Self::Busy,
        Self::Failed,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Made(coding) => coding.as_str(),
            Self::Useless => "useless",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// A body that may be coded. Shared by entries with the same body, so that confirming an answer
/// does not code it again.
#[derive(Debug)]
pub(crate) struct Codable {
    /// Names the body in the store.
    pub(crate) id: u64,
    /// By coding: how often it has been made, and whether it is being made.
    attempts: [AtomicU8; 2],
}

/// Room to code bodies.
#[derive(Debug)]
pub(crate) struct Workshop {
    running: Arc<AtomicUsize>,
    on: bool,
}

/// The right to make one coded body. Gives its room back when dropped.
#[derive(Debug)]
pub(crate) struct Job {
    codable: Arc<Codable>,
    pub(crate) coding: Coding,
    running: Arc<AtomicUsize>,
    attempts: u8,
}

impl Coding {
    pub(crate) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Its name in headers, metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Codes a body; none if that is not worth it.
    pub(crate) fn apply(self, body: &Pieces) -> std::io::Result<Option<Bytes>> {
        let room = Vec::with_capacity(body.len() / 4);
        let coded = match self {
            Self::Brotli => {
                let mut coder = brotli::CompressorWriter::new(
                    room,
                    BUFFER_BYTES,
                    BROTLI_QUALITY,
                    BROTLI_WINDOW,
                );
                for piece in body.as_slice() {
                    coder.write_all(piece)?;
                }
                coder.into_inner()
            }
            Self::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                let mut coder = flate2::write::GzEncoder::new(room, level);
                for piece in body.as_slice() {
                    coder.write_all(piece)?;
                }
                coder.finish()?
            }
        };
        let worth_it = coded.len() < body.len() - body.len() / 16;
        // Its own allocation, exactly as large as it is.
        Ok(worth_it.then(|| Bytes::from(coded.into_boxed_slice())))
    }

    /// Undoes [`apply`](Self::apply); for tests, and to be sure that both belong together.
    #[cfg(test)]
    pub(crate) fn undo(self, coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let read = match self {
            Self::Brotli => brotli::Decompressor::new(coded, BUFFER_BYTES).read_to_end(&mut plain),
            Self::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
        };
        read.map(|_| plain).unwrap_or_default()
    }
}

impl Workshop {
    pub(crate) fn new(on: bool) -> Self {
        Self {
            running: Arc::default(),
            on,
        }
    }

    /// Whether coded variants may be made of an answer (whose length may not be known yet).
    pub(crate) fn takes(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        bytes: Option<u64>,
    ) -> bool {
        self.on
            && status == StatusCode::OK
            && bytes.is_none_or(fits)
            && !COVERED.iter().any(|name| headers.contains_key(name))
            && headers.get(CONTENT_TYPE).is_some_and(is_compressible)
            && !CacheControl::forbids_transform(headers)
    }

    /// Asks for the right to make a coded body; none if it is being made or not worth it.
    pub(crate) fn job(&self, codable: &Arc<Codable>, coding: Coding) -> Option<Result<Job, Coded>> {
        let attempts = codable.slot(coding);
        let before = attempts.load(Ordering::Relaxed);
        if before >= ATTEMPTS_MAX {
            return None;
        }
        let room = |running: usize| (running < JOBS_MAX).then_some(running + 1);
        let relaxed = Ordering::Relaxed;
        if self.running.fetch_update(relaxed, relaxed, room).is_err() {
            return Some(Err(Coded::Busy));
        }
        let job = Job {
            codable: Arc::clone(codable),
            coding,
            running: Arc::clone(&self.running),
            attempts: before,
        };
        let claimed = attempts.compare_exchange(before, UNDER_WAY | before, relaxed, relaxed);
        claimed.is_ok().then_some(Ok(job))
    }
}

impl Codable {
    pub(crate) fn new(id: u64) -> Arc<Self> {
        Arc::new(Self {
            id,
            attempts: Default::default(),
        })
    }

    fn slot(&self, coding: Coding) -> &AtomicU8 {
        let [br, gzip] = &self.attempts;
        match coding {
            Coding::Brotli => br,
            Coding::Gzip => gzip,
        }
    }
}

impl Job {
    /// The body that it is about.
    pub(crate) fn id(&self) -> u64 {
        self.codable.id
    }

    /// Done; not again if it was `useless`.
    pub(crate) fn done(self, useless: bool) {
        let attempts = if useless {
            ATTEMPTS_MAX
        } else {
            self.attempts + 1
        };
        self.codable
            .slot(self.coding)
            .store(attempts, Ordering::Relaxed);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether bodies of this size are coded.
pub(crate) fn fits(bytes: u64) -> bool {
    (BYTES_MIN..=BYTES_MAX).contains(&bytes)
}

/// Headers that say or cover what a coding would change.
const COVERED: [HeaderName; 7] = [
    CONTENT_ENCODING,
    CONTENT_RANGE,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("signature"),
];

/// Types that CloudFront compresses, in short.
fn is_compressible(kind: &HeaderValue) -> bool {
    let kind = kind.as_bytes();
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    let Some(slash) = essence.iter().position(|byte| *byte == b'/') else {
        return false;
    };
    let (kind, name) = essence.split_at(slash);
    // Events must not wait for a coder.
    if kind == b"text" {
        return name != b"/event-stream";
    }
    let named: [&[u8]; 12] = [
        b"/json",
        b"/javascript",
        b"/x-javascript",
        b"/xml",
        b"/wasm",
        b"/rtf",
        b"/graphql",
        b"/x-ndjson",
        b"/vnd.ms-fontobject",
        b"/ttf",
        b"/otf",
        b"/bmp",
    ];
    name.ends_with(b"+json") || name.ends_with(b"+xml") || named.contains(&name)
}

/// Makes of the headers of a plain answer those of a coded one.
pub(crate) fn code_headers(headers: &mut HeaderMap, coding: Coding, bytes: usize) {
    let name = HeaderValue::from_static(coding.as_str());
    headers.insert(CONTENT_ENCODING, name);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    // Parts are of the plain body, and must not be taken for parts of this one.
    headers.remove(ACCEPT_RANGES);
    if let Some(tag) = headers.get(ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(ETAG, weak);
    }
}

/// Says that the answer depends on `Accept-Encoding`, unless it says so already.
pub(crate) fn add_vary(headers: &mut HeaderMap) {
    let listed = |value: &HeaderValue| {
        let mut names = value.as_bytes().split(|byte| *byte == b',');
        names.any(|name| {
            name.trim_ascii()
                .eq_ignore_ascii_case(ACCEPT_ENCODING.as_str().as_bytes())
        })
    };
    if !headers.get_all(VARY).iter().any(listed) {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}
