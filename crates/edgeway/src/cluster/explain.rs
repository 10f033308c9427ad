//! Says what DNS answers a client with, and why: from the same pure code and the same map as the
//! DNS nodes, and from this region's own picture of who lives.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use admin::{Candidate, DnsExplanation, ExplainRow};
use ipnet::IpNet;
use model::{Config, NodeId, Place, ZoneView};
use plan::zone::{Addresses, Found, Reach, WireName, ZonePlan};
use region::LiveNodes as _;
use steer::{
    caps::{Client, Kind, SHARE_WHOLE, Shares, scaled},
    latency::{Basis, Chart, ChartSite, LatencyMap},
    place::{self, Health, Point, Priors, Site, Whereabouts, choose, hash},
};

use super::{caps::Caps, fleet::Fleet, latency::Latency};

/// Explains by what this region knows.
pub(crate) struct Explainer {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) latency: Arc<Latency>,
    pub(crate) caps: Arc<Caps>,
}

/// A place with what matters of it.
struct Seen<'a> {
    name: &'a str,
    point: Option<Point>,
    site: Site,
    health: Option<Health>,
    addresses: Vec<IpAddr>,
    /// Of its clients, in thousandths.
    share: u16,
}

impl admin::Explain for Explainer {
    fn dns(&self, config: &Config, name: &str, from: IpNet) -> Result<DnsExplanation, String> {
        let wire = WireName::parse(name).map_err(|error| error.to_string())?;
        let (plan, _) = ZonePlan::compile(&ZoneView::of(config));
        let Some((reach, asked)) = reach_of(&plan, &wire) else {
            return Err(format!(
                "{name} is no name whose addresses depend on the client"
            ));
        };
        let health = self.health();
        let map = self.latency.map();
        let shares = self.caps.shares();
        let priors = Priors::of(plan.priors.iter().map(AsRef::as_ref));
        let question = Question {
            plan: &plan,
            priors: &priors,
            map: &map,
            shares: &shares,
            geo: self.latency.geo(),
            from,
            spread: hash(asked.as_bytes()),
        };
        Ok(question.explain(reach, &health))
    }
}

impl Explainer {
    fn health(&self) -> BTreeMap<NodeId, Health> {
        let live = self.fleet.live();
        let health = live.iter().map(|peer| {
            let health = if peer.draining {
                Health::Draining
            } else {
                Health::Up
            };
            (NodeId(peer.node), health)
        });
        health.collect()
    }
}

/// What the name stands for, after at most one alias of ours.
fn reach_of(plan: &ZonePlan, name: &WireName) -> Option<(Reach, WireName)> {
    let mut name = name.clone();
    for _ in 0..4 {
        match plan.find(name.as_bytes()) {
            Found::Host(_, steered) => return Some((steered.to, name)),
            Found::Node(_, node) => match (&node.alias, &node.addresses) {
                (Some(alias), _) => name = alias.target.clone(),
                (None, Addresses::Steered(steered)) => return Some((steered.to, name)),
                (None, _) => return None,
            },
            Found::Missing(_) | Found::Delegated { .. } | Found::Outside => return None,
        }
    }
    None
}

/// A question with everything that decides about it.
struct Question<'a> {
    plan: &'a ZonePlan,
    priors: &'a Priors,
    map: &'a LatencyMap,
    shares: &'a Shares,
    geo: Option<&'a dyn dns::Geo>,
    from: IpNet,
    spread: u64,
}

