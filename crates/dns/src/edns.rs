//! The OPT pseudo-record (RFC 6891) and the client subnet in it (RFC 7871).
//!
//! Read here rather than by hickory's record types, which drop what makes a subnet malformed (bits
//! beyond its length, a wrong number of bytes) and allocate for each option.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::{
    ProtoError,
    serialize::binary::{BinDecoder, BinEncoder, DecodeError},
};

use crate::cookies::Cookie;
use crate::settings::{PLAIN_ANSWER_BYTES_MAX, UDP_ANSWER_BYTES_MAX};

/// The option code of client subnets.
const SUBNET_CODE: u16 = 8;
/// The option code of name server identifiers.
const ID_CODE: u16 = 3;
/// The option code of cookies.
const COOKIE_CODE: u16 = 10;
/// The option code of a wish to keep a TCP connection (RFC 7828).
const KEEPALIVE_CODE: u16 = 11;
/// The option code of padding (RFC 7830).
const PADDING_CODE: u16 = 12;
/// Answers are padded to a multiple of this (RFC 8467, section 4.1).
const PADDED_BYTES: usize = 468;
/// The record type of OPT.
pub(crate) const OPT: u16 = 41;
/// The DO bit within a record's TTL.
const DNSSEC_OK: u32 = 1 << 15;
/// The CO bit next to it.
const COMPACT_OK: u32 = 1 << 14;

/// What a client says in its OPT record, as far as we care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    /// Longest UDP answer we send, at least 512.
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    /// The client understands compact denials (RFC 9824, section 4).
    pub(crate) compact_ok: bool,
    pub(crate) subnet: Option<Subnet>,
    /// The client asks who we are (RFC 5001).
    pub(crate) wants_id: bool,
    pub(crate) cookie: Option<Cookie>,
    pub(crate) keepalive: bool,
    /// The client pads, and so wants answers padded.
    pub(crate) pads: bool,
}

/// What we add to an answer's OPT record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extras<'a> {
    /// Who we are.
    pub(crate) id: Option<&'a [u8]>,
    /// The client's cookie and ours.
    pub(crate) cookie: Option<[u8; 24]>,
    /// Bytes of padding.
    pub(crate) padding: Option<usize>,
}

/// A client subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    /// 1 for IPv4, 2 for IPv6; 0 is said by clients that want no subnet used at all.
    family: u16,
    source: u8,
    address: IpAddr,
}

/// Why an OPT record is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EdnsFault {
    /// It is cut short or its lengths do not add up.
    Shape,
    /// Its client subnet breaks RFC 7871, section 6.
    Subnet,
}

impl Edns {
    /// Reads the fields of an OPT record: its class, TTL and data. What was readable is returned
    /// with the fault, since an answer must have an OPT record whenever the query has one.
    pub(crate) fn read(class: u16, ttl: u32, data: &[u8]) -> (Self, Result<(), EdnsFault>) {
        let [_, version, _, _] = ttl.to_be_bytes();
        let mut edns = Self {
            payload: class.clamp(PLAIN_ANSWER_BYTES_MAX, UDP_ANSWER_BYTES_MAX),
            version,
            dnssec_ok: ttl & DNSSEC_OK != 0,
            compact_ok: ttl & COMPACT_OK != 0,
            subnet: None,
            wants_id: false,
            cookie: None,
            keepalive: false,
            pads: false,
        };
        // What options another version has is not known here.
        let read = if version == 0 {
            edns.read_options(data)
        } else {
            Ok(())
        };
        (edns, read)
    }

    fn read_options(&mut self, data: &[u8]) -> Result<(), EdnsFault> {
        let mut decoder = BinDecoder::new(data);
        // Ends: each option takes at least four bytes.
        while !decoder.is_empty() {
            let (code, value) = read_option(&mut decoder).map_err(|_| EdnsFault::Shape)?;
            match code {
                SUBNET_CODE => {}
                ID_CODE => {
                    self.wants_id = true;
                    continue;
                }
                COOKIE_CODE => {
                    // Of several, the first counts (RFC 7873, section 5.2).
                    let cookie = Cookie::read(value).ok_or(EdnsFault::Shape)?;
                    self.cookie.get_or_insert(cookie);
                    continue;
                }
                KEEPALIVE_CODE => {
                    self.keepalive = true;
                    continue;
                }
                PADDING_CODE => {
                    self.pads = true;
                    continue;
                }
                _ => continue,
            }
            let read = Subnet::read(value).ok_or(EdnsFault::Subnet)?;
            if self.subnet.replace(read).is_some() {
                return Err(EdnsFault::Subnet);
            }
        }
        Ok(())
    }

    /// Bytes that `emit` writes.
    pub(crate) fn length(&self, extras: &Extras<'_>) -> usize {
        // Root name, type, class, TTL and data length.
        11 + self.options_length(extras)
    }

