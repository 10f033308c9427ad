//! What one direction of a link does to a packet: lose it, queue it, delay it, let others overtake
//! it. Pure: the time is an argument and chance comes from a seed, so a run can be repeated.
//!
//! The order of events is that of a real path: a cut wire first, then loss, then the queue before
//! the bottleneck (tail drop), then the way itself with its jitter.

use std::time::Duration;

/// How one direction of a link is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// From one end to the other, once the last bit has left.
    pub latency: Duration,
    /// A packet takes up to this much longer; the order is kept.
    pub jitter: Duration,
    /// The part of packets that is lost, 0 to 1.
    pub loss: f64,
    /// The part of packets that arrives late, so that others overtake it, 0 to 1.
    pub reorder: f64,
    /// Bits a second; 0 is without limit.
    pub rate_bits: u64,
    /// Bytes that wait before the bottleneck; what comes when it is full is dropped.
    pub queue_bytes: u64,
    /// A cut link passes nothing.
    pub cut: bool,
    /// Passes no UDP, as some firewalls do: such packets are dropped as if the link were cut.
    pub no_udp: bool,
}

/// A late packet is late by at least this much.
const LATE_MIN: Duration = Duration::from_millis(5);

/// 1 Gbit/s.
const RATE_BITS: u64 = 1_000_000_000;

/// About 16 ms at that rate.
const QUEUE_BYTES: u64 = 2 << 20;

impl Link {
    /// A clean link of so much latency: no jitter, no loss, 1 Gbit/s.
    #[must_use]
    pub const fn clean(latency: Duration) -> Self {
        Self {
            latency,
            jitter: Duration::ZERO,
            loss: 0.0,
            reorder: 0.0,
            rate_bits: RATE_BITS,
            queue_bytes: QUEUE_BYTES,
            cut: false,
            no_udp: false,
        }
    }

    /// The same link with this part of packets lost.
    #[must_use]
    pub const fn with_loss(mut self, loss: f64) -> Self {
        self.loss = loss;
        self
    }

    /// The same link, cut or whole.
    #[must_use]
    pub const fn with_cut(mut self, cut: bool) -> Self {
        self.cut = cut;
        self
    }
}

/// What happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives at this time.
    Arrives(Duration),
    /// The link is cut.
    Cut,
    /// By chance.
    Lost,
    /// The queue was full.
    Overflow,
}

/// How many packets met which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that arrived, or will.
    pub passed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets dropped because the link is cut.
    pub cut: u64,
    /// Packets lost by chance.
    pub lost: u64,
    /// Packets dropped because the queue was full.
    pub overflow: u64,
}

/// One direction of a link, with what it remembers.
#[derive(Debug)]
pub struct Lane {
    /// How it is now; may be changed between packets.
    pub link: Link,
    /// What happened so far.
    pub counts: Counts,
    chance: Chance,
    /// When the last bit of what is queued has left.
    busy_until: Duration,
    /// When the last packet that keeps the order arrives.
    last: Duration,
}

impl Lane {
    /// A lane whose chances follow from `seed`.
    #[must_use]
    pub const fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            counts: Counts {
                passed: 0,
                bytes: 0,
                cut: 0,
                lost: 0,
                overflow: 0,
            },
            chance: Chance(seed),
            busy_until: Duration::ZERO,
            last: Duration::ZERO,
        }
    }

    /// Decides about a packet of so many bytes that is sent at `now`.
    pub fn send(&mut self, now: Duration, bytes: usize) -> Fate {
        let bytes = bytes as u64;
        // Always three draws, so that a change of one setting leaves the other chances alone.
        let (loss, late, jitter) = (self.chance.next(), self.chance.next(), self.chance.next());
        if self.link.cut {
            self.counts.cut += 1;
            return Fate::Cut;
        }
        if loss < self.link.loss {
            self.counts.lost += 1;
            return Fate::Lost;
        }
        let Some(left) = self.queue(now, bytes) else {
            self.counts.overflow += 1;
            return Fate::Overflow;
        };
        self.counts.passed += 1;
        self.counts.bytes += bytes;
        let due = left + self.link.latency + self.link.jitter.mul_f64(jitter);
        if late < self.link.reorder {
            return Fate::Arrives(due + self.link.jitter.max(LATE_MIN));
        }
        self.last = self.last.max(due);
        Fate::Arrives(self.last)
    }

    /// When the packet's last bit leaves the bottleneck; none when the queue is full.
    fn queue(&mut self, now: Duration, bytes: u64) -> Option<Duration> {
        let rate = self.link.rate_bits;
        if rate == 0 {
            return Some(now);
        }
        let nanos = |bytes: u64| u128::from(bytes) * 8 * 1_000_000_000 / u128::from(rate);
        let start = self.busy_until.max(now);
        let backlog = start.saturating_sub(now).as_nanos();
        if backlog + nanos(bytes) > nanos(self.link.queue_bytes) {
            return None;
        }
        let sending = u64::try_from(nanos(bytes)).unwrap_or(u64::MAX);
        self.busy_until = start + Duration::from_nanos(sending);
        Some(self.busy_until)
    }
}

/// `SplitMix64`: small, and the same on every machine and version.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// From 0 up to, not including, 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits are what an f64 can hold"
    )]
    const fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests;
