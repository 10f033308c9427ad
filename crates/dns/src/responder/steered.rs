//! The part of an answer that depends on the client: which place it names.
//!
//! The place that suits the client best is named, unless that has passed on these clients for want
//! of room; then it is the best of those that take them.

use std::net::IpAddr;

use plan::zone::{Reach, Steered};
use steer::{
    caps::{Client, Kind},
    latency::{Basis, EXPLORE_TTL_S},
    place::{Whereabouts, hash},
};

use super::{Asked, Given, Responder, addresses};
use crate::{
    data::Data,
    geo::whereabouts,
    place::{Choice, Family},
    reply::Reply,
    verdict::Spill,
};

/// What a client is given.
#[derive(Debug)]
pub(crate) struct Chosen<'a, A> {
    pub(crate) choice: Choice<'a, A>,
    /// For whom else that holds.
    pub(crate) scope: u8,
    /// It is given to find out.
    pub(crate) explores: bool,
    /// The place that would have suited better, but has too many clients.
    pub(crate) spilled: Option<Spill>,
}

/// A place by its index, with what is known of the choice.
struct First {
    index: usize,
    scope: u8,
    explores: bool,
}

impl Responder {
    pub(super) fn place<A: Family + Into<Data<'static>>>(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        steered: Steered,
        reply: &mut Reply<'_, '_>,
    ) -> Option<Given> {
        let chosen = self.choose::<A>(asked, name, steered.to)?;
        if chosen.choice.varies {
            reply.set_scope(chosen.scope);
        }
        let explores = chosen.explores;
        let ttl_s = if explores { EXPLORE_TTL_S } else { self.ttl_s };
        let given = Given {
            fallback: chosen.choice.fallback,
            explores,
            spilled: chosen.spilled,
        };
        addresses(name, ttl_s, chosen.choice.turned(asked.turn), reply);
        Some(given)
    }

    /// The place that suits the client, among those that have room for it.
    pub(crate) fn choose<A: Family>(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        to: Reach,
    ) -> Option<Chosen<'_, A>> {
        let subnet = asked.subnet.and_then(|subnet| subnet.prefix());
        // Without a subnet its resolver stands for the client.
        let (address, source) = subnet.unwrap_or((asked.asker, u8::MAX));
        let turn = u64::try_from(asked.turn).unwrap_or(0);
        let first = self.first::<A>((address, source), turn, name, to)?;
        let whole = |scope: u8| subnet.map_or(0, |_| scope);
        if first.explores || self.places.is_whole::<A>(to, first.index) {
            return Some(Chosen {
                choice: self.places.choice(to, first.index)?,
                scope: whole(first.scope),
                explores: first.explores,
                spilled: None,
            });
        }
        let client = Client::of(address, source);
        let scope = first.scope.max(client.scope());
        let second = if self.places.takes::<A>(to, first.index, client) {
            None
        } else {
            self.second::<A>((address, source), client, name, to)
        };
        let (index, wider) = second.unwrap_or((first.index, 0));
        let kind = match to {
            Reach::Pops => Kind::Pop,
            Reach::Regions | Reach::Region(_) => Kind::Region,
        };
        let spill = Spill {
            kind,
            index: first.index,
        };
        Some(Chosen {
            choice: self.places.choice(to, index)?,
            scope: whole(scope.max(wider)),
            explores: false,
            spilled: (index != first.index).then_some(spill),
        })
    }

    /// The place that would suit best if all took everybody.
    fn first<A: Family>(
        &self,
        (address, source): (IpAddr, u8),
        turn: u64,
        name: &[u8],
        to: Reach,
    ) -> Option<First> {
        let near = |from| self.places.choose::<A>(to, from, hash(name), None);
        let charts = self.charts.as_ref().filter(|_| matches!(to, Reach::Pops));
        let Some(charts) = charts else {
            let found = self.whereabouts(address, source);
            return Some(First {
                index: near(found.point)?,
                scope: found.scope,
                explores: false,
            });
        };
        let guess = A::chart(charts).find(address, source, turn);
        let (basis, scope) = match (guess.basis, &self.geo) {
            (Basis::Unknown, Some(geo)) => {
                let found = whereabouts(geo.as_ref(), address, source, guess.scope);
                let basis = found.point.map_or(Basis::Unknown, Basis::Near);
                (basis, found.scope)
            }
            (basis, _) => (basis, guess.scope),
        };
        let index = match basis {
            Basis::Site(index) => Some(index),
            Basis::Near(point) => near(Some(point)),
            Basis::Unknown => near(None),
        };
        Some(First {
            index: index?,
            scope,
            explores: guess.explores,
        })
    }

    /// The best place of those that take these clients, and the scope of that beyond them.
    fn second<A: Family>(
        &self,
        (address, source): (IpAddr, u8),
        client: Client,
        name: &[u8],
        to: Reach,
    ) -> Option<(usize, u8)> {
        let takes = |index| self.places.takes::<A>(to, index, client);
        let charts = self.charts.as_ref().filter(|_| matches!(to, Reach::Pops));
        let measured = charts.and_then(|charts| A::chart(charts).among(address, source, takes));
        if let Some(index) = measured {
            return Some((index, 0));
        }
        let found = self.whereabouts(address, source);
        let index = self
            .places
            .choose::<A>(to, found.point, hash(name), Some(client));
        Some((index?, found.scope))
    }

    /// Where the client is taken to be, and for whom else that holds.
    fn whereabouts(&self, address: IpAddr, source: u8) -> Whereabouts {
        let found = self.priors.find(address, source);
        match (found.point, &self.geo) {
            (None, Some(geo)) => whereabouts(geo.as_ref(), address, source, found.scope),
            _ => found,
        }
    }
}
