//! `application/vnd.amazon.eventstream`: the frames in which AWS services send streams of events.
//!
//! A frame is a prelude (two lengths and their CRC), headers with types, a payload and a CRC over
//! all of it. The decoder takes bytes as they come and gives frames back; what is too long or does
//! not add up ends the stream, since nothing after it can be trusted.
//!
//! Deliberately not here: encoding (nobody here sends such streams) and signed events.

#[cfg(test)]
mod tests;

/// Longest frame. Amazon's limit on a payload is 16 MiB, on headers 128 KiB.
pub const FRAME_BYTES_MAX: usize = (16 << 20) + HEADERS_BYTES_MAX + OVERHEAD;
/// Longest headers of a frame.
pub const HEADERS_BYTES_MAX: usize = 128 << 10;
/// Prelude, its CRC and the frame's.
const OVERHEAD: usize = PRELUDE + 4;
/// Two lengths and their CRC.
const PRELUDE: usize = 12;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Those whose values are text; others tell nothing that is needed here.
    headers: Vec<(String, String)>,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// Why a stream of frames cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A checksum differs.
    #[error("checksum of an event stream's frame differs")]
    Checksum,
    /// A frame is longer than [`FRAME_BYTES_MAX`], or its headers than theirs.
    #[error("frame of an event stream is too long")]
    TooLong,
    /// Lengths or headers make no sense.
    #[error("frame of an event stream is malformed")]
    Malformed,
}

/// Takes bytes, gives frames.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Adds what has come. Take all frames out before adding more: then no more is kept than one
    /// frame and what came with its end.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the stream may end here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next frame, or none until more bytes have come.
    ///
    /// # Errors
    /// The stream cannot be read on; every later call would give the same.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(prelude) = self.buffer.get(..PRELUDE) else {
            return Ok(None);
        };
        let (total, headers) = lengths(prelude)?;
        let Some(frame) = self.buffer.get(..total) else {
            return Ok(None);
        };
        let mut rest = frame;
        let sum = split_end(&mut rest, 4).map(number);
        if sum != Some(crc32fast::hash(rest)) {
            return Err(FrameError::Checksum);
        }
        let body = rest.get(PRELUDE..).unwrap_or_default();
        let (head, payload) = body
            .split_at_checked(headers)
            .ok_or(FrameError::Malformed)?;
        let frame = Frame {
            headers: texts(head)?,
            payload: payload.to_vec(),
        };
        self.buffer.drain(..total);
        Ok(Some(frame))
    }
}

impl Frame {
    /// The text of a header, such as `:event-type`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Length of the frame and of its headers.
fn lengths(prelude: &[u8]) -> Result<(usize, usize), FrameError> {
    let mut rest = prelude;
    let sum = split_end(&mut rest, 4).map(number);
    if sum != Some(crc32fast::hash(rest)) {
        return Err(FrameError::Checksum);
    }
    let (total, headers) = rest.split_at_checked(4).ok_or(FrameError::Malformed)?;
    let length = |bytes| usize::try_from(number(bytes)).map_err(|_| FrameError::TooLong);
    let (total, headers) = (length(total)?, length(headers)?);
    if total > FRAME_BYTES_MAX || headers > HEADERS_BYTES_MAX {
        return Err(FrameError::TooLong);
    }
    if total < headers + OVERHEAD {
        return Err(FrameError::Malformed);
    }
    Ok((total, headers))
}

/// The headers whose values are text. Types: 0 and 1 booleans, 2 to 5 integers of 1, 2, 4 and 8
/// bytes, 6 bytes, 7 text, 8 a time, 9 a UUID.
fn texts(mut rest: &[u8]) -> Result<Vec<(String, String)>, FrameError> {
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let length = number(take(&mut rest, 1)?);
        let name = take(&mut rest, length as usize)?;
        let kind = number(take(&mut rest, 1)?);
        let length = match kind {
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            6 | 7 => number(take(&mut rest, 2)?) as usize,
            9 => 16,
            _ => return Err(FrameError::Malformed),
        };
        let value = take(&mut rest, length)?;
        if kind == 7 {
            let text = |bytes: &[u8]| {
                let text = std::str::from_utf8(bytes).map_err(|_| FrameError::Malformed);
                text.map(str::to_owned)
            };
            headers.push((text(name)?, text(value)?));
        }
    }
    Ok(headers)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], FrameError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(FrameError::Malformed)?;
    *rest = left;
    Ok(taken)
}

/// Cuts off the last bytes.
fn split_end<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (left, end) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
    *rest = left;
    Some(end)
}

/// An unsigned number of at most four bytes, highest first.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}
