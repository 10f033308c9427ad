//! The TSIG record on the wire (RFC 8945, section 4.2), and which bytes it signs.

use hickory_proto::serialize::binary::{BinDecoder, DecodeError};

use super::TransferKey;

/// The record's type.
pub(crate) const TSIG: u16 = 250;
/// Class ANY, and no TTL.
const CLASS_AND_TTL: [u8; 6] = [0, 255, 0, 0, 0, 0];
/// Type, class, TTL and length of the record; time, fudge, sizes, number and error of its data.
pub(crate) const FIXED_BYTES: usize = 10 + 16;
/// Bytes of a time.
pub(crate) const TIME_BYTES: usize = 6;

/// A TSIG record.
#[derive(Clone, Debug)]
pub(crate) struct Stamp<'p> {
    /// Where it begins; it ends with the packet.
    pub(super) at: usize,
    /// The key's name, in lower case.
    pub(crate) key: Vec<u8>,
    /// In lower case.
    pub(crate) algorithm: Vec<u8>,
    /// Seconds since 1970.
    pub(crate) time_s: u64,
    pub(crate) fudge_s: u16,
    pub(crate) code: &'p [u8],
    /// The request's number; one that forwards it may have given it another.
    pub(super) number: u16,
    pub(crate) error: u16,
    pub(crate) other: &'p [u8],
}

impl<'p> Stamp<'p> {
    /// Reads the record at `at`; none if it is not one, or anything follows.
    pub(crate) fn read(packet: &'p [u8], at: usize) -> Option<Self> {
        let mut decoder = BinDecoder::new(packet.get(at..)?);
        let stamp = Self::parse(&mut decoder, at).ok().flatten()?;
        decoder.is_empty().then_some(stamp)
    }

    fn parse(decoder: &mut BinDecoder<'p>, at: usize) -> Result<Option<Self>, DecodeError> {
        let (Some(key), TSIG) = (name(decoder)?, u16(decoder)?) else {
            return Ok(None);
        };
        // Class and TTL have to be what they always are.
        let fixed = decoder.read_slice(CLASS_AND_TTL.len())?.unverified();
        let length = usize::from(u16(decoder)?);
        let whole = decoder.len() == length;
        let Some(algorithm) = name(decoder)? else {
            return Ok(None);
        };
        let time_s = u64::from(u16(decoder)?) << 32 | u64::from(decoder.read_u32()?.unverified());
        let fudge_s = u16(decoder)?;
        let size = usize::from(u16(decoder)?);
        let code = decoder.read_slice(size)?.unverified();
        let (number, error) = (u16(decoder)?, u16(decoder)?);
        let size = usize::from(u16(decoder)?);
        let other = decoder.read_slice(size)?.unverified();
        Ok((whole && fixed == CLASS_AND_TTL).then_some(Self {
            at,
            key,
            algorithm,
            time_s,
            fudge_s,
            code,
            number,
            error,
            other,
        }))
    }

    /// The record of one of our messages, without its code.
    pub(crate) fn of(key: &TransferKey, time_s: u64, fudge_s: u16) -> Self {
        Self {
            at: 0,
            key: key.name.as_bytes().to_vec(),
            algorithm: key.algorithm.as_bytes().to_vec(),
            time_s,
            fudge_s,
            code: &[],
            number: 0,
            error: 0,
            other: &[],
        }
    }

    /// What the code of a request is made of: the message as it was before the record was added,
    /// and the record's own fields.
    pub(crate) fn signed(&self, packet: &[u8]) -> Vec<u8> {
        let mut bytes = packet.get(..self.at).unwrap_or(packet).to_vec();
        if let Some(number) = bytes.first_chunk_mut::<2>() {
            *number = self.number.to_be_bytes();
        }
        add_to_count(&mut bytes, u16::MAX);
        bytes.extend(self.variables());
        bytes
    }

    pub(crate) fn variables(&self) -> Vec<u8> {
        let mut bytes = self.key.clone();
        bytes.extend(CLASS_AND_TTL);
        bytes.extend(&self.algorithm);
        bytes.extend(self.times());
        bytes.extend(self.error.to_be_bytes());
        push_sized(&mut bytes, self.other);
        bytes
    }

    pub(crate) fn times(&self) -> Vec<u8> {
        let mut bytes = time(self.time_s).to_vec();
        bytes.extend(self.fudge_s.to_be_bytes());
        bytes
    }

    /// Adds the record with this code to a message.
    pub(crate) fn append(&self, code: &[u8], message: &mut Vec<u8>) {
        let number = message.first_chunk::<2>().copied().unwrap_or_default();
        let mut data = self.algorithm.clone();
        data.extend(self.times());
        push_sized(&mut data, code);
        data.extend(number);
        data.extend(self.error.to_be_bytes());
        push_sized(&mut data, self.other);
        message.extend(&self.key);
        message.extend(TSIG.to_be_bytes());
        message.extend(CLASS_AND_TTL);
        push_sized(message, &data);
        add_to_count(message, 1);
    }
}

/// The lower 48 bits, in order.
pub(crate) fn time(time_s: u64) -> [u8; TIME_BYTES] {
    let [_, _, time @ ..] = time_s.to_be_bytes();
    time
}

/// Adds to the number of additional records; `u16::MAX` takes one away.
fn add_to_count(message: &mut [u8], more: u16) {
    if let Some(count) = message.get_mut(10..).and_then(<[u8]>::first_chunk_mut::<2>) {
        *count = u16::from_be_bytes(*count).wrapping_add(more).to_be_bytes();
    }
}

fn push_sized(bytes: &mut Vec<u8>, value: &[u8]) {
    // Names, codes and times are short.
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(value);
}

fn u16(decoder: &mut BinDecoder<'_>) -> Result<u16, DecodeError> {
    // Any value is allowed.
    Ok(decoder.read_u16()?.unverified())
}

/// A name in lower case; none if it is compressed, which it must not be (RFC 8945, section 4.2).
fn name(decoder: &mut BinDecoder<'_>) -> Result<Option<Vec<u8>>, DecodeError> {
    let mut name = Vec::new();
    loop {
        let length = decoder.read_u8()?.unverified();
        name.push(length);
        match length {
            0 => return Ok((name.len() <= plan::zone::NAME_BYTES_MAX).then_some(name)),
            1..=63 => {
                let label = decoder.read_slice(usize::from(length))?.unverified();
                name.extend(label.iter().map(u8::to_ascii_lowercase));
            }
            _ => return Ok(None),
        }
    }
}
