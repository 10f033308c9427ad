//! A map made ready for look-ups, under the present health of POPs.
//!
//! Rows are laid over the configured coordinates as disjoint ranges of addresses, each with the
//! POP that its clients are given right now. Neighbours with the same POP are one range, so the
//! scope of an answer (RFC 7871) is the shortest prefix of which the whole gets the same, measured
//! or not. A change of health makes a new chart, which is how a dead POP leaves at once.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use model::Prior;

use super::{EXPLORE_ONE_IN, Estimate, LEVELS, LatencyMap, Row, prefix_at};
use crate::{
    caps::SHARE_WHOLE,
    place::{Candidate, Health, Point, Site, Table, mix, nearest, tables},
};

/// A POP as a chart needs it.
#[derive(Clone, Copy, Debug)]
pub struct ChartSite<'a> {
    /// As in the map.
    pub name: &'a str,
    /// Where it is.
    pub site: &'a Site,
    /// How it is; `None` if it has no address of the family that is answered.
    pub health: Option<Health>,
    /// Which part of its clients it takes now, in thousandths.
    pub share: u16,
}

/// Which POP serves which client, for one family of answers.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    v4: Table<Pick>,
    v6: Table<Pick>,
    /// By row, the POP that is to be found out about and up; `None` where there is none.
    explore: BTreeMap<IpNet, Option<usize>>,
    /// By row, the POPs that are up, the quickest first; only while one does not take all.
    ranked: BTreeMap<IpNet, Box<[usize]>>,
}

/// What is decided for a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pick {
    /// This POP, by its place in the list of sites.
    Site(usize),
    /// It depends on what is asked for.
    Near(Point),
}

/// What is to be answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// How the POP is found.
    pub basis: Basis,
    /// Every address that shares this many leading bits gets the same.
    pub scope: u8,
    /// The answer is given to find out, and is not to be cached for long.
    pub explores: bool,
}

/// How the POP is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Basis {
    /// It is this one, by its place in the list of sites.
    Site(usize),
    /// The nearest to this point; several may be as near.
    Near(Point),
    /// Nothing is known of the client.
    Unknown,
}

impl Chart {
    /// Lays the map over the priors. Only sites that the map knows can be given by it.
    #[must_use]
    pub fn of<'a>(
        map: &LatencyMap,
        priors: impl IntoIterator<Item = &'a Prior>,
        sites: &[ChartSite<'_>],
    ) -> Self {
        let places: Vec<Option<usize>> = map
            .pops
            .iter()
            .map(|name| sites.iter().position(|site| site.name == name))
            .collect();
        let near = priors.into_iter().map(|prior| {
            let point = Point::of(prior.location);
            let candidates = sites.iter().enumerate().filter_map(candidate);
            let pick = nearest(candidates, point).map_or(Pick::Near(point), Pick::Site);
            (prior.prefix, pick)
        });
        let measured = map.rows.iter().filter_map(|row| {
            let site = present(row, &places, sites)?;
            Some((row.prefix, Pick::Site(site)))
        });
        let [v4, v6] = tables(near.chain(measured));
        let up = |site: &usize| {
            let site = sites.get(*site);
            // One that has too many clients is not to be found out about now.
            site.is_some_and(|site| site.health == Some(Health::Up) && site.share >= SHARE_WHOLE)
        };
        let explore = map.rows.iter().map(|row| {
            let target = row.explore.and_then(|pop| place(&places, pop));
            (row.prefix, target.filter(up))
        });
        let explore = explore.collect();
        let capped = sites.iter().any(|site| site.share < SHARE_WHOLE);
        let ranked = map.rows.iter().filter(|_| capped).map(|row| {
            let ranked = row.estimates.iter();
            let ranked = ranked.filter_map(|estimate| place(&places, estimate.pop));
            let up = |site: &usize| sites.get(*site).and_then(|site| site.health);
            let ranked = ranked.filter(|site| up(site) == Some(Health::Up));
            (row.prefix, ranked.collect())
        });
        let ranked = ranked.collect();
        Self {
            v4,
            v6,
            explore,
            ranked,
        }
    }

