//! The PROXY protocol, version 2 (HAProxy's proxy-protocol.txt): what a balancer says about the
//! client in front of a connection's own bytes.
//!
//! Pure: bytes in, facts out. Version 1 is not read, because it cannot carry the endpoint a client
//! came by. Whom to believe, and which endpoint is one of ours, is decided in `door.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How every header begins.
pub(crate) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// How one of version 1 begins.
pub(crate) const SIGNATURE_V1: &[u8] = b"PROXY ";

/// Signature, version and command, family, length of what follows.
pub(crate) const FIXED_BYTES: usize = 16;

/// What may follow, in bytes. Balancers write 50 to 200; a client certificate's name and the like
/// make it some hundreds.
pub(crate) const REST_BYTES_MAX: usize = 2048;

/// Longest id of an endpoint.
const ENDPOINT_BYTES_MAX: usize = 64;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

const TYPE_CRC32C: u8 = 0x03;
/// Amazon's, with the sort of its value in the first byte: 1 for the id of a VPC endpoint.
const TYPE_AWS: u8 = 0xEA;
/// Azure's, alike: 1 for the number of a private endpoint's link, four bytes, lowest first.
const TYPE_AZURE: u8 = 0xEE;
const SORT_ENDPOINT: u8 = 0x01;

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It does not begin as one.
    NotProxy,
    /// Version 1, or none that we know.
    Version,
    /// More follows than we read.
    TooLong,
    /// A family of addresses that is not TCP's, lengths that do not agree, an id of odd letters.
    Malformed,
    /// Its checksum is of other bytes.
    Checksum,
}

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// The client; none where the balancer speaks for itself.
    pub(crate) source: Option<SocketAddr>,
    /// The endpoint it came by.
    pub(crate) endpoint: Option<Named>,
}

/// How clouds name endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    Aws(String),
    Azure(u32),
}

impl Flaw {
    /// Its metric label.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NotProxy => "proxy_missing",
            Self::Version => "proxy_version",
            Self::TooLong => "proxy_too_long",
            Self::Malformed => "proxy_malformed",
            Self::Checksum => "proxy_checksum",
        }
    }
}

/// Whether `first`, the bytes so far, can still become a header; they need not be all of it.
pub(crate) fn begins(first: &[u8]) -> Result<(), Flaw> {
    let compared = first.len().min(SIGNATURE.len());
    if first.get(..compared) == SIGNATURE.get(..compared) {
        return match first.get(SIGNATURE.len()) {
            Some(version) if version >> 4 != 2 => Err(Flaw::Version),
            _ => Ok(()),
        };
    }
    let old = first.len().min(SIGNATURE_V1.len());
    if first.get(..old) == SIGNATURE_V1.get(..old) {
        return Err(Flaw::Version);
    }
    Err(Flaw::NotProxy)
}

