//! The part of an answer that depends on the client: which place it names.

use plan::zone::{Reach, Steered};
use steer::{
    latency::{Basis, EXPLORE_TTL_S},
    place::{Point, hash},
};

use super::{Asked, Given, Responder, addresses};
use crate::{
    data::Data,
    geo::whereabouts,
    place::{Choice, Family},
    reply::Reply,
};

impl Responder {
    pub(super) fn place<A: Family + Into<Data<'static>>>(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        steered: Steered,
        reply: &mut Reply<'_, '_>,
    ) -> Option<Given> {
        let (choice, scope, explores) = self.choose::<A>(asked, name, steered.to)?;
        if choice.varies {
            reply.set_scope(scope);
        }
        let ttl_s = if explores { EXPLORE_TTL_S } else { self.ttl_s };
        let fallback = choice.fallback;
        addresses(name, ttl_s, choice.turned(asked.turn), reply);
        Some(Given { fallback, explores })
    }

    /// The place that suits the client, for whom else that holds, and whether it explores.
    pub(crate) fn choose<A: Family>(
        &self,
        asked: &Asked<'_>,
        name: &[u8],
        to: Reach,
    ) -> Option<(Choice<'_, A>, u8, bool)> {
        let charts = self.charts.as_ref().filter(|_| matches!(to, Reach::Pops));
        let Some(charts) = charts else {
            let (from, scope) = self.whereabouts(asked);
            let choice = self.places.choose(to, from, hash(name))?;
            return Some((choice, scope, false));
        };
        let turn = u64::try_from(asked.turn).unwrap_or(0);
        let subnet = asked.subnet.and_then(|subnet| subnet.prefix());
        // Without a subnet its resolver stands for the client.
        let (address, source) = subnet.unwrap_or((asked.asker, u8::MAX));
        let guess = A::chart(charts).find(address, source, turn);
        let (basis, scope) = match (guess.basis, &self.geo) {
            (Basis::Unknown, Some(geo)) => {
                let found = whereabouts(geo.as_ref(), address, source, guess.scope);
                let basis = found.point.map_or(Basis::Unknown, Basis::Near);
                (basis, found.scope)
            }
            (basis, _) => (basis, guess.scope),
        };
        let scope = subnet.map_or(0, |_| scope);
        let choice = match basis {
            Basis::Site(index) => self.places.pop(index),
            Basis::Near(point) => self.places.choose(to, Some(point), hash(name)),
            Basis::Unknown => self.places.choose(to, None, hash(name)),
        };
        Some((choice?, scope, guess.explores))
    }

    /// Where the client is taken to be, and for whom else that holds.
    fn whereabouts(&self, asked: &Asked<'_>) -> (Option<Point>, u8) {
        let subnet = asked.subnet.and_then(|subnet| subnet.prefix());
        // Without a subnet its resolver stands for the client.
        let (address, source) = subnet.unwrap_or((asked.asker, u8::MAX));
        let mut found = self.priors.find(address, source);
        if let (None, Some(geo)) = (found.point, &self.geo) {
            found = whereabouts(geo.as_ref(), address, source, found.scope);
        }
        (found.point, subnet.map_or(0, |_| found.scope))
    }
}
