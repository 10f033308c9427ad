//! Transaction signatures (RFC 8945): who asks, proven by a secret that both sides know, and
//! answers that prove the same of us.
//!
//! Only the SHA-2 algorithms, at full length: the others are there for software that is gone, and
//! a shortened code saves nothing here. Deliberately no key exchange (TKEY).

mod record;

use std::sync::Arc;

use aws_lc_rs::hmac;
use hickory_proto::op::ResponseCode;
use plan::zone::{NameError, WireName};

pub(crate) use record::{Stamp, TSIG};

/// How long a signature may be on its way, where we say it.
const FUDGE_S: u16 = 300;

/// Errors within the record (RFC 8945, section 3).
const BADSIG: u16 = 16;
const BADKEY: u16 = 17;
const BADTIME: u16 = 18;
const BADTRUNC: u16 = 22;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferAlgorithm {
    /// `hmac-sha256`.
    HmacSha256,
    /// `hmac-sha384`.
    HmacSha384,
    /// `hmac-sha512`.
    HmacSha512,
}

/// A secret that lets its holder copy zones.
pub struct TransferKey {
    name: WireName,
    algorithm: WireName,
    secret: hmac::Key,
    zones: Vec<WireName>,
}

/// All keys; few.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(Vec<Arc<TransferKey>>);

/// What a stamp proves.
#[derive(Debug)]
pub(crate) enum Proof {
    /// The request is its holder's.
    Good(Session),
    /// It proves nothing; this is to be said.
    Bad(Refusal),
}

/// Signs the answers to a request that was signed.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) key: Arc<TransferKey>,
    /// Of the request, then of the message before.
    code: Vec<u8>,
    first: bool,
}

/// Why a request's signature is not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The answer says so without a signature: there is no key, or no sign that the client has it.
    Unsigned(u16),
    /// Signed at another time than ours: said under a signature, so that clocks can be mended.
    Time(Session),
}

impl TransferAlgorithm {
    /// By its name in DNS.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];
        all.into_iter().find(|one| one.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::HmacSha256 => hmac::HMAC_SHA256,
            Self::HmacSha384 => hmac::HMAC_SHA384,
            Self::HmacSha512 => hmac::HMAC_SHA512,
        }
    }
}

impl TransferKey {
    /// A key by the name that both sides use, for these zones; for all, if none are named.
    ///
    /// # Errors
    /// If the key's name or a zone's is not a name.
    pub fn new(
        name: &str,
        algorithm: TransferAlgorithm,
        secret: &[u8],
        zones: &[String],
    ) -> Result<Self, NameError> {
        Ok(Self {
            name: WireName::parse(name)?,
            algorithm: WireName::parse(algorithm.name())?,
            secret: hmac::Key::new(algorithm.hmac(), secret),
            zones: zones
                .iter()
                .map(|zone| WireName::parse(zone))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether its holder may copy the zone with this name.
    pub(crate) fn opens(&self, apex: &[u8]) -> bool {
        let mut zones = self.zones.iter();
        self.zones.is_empty() || zones.any(|zone| zone.as_bytes() == apex)
    }

    /// Bytes of the record that signs with it.
    pub(crate) fn stamp_bytes(&self) -> usize {
        record::FIXED_BYTES
            + self.name.as_bytes().len()
            + self.algorithm.as_bytes().len()
            + self.secret.algorithm().digest_algorithm().output_len()
            + record::TIME_BYTES
    }
}

impl Keys {
    pub(crate) fn of(keys: &[Arc<TransferKey>]) -> Self {
        Self(keys.to_vec())
    }

    /// What the stamp of `packet` proves at `now_s`, seconds since 1970.
    pub(crate) fn check(&self, packet: &[u8], stamp: &Stamp<'_>, now_s: u64) -> Proof {
        let mut keys = self.0.iter();
        let key = keys.find(|key| {
            key.name.as_bytes() == stamp.key && key.algorithm.as_bytes() == stamp.algorithm
        });
        let Some(key) = key else {
            return Proof::Bad(Refusal::Unsigned(BADKEY));
        };
        let length = key.secret.algorithm().digest_algorithm().output_len();
        if stamp.code.len() < length {
            return Proof::Bad(Refusal::Unsigned(BADTRUNC));
        }
        if hmac::verify(&key.secret, &stamp.signed(packet), stamp.code).is_err() {
            return Proof::Bad(Refusal::Unsigned(BADSIG));
        }
        let session = Session {
            key: Arc::clone(key),
            code: stamp.code.to_vec(),
            first: true,
        };
        if now_s.abs_diff(stamp.time_s) > u64::from(stamp.fudge_s) {
            return Proof::Bad(Refusal::Time(session));
        }
        Proof::Good(session)
    }
}

impl Session {
    /// Signs `message`, the next one of the answer.
    pub(crate) fn sign(&mut self, message: &mut Vec<u8>, now_s: u64) {
        self.stamp(message, &Stamp::of(&self.key.clone(), now_s, FUDGE_S));
    }

    fn stamp(&mut self, message: &mut Vec<u8>, stamp: &Stamp<'_>) {
        let mut context = hmac::Context::with_key(&self.key.secret);
        // At most 64 bytes.
        let length = u16::try_from(self.code.len()).unwrap_or(u16::MAX);
        context.update(&length.to_be_bytes());
        context.update(&self.code);
        context.update(message);
        if self.first {
            context.update(&stamp.variables());
        } else {
            // Later messages sign the times alone (RFC 8945, section 5.3.1).
            context.update(&stamp.times());
        }
        self.first = false;
        self.code = context.sign().as_ref().to_vec();
        stamp.append(&self.code, message);
    }
}

impl Refusal {
    /// What the whole answer says.
    pub(crate) const CODE: ResponseCode = ResponseCode::NotAuth;

    /// Adds the record that says why to the answer.
    pub(crate) fn append(self, message: &mut Vec<u8>, asked: &Stamp<'_>, now_s: u64) {
        match self {
            Self::Unsigned(error) => {
                let stamp = Stamp {
                    error,
                    code: &[],
                    other: &[],
                    ..asked.clone()
                };
                stamp.append(&[], message);
            }
            Self::Time(mut session) => {
                let now = record::time(now_s);
                let stamp = Stamp {
                    error: BADTIME,
                    other: &now,
                    ..asked.clone()
                };
                session.stamp(message, &stamp);
            }
        }
    }
}

impl std::fmt::Debug for TransferKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "TransferKey({})", self.name)
    }
}