impl Question<'_> {
    fn explain(&self, reach: Reach, health: &BTreeMap<NodeId, Health>) -> DnsExplanation {
        let (places, kind) = match reach {
            Reach::Pops => (self.plan.pops.as_slice(), "pop"),
            Reach::Regions => (self.plan.regions.as_slice(), "region"),
            Reach::Region(index) => {
                let one = self.plan.regions.get(index);
                (one.map_or(&[][..], std::slice::from_ref), "region")
            }
        };
        let mut seen: Vec<Seen<'_>> = places
            .iter()
            .map(|(name, place)| Seen::of(name, place, health))
            .collect();
        self.share_out(reach, &mut seen);
        let chart = (reach == Reach::Pops && self.map.epoch > 0).then(|| self.chart(&seen));
        let measured = chart.is_some();
        let (address, source) = (self.from.addr(), self.from.prefix_len());
        let (basis, scope) = match &chart {
            Some(chart) => chart.settled(address, source),
            None => self.by_place(),
        };
        let found = self.by_database(basis, scope);
        let row = measured.then(|| self.row()).flatten();
        let candidates = seen.iter().enumerate().filter_map(Seen::candidate);
        let scope = found.map_or(scope, |found| found.scope);
        let (why, chosen) = match basis {
            Basis::Site(index) if row.is_some() => ("measured", Some(index)),
            Basis::Site(index) => ("coordinates", Some(index)),
            Basis::Near(point) => ("coordinates", choose(candidates, Some(point), self.spread)),
            Basis::Unknown => match found.and_then(|found| found.point) {
                Some(point) => ("database", choose(candidates, Some(point), self.spread)),
                None => ("name", choose(candidates, None, self.spread)),
            },
        };
        let (chosen, spilled) = self.spilled(&seen, chart.as_ref(), chosen);
        let capped = spilled.or(chosen).and_then(|index| seen.get(index));
        // An answer that depends on a share holds for these clients only.
        let scope = match capped.filter(|capped| capped.share < SHARE_WHOLE) {
            Some(_) => scope.max(Client::of(address, source).scope()),
            None => scope,
        };
        let spilled = spilled.and_then(|index| seen.get(index));
        let chosen = chosen.and_then(|index| seen.get(index));
        DnsExplanation {
            spilled: spilled.map(|seen| (seen.name.to_owned(), seen.share)),
            kind,
            from: self.from,
            because: why,
            chosen: chosen.map(|seen| seen.name.to_owned()),
            addresses: chosen
                .map(|seen| seen.addresses.clone())
                .unwrap_or_default(),
            scope,
            map_epoch: self.map.epoch,
            row: row.map(|row| self.row_shape(row)),
            candidates: seen.iter().map(|seen| self.shape(seen, row)).collect(),
        }
    }

    /// Places' shares as they count among those that serve now.
    fn share_out(&self, reach: Reach, seen: &mut [Seen<'_>]) {
        let kind = match reach {
            Reach::Pops => Kind::Pop,
            Reach::Regions | Reach::Region(_) => Kind::Region,
        };
        let now = seen.iter();
        let shares = scaled(now.map(|seen| (seen.health, self.shares.of(kind, seen.name))));
        let each = seen.iter_mut().zip(shares);
        each.for_each(|(seen, share)| seen.share = share);
    }

    /// The place that takes the client, and the one before it that does not for want of room.
    fn spilled(
        &self,
        seen: &[Seen<'_>],
        chart: Option<&Chart>,
        first: Option<usize>,
    ) -> (Option<usize>, Option<usize>) {
        let (address, source) = (self.from.addr(), self.from.prefix_len());
        let client = Client::of(address, source);
        let takes = |index: usize| {
            let place = seen.get(index);
            place.is_none_or(|place| client.stays(&place.site, place.share))
        };
        if first.is_none_or(takes) {
            return (first, None);
        }
        let measured = chart.and_then(|chart| chart.among(address, source, takes));
        let second = measured.or_else(|| {
            let known = self.priors.find(address, source).point;
            let database = || self.by_database(Basis::Unknown, 0)?.point;
            let candidates = seen.iter().enumerate().filter_map(Seen::candidate);
            let candidates = candidates.map(|mut candidate| {
                if !takes(candidate.index) {
                    candidate.health = candidate.health.max(Health::Draining);
                }
                candidate
            });
            choose(candidates, known.or_else(database), self.spread)
        });
        (second, first.filter(|first| Some(*first) != second))
    }

    /// As a DNS node has it, but for exploration, which one query in fifty gets.
    fn chart(&self, seen: &[Seen<'_>]) -> Chart {
        let sites = seen.iter().map(|seen| ChartSite {
            name: seen.name,
            site: &seen.site,
            health: seen.health,
            share: seen.share,
        });
        let sites: Vec<ChartSite<'_>> = sites.collect();
        let priors = self.plan.priors.iter().map(AsRef::as_ref);
        Chart::of(self.map, priors, &sites)
    }

    /// Where the location database says that the client is, if nothing else does.
    fn by_database(&self, basis: Basis, scope: u8) -> Option<Whereabouts> {
        let geo = self.geo.filter(|_| basis == Basis::Unknown)?;
        let (address, source) = (self.from.addr(), self.from.prefix_len());
        Some(dns::whereabouts(geo, address, source, scope))
    }

    fn by_place(&self) -> (Basis, u8) {
        let found = self.priors.find(self.from.addr(), self.from.prefix_len());
        (found.point.map_or(Basis::Unknown, Basis::Near), found.scope)
    }

    fn row(&self) -> Option<&steer::latency::Row> {
        self.map
            .narrowest(self.from.network(), self.from.prefix_len())
    }

    fn row_shape(&self, row: &steer::latency::Row) -> ExplainRow {
        let name = |pop: u16| self.map.pop(pop).unwrap_or_default().to_owned();
        ExplainRow {
            prefix: row.prefix,
            home: name(row.home),
            own: row.own,
            explore: row.explore.map(name),
            challenger: row.challenger.map(|(pop, epochs)| (name(pop), epochs)),
        }
    }

    fn shape(&self, seen: &Seen<'_>, row: Option<&steer::latency::Row>) -> Candidate {
        let client = self.priors.find(self.from.addr(), self.from.prefix_len());
        let located = || self.by_database(Basis::Unknown, 0)?.point;
        let expected = client.point.or_else(located).zip(seen.point);
        let estimate = row.and_then(|row| {
            let mut all = row.estimates.iter();
            all.find(|one| self.map.pop(one.pop) == Some(seen.name))
        });
        Candidate {
            name: seen.name.to_owned(),
            health: match seen.health {
                Some(Health::Up) => "up",
                Some(Health::Draining) => "draining",
                Some(Health::Down) => "down",
                None => "no address",
            },
            estimate_us: estimate.map(|one| one.rtt_us),
            samples: estimate.map_or(0, |one| one.samples),
            expected_us: expected.map(|(from, to)| from.rtt_us(to)),
            share: seen.share,
        }
    }
}

impl<'a> Seen<'a> {
    fn of(name: &'a str, place: &Place, health: &BTreeMap<NodeId, Health>) -> Self {
        let able = place.nodes.iter().filter(|node| !node.public.is_empty());
        let of = |id: &NodeId| health.get(id).copied().unwrap_or(Health::Down);
        let best = able.clone().map(|node| of(&node.id)).min();
        let given = able.filter(|node| Some(of(&node.id)) == best);
        Self {
            name,
            point: place.location.map(Point::of),
            site: Site::new(name, place.location),
            health: best,
            addresses: given.flat_map(|node| node.public.clone()).collect(),
            share: SHARE_WHOLE,
        }
    }

    fn candidate((index, seen): (usize, &Self)) -> Option<place::Candidate<'_>> {
        Some(place::Candidate {
            index,
            site: &seen.site,
            health: seen.health?,
        })
    }
}
