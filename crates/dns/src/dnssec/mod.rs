//! Signing answers as they are made (RFC 4034, RFC 6605), and denying by one record that covers
//! just the asked name (compact denial, RFC 9824).
//!
//! Answers depend on who asks, so a zone cannot be signed ahead of time. But few different sets of
//! records exist, and their signatures are remembered, so that a signature is made about once a
//! day for each. Deliberately no NSEC3: compact denial tells no names to begin with.

mod denial;
mod memory;
mod signer;

pub(crate) use denial::{denial, denied_types};
pub(crate) use memory::Memory;
pub(crate) use signer::{Signed, Signers, ZoneSigner};

/// Record types that only signed zones have.
pub(crate) const RRSIG: u16 = 46;
pub(crate) const NSEC: u16 = 47;
pub(crate) const DNSKEY: u16 = 48;
pub(crate) const CDS: u16 = 59;
pub(crate) const CDNSKEY: u16 = 60;
/// In the list of types of a name that does not exist (RFC 9824, section 3.2).
pub(crate) const NXNAME: u16 = 128;
