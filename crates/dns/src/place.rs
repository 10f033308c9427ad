//! Places with the addresses that can be given for them at the moment: made once whenever the
//! configuration or the health of a node changes, only read while answering.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::Place;
use plan::zone::Reach;
use steer::{
    latency::Chart,
    place::{Candidate, Health, Point, Site, choose},
};

use crate::{Live, charts::Charts, settings::ADDRESSES_MAX};

/// All places of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pops: Vec<Spot>,
    regions: Vec<Spot>,
}

/// A place.
#[derive(Debug)]
pub(crate) struct Spot {
    site: Site,
    v4: Option<Standing<Ipv4Addr>>,
    v6: Option<Standing<Ipv6Addr>>,
}

/// A place's addresses of one family: those of its nodes in the best health, never none.
#[derive(Debug)]
pub(crate) struct Standing<A> {
    health: Health,
    addresses: Box<[A]>,
}

/// How a POP is, for a chart.
pub(crate) struct Standings<'a> {
    pub(crate) site: &'a Site,
    pub(crate) v4: Option<Health>,
    pub(crate) v6: Option<Health>,
}

/// A family of addresses.
pub(crate) trait Family: Copy + Sized + 'static {
    /// The address, if it is of this family.
    fn pick(address: IpAddr) -> Option<Self>;
    /// A place's addresses of this family.
    fn standing(spot: &Spot) -> Option<&Standing<Self>>;
    /// The chart of answers of this family.
    fn chart(charts: &Charts) -> &Chart;
}

/// What was chosen for a client.
#[derive(Debug)]
pub(crate) struct Choice<'a, A> {
    /// At least one.
    pub(crate) addresses: &'a [A],
    /// Another client might have been given others.
    pub(crate) varies: bool,
    /// No place was up; the answer is the best guess.
    pub(crate) fallback: bool,
}

impl Places {
    pub(crate) fn of(pops: &[(String, Place)], regions: &[(String, Place)], live: &Live) -> Self {
        let spots = |places: &[(String, Place)]| {
            places
                .iter()
                .map(|(name, place)| Spot::of(name, place, live))
                .collect()
        };
        Self {
            pops: spots(pops),
            regions: spots(regions),
        }
    }

    /// The POPs, in the plan's order.
    pub(crate) fn pops(&self) -> impl Iterator<Item = Standings<'_>> {
        self.pops.iter().map(|spot| Standings {
            site: &spot.site,
            v4: spot.v4.as_ref().map(|standing| standing.health),
            v6: spot.v6.as_ref().map(|standing| standing.health),
        })
    }

    /// The addresses of the POP at `index`, which a chart has chosen.
    pub(crate) fn pop<A: Family>(&self, index: usize) -> Option<Choice<'_, A>> {
        let standing = A::standing(self.pops.get(index)?)?;
        let able = self.pops.iter().filter_map(A::standing).count();
        Some(Choice {
            addresses: &standing.addresses,
            varies: able > 1,
            fallback: standing.health == Health::Down,
        })
    }

    /// The addresses for a client at `from`; none if no place in reach has any of this family.
    ///
    /// A place without an address of the family is passed over, so that a client with only IPv6
    /// is served by whoever can.
    pub(crate) fn choose<A: Family>(
        &self,
        to: Reach,
        from: Option<Point>,
        spread: u64,
    ) -> Option<Choice<'_, A>> {
        let spots = match to {
            Reach::Pops => self.pops.as_slice(),
            Reach::Regions => self.regions.as_slice(),
            Reach::Region(index) => std::slice::from_ref(self.regions.get(index)?),
        };
        let mut able = 0;
        let candidates = spots.iter().enumerate().filter_map(|(index, spot)| {
            let health = A::standing(spot)?.health;
            able += 1;
            Some(Candidate {
                index,
                site: &spot.site,
                health,
            })
        });
        let index = choose(candidates, from, spread)?;
        let standing = A::standing(spots.get(index)?)?;
        Some(Choice {
            addresses: &standing.addresses,
            varies: able > 1,
            fallback: standing.health == Health::Down,
        })
    }
}

impl<A: Copy> Choice<'_, A> {
    /// As many addresses as an answer has, beginning with another one each turn.
    pub(crate) fn turned(&self, turn: usize) -> impl Iterator<Item = A> + use<'_, A> {
        let first = turn % self.addresses.len().max(1);
        let count = self.addresses.len().min(ADDRESSES_MAX);
        let all = self.addresses.iter().copied().cycle();
        all.skip(first).take(count)
    }
}

impl Spot {
    fn of(name: &str, place: &Place, live: &Live) -> Self {
        let site = Site::new(name, place.location);
        Self {
            site,
            v4: Standing::of(place, live),
            v6: Standing::of(place, live),
        }
    }
}

impl<A: Family> Standing<A> {
    fn of(place: &Place, live: &Live) -> Option<Self> {
        let mut best: Option<(Health, Vec<A>)> = None;
        for node in &place.nodes {
            let own: Vec<A> = node.public.iter().filter_map(|one| A::pick(*one)).collect();
            if own.is_empty() {
                continue;
            }
            let health = live.health(node.id);
            match &mut best {
                Some((known, addresses)) if *known == health => addresses.extend(own),
                Some((known, _)) if *known < health => {}
                _ => best = Some((health, own)),
            }
        }
        best.map(|(health, addresses)| Self {
            health,
            addresses: addresses.into(),
        })
    }
}

impl Family for Ipv4Addr {
    fn pick(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }
    }

    fn standing(spot: &Spot) -> Option<&Standing<Self>> {
        spot.v4.as_ref()
    }

    fn chart(charts: &Charts) -> &Chart {
        &charts.v4
    }
}

impl Family for Ipv6Addr {
    fn pick(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        }
    }

    fn standing(spot: &Spot) -> Option<&Standing<Self>> {
        spot.v6.as_ref()
    }

    fn chart(charts: &Charts) -> &Chart {
        &charts.v6
    }
}
