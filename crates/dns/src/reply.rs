//! Writing an answer: header, question as asked, records, OPT; and what is left out when it does
//! not fit.
//!
//! The lengths are counted here, since an answer that is too long must end right behind the
//! question (hickory's encoder would leave parts of records behind). Names are compressed against
//! the question's name alone: it is where nearly all of them end the same.

use std::sync::Arc;

use hickory_proto::{
    ProtoError,
    op::{Header, HeaderCounts, Metadata, ResponseCode},
    rr::{DNSClass, RecordType},
    serialize::binary::{BinEncoder, Place},
};
use plan::zone::suffixes;

use crate::{
    data::{Data, soa_fields},
    dnssec::{RRSIG, Signed, ZoneSigner},
    edns::Extras,
    message::Request,
};

/// Where the question's name is in every message.
const QUESTION_AT: u16 = 12;
/// The upper bits of a compressed name.
const POINTER: u16 = 0xC000;

/// An answer that is being written.
pub(crate) struct Reply<'a, 'p> {
    request: &'a Request<'p>,
    encoder: BinEncoder<'a>,
    header: Place<Header>,
    metadata: Metadata,
    counts: HeaderCounts,
    bytes_max: usize,
    /// What has been written is too much even for the encoder.
    overflow: bool,
    question_end: usize,
    /// Where the additional section begins, if it has anything but OPT.
    extras_at: Option<usize>,
    scope: u8,
    /// Its length is to tell little.
    secret: bool,
    extras: Extras<'a>,
    class: Class,
    signer: Option<Arc<ZoneSigner>>,
    /// The set of records at the end of what has been written, not signed yet.
    unsigned: Option<Unsigned>,
}

/// What answers count together in a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Those about the asked name.
    Name,
    /// Those about names that are missing in this zone.
    Missing(u64),
}

/// Records of one name and type.
struct Unsigned {
    section: Section,
    owner: Vec<u8>,
    kind: u16,
    ttl_s: u32,
    data: Vec<Vec<u8>>,
}

/// A section of a message; they must be written in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Answer,
    Authority,
    /// Additional records without which a referral leads nowhere (RFC 9471).
    Glue,
    /// Additional records that are left out, if they do not fit.
    Extra,
}

impl<'a, 'p> Reply<'a, 'p> {
    /// Begins an answer in `out`, whose content is replaced. None if nothing can be written.
    pub(crate) fn begin(
        out: &'a mut Vec<u8>,
        request: &'a Request<'p>,
        bytes_max: usize,
    ) -> Option<Self> {
        out.clear();
        let mut encoder = BinEncoder::new(out);
        let header = encoder.place::<Header>().ok()?;
        let mut counts = HeaderCounts::default();
        if let Some(question) = &request.question {
            encoder.emit_vec(question.wire).ok()?;
            counts.queries = 1;
        }
        let question_end = encoder.offset();
        Some(Self {
            request,
            encoder,
            header,
            metadata: Metadata::response_from_request(&request.metadata),
            counts,
            bytes_max,
            overflow: false,
            question_end,
            extras_at: None,
            scope: 0,
            secret: false,
            extras: Extras::default(),
            class: Class::Name,
            signer: None,
            unsigned: None,
        })
    }

    pub(crate) fn set_code(&mut self, code: ResponseCode) {
        self.metadata.response_code = code;
    }

    pub(crate) fn set_authoritative(&mut self) {
        self.metadata.authoritative = true;
    }

    /// The answer holds for clients that share so many bits of the asked subnet.
    pub(crate) fn set_scope(&mut self, scope: u8) {
        self.scope = self.scope.max(scope);
    }

    /// Pads the answer, if the client pads.
    pub(crate) fn set_secret(&mut self, secret: bool) {
        self.secret = secret;
    }

    /// What is added to the OPT record, if there is one.
    pub(crate) fn set_extras(&mut self, extras: Extras<'a>) {
        self.extras = extras;
    }

    /// The name is missing in a zone with this hash: all such answers are one to a rate limit.
    pub(crate) fn set_missing(&mut self, zone: u64) {
        self.class = Class::Missing(zone);
    }

    /// Whether the answer says only what is wrong with the question.
    pub(crate) fn is_refusal(&self) -> bool {
        !matches!(
            self.metadata.response_code,
            ResponseCode::NoError | ResponseCode::NXDomain
        )
    }

    pub(crate) fn class(&self) -> Class {
        self.class
    }

    /// Leaves everything out, so that the client asks again over TCP.
    pub(crate) fn cut_short(&mut self) {
        self.overflow = true;
    }

    /// What follows is signed by this; none: not at all.
    pub(crate) fn sign_with(&mut self, signer: Option<Arc<ZoneSigner>>) {
        self.sign();
        self.signer = signer;
    }

    /// Whether what follows is signed.
    pub(crate) fn signer(&self) -> Option<&Arc<ZoneSigner>> {
        self.signer.as_ref()
    }