    fn options_length(&self, extras: &Extras<'_>) -> usize {
        // Code, length and fixed part of a subnet; code and length of the others.
        self.subnet.map_or(0, |subnet| 8 + subnet.address_bytes())
            + extras.id.map_or(0, |id| 4 + id.len())
            + extras.cookie.map_or(0, |cookie| 4 + cookie.len())
            + extras.padding.map_or(0, |padding| 4 + padding)
    }

    /// Bytes of padding for a message of `bytes` without it, if the client wants any.
    pub(crate) fn padding(&self, bytes: usize) -> Option<usize> {
        let with = bytes + 4;
        self.pads
            .then(|| with.next_multiple_of(PADDED_BYTES) - with)
    }

    /// Writes our OPT record: the client's DO bit and subnet, our own size and version.
    pub(crate) fn emit(
        &self,
        encoder: &mut BinEncoder<'_>,
        rcode_high: u8,
        scope: u8,
        extras: &Extras<'_>,
    ) -> Result<(), ProtoError> {
        encoder.emit_u8(0)?;
        encoder.emit_u16(OPT)?;
        encoder.emit_u16(UDP_ANSWER_BYTES_MAX)?;
        let mut flags = if self.dnssec_ok { DNSSEC_OK } else { 0 };
        if self.compact_ok {
            flags |= COMPACT_OK;
        }
        encoder.emit_u32(u32::from(rcode_high) << 24 | flags)?;
        let all = self.options_length(extras);
        encoder.emit_u16(u16::try_from(all).unwrap_or(u16::MAX))?;
        if let Some(id) = extras.id {
            emit_option(encoder, ID_CODE, id)?;
        }
        if let Some(cookie) = &extras.cookie {
            emit_option(encoder, COOKIE_CODE, cookie)?;
        }
        self.emit_subnet(encoder, scope)?;
        match extras.padding {
            // Less than `PADDED_BYTES`.
            Some(bytes) => emit_option(encoder, PADDING_CODE, &vec![0; bytes]),
            None => Ok(()),
        }
    }

    fn emit_subnet(&self, encoder: &mut BinEncoder<'_>, scope: u8) -> Result<(), ProtoError> {
        let Some(subnet) = self.subnet else {
            return Ok(());
        };
        let address = subnet.address_bytes();
        // At most 16 bytes of address.
        let length = u16::try_from(4 + address).unwrap_or(u16::MAX);
        encoder.emit_u16(SUBNET_CODE)?;
        encoder.emit_u16(length)?;
        encoder.emit_u16(subnet.family)?;
        encoder.emit_u8(subnet.source)?;
        encoder.emit_u8(scope)?;
        match subnet.address {
            IpAddr::V4(ip) => encoder.emit_vec(ip.octets().get(..address).unwrap_or(&[])),
            IpAddr::V6(ip) => encoder.emit_vec(ip.octets().get(..address).unwrap_or(&[])),
        }
    }
}

impl Subnet {
    fn read(value: &[u8]) -> Option<Self> {
        let (fixed, bytes) = value.split_first_chunk::<4>()?;
        let [family_high, family_low, source, scope] = *fixed;
        let family = u16::from_be_bytes([family_high, family_low]);
        let width = match family {
            // dig sends this for `+subnet=0`.
            0 => 0,
            1 => 32,
            2 => 128,
            _ => return None,
        };
        if source > width || scope != 0 || bytes.len() != usize::from(source.div_ceil(8)) {
            return None;
        }
        let mut padded = [0; 16];
        padded
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        let all = u128::from_be_bytes(padded);
        if all.checked_shl(u32::from(source)).unwrap_or(0) != 0 {
            return None;
        }
        let address = if family == 2 {
            IpAddr::V6(Ipv6Addr::from_bits(all))
        } else {
            let [a, b, c, d, ..] = padded;
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        };
        Some(Self {
            family,
            source,
            address,
        })
    }

    /// The prefix that answers may depend on; none when the client asks that nothing of it is
    /// used (a source length of 0; RFC 7871, section 7.1.2).
    pub(crate) fn prefix(&self) -> Option<(IpAddr, u8)> {
        (self.source > 0).then_some((self.address, self.source))
    }

    fn address_bytes(&self) -> usize {
        usize::from(self.source.div_ceil(8))
    }
}

fn emit_option(encoder: &mut BinEncoder<'_>, code: u16, value: &[u8]) -> Result<(), ProtoError> {
    encoder.emit_u16(code)?;
    encoder.emit_u16(u16::try_from(value.len()).unwrap_or(u16::MAX))?;
    encoder.emit_vec(value)
}

fn read_option<'p>(decoder: &mut BinDecoder<'p>) -> Result<(u16, &'p [u8]), DecodeError> {
    // Any code is allowed; the length is checked by the read that uses it.
    let code = decoder.read_u16()?.unverified();
    let length = decoder.read_u16()?.unverified();
    let value = decoder.read_slice(usize::from(length))?.unverified();
    Ok((code, value))
}
