//! What the world sees of a zone's key: DNSKEY data and key tag (RFC 4034, section 2 and appendix
//! B; RFC 6605 for the algorithm).

use model::{ZoneKey, ZoneKeyRole};

/// ECDSA on curve P-256 with SHA-256.
pub const ECDSA_P256: u8 = 13;

/// The data of the key's DNSKEY record.
#[must_use]
pub fn dnskey(role: ZoneKeyRole, public: &[u8]) -> Vec<u8> {
    let flags: u16 = if role.is_entry() { 257 } else { 256 };
    let mut wire = flags.to_be_bytes().to_vec();
    wire.extend([3, ECDSA_P256]);
    wire.extend(public);
    wire
}

/// The tag of a DNSKEY record's data.
#[must_use]
pub fn key_tag(dnskey: &[u8]) -> u16 {
    let sum = dnskey.iter().enumerate().fold(0_u32, |sum, (at, byte)| {
        let shift = if at % 2 == 0 { 8 } else { 0 };
        sum.wrapping_add(u32::from(*byte) << shift)
    });
    let folded = sum.wrapping_add(sum >> 16) & 0xFFFF;
    u16::try_from(folded).unwrap_or(u16::MAX)
}

/// What the DS record of a key is the SHA-256 digest of: the zone's name and the DNSKEY data.
#[must_use]
pub fn ds_input(apex: &[u8], key: &ZoneKey) -> Vec<u8> {
    let mut wire = apex.to_vec();
    wire.extend(dnskey(key.role, &key.public));
    wire
}

/// The data of a key's DS record, from the digest of [`ds_input`].
#[must_use]
pub fn ds(key: &ZoneKey, sha256: &[u8]) -> Vec<u8> {
    let mut wire = key.tag.to_be_bytes().to_vec();
    wire.extend([ECDSA_P256, 2]);
    wire.extend(sha256);
    wire
}
