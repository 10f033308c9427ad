//! Response rate limiting: what goes to one network, about one name or about one zone's missing
//! names, is bounded, so that forged queries cannot make us flood somebody.
//!
//! Each worker counts for itself in a table of fixed size; two networks that meet in one slot push
//! each other out, which errs towards answering. Every second answer over the limit is cut short,
//! so that a real client behind the forged address still gets through over TCP.

use std::net::IpAddr;

use ipnet::IpNet;
use steer::place::hash;

/// Slots of one worker's table: 1.5 MiB.
const SLOTS: usize = 1 << 16;
/// Seconds of the rate that may come at once.
const BURST_S: u64 = 2;
/// What a network gets of all answers together, as a multiple of the rate of one class: names under
/// a wildcard are a class each.
const ALL: u64 = 10;
const SECOND_US: u64 = 1_000_000;

/// Counts answers of one worker.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Microseconds between two answers of a class; 0 turns the limit off.
    gap_us: u64,
    exempt: Vec<IpNet>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    /// When all answers so far would have been sent at the allowed rate.
    due_us: u64,
    refused: u32,
}

/// What to do with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Send it.
    Send,
    /// Send a short one.
    Cut,
    /// Send nothing.
    Drop,
}

impl Rates {
    /// `rate_s` answers a second and class, over `workers` workers.
    pub(crate) fn new(rate_s: u32, workers: usize, exempt: Vec<IpNet>) -> Self {
        let workers = u64::try_from(workers.max(1)).unwrap_or(1);
        let gap_us = match u64::from(rate_s) {
            0 => 0,
            rate_s => (SECOND_US * workers / rate_s).max(1),
        };
        let slots = if gap_us == 0 { 0 } else { SLOTS };
        Self {
            gap_us,
            exempt,
            slots: vec![Slot::default(); slots],
        }
    }

    /// Counts an answer of class `class` to `to`.
    pub(crate) fn admit(&mut self, to: IpAddr, class: u64, now_us: u64) -> Admission {
        let to = to.to_canonical();
        if self.gap_us == 0 || self.exempt.iter().any(|net| net.contains(&to)) {
            return Admission::Send;
        }
        let network = hash(&network(to));
        let gap_us = self.gap_us;
        let own = self.count(network ^ class.rotate_left(17), gap_us, now_us);
        // What is not sent does not count against the whole.
        let refused = own.or_else(|| self.count(network, (gap_us / ALL).max(1), now_us));
        match refused {
            None => Admission::Send,
            Some(times) if times % 2 == 1 => Admission::Cut,
            Some(_) => Admission::Drop,
        }
    }

    /// How often it has been refused without a pause, if it is now.
    fn count(&mut self, key: u64, gap_us: u64, now_us: u64) -> Option<u32> {
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let at = usize::try_from(mixed).unwrap_or(0) % SLOTS;
        let slot = self.slots.get_mut(at)?;
        if slot.key != key {
            *slot = Slot {
                key,
                due_us: now_us,
                refused: 0,
            };
        }
        let due_us = slot.due_us.max(now_us);
        if due_us - now_us > BURST_S * SECOND_US {
            slot.refused = slot.refused.wrapping_add(1);
            return Some(slot.refused);
        }
        slot.due_us = due_us + gap_us;
        slot.refused = 0;
        None
    }
}

/// The /24 or /56, with a byte that tells the families apart.
fn network(address: IpAddr) -> [u8; 8] {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            [4, a, b, c, 0, 0, 0, 0]
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, ..] = ip.octets();
            [6, a, b, c, d, e, f, g]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Rates};

    #[test]
    fn a_network_gets_its_rate_and_every_second_refusal_is_cut() {
        let mut rates = Rates::new(10, 1, vec!["127.0.0.0/8".parse().unwrap()]);
        let mut sent = |to: &str, class: u64, now_us: u64| {
            let to = to.parse().unwrap();
            let told: Vec<Admission> = (0..100).map(|_| rates.admit(to, class, now_us)).collect();
            let count = |kind| told.iter().filter(|one| **one == kind).count();
            (
                count(Admission::Send),
                count(Admission::Cut),
                count(Admission::Drop),
            )
        };
        assert_eq!(sent("192.0.2.1", 7, 0), (21, 40, 39));
        // The same network, and a second later.
        assert_eq!(sent("192.0.2.200", 7, 0).0, 0);
        assert_eq!(sent("192.0.2.200", 7, 1_000_000).0, 10);
        // Others are not concerned: another network, another class, an exempt one.
        assert_eq!(sent("192.0.3.1", 7, 0).0, 21);
        assert_eq!(sent("192.0.2.1", 8, 1_000_000).0, 21);
        assert_eq!(sent("127.0.0.1", 7, 0).0, 100);
        assert_eq!(sent("2001:db8:0:1::1", 7, 0).0, 21);
        assert_eq!(sent("2001:db8:0:2::1", 7, 0).0, 0, "the same /56");
    }
}