/// How many bytes follow the fixed part.
pub(crate) fn rest_length(fixed: &[u8; FIXED_BYTES]) -> Result<usize, Flaw> {
    let [.., high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > REST_BYTES_MAX {
        return Err(Flaw::TooLong);
    }
    Ok(length)
}

/// Reads a whole header.
pub(crate) fn parse(header: &[u8]) -> Result<Header, Flaw> {
    begins(header)?;
    let (fixed, rest) = header
        .split_first_chunk::<FIXED_BYTES>()
        .ok_or(Flaw::Malformed)?;
    if rest_length(fixed)? != rest.len() {
        return Err(Flaw::Malformed);
    }
    let [.., command, family, _, _] = *fixed;
    let (source, items) = match (command, family) {
        // The addresses, if any, are to be ignored; what is behind them cannot be found then.
        (LOCAL, _) | (PROXY, UNSPECIFIED) => return Ok(Header::default()),
        (PROXY, TCP4) => source_v4(rest)?,
        (PROXY, TCP6) => source_v6(rest)?,
        _ => return Err(Flaw::Malformed),
    };
    let endpoint = endpoint(header, items)?;
    Ok(Header {
        source: Some(source),
        endpoint,
    })
}

/// Source and destination address, source and destination port.
fn source_v4(rest: &[u8]) -> Result<(SocketAddr, &[u8]), Flaw> {
    let (block, items) = rest.split_first_chunk::<12>().ok_or(Flaw::Malformed)?;
    let [a, b, c, d, _, _, _, _, high, low, _, _] = *block;
    let ip = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    Ok((SocketAddr::new(ip, u16::from_be_bytes([high, low])), items))
}

fn source_v6(rest: &[u8]) -> Result<(SocketAddr, &[u8]), Flaw> {
    let (source, rest) = rest.split_first_chunk::<16>().ok_or(Flaw::Malformed)?;
    let (_, rest) = rest.split_first_chunk::<16>().ok_or(Flaw::Malformed)?;
    let (ports, items) = rest.split_first_chunk::<4>().ok_or(Flaw::Malformed)?;
    let [high, low, _, _] = *ports;
    let ip = IpAddr::V6(Ipv6Addr::from(*source));
    Ok((SocketAddr::new(ip, u16::from_be_bytes([high, low])), items))
}

/// Walks the items behind the addresses: one byte of type, two of length, the value.
fn endpoint(header: &[u8], mut items: &[u8]) -> Result<Option<Named>, Flaw> {
    let mut found = None;
    while let Some((kind, rest)) = items.split_first() {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(Flaw::Malformed)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let value = rest.get(..length).ok_or(Flaw::Malformed)?;
        let named = match *kind {
            TYPE_AWS => aws(value)?,
            TYPE_AZURE => azure(value)?,
            TYPE_CRC32C => {
                let at = header.len() - rest.len();
                check(header, at, value)?;
                None
            }
            _ => None,
        };
        if named.is_some() && found.is_some() && named != found {
            // Of two endpoints at most one is true.
            return Err(Flaw::Malformed);
        }
        found = named.or(found);
        items = rest.get(length..).unwrap_or(&[]);
    }
    Ok(found)
}

fn aws(value: &[u8]) -> Result<Option<Named>, Flaw> {
    let Some((&SORT_ENDPOINT, id)) = value.split_first() else {
        return Ok(None);
    };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    if id.is_empty() || id.len() > ENDPOINT_BYTES_MAX || !id.iter().all(plain) {
        return Err(Flaw::Malformed);
    }
    let id = std::str::from_utf8(id).map_err(|_| Flaw::Malformed)?;
    Ok(Some(Named::Aws(id.to_owned())))
}

fn azure(value: &[u8]) -> Result<Option<Named>, Flaw> {
    let Some((&SORT_ENDPOINT, number)) = value.split_first() else {
        return Ok(None);
    };
    let number: [u8; 4] = number.try_into().map_err(|_| Flaw::Malformed)?;
    Ok(Some(Named::Azure(u32::from_le_bytes(number))))
}

/// Compares a checksum, whose own four bytes at `at` count as zero.
fn check(header: &[u8], at: usize, value: &[u8]) -> Result<(), Flaw> {
    let stated: [u8; 4] = value.try_into().map_err(|_| Flaw::Malformed)?;
    let before = header.get(..at).ok_or(Flaw::Malformed)?;
    let behind = header.get(at + 4..).ok_or(Flaw::Malformed)?;
    let bytes = before.iter().chain(&[0; 4]).chain(behind);
    if crc32c(bytes) == u32::from_be_bytes(stated) {
        Ok(())
    } else {
        Err(Flaw::Checksum)
    }
}

/// CRC-32C (RFC 3720, B.4), bit by bit: a header is short, and comes once a connection.
pub(crate) fn crc32c<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= POLYNOMIAL;
            }
        }
    }
    !crc
}

#[cfg(test)]
pub(crate) mod tests;
