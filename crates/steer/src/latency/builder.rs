//! From a table of samples to the next map.
//!
//! An estimate is the prefix's own median, drawn towards that of the wider prefix around it as far
//! as it rests on few samples; the widest is drawn towards what the distance says. The POP that a
//! prefix is sent to changes only when another has been clearly better for some epochs in a row,
//! with enough samples of both, so that noise moves nobody.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{
    EXPLORE_EXTRA_US, Estimate, GAIN_PERCENT, GAIN_US, Histogram, LEVELS, LatencyMap, Row,
    SAMPLES_MIN, SHRINKAGE, STREAK_MIN, Table, prefix_at,
};
use crate::place::{Point, Priors};

/// What a POP without coordinates and without samples is expected to take.
const UNKNOWN_US: u32 = 100_000;

/// A POP that clients can be sent to.
#[derive(Clone, Debug, PartialEq)]
pub struct PopSite {
    /// As its samples say.
    pub name: String,
    /// Where it is, if configured.
    pub point: Option<Point>,
}

/// Makes the next map.
#[derive(Clone, Copy, Debug)]
pub struct Builder<'a> {
    /// The POPs there are, at most [`POPS_MAX`](super::POPS_MAX) of which count.
    pub pops: &'a [PopSite],
    /// Where clients are.
    pub priors: &'a Priors,
    /// What is in force.
    pub previous: &'a LatencyMap,
}

/// The samples of one prefix, by the builder's POP.
type Counts = BTreeMap<u16, Histogram>;

impl Builder<'_> {
    /// The map of `epoch`; one less than what is in force is raised above it.
    #[must_use]
    pub fn build(&self, table: &Table, epoch: u64) -> LatencyMap {
        let pops = self.pops.get(..super::POPS_MAX).unwrap_or(self.pops);
        let epoch = epoch.max(self.previous.epoch + 1);
        let mut levels: [BTreeMap<IpNet, Counts>; LEVELS.len()] = Default::default();
        let mut whole = Counts::new();
        let indices = self.indices(table, pops);
        for (prefix, counts) in &table.rows {
            for (pop, histogram) in counts {
                let Some(pop) = indices.get(usize::from(*pop)).copied().flatten() else {
                    continue;
                };
                whole.entry(pop).or_default().merge(histogram);
                for (level, rows) in levels.iter_mut().enumerate() {
                    let counts = rows.entry(prefix_at(prefix.addr(), level)).or_default();
                    counts.entry(pop).or_default().merge(histogram);
                }
            }
        }
        let mut rows: BTreeMap<IpNet, Row> = BTreeMap::new();
        for (level, prefixes) in levels.iter().enumerate().rev() {
            for (prefix, counts) in prefixes {
                let around = prefix_at(prefix.addr(), level + 1);
                let around = rows.get(&around).filter(|_| level + 1 < LEVELS.len());
                let row = self.row(*prefix, counts, around, (pops, &whole));
                rows.insert(*prefix, row);
            }
        }
        LatencyMap {
            epoch,
            pops: pops.iter().map(|pop| pop.name.clone()).collect(),
            rows: rows.into_values().collect(),
        }
    }

    /// The builder's index of each of the table's POPs; none for those that are gone.
    fn indices(&self, table: &Table, pops: &[PopSite]) -> Vec<Option<u16>> {
        let find = |name: &String| pops.iter().position(|pop| pop.name == *name);
        let found = table
            .pops
            .iter()
            .map(|name| u16::try_from(find(name)?).ok());
        found.collect()
    }

    fn row(
        &self,
        prefix: IpNet,
        counts: &Counts,
        around: Option<&Row>,
        (pops, whole): (&[PopSite], &Counts),
    ) -> Row {
        let estimates = match around {
            Some(around) => drawn(counts, &around.estimates),
            None => drawn(counts, &self.expected(prefix, pops, whole)),
        };
        let row = Row {
            prefix,
            home: 0,
            own: false,
            estimates,
            explore: None,
            challenger: None,
        };
        let row = self.settled(row, around);
        let explore = unexplored(&row, around);
        Row { explore, ..row }
    }

    /// What coordinates say, or what other clients see, for want of samples.
    fn expected(&self, prefix: IpNet, pops: &[PopSite], whole: &Counts) -> Vec<Estimate> {
        let from = self.priors.find(prefix.addr(), prefix.prefix_len()).point;
        let indexed = (0_u16..).zip(pops);
        let estimates = indexed.map(|(index, pop)| {
            let measured = || whole.get(&index).and_then(Histogram::median_us);
            let far = from.zip(pop.point).map(|(from, to)| from.rtt_us(to));
            Estimate {
                pop: index,
                rtt_us: far.or_else(measured).unwrap_or(UNKNOWN_US),
                samples: 0,
            }
        });
        let mut estimates: Vec<Estimate> = estimates.collect();
        estimates.sort_by_key(|estimate| (estimate.rtt_us, estimate.pop));
        estimates
    }

    /// Decides where the prefix is sent.
    fn settled(&self, row: Row, around: Option<&Row>) -> Row {
        let before = self.before(row.prefix);
        let known = |pop: u16| row.estimates.iter().find(|estimate| estimate.pop == pop);
        let inherited = around.map(|around| around.home);
        let first = row.estimates.first().map(|estimate| estimate.pop);
        let (start, own) = match (before, inherited) {
            (Some((home, true)), _) | (Some((home, false)), None) => (Some(home), true),
            // The wider prefix has moved, but this one has reasons of its own to stay.
            (Some((home, false)), Some(inherited))
                if home != inherited && stays(known(home), known(inherited)) =>
            {
                (Some(home), true)
            }
            (_, Some(inherited)) => (Some(inherited), false),
            (None, None) => (None, true),
        };
        let start = start.filter(|home| known(*home).is_some());
        let Some(home) = start.or(first) else {
            return row;
        };
        let own = own && inherited != Some(home);
        let Some(better) = first.filter(|best| moves(known(*best), known(home))) else {
            return Row { home, own, ..row };
        };
        let challenged = self.previous.row(row.prefix).and_then(|row| row.challenger);
        let challenged = challenged.and_then(|(pop, epochs)| Some((self.renamed(pop)?, epochs)));
        let epochs = match challenged {
            Some((pop, epochs)) if pop == better => epochs.saturating_add(1),
            _ => 1,
        };
        if epochs < STREAK_MIN {
            let challenger = Some((better, epochs));
            return Row {
                home,
                own,
                challenger,
                ..row
            };
        }
        Row {
            home: better,
            own: inherited != Some(better),
            ..row
        }
    }

    /// Where the prefix has been sent so far, and whether by its own samples.
    fn before(&self, prefix: IpNet) -> Option<(u16, bool)> {
        let row = self
            .previous
            .narrowest(prefix.addr(), prefix.prefix_len())?;
        let own = row.own && row.prefix == prefix;
        Some((self.renamed(row.home)?, own))
    }

    /// The index that a POP of the previous map has now.
    fn renamed(&self, pop: u16) -> Option<u16> {
        let name = self.previous.pop(pop)?;
        let index = self.pops.iter().position(|pop| pop.name == name)?;
        u16::try_from(index).ok()
    }

    /// How many prefixes would be sent elsewhere than before, of those that both maps have.
    #[must_use]
    pub fn moved(&self, next: &LatencyMap) -> usize {
        let moved = next.rows.iter().filter(|row| {
            let before = self.previous.row(row.prefix);
            let before = before.and_then(|before| self.previous.pop(before.home));
            before.is_some_and(|before| next.pop(row.home) != Some(before))
        });
        let prefixes: BTreeSet<IpNet> = moved.map(|row| row.prefix).collect();
        prefixes.len()
    }
}

