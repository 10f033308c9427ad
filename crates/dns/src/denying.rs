//! Saying that something is not there: by the SOA record alone, or with a compact denial in signed
//! zones (RFC 2308, RFC 9824).

use hickory_proto::{op::ResponseCode, rr::RecordType};
use plan::zone::{DS, RecordSet, SOA_TTL_S, Zone};
use steer::place::hash;

use crate::{
    data::Data,
    dnssec::{NSEC, NXNAME, denial, denied_types},
    reply::{Reply, Section},
    responder::Asked,
};

/// Says which keys sign a delegated part, or that none do.
pub(crate) fn vouch(cut: &[u8], keys: Option<&RecordSet>, zone: &Zone, reply: &mut Reply<'_, '_>) {
    if reply.signer().is_none() {
        return;
    }
    match keys {
        Some(set) => {
            for data in &set.data {
                reply.add(Section::Authority, cut, set.ttl_s, Data::Raw(DS, data));
            }
        }
        None => deny(cut, zone, &denied_types([RecordType::NS.into()], DS), reply),
    }
}

/// The name does not exist.
pub(crate) fn missing(name: &[u8], zone: &Zone, reply: &mut Reply<'_, '_>) {
    reply.set_missing(hash(zone.apex.as_bytes()));
    authority(zone, reply);
    if reply.signer().is_some() {
        deny(name, zone, &denied_types([NXNAME], 0), reply);
        if !reply.is_compact_ok() {
            // To others, a name with an NSEC record of its own exists.
            return;
        }
    }
    reply.set_code(ResponseCode::NXDomain);
}

/// The name has other types, but not what was asked for.
pub(crate) fn nothing(
    asked: &Asked<'_>,
    name: &[u8],
    zone: &Zone,
    types: impl IntoIterator<Item = u16>,
    reply: &mut Reply<'_, '_>,
) {
    let asked = u16::from(asked.kind);
    if asked == NSEC && reply.signer().is_some() {
        reply.set_authoritative();
        let data = denial(name, &denied_types(types, 0));
        let ttl_s = SOA_TTL_S.min(zone.soa.negative_s);
        return reply.add(Section::Answer, name, ttl_s, Data::Raw(NSEC, &data));
    }
    authority(zone, reply);
    if reply.signer().is_some() {
        deny(name, zone, &denied_types(types, asked), reply);
    }
}

pub(crate) fn deny(name: &[u8], zone: &Zone, types: &[u16], reply: &mut Reply<'_, '_>) {
    let ttl_s = SOA_TTL_S.min(zone.soa.negative_s);
    let data = denial(name, types);
    reply.add(Section::Authority, name, ttl_s, Data::Raw(NSEC, &data));
}

/// Something is not there: the SOA says for how long that holds.
pub(crate) fn authority(zone: &Zone, reply: &mut Reply<'_, '_>) {
    reply.set_authoritative();
    // RFC 2308, section 3: the lesser of the record's own TTL and its last field.
    let ttl_s = SOA_TTL_S.min(zone.soa.negative_s);
    reply.add(
        Section::Authority,
        zone.apex.as_bytes(),
        ttl_s,
        Data::Soa(&zone.soa),
    );
}
