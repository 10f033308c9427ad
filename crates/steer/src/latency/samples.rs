//! Summing up: at a POP by client prefix, in a region by client prefix and POP. Both are bounded.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Histogram, POPS_MAX, PREFIXES_MAX, client_prefix};

/// What a POP has measured since it last reported.
#[derive(Clone, Debug, Default)]
pub struct Samples(BTreeMap<IpNet, Histogram>);

/// A POP's report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// By prefix.
    pub rows: Vec<(IpNet, Histogram)>,
}

impl Samples {
    /// Counts the time of one connection; false if there is no room for another prefix.
    pub fn record(&mut self, client: IpAddr, rtt_us: u32) -> bool {
        let prefix = client_prefix(client);
        if self.0.len() >= PREFIXES_MAX && !self.0.contains_key(&prefix) {
            return false;
        }
        self.0.entry(prefix).or_default().record(rtt_us);
        true
    }

    /// Takes out everything; `None` if there is nothing.
    pub fn take(&mut self) -> Option<Batch> {
        let rows: Vec<_> = std::mem::take(&mut self.0).into_iter().collect();
        (!rows.is_empty()).then_some(Batch { rows })
    }
}

/// What a region knows: histograms by client prefix and POP.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    pub(super) pops: Vec<String>,
    pub(super) rows: BTreeMap<IpNet, BTreeMap<u16, Histogram>>,
    /// The last epoch that halved the counts.
    halved: u64,
}

impl Table {
    /// The client prefixes of which there are samples.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        self.rows.keys().copied()
    }

    /// Adds a POP's report. Returns how many rows were left out: for want of room, or because
    /// their prefix is not one that samples are summed up by.
    pub fn merge(&mut self, pop: &str, batch: &Batch) -> usize {
        let Some(pop) = self.pop(pop) else {
            return batch.rows.len();
        };
        let mut refused = 0;
        for (prefix, histogram) in &batch.rows {
            let full = self.rows.len() >= PREFIXES_MAX && !self.rows.contains_key(prefix);
            if full || client_prefix(prefix.addr()) != *prefix {
                refused += 1;
                continue;
            }
            let pops = self.rows.entry(*prefix).or_default();
            pops.entry(pop).or_default().merge(histogram);
        }
        refused
    }

    /// How many prefixes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Tells that this epoch has begun: samples of earlier ones count half after
    /// [`HALVE_EPOCHS`](super::HALVE_EPOCHS), and prefixes without any are forgotten.
    pub fn age(&mut self, epoch: u64) {
        if self.halved == 0 {
            self.halved = epoch;
        }
        if epoch < self.halved.saturating_add(super::HALVE_EPOCHS) {
            return;
        }
        self.halved = epoch;
        self.rows.retain(|_, pops| {
            pops.retain(|_, histogram| {
                histogram.halve();
                histogram.count() > 0
            });
            !pops.is_empty()
        });
    }

    fn pop(&mut self, name: &str) -> Option<u16> {
        let index = match self.pops.iter().position(|known| known == name) {
            Some(index) => index,
            None if self.pops.len() < POPS_MAX => {
                self.pops.push(name.to_owned());
                self.pops.len() - 1
            }
            None => return None,
        };
        u16::try_from(index).ok()
    }
}
