//! Places with the addresses that can be given for them at the moment: made once whenever the
//! configuration or the health of a node changes, only read while answering.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::Place;
use plan::zone::Reach;
use steer::{
    caps::{Client, Kind, SHARE_WHOLE, Shares, scaled},
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
    name: String,
    site: Site,
    v4: Option<Standing<Ipv4Addr>>,
    v6: Option<Standing<Ipv6Addr>>,
}

/// A place's addresses of one family: those of its nodes in the best health, never none.
#[derive(Debug)]
pub(crate) struct Standing<A> {
    health: Health,
    addresses: Box<[A]>,
    /// Which part of its clients the place takes, among those that there are now.
    share: u16,
}

/// How a POP is, for a chart.
pub(crate) struct Standings<'a> {
    pub(crate) site: &'a Site,
    /// With the share of clients that it takes.
    pub(crate) v4: Option<(Health, u16)>,
    pub(crate) v6: Option<(Health, u16)>,
}

/// A family of addresses.
pub(crate) trait Family: Copy + Sized + 'static {
    /// The address, if it is of this family.
    fn pick(address: IpAddr) -> Option<Self>;
    /// A place's addresses of this family.
    fn standing(spot: &Spot) -> Option<&Standing<Self>>;
    /// The same, to be changed.
    fn standing_mut(spot: &mut Spot) -> Option<&mut Standing<Self>>;
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
            v4: spot.v4.as_ref().map(Standing::state),
            v6: spot.v6.as_ref().map(Standing::state),
        })
    }

    /// Lets places take no more than their shares of the clients.
    pub(crate) fn share_out(&mut self, shares: &Shares) {
        for (kind, spots) in [
            (Kind::Pop, &mut self.pops),
            (Kind::Region, &mut self.regions),
        ] {
            share_out::<Ipv4Addr>(spots, kind, shares);
            share_out::<Ipv6Addr>(spots, kind, shares);
        }
    }

    /// A place's name.
    pub(crate) fn name(&self, kind: Kind, index: usize) -> Option<&str> {
        let spots = match kind {
            Kind::Pop => &self.pops,
            Kind::Region => &self.regions,
        };
        spots.get(index).map(|spot| &*spot.name)
    }

    /// Whether a place takes all its clients.
    pub(crate) fn is_whole<A: Family>(&self, to: Reach, index: usize) -> bool {
        let spot = self.reach(to).get(index);
        let standing = spot.and_then(A::standing);
        standing.is_none_or(|standing| standing.share >= SHARE_WHOLE)
    }

    /// Whether a place takes these clients.
    pub(crate) fn takes<A: Family>(&self, to: Reach, index: usize, client: Client) -> bool {
        let Some(spot) = self.reach(to).get(index) else {
            return false;
        };
        A::standing(spot).is_some_and(|standing| client.stays(&spot.site, standing.share))
    }

    fn reach(&self, to: Reach) -> &[Spot] {
        match to {
            Reach::Pops => &self.pops,
            Reach::Regions => &self.regions,
            Reach::Region(index) => {
                let one = self.regions.get(index);
                one.map_or(&[], std::slice::from_ref)
            }
        }
    }

    /// The addresses of the place at `index` of those in reach.
    pub(crate) fn choice<A: Family>(&self, to: Reach, index: usize) -> Option<Choice<'_, A>> {
        let spots = self.reach(to);
        let standing = A::standing(spots.get(index)?)?;
        let able = spots.iter().filter_map(A::standing).count();
        Some(Choice {
            addresses: &standing.addresses,
            varies: able > 1,
            fallback: standing.health == Health::Down,
        })
    }

    /// The place for a client at `from`, of those that take it if there are any that are up; none
    /// if no place in reach has an address of this family.
    ///
    /// A place without an address of the family is passed over, so that a client with only IPv6
    /// is served by whoever can.
    pub(crate) fn choose<A: Family>(
        &self,
        to: Reach,
        from: Option<Point>,
        spread: u64,
        client: Option<Client>,
    ) -> Option<usize> {
        let spots = self.reach(to);
        let candidates = spots.iter().enumerate().filter_map(|(index, spot)| {
            let Standing { health, share, .. } = A::standing(spot)?;
            let stays = client.is_none_or(|client| client.stays(&spot.site, *share));
            Some(Candidate {
                index,
                site: &spot.site,
                health: if stays {
                    *health
                } else {
                    (*health).max(Health::Draining)
                },
            })
        });
        choose(candidates, from, spread)
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
            name: name.to_owned(),
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
            share: SHARE_WHOLE,
        })
    }
}

impl<A> Standing<A> {
    const fn state(&self) -> (Health, u16) {
        (self.health, self.share)
    }
}

fn share_out<A: Family>(spots: &mut [Spot], kind: Kind, shares: &Shares) {
    let now = spots.iter().map(|spot| {
        let health = A::standing(spot).map(|standing| standing.health);
        (health, shares.of(kind, &spot.name))
    });
    let now = scaled(now);
    for (spot, share) in spots.iter_mut().zip(now) {
        if let Some(standing) = A::standing_mut(spot) {
            standing.share = share;
        }
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

    fn standing_mut(spot: &mut Spot) -> Option<&mut Standing<Self>> {
        spot.v4.as_mut()
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

    fn standing_mut(spot: &mut Spot) -> Option<&mut Standing<Self>> {
        spot.v6.as_mut()
    }

    fn chart(charts: &Charts) -> &Chart {
        &charts.v6
    }
}
