//! Reading a query: what of it matters to an answer, and what is wrong with it.
//!
//! A packet with a readable header is always a `Request`, so that the client hears what is wrong;
//! only what cannot be answered sensibly (or is an answer itself, which would invite two servers to
//! talk forever) is dropped. Nothing is allocated.

use hickory_proto::{
    op::{Header, HeaderCounts, MessageType, Metadata, OpCode},
    serialize::binary::{BinDecodable, BinDecoder, DecodeError},
};
use plan::zone::NAME_BYTES_MAX;

use crate::{
    edns::{Edns, EdnsFault, OPT},
    metrics::Malformed,
    tsig::TSIG,
};

/// A query as received.
#[derive(Debug)]
pub(crate) struct Request<'p> {
    pub(crate) metadata: Metadata,
    /// There, if the query has exactly one and it could be read.
    pub(crate) question: Option<Question<'p>>,
    pub(crate) edns: Option<Edns>,
    /// Where the record begins that signs the whole.
    pub(crate) stamp_at: Option<usize>,
    /// The first thing that is wrong; nothing behind it was read.
    pub(crate) fault: Option<Malformed>,
}

/// The question.
#[derive(Debug)]
pub(crate) struct Question<'p> {
    /// As it came, so that the case of its letters is kept (draft-vixie-dnsext-dns0x20).
    pub(crate) wire: &'p [u8],
    name: [u8; NAME_BYTES_MAX],
    name_bytes: usize,
    pub(crate) kind: u16,
    pub(crate) class: u16,
}

impl<'p> Request<'p> {
    /// Reads a packet.
    ///
    /// # Errors
    /// Why it is to be dropped.
    pub(crate) fn read(packet: &'p [u8]) -> Result<Self, Malformed> {
        let mut decoder = BinDecoder::new(packet);
        let header = Header::read(&mut decoder).map_err(|_| Malformed::Short)?;
        if header.metadata.message_type == MessageType::Response {
            return Err(Malformed::Response);
        }
        let mut request = Self {
            metadata: header.metadata,
            question: None,
            edns: None,
            stamp_at: None,
            fault: None,
        };
        let read = request.read_sections(&header.counts, &mut decoder);
        request.fault = match header.metadata.op_code {
            OpCode::Query => read.err(),
            // Read all the same, as far as it goes: the answer is to show the question and OPT.
            OpCode::Status | OpCode::Notify | OpCode::Update | OpCode::Unknown(_) => {
                Some(Malformed::Opcode)
            }
        };
        Ok(request)
    }

    fn read_sections(
        &mut self,
        counts: &HeaderCounts,
        decoder: &mut BinDecoder<'p>,
    ) -> Result<(), Malformed> {
        if counts.queries != 1 {
            return Err(Malformed::Questions);
        }
        self.question = Some(Question::read(decoder).ok_or(Malformed::Question)?);
        // Ends with the packet: each record takes at least eleven bytes.
        for _ in 0..u32::from(counts.answers) + u32::from(counts.authorities) {
            let record = RawRecord::read(decoder).map_err(|_| Malformed::Record)?;
            if record.kind == OPT {
                return Err(Malformed::Edns);
            }
        }
        for left in (0..counts.additionals).rev() {
            let at = decoder.index();
            let record = RawRecord::read(decoder).map_err(|_| Malformed::Record)?;
            match record.kind {
                OPT => self.take_edns(&record)?,
                // It signs all that is in front of it (RFC 8945, section 5.1).
                TSIG if left > 0 => return Err(Malformed::Signature),
                TSIG => self.stamp_at = Some(at),
                _ => {}
            }
        }
        match self.edns {
            Some(edns) if edns.version != 0 => Err(Malformed::Version),
            _ => Ok(()),
        }
    }

    fn take_edns(&mut self, record: &RawRecord<'_>) -> Result<(), Malformed> {
        if !record.at_root || self.edns.is_some() {
            return Err(Malformed::Edns);
        }
        let (edns, read) = Edns::read(record.class, record.ttl, record.data);
        self.edns = Some(edns);
        read.map_err(|fault| match fault {
            EdnsFault::Shape => Malformed::Edns,
            EdnsFault::Subnet => Malformed::ClientSubnet,
        })
    }
}

impl<'p> Question<'p> {
    /// Reads the question; none if it is cut short or its name is compressed, for which there is
    /// nothing in front of it to point to.
    fn read(decoder: &mut BinDecoder<'p>) -> Option<Self> {
        let start = decoder.index();
        loop {
            match decoder.read_u8().ok()?.unverified() {
                0 => break,
                length @ 1..=63 => decoder.read_slice(usize::from(length)).ok()?,
                _ => return None,
            };
        }
        let asked = decoder.slice_from(start).ok()?;
        let mut name = [0; NAME_BYTES_MAX];
        // Lengths are below 64 and so not changed by lower-casing letters.
        let lower = name.get_mut(..asked.len())?;
        lower.copy_from_slice(asked);
        lower.make_ascii_lowercase();
        let kind = decoder.read_u16().ok()?.unverified();
        let class = decoder.read_u16().ok()?.unverified();
        let wire = decoder.slice_from(start).ok()?;
        Some(Self {
            wire,
            name,
            name_bytes: asked.len(),
            kind,
            class,
        })
    }

    /// The name in wire form and lower case.
    pub(crate) fn name(&self) -> &[u8] {
        self.name.get(..self.name_bytes).unwrap_or(&[])
    }
}

/// A record of a query, of which we only look at OPT.
struct RawRecord<'p> {
    at_root: bool,
    kind: u16,
    class: u16,
    ttl: u32,
    data: &'p [u8],
}

impl<'p> RawRecord<'p> {
    fn read(decoder: &mut BinDecoder<'p>) -> Result<Self, DecodeError> {
        let mut at_root = true;
        loop {
            match decoder.read_u8()?.unverified() {
                0 => break,
                length @ 1..=63 => {
                    decoder.read_slice(usize::from(length))?;
                }
                // A pointer, which ends the name; where to does not matter here.
                192..=255 => {
                    decoder.read_u8()?;
                    at_root = false;
                    break;
                }
                other => return Err(DecodeError::UnrecognizedLabelCode(other)),
            }
            at_root = false;
        }
        // Any value is allowed; the data's length is checked by the read that uses it.
        let kind = decoder.read_u16()?.unverified();
        let class = decoder.read_u16()?.unverified();
        let ttl = decoder.read_u32()?.unverified();
        let length = decoder.read_u16()?.unverified();
        let data = decoder.read_slice(usize::from(length))?.unverified();
        Ok(Self {
            at_root,
            kind,
            class,
            ttl,
            data,
        })
    }
}