    /// The quickest POP for the first `source` bits of `address` among those that are up and take
    /// it, by what was measured; `None` where nothing was.
    #[must_use]
    pub fn among(
        &self,
        address: IpAddr,
        source: u8,
        mut takes: impl FnMut(usize) -> bool,
    ) -> Option<usize> {
        let rows = (0..LEVELS.len()).map(|level| prefix_at(address, level));
        let mut rows = rows.filter(|row| row.prefix_len() <= source);
        let ranked = rows.find_map(|row| self.ranked.get(&row))?;
        ranked.iter().copied().find(|site| takes(*site))
    }

    /// Looks up the first `source` bits of `address`. `number` differs from query to query, and
    /// decides which ones explore.
    #[must_use]
    pub fn find(&self, address: IpAddr, source: u8, number: u64) -> Guess {
        let (basis, scope) = self.settled(address, source);
        match self.explored(address, source, number) {
            Some((site, length)) if basis != Basis::Site(site) => Guess {
                basis: Basis::Site(site),
                // Never wider than the row it is to find out about.
                scope: scope.max(length),
                explores: true,
            },
            _ => Guess {
                basis,
                scope,
                explores: false,
            },
        }
    }

    /// As [`find`](Self::find) for a query that does not explore: how the POP is found, and the
    /// scope of that.
    #[must_use]
    pub fn settled(&self, address: IpAddr, source: u8) -> (Basis, u8) {
        let table = match address {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        let (pick, scope) = table.look_up(address, source);
        let basis = match pick {
            Some(Pick::Site(site)) => Basis::Site(site),
            Some(Pick::Near(point)) => Basis::Near(point),
            None => Basis::Unknown,
        };
        (basis, scope)
    }

    /// What this query is to find out, and the length of the row that wants to know.
    fn explored(&self, address: IpAddr, source: u8, number: u64) -> Option<(usize, u8)> {
        if self.explore.is_empty() {
            return None;
        }
        let rows = (0..LEVELS.len()).map(|level| prefix_at(address, level));
        let mut rows = rows.filter(|row| row.prefix_len() <= source);
        let (row, target) = rows.find_map(|row| Some((row, *self.explore.get(&row)?)))?;
        let turn = mix(number ^ mix(u64::from(row.prefix_len()) ^ low_bits(row)));
        let target = target.filter(|_| turn.is_multiple_of(EXPLORE_ONE_IN))?;
        Some((target, row.prefix_len()))
    }
}

/// The site that serves a row now: its home while that is up, otherwise the quickest of those in
/// the best health.
fn present(row: &Row, places: &[Option<usize>], sites: &[ChartSite<'_>]) -> Option<usize> {
    let health = |pop: u16| {
        let site = place(places, pop)?;
        Some((sites.get(site)?.health?, site))
    };
    if let Some((Health::Up, site)) = health(row.home) {
        return Some(site);
    }
    let able = row.estimates.iter().filter_map(|estimate: &Estimate| {
        let (health, site) = health(estimate.pop)?;
        Some((health, estimate.rtt_us, site))
    });
    able.min().map(|(_, _, site)| site)
}

fn candidate<'a>((index, site): (usize, &ChartSite<'a>)) -> Option<Candidate<'a>> {
    let health = site.health?;
    Some(Candidate {
        index,
        site: site.site,
        health,
    })
}

fn place(places: &[Option<usize>], pop: u16) -> Option<usize> {
    places.get(usize::from(pop)).copied().flatten()
}

/// Enough of a prefix to tell it from its neighbours.
fn low_bits(prefix: IpNet) -> u64 {
    match prefix {
        IpNet::V4(prefix) => prefix.network().to_bits().into(),
        IpNet::V6(prefix) => {
            let [a, b, c, d, e, f, g, h, ..] = prefix.network().octets();
            u64::from_be_bytes([a, b, c, d, e, f, g, h])
        }
    }
}
