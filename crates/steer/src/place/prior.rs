//! Where a client is taken to be, by the longest prior prefix that holds its address, and how wide
//! an answer based on that may be cached (the scope of RFC 7871).
//!
//! The scope must not be the length of the prior that matched: a /24 inside a /16 would be given
//! the /16's answer by a cache that was told "/16". So the priors are laid out as disjoint ranges,
//! and the scope is the shortest prefix that lies wholly in one range. This never looks at places:
//! a scope that is right for the location is right for whatever is chosen from it.

use std::net::IpAddr;

use ipnet::IpNet;
use model::Prior;

use super::Point;

/// All priors, ready for look-ups in logarithmic time.
#[derive(Clone, Debug, Default)]
pub struct Priors {
    v4: Table<Point>,
    v6: Table<Point>,
}

/// What a look-up says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whereabouts {
    /// Where the client is taken to be, if anything is known.
    pub point: Option<Point>,
    /// Every address that shares this many leading bits with the one looked up gets the same.
    pub scope: u8,
}

/// What prefixes of one address family say. Addresses are left-aligned in 128 bits, so that the
/// bits of a prefix are the uppermost ones in both families.
#[derive(Clone, Debug)]
pub(crate) struct Table<V> {
    /// Sorted by first address, then from wide to narrow: a prior comes after those around it.
    priors: Vec<Placed<V>>,
    /// First address of each disjoint range with the narrowest prior around it.
    segments: Vec<(u128, Option<usize>)>,
    /// The same with neighbours of one location merged; the first begins at 0.
    runs: Vec<(u128, Option<V>)>,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            priors: Vec::new(),
            segments: Vec::new(),
            runs: Vec::new(),
        }
    }
}

/// One prefix with what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<V> {
    first: u128,
    last: u128,
    length: u8,
    point: V,
    /// The next wider prior around it.
    around: Option<usize>,
}

impl Priors {
    /// Lays out `priors`.
    #[must_use]
    pub fn of<'a>(priors: impl IntoIterator<Item = &'a Prior>) -> Self {
        let priors = priors
            .into_iter()
            .map(|prior| (prior.prefix, Point::of(prior.location)));
        let [v4, v6] = tables(priors);
        Self { v4, v6 }
    }

    /// Looks up the first `source` bits of `address`; whatever follows them does not matter.
    ///
    /// `scope` is at most `source`. When it is less, it holds for every longer `source`, too.
    #[must_use]
    pub fn find(&self, address: IpAddr, source: u8) -> Whereabouts {
        let table = match address {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        let (point, scope) = table.look_up(address, source);
        Whereabouts { point, scope }
    }
}

/// The tables of IPv4 and IPv6. Where two prefixes are the same, the later one counts.
pub(crate) fn tables<V: Copy + PartialEq>(says: impl Iterator<Item = (IpNet, V)>) -> [Table<V>; 2] {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (prefix, point) in says {
        let (first, last) = (prefix.network(), prefix.broadcast());
        // The low bits that an IPv4 address leaves free belong to its range.
        let (table, fill) = match first {
            IpAddr::V4(_) => (&mut v4, u128::MAX >> 32),
            IpAddr::V6(_) => (&mut v6, 0),
        };
        table.push(Placed {
            first: aligned(first),
            last: aligned(last) | fill,
            length: prefix.prefix_len(),
            point,
            around: None,
        });
    }
    [Table::of(v4), Table::of(v6)]
}

impl<V: Copy + PartialEq> Table<V> {
    /// What is said of the first `source` bits of an address of the table's family, and the scope
    /// of that.
    pub(crate) fn look_up(&self, address: IpAddr, source: u8) -> (Option<V>, u8) {
        let width = if address.is_ipv4() { 32 } else { 128 };
        let source = source.min(width);
        let mask = u128::MAX.checked_shl(128 - u32::from(source)).unwrap_or(0);
        self.find(aligned(address) & mask, source)
    }

    fn of(mut priors: Vec<Placed<V>>) -> Self {
        priors.sort_by_key(|prior| (prior.first, prior.length));
        let mut segments = vec![(0, None)];
        let mut open: Vec<(usize, u128)> = Vec::new();
        for (index, prior) in priors.iter_mut().enumerate() {
            close(&mut open, &mut segments, |last| last < prior.first);
            prior.around = open.last().map(|(around, _)| *around);
            begin(&mut segments, prior.first, Some(index));
            open.push((index, prior.last));
        }
        close(&mut open, &mut segments, |_| true);
        let located = segments.iter().map(|(first, prior)| {
            (
                *first,
                prior
                    .and_then(|index| priors.get(index))
                    .map(|prior| prior.point),
            )
        });
        let mut runs: Vec<(u128, Option<V>)> = located.collect();
        runs.dedup_by_key(|(_, point)| *point);
        Self {
            priors,
            segments,
            runs,
        }
    }

    fn find(&self, address: u128, source: u8) -> (Option<V>, u8) {
        let next = self.runs.partition_point(|(first, _)| *first <= address);
        let run = next.checked_sub(1).and_then(|index| self.runs.get(index));
        // The nearest addresses that may get something else, on both sides.
        let below = run.and_then(|(first, _)| first.checked_sub(1));
        let above = self.runs.get(next).map(|(first, _)| *first);
        let apart = |other: u128| (address ^ other).leading_zeros() + 1;
        let scope = below.into_iter().chain(above).map(apart).max().unwrap_or(0);
        match u8::try_from(scope) {
            Ok(scope) if scope <= source => (run.and_then(|(_, point)| *point), scope),
            // The asker hides bits that matter; what counts is what holds all it has shown.
            _ => (self.around(address, source), source),
        }
    }

    /// Where the narrowest prior is that holds the whole prefix.
    fn around(&self, address: u128, source: u8) -> Option<V> {
        let next = self
            .segments
            .partition_point(|(first, _)| *first <= address);
        let (_, mut prior) = *self.segments.get(next.checked_sub(1)?)?;
        // Ends: each step leads to a wider prior, of which there are at most 128.
        while let Some(found) = prior.and_then(|index| self.priors.get(index)) {
            if found.length <= source {
                return Some(found.point);
            }
            prior = found.around;
        }
        None
    }
}

/// Ends the open priors that `ended` says, from the narrowest on.
fn close(
    open: &mut Vec<(usize, u128)>,
    segments: &mut Vec<(u128, Option<usize>)>,
    ended: impl Fn(u128) -> bool,
) {
    while let Some((_, last)) = open.last().copied()
        && ended(last)
    {
        open.pop();
        if let Some(first) = last.checked_add(1) {
            begin(segments, first, open.last().map(|(index, _)| *index));
        }
    }
}

/// Begins a segment, in place of one that would be empty.
fn begin(segments: &mut Vec<(u128, Option<usize>)>, first: u128, prior: Option<usize>) {
    match segments.last_mut() {
        Some(last) if last.0 == first => last.1 = prior,
        _ => segments.push((first, prior)),
    }
}

fn aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}
