//! Signed zones: what is added to answers, and that signatures are remembered. Whether they are
//! good is `delv`'s to say, in the tests of whole clusters.

use std::sync::Arc;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use model::{ZoneKey, ZoneKeyRole, ZoneKeyState};
use plan::zone::{ZonePlan, key};

use super::{Live, Responder, ask, query, responder, told, view};
use crate::{
    Transport,
    dnssec::{Memory, Signers},
};

fn signed() -> (Responder, Arc<Memory>) {
    let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(alg, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(alg, document.as_ref()).unwrap();
    let public = pair.public_key().as_ref()[1..].to_vec();
    let role = ZoneKeyRole::Combined;
    let key = ZoneKey {
        tag: key::key_tag(&key::dnskey(role, &public)),
        role,
        state: ZoneKeyState::Active,
        public,
        key_der: document.as_ref().to_vec(),
        created_ms: 0,
    };
    let mut view = view();
    let zone = view.zones.get_mut("example.com").unwrap();
    Arc::make_mut(zone).keys.push(key);
    let (plan, _) = ZonePlan::compile(&view);
    let memory = Arc::new(Memory::default());
    memory.set_time(1_790_000_000);
    let (signers, broken) = Signers::of(plan.zones(), &memory);
    assert!(broken.is_empty(), "{broken:?}");
    let signers = Arc::new(signers);
    (
        responder(&view, &Live::default()).with_signers(signers),
        memory,
    )
}

#[test]
fn signatures_are_added_only_for_those_who_want_them_and_remembered() {
    let (responder, memory) = signed();
    let (first, _) = ask(&responder, "www.example.com A +do");
    assert!(told(&first).contains(" RRSIG "), "{}", told(&first));
    // A signature made anew would differ.
    assert_eq!(ask(&responder, "www.example.com A +do").0, first);
    memory.set_time(1_790_000_000 + 86_400);
    assert_ne!(ask(&responder, "www.example.com A +do").0, first);
    let (plain, _) = ask(&responder, "www.example.com A");
    assert!(!told(&plain).contains("RRSIG"));
    let (other, _) = ask(&responder, "ns1.edgeway.test A +do");
    assert!(!told(&other).contains("RRSIG"), "an unsigned zone");
}

#[test]
fn denials_are_compact() {
    let (responder, _) = signed();
    let denied = |question: &str| told(&ask(&responder, question).0);
    let missing = denied("none.example.com A +do");
    assert!(missing.starts_with("NOERROR aa\n"), "{missing}");
    assert!(missing.contains("au none.example.com. 60 NSEC"));
    assert!(denied("none.example.com A").starts_with("NXDOMAIN aa\n"));
    let referral = denied("x.part.example.com A +do");
    assert!(
        referral.contains("au part.example.com. 60 NSEC"),
        "{referral}"
    );
    let secure = denied("x.signed.example.com A +do");
    assert!(secure.contains("au signed.example.com. 30 DS"), "{secure}");
}

#[test]
fn the_type_of_missing_names_cannot_be_asked_for() {
    let mut packet = query("none.example.com A");
    let at = packet.len() - 3;
    packet[at] = 128;
    let mut answer = Vec::new();
    let (from, (responder, _)) = ("192.0.2.1".parse().unwrap(), signed());
    responder.answer(&packet, from, Transport::Udp, &mut answer);
    assert_eq!(told(&answer), "FORMERR");
}