    /// Whether the client wants signatures.
    pub(crate) fn wants_signatures(&self) -> bool {
        self.request.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    /// Whether the client can be told that a name is missing, although a compact denial says that
    /// it is there (RFC 9824, section 4).
    pub(crate) fn is_compact_ok(&self) -> bool {
        self.request.edns.is_some_and(|edns| edns.compact_ok)
    }

    /// Remembers a record until its set is complete; signs the set before, if it is another one.
    fn gather(&mut self, section: Section, owner: &[u8], ttl_s: u32, data: Data<'_>) {
        let kind = u16::from(data.kind());
        let same = self
            .unsigned
            .as_ref()
            .is_some_and(|set| set.section == section && set.kind == kind && set.owner == owner);
        if !same {
            self.sign();
        }
        if self.signer.is_none() {
            return;
        }
        match section {
            // A referral's name servers are not ours to sign (RFC 4035, section 2.2); nor is it
            // worth the room to sign what is only a help.
            Section::Glue | Section::Extra => return,
            Section::Authority if kind == u16::from(RecordType::NS) => return,
            Section::Answer | Section::Authority => {}
        }
        let set = self.unsigned.get_or_insert_with(|| Unsigned {
            section,
            owner: owner.to_vec(),
            kind,
            ttl_s,
            data: Vec::new(),
        });
        set.data.push(data.signed_form());
    }

    /// Signs the set at the end of what has been written.
    fn sign(&mut self) {
        let (Some(mut set), Some(signer)) = (self.unsigned.take(), self.signer.clone()) else {
            return;
        };
        let signatures = signer.sign(&mut Signed {
            owner: &set.owner,
            kind: set.kind,
            ttl_s: set.ttl_s,
            data: &mut set.data,
        });
        for signature in signatures {
            self.put(
                set.section,
                &set.owner,
                set.ttl_s,
                Data::Raw(RRSIG, &signature),
            );
        }
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> usize {
        self.encoder.offset()
    }

    /// Adds a record; `owner` is a name in wire form and lower case.
    pub(crate) fn add(&mut self, section: Section, owner: &[u8], ttl_s: u32, data: Data<'_>) {
        self.gather(section, owner, ttl_s, data);
        self.put(section, owner, ttl_s, data);
    }

    fn put(&mut self, section: Section, owner: &[u8], ttl_s: u32, data: Data<'_>) {
        if section == Section::Extra {
            self.extras_at.get_or_insert(self.encoder.offset());
        }
        if self.write(owner, ttl_s, data).is_err() {
            self.overflow = true;
            return;
        }
        let count = match section {
            Section::Answer => &mut self.counts.answers,
            Section::Authority => &mut self.counts.authorities,
            Section::Glue | Section::Extra => &mut self.counts.additionals,
        };
        *count = count.saturating_add(1);
    }

    fn write(&mut self, owner: &[u8], ttl_s: u32, data: Data<'_>) -> Result<(), ProtoError> {
        self.write_name(owner)?;
        self.encoder.emit_u16(data.kind().into())?;
        self.encoder.emit_u16(DNSClass::IN.into())?;
        self.encoder.emit_u32(ttl_s)?;
        let length = self.encoder.place::<u16>()?;
        match data {
            Data::A(address) => self.encoder.emit_vec(&address.octets())?,
            Data::Aaaa(address) => self.encoder.emit_vec(&address.octets())?,
            Data::Ns(name) | Data::Cname(name) => self.write_name(name)?,
            Data::Soa(soa) => {
                self.write_name(soa.mname.as_bytes())?;
                self.write_name(soa.rname.as_bytes())?;
                for field in soa_fields(soa) {
                    self.encoder.emit_u32(field)?;
                }
            }
            Data::Raw(_, bytes) => self.encoder.emit_vec(bytes)?,
            Data::Challenge(text) => self.encoder.emit_character_data(text)?,
            Data::Any => {
                self.encoder.emit_character_data("RFC8482")?;
                self.encoder.emit_character_data("")?;
            }
        }
        let written = self.encoder.len_since_place(&length);
        let written = u16::try_from(written)
            .map_err(|_| ProtoError::Message("record data is longer than 65,535 bytes"))?;
        length.replace(&mut self.encoder, written)
    }

    /// Writes a name, with a pointer for the part that it shares with the question's.
    fn write_name(&mut self, name: &[u8]) -> Result<(), ProtoError> {
        let asked = self
            .request
            .question
            .as_ref()
            .map_or(&[][..], |question| question.name());
        let shared = suffixes(name).find_map(|suffix| {
            let at = asked.len().checked_sub(suffix.len())?;
            // The same bytes at the end of the question; but do they begin at a label there?
            let same = asked.get(at..) == Some(suffix)
                && suffixes(asked).any(|one| one.len() == suffix.len());
            same.then_some((name.len() - suffix.len(), u16::try_from(at).ok()?))
        });
        let Some((own, at)) = shared else {
            return self.encoder.emit_vec(name);
        };
        self.encoder.emit_vec(name.get(..own).unwrap_or(&[]))?;
        self.encoder.emit_u16(POINTER | (QUESTION_AT + at))
    }

    /// Ends the answer. Returns its code and whether it was cut short.
    pub(crate) fn finish(mut self) -> Option<(ResponseCode, bool)> {
        self.sign();
        let edns = self.request.edns;
        let room = self
            .bytes_max
            .saturating_sub(edns.map_or(0, |edns| edns.length(&self.extras)));
        let mut end = self.encoder.offset();
        if let Some(extras) = self.extras_at
            && (self.overflow || end > room)
            && extras <= room
        {
            (end, self.overflow, self.counts.additionals) = (extras, false, 0);
        }
        if self.overflow || end > room {
            end = self.question_end;
            self.counts = HeaderCounts {
                queries: self.counts.queries,
                ..Default::default()
            };
            self.metadata.truncation = true;
        }
        self.encoder.set_offset(end);
        self.encoder.trim();
        if let Some(edns) = edns {
            let bare = end + edns.length(&self.extras);
            self.extras.padding = edns
                .padding(bare)
                .filter(|padding| self.secret && bare + 4 + padding <= self.bytes_max);
            let high = self.metadata.response_code.high();
            edns.emit(&mut self.encoder, high, self.scope, &self.extras)
                .ok()?;
            self.counts.additionals = self.counts.additionals.saturating_add(1);
        }
        let (metadata, counts) = (self.metadata, self.counts);
        self.header
            .replace(&mut self.encoder, Header { metadata, counts })
            .ok()?;
        Some((metadata.response_code, metadata.truncation))
    }
}
