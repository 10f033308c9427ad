//! The keys of a zone, ready to sign, and the records that show them.

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use model::{ZoneKey, ZoneKeyState};
use plan::zone::{WireName, Zone, key, suffixes};

use super::{CDNSKEY, CDS, DNSKEY, Memory};

/// A signature is good from so long ago, for clocks that are behind.
const INCEPTION_S: u32 = 3_600;
/// A signature is good for so long: if nobody can sign any more, there is a week to mend it.
const VALIDITY_S: u32 = 8 * 24 * 3_600;

/// Signers of all signed zones.
#[derive(Debug, Default)]
pub(crate) struct Signers(HashMap<WireName, Arc<ZoneSigner>>);

/// Signs the records of one zone.
#[derive(Debug)]
pub(crate) struct ZoneSigner {
    apex: WireName,
    /// DNSKEY data of every key.
    pub(crate) dnskeys: Vec<Vec<u8>>,
    /// DNSKEY data of those that the parent names.
    pub(crate) entries: Vec<Vec<u8>>,
    /// DS data of the same.
    pub(crate) ds: Vec<Vec<u8>>,
    /// Sign the set of keys.
    for_keys: Vec<Key>,
    /// Sign everything else.
    for_records: Vec<Key>,
    memory: Arc<Memory>,
}

struct Key {
    tag: u16,
    pair: Arc<EcdsaKeyPair>,
}

/// Records of one name and type, in the form that is signed.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) owner: &'a [u8],
    pub(crate) kind: u16,
    pub(crate) ttl_s: u32,
    /// Data of each, without compression; sorted by [`ZoneSigner::sign`].
    pub(crate) data: &'a mut Vec<Vec<u8>>,
}

impl Signers {
    /// From the zones of a plan. A zone with a broken key is not signed at all, and named.
    pub(crate) fn of(zones: &[Zone], memory: &Arc<Memory>) -> (Self, Vec<String>) {
        let mut signers = HashMap::new();
        let mut broken = Vec::new();
        for zone in zones.iter().filter(|zone| !zone.keys.is_empty()) {
            match ZoneSigner::of(zone, memory.clone()) {
                Ok(Some(signer)) => drop(signers.insert(zone.apex.clone(), Arc::new(signer))),
                Ok(None) => {}
                Err(error) => broken.push(format!("zone {}: {error}", zone.apex)),
            }
        }
        (Self(signers), broken)
    }

    /// The signer of the zone with this name.
    pub(crate) fn find(&self, apex: &[u8]) -> Option<&Arc<ZoneSigner>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(apex)
    }
}

impl ZoneSigner {
    /// None, if no key is to sign yet.
    fn of(zone: &Zone, memory: Arc<Memory>) -> Result<Option<Self>, String> {
        let mut signer = Self {
            apex: zone.apex.clone(),
            dnskeys: Vec::new(),
            entries: Vec::new(),
            ds: Vec::new(),
            for_keys: Vec::new(),
            for_records: Vec::new(),
            memory,
        };
        for one in &zone.keys {
            signer.take(one)?;
        }
        let whole = !signer.for_keys.is_empty() && !signer.for_records.is_empty();
        Ok(whole.then_some(signer))
    }

    fn take(&mut self, one: &ZoneKey) -> Result<(), String> {
        let tag = one.tag;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &one.key_der);
        let pair = Arc::new(pair.map_err(|error| format!("key {tag} cannot be used: {error}"))?);
        let dnskey = key::dnskey(one.role, &one.public);
        if one.role.is_entry() {
            self.entries.push(dnskey.clone());
            let input = key::ds_input(self.apex.as_bytes(), one);
            let sha256 = digest::digest(&digest::SHA256, &input);
            self.ds.push(key::ds(one, sha256.as_ref()));
            // In every state, so that the parent may name any of them at any time.
            let pair = pair.clone();
            self.for_keys.push(Key { tag, pair });
        }
        if one.role.signs_records() && one.state == ZoneKeyState::Active {
            self.for_records.push(Key { tag, pair });
        }
        self.dnskeys.push(dnskey);
        Ok(())
    }

    /// RRSIG data for a set of records; usually one.
    pub(crate) fn sign(&self, set: &mut Signed<'_>) -> Vec<Arc<[u8]>> {
        set.data.sort_unstable();
        set.data.dedup();
        let keys = match set.kind {
            DNSKEY | CDS | CDNSKEY => &self.for_keys,
            _ => &self.for_records,
        };
        let mut records = Vec::with_capacity(256);
        for data in set.data.iter() {
            records.extend(set.owner);
            records.extend(set.kind.to_be_bytes());
            records.extend([0, 1]);
            records.extend(set.ttl_s.to_be_bytes());
            records.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
            records.extend(data);
        }
        let one = |key: &Key| {
            let mut known_by = key.tag.to_be_bytes().to_vec();
            known_by.extend(self.apex.as_bytes());
            known_by.extend(&records);
            self.memory.signature(&known_by, |now_s| {
                let mut rdata = self.head(set, key.tag, now_s);
                let mut message = rdata.clone();
                message.extend(&records);
                let signature = key.pair.sign(&SystemRandom::new(), &message).ok()?;
                rdata.extend(signature.as_ref());
                Some(rdata)
            })
        };
        keys.iter().filter_map(one).collect()
    }

    /// The RRSIG's fields in front of the signature (RFC 4034, section 3.1).
    fn head(&self, set: &Signed<'_>, tag: u16, now_s: u32) -> Vec<u8> {
        let wild = usize::from(set.owner.starts_with(b"\x01*"));
        let labels = suffixes(set.owner).count().saturating_sub(wild);
        let mut wire = set.kind.to_be_bytes().to_vec();
        wire.push(key::ECDSA_P256);
        wire.push(u8::try_from(labels).unwrap_or(u8::MAX));
        wire.extend(set.ttl_s.to_be_bytes());
        wire.extend(now_s.wrapping_add(VALIDITY_S).to_be_bytes());
        wire.extend(now_s.wrapping_sub(INCEPTION_S).to_be_bytes());
        wire.extend(tag.to_be_bytes());
        wire.extend(self.apex.as_bytes());
        wire
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Key({})", self.tag)
    }
}
