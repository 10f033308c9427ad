//! The life of a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustls::server::ProducesTickets as _;

use super::{LIFE_MAX, TicketKeys};

fn keys(life_s: u64) -> (TicketKeys, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(100));
    let read = Arc::clone(&time);
    let clock = Box::new(move || Duration::from_secs(read.load(Relaxed)));
    let keys = TicketKeys::with_clock(Duration::from_secs(life_s), clock).expect("keys");
    (keys, time)
}

#[test]
fn a_ticket_is_good_for_the_rest_of_its_keys_life_and_one_more() {
    let (keys, time) = keys(10);
    let early = keys.encrypt(b"early").expect("sealed");
    time.store(109, Relaxed);
    let late = keys.encrypt(b"late").expect("sealed");
    for (now, early_good, late_good) in [
        (109, true, true),
        (110, true, true),
        (119, true, true),
        (120, false, false),
        (500, false, false),
    ] {
        time.store(now, Relaxed);
        let open = |ticket: &[u8]| keys.decrypt(ticket).is_some();
        assert_eq!(
            (open(&early), open(&late)),
            (early_good, late_good),
            "{now}"
        );
    }
    assert_eq!(keys.lifetime(), 10, "the promise to clients");
}

#[test]
fn handshakes_that_come_seldom_do_not_lengthen_a_life() {
    let (keys, time) = keys(10);
    // The first handshake after the switch comes late; the next switch is not later for it.
    time.store(118, Relaxed);
    let ticket = keys.encrypt(b"x").expect("sealed");
    time.store(129, Relaxed);
    assert_eq!(keys.decrypt(&ticket).as_deref(), Some(&b"x"[..]));
    time.store(130, Relaxed);
    assert_eq!(keys.decrypt(&ticket), None);
}

#[test]
fn a_node_without_clients_forgets_both_keys() {
    let (keys, time) = keys(10);
    let ticket = keys.encrypt(b"x").expect("sealed");
    time.store(1_000, Relaxed);
    assert_eq!(keys.decrypt(&ticket), None);
    let ticket = keys.encrypt(b"y").expect("sealed");
    assert_eq!(keys.decrypt(&ticket).as_deref(), Some(&b"y"[..]));
}

#[test]
fn workers_that_turn_the_key_at_once_make_one() {
    let (keys, time) = keys(10);
    time.store(110, Relaxed);
    let tickets: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let seal = || keys.encrypt(b"x").expect("sealed");
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(seal)).collect();
        let joined = threads.into_iter().map(|one| one.join());
        joined.map(|ticket| ticket.expect("a ticket")).collect()
    });
    let opened = tickets.iter().filter(|one| keys.decrypt(one).is_some());
    assert_eq!(opened.count(), 8, "every worker opens what any sealed");
}

#[test]
fn strangers_tickets_and_rubbish_are_not_opened() {
    let (ours, _) = keys(10);
    let (theirs, _) = keys(10);
    let stolen = theirs.encrypt(b"x").expect("sealed");
    for ticket in [stolen.as_slice(), b"", &[0; 16], &[7; 4096]] {
        assert_eq!(ours.decrypt(ticket), None);
    }
    let mut touched = ours.encrypt(b"x").expect("sealed");
    *touched.last_mut().expect("a byte") ^= 1;
    assert_eq!(ours.decrypt(&touched), None);
}

#[test]
fn a_life_beyond_the_librarys_is_cut() {
    let (keys, _) = keys(10_000_000);
    assert_eq!(u64::from(keys.lifetime()), LIFE_MAX.as_secs());
}
