//! The latency map: from round-trip times that POPs measure to the POP that a DNS answer names.
//!
//! POPs sum up samples by client prefix ([`Samples`]); a region merges what all POPs send
//! ([`Table`]) and turns it, once per epoch, into a [`LatencyMap`]; DNS nodes lay that over the
//! configured coordinates ([`Chart`]) and look clients up. Nothing here measures, sends or knows
//! the time; queries' numbers and epochs come in as arguments.

mod builder;
mod chart;
mod histogram;
mod samples;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

pub use builder::{Builder, PopSite};
pub use chart::{Basis, Chart, ChartSite, Guess};
pub use histogram::Histogram;
pub use samples::{Batch, Samples, Table};

#[cfg(test)]
mod tests;

/// Samples on both sides of a comparison before a prefix moves, and before an arm is known.
pub const SAMPLES_MIN: u32 = 20;
/// How many samples the parent's estimate counts for.
pub const SHRINKAGE: u64 = 8;
/// Epochs in a row in which another POP must be better before a prefix moves.
pub const STREAK_MIN: u8 = 3;
/// The gain that a move must bring, as a share of the present time.
pub const GAIN_PERCENT: u64 = 10;
/// The gain that a move must bring at least.
pub const GAIN_US: u64 = 5_000;
/// One answer in this many explores, where there is something to find out.
pub const EXPLORE_ONE_IN: u64 = 50;
/// What is expected to be slower than the present POP by more than this is not explored.
pub const EXPLORE_EXTRA_US: u64 = 40_000;
/// Seconds that an exploring answer may be cached.
pub const EXPLORE_TTL_S: u32 = 20;
/// Epochs after which samples count half.
pub const HALVE_EPOCHS: u64 = 60;
/// Client prefixes that a table holds; samples of further ones are dropped and counted.
pub const PREFIXES_MAX: usize = 65_536;
/// POPs that a table tells apart.
pub const POPS_MAX: usize = 256;

/// Prefix lengths from the narrowest to the widest, of IPv4 and IPv6.
const LEVELS: [(u8, u8); 3] = [(24, 48), (20, 40), (16, 32)];

/// What a region publishes: for each client prefix, which POP serves it and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyMap {
    /// Never falls; 0 is the empty map.
    pub epoch: u64,
    /// The POPs that rows count from 0.
    pub pops: Vec<String>,
    /// By prefix. A /24 may lie in the row of a /20, and that in the one of a /16.
    pub rows: Vec<Row>,
}

/// What is known of one client prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The clients.
    pub prefix: IpNet,
    /// The POP they are sent to while it is healthy.
    pub home: u16,
    /// The home was chosen by this prefix's own samples, not taken over from the wider one.
    pub own: bool,
    /// What each POP is expected to take, the quickest first; one for each POP of the map.
    pub estimates: Vec<Estimate>,
    /// A POP of which too little is known to rule it out.
    pub explore: Option<u16>,
    /// A POP that has been better for some epochs in a row.
    pub challenger: Option<(u16, u8)>,
}

/// The expected time from a prefix to a POP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// The POP.
    pub pop: u16,
    /// Microseconds.
    pub rtt_us: u32,
    /// How many samples of this prefix it rests on.
    pub samples: u32,
}

impl LatencyMap {
    /// The row of exactly this prefix.
    #[must_use]
    pub fn row(&self, prefix: IpNet) -> Option<&Row> {
        let found = self.rows.binary_search_by_key(&prefix, |row| row.prefix);
        found.ok().and_then(|index| self.rows.get(index))
    }

    /// The narrowest row that holds the whole of the first `source` bits of `address`.
    #[must_use]
    pub fn narrowest(&self, address: IpAddr, source: u8) -> Option<&Row> {
        let levels = 0..LEVELS.len();
        levels
            .map(|level| prefix_at(address, level))
            .filter(|prefix| prefix.prefix_len() <= source)
            .find_map(|prefix| self.row(prefix))
    }

    /// Whether the rows can be used: sorted, and naming only POPs that there are. What comes from
    /// a peer or a disk is checked before it is installed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let known = |pop: u16| usize::from(pop) < self.pops.len();
        let sorted = self.rows.is_sorted_by(|a, b| a.prefix < b.prefix);
        let sound = |row: &Row| {
            known(row.home)
                && row.explore.is_none_or(known)
                && row.challenger.is_none_or(|(pop, _)| known(pop))
                && row.estimates.iter().all(|estimate| known(estimate.pop))
        };
        sorted && self.pops.len() <= POPS_MAX && self.rows.iter().all(sound)
    }

    /// The name of a POP.
    #[must_use]
    pub fn pop(&self, index: u16) -> Option<&str> {
        self.pops.get(usize::from(index)).map(String::as_str)
    }
}

/// The narrowest prefix that samples of a client are summed up by: its /24 or /48.
#[must_use]
pub fn client_prefix(address: IpAddr) -> IpNet {
    prefix_at(address.to_canonical(), 0)
}

/// The widest prefix around an address that an estimate is made for.
#[must_use]
pub fn widest(address: IpAddr) -> IpNet {
    prefix_at(address, LEVELS.len() - 1)
}

fn prefix_at(address: IpAddr, level: usize) -> IpNet {
    let (v4, v6) = LEVELS.get(level).copied().unwrap_or((0, 0));
    match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits() & u32::MAX.checked_shl(u32::from(32 - v4)).unwrap_or(0);
            Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), v4).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u32::from(128 - v6)).unwrap_or(0);
            let bits = address.to_bits() & mask;
            Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), v6).into()
        }
    }
}
