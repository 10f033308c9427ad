//! The data of records, as it is given to a reply.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::RecordType;
use plan::zone::Soa;

/// The data of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Data<'a> {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Ns(&'a [u8]),
    Cname(&'a [u8]),
    Soa(&'a Soa),
    /// As it is; the number is the type's.
    Raw(u16, &'a [u8]),
    /// A TXT record of one text that answers an ACME challenge.
    Challenge(&'a str),
    /// What RFC 8482 (section 4.2) says to answer to "ANY".
    Any,
}

impl Data<'_> {
    /// The data without compression, as it is signed (RFC 4034, section 6.2).
    pub(crate) fn signed_form(&self) -> Vec<u8> {
        match self {
            Self::A(address) => address.octets().to_vec(),
            Self::Aaaa(address) => address.octets().to_vec(),
            Self::Ns(name) | Self::Cname(name) | Self::Raw(_, name) => name.to_vec(),
            Self::Soa(soa) => {
                let mut wire = soa.mname.as_bytes().to_vec();
                wire.extend(soa.rname.as_bytes());
                for field in soa_fields(soa) {
                    wire.extend(field.to_be_bytes());
                }
                wire
            }
            Self::Challenge(text) => {
                let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
                [&[length], text.as_bytes()].concat()
            }
            Self::Any => b"\x07RFC8482\0".to_vec(),
        }
    }

    /// At most so many bytes are written for it.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::A(_) => 4,
            Self::Aaaa(_) => 16,
            Self::Ns(name) | Self::Cname(name) | Self::Raw(_, name) => name.len(),
            Self::Soa(soa) => soa.mname.as_bytes().len() + soa.rname.as_bytes().len() + 20,
            Self::Challenge(text) => text.len() + 1,
            Self::Any => 9,
        }
    }

    pub(crate) fn kind(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::AAAA,
            Self::Ns(_) => RecordType::NS,
            Self::Cname(_) => RecordType::CNAME,
            Self::Soa(_) => RecordType::SOA,
            Self::Raw(kind, _) => RecordType::from(*kind),
            Self::Challenge(_) => RecordType::TXT,
            Self::Any => RecordType::HINFO,
        }
    }
}

/// The numbers of an SOA record, in order.
pub(crate) fn soa_fields(soa: &Soa) -> [u32; 5] {
    [
        soa.serial,
        soa.refresh_s,
        soa.retry_s,
        soa.expire_s,
        soa.negative_s,
    ]
}

impl From<Ipv4Addr> for Data<'_> {
    fn from(address: Ipv4Addr) -> Self {
        Self::A(address)
    }
}

impl From<Ipv6Addr> for Data<'_> {
    fn from(address: Ipv6Addr) -> Self {
        Self::Aaaa(address)
    }
}
