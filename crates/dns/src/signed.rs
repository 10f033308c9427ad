//! What signed zones answer besides: their keys, the keys of zones below them, and the types of a
//! name for its denial.
//!
//! The signatures themselves are added by `Reply` behind each set of records; nothing here makes
//! one.

use hickory_proto::rr::RecordType;
use plan::zone::{Addresses, DS, Found, NS_TTL_S, Node, Steered, Zone, split_label};

use crate::{
    Responder,
    data::Data,
    denying::nothing,
    dnssec::{CDNSKEY, CDS, DNSKEY},
    reply::{Reply, Section},
    responder::Asked,
};

impl Responder {
    /// What follows belongs to this zone.
    pub(crate) fn sign_as(&self, zone: &Zone, reply: &mut Reply<'_, '_>) {
        if reply.wants_signatures() {
            reply.sign_with(self.signers.find(zone.apex.as_bytes()).cloned());
        }
    }

    /// The DS set of a zone of ours belongs to the zone above it, if that is ours, too.
    pub(crate) fn key_of_part(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        zone: &Zone,
        reply: &mut Reply<'_, '_>,
    ) {
        let parent = split_label(name).map(|(_, above)| self.plan.find(above));
        let Some(Found::Node(above, _) | Found::Missing(above)) = parent else {
            self.sign_as(zone, reply);
            let types = self.apex_types(name, zone);
            return nothing(asked, name, zone, types, reply);
        };
        self.sign_as(above, reply);
        match self.signers.find(name) {
            Some(signer) => {
                reply.set_authoritative();
                for data in &signer.ds {
                    reply.add(Section::Answer, name, NS_TTL_S, Data::Raw(DS, data));
                }
            }
            None => nothing(asked, name, above, [RecordType::NS.into()], reply),
        }
    }

    /// Answers with the keys of a signed zone, if they were asked for.
    pub(crate) fn keys(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        zone: &Zone,
        reply: &mut Reply<'_, '_>,
    ) -> bool {
        let Some(signer) = self.signers.find(zone.apex.as_bytes()) else {
            return false;
        };
        let kind = asked.kind.into();
        let set = match kind {
            DNSKEY => &signer.dnskeys,
            // For parents that follow their children's keys (RFC 7344).
            CDNSKEY => &signer.entries,
            CDS => &signer.ds,
            _ => return false,
        };
        reply.set_authoritative();
        for data in set {
            reply.add(Section::Answer, name, NS_TTL_S, Data::Raw(kind, data));
        }
        true
    }

    /// The types that a name has.
    pub(crate) fn types(&self, name: &[u8], zone: &Zone, node: &Node) -> Vec<u16> {
        let mut types: Vec<u16> = node.others.iter().map(|set| set.kind).collect();
        let challenged = !self.plan.challenges(name).is_empty();
        types.extend(challenged.then_some(u16::from(RecordType::TXT)));
        match &node.addresses {
            Addresses::None => {}
            Addresses::Fixed(fixed) => {
                types.extend((!fixed.v4.is_empty()).then_some(u16::from(RecordType::A)));
                types.extend((!fixed.v6.is_empty()).then_some(u16::from(RecordType::AAAA)));
            }
            Addresses::Steered(steered) => types.extend(self.steered_types(*steered)),
        }
        if node.apex {
            types.extend(self.apex_types(name, zone));
        }
        types
    }

    pub(crate) fn steered_types(&self, steered: Steered) -> Vec<u16> {
        let mut types = vec![RecordType::A.into()];
        types.extend(steered.dualstack.then_some(u16::from(RecordType::AAAA)));
        types.extend((!self.alpn.is_empty()).then_some(u16::from(RecordType::HTTPS)));
        types
    }

    pub(crate) fn apex_types(&self, name: &[u8], zone: &Zone) -> Vec<u16> {
        let mut types = vec![RecordType::SOA.into(), RecordType::NS.into()];
        if self.signers.find(zone.apex.as_bytes()).is_some() && name == zone.apex.as_bytes() {
            types.extend([DNSKEY, CDS, CDNSKEY]);
        }
        types
    }
}