/// The most promising POP of which too little is known. What the wider prefix wants to know comes
/// first: its parts find that out together, and each for itself only what then is left.
fn unexplored(row: &Row, around: Option<&Row>) -> Option<u16> {
    let home = row.estimates.iter().find(|one| one.pop == row.home)?;
    let limit = u64::from(home.rtt_us) + EXPLORE_EXTRA_US;
    let candidates = row.estimates.iter().filter(|one| {
        one.pop != row.home && one.samples < SAMPLES_MIN && u64::from(one.rtt_us) <= limit
    });
    let wider = around.and_then(|around| around.explore);
    // One that has begun to be known is finished first.
    let best = candidates.min_by_key(|one| {
        let later = (Some(one.pop) != wider, one.samples == 0);
        (later, one.rtt_us, one.pop)
    });
    best.map(|one| one.pop)
}

/// The prefix's own medians, drawn towards the estimates of the wider one.
fn drawn(counts: &Counts, around: &[Estimate]) -> Vec<Estimate> {
    let draw = |around: &Estimate| {
        let own = counts.get(&around.pop);
        let samples = own.map_or(0, Histogram::count);
        let median = own.and_then(Histogram::median_us).unwrap_or(around.rtt_us);
        let sum = u64::from(samples) * u64::from(median) + SHRINKAGE * u64::from(around.rtt_us);
        let rtt_us = sum / (u64::from(samples) + SHRINKAGE);
        Estimate {
            pop: around.pop,
            rtt_us: u32::try_from(rtt_us).unwrap_or(u32::MAX),
            samples,
        }
    };
    let mut estimates: Vec<Estimate> = around.iter().map(draw).collect();
    estimates.sort_by_key(|estimate| (estimate.rtt_us, estimate.pop));
    estimates
}

/// Whether one POP is better than the present one by enough, on enough samples.
fn moves(better: Option<&Estimate>, present: Option<&Estimate>) -> bool {
    let (Some(better), Some(present)) = (better, present) else {
        return false;
    };
    let now = u64::from(present.rtt_us);
    let gain = now.saturating_sub(u64::from(better.rtt_us));
    let needed = (now * GAIN_PERCENT / 100).max(GAIN_US);
    let enough = better.samples >= SAMPLES_MIN && present.samples >= SAMPLES_MIN;
    better.pop != present.pop && enough && gain > needed
}

/// Whether a prefix knows its present POP to be no slower than the one it would follow to.
fn stays(present: Option<&Estimate>, other: Option<&Estimate>) -> bool {
    let (Some(present), Some(other)) = (present, other) else {
        return false;
    };
    let known = present.samples >= SAMPLES_MIN && other.samples >= SAMPLES_MIN;
    known && present.rtt_us <= other.rtt_us
}
