//! Decides on shares. A place over its cap is given fewer clients at once, in the measure that it
//! is over; one with room gets some more at a time. Between the two is a band in which nothing is
//! changed, and after each change a rest, in which answers that were given before run out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, PLACES_MAX, PlaceKey, SHARE_MIN, SHARE_WHOLE, Shares, raised};

/// Above this load, in thousandths of the cap, a share falls.
const FULL: u32 = 1_000;
/// Below this load it rises.
const ROOM: u32 = 850;
/// What both aim at: the middle, so that what wavers a little stays in between.
const AIM: u32 = 925;
/// A share falls to a half at most, and rises by a quarter at most.
const FALL_TO: u16 = 2;
const RISE_BY: u16 = 4;
/// Rests that a place may be silent for without losing its share.
const SILENT_RESTS: u32 = 10;
/// From then on its share rises by this part in each rest.
const SILENT_RISE_BY: u16 = 16;

/// Keeps the shares of all places.
#[derive(Clone, Debug, Default)]
pub struct Controller(BTreeMap<PlaceKey, Share>);

/// The share of one place.
#[derive(Clone, Copy, Debug)]
struct Share {
    of_mille: u16,
    /// It is not changed before.
    rests_until_ms: u64,
    silent_rests: u32,
}

impl Controller {
    /// Goes on from shares that another has decided on.
    #[must_use]
    pub fn from_shares(shares: &Shares) -> Self {
        let of = |(place, share): (&PlaceKey, &u16)| (place.clone(), Share::new(*share));
        Self(shares.places.iter().map(of).collect())
    }

    /// Looks at how full places are, in thousandths of their caps, 0 for those without one. A
    /// place that has not reported is absent. `rest_ms` is how long a change takes to be felt.
    pub fn look(&mut self, loads: &BTreeMap<PlaceKey, u32>, now_ms: u64, rest_ms: u64) {
        for (place, load) in &weighed(loads) {
            let known = self.0.get(place).copied();
            // Those that take all are not kept, so that as many places may come and go as like.
            if known.is_none() && (*load <= FULL || self.0.len() >= PLACES_MAX) {
                continue;
            }
            let share = known.unwrap_or_else(|| Share::new(SHARE_WHOLE));
            self.0
                .insert(place.clone(), share.after(*load, now_ms, rest_ms));
        }
        for (place, share) in &mut self.0 {
            if !loads.contains_key(place) {
                share.be_silent(now_ms, rest_ms);
            }
        }
        self.level(loads);
        self.0.retain(|_, share| share.of_mille < SHARE_WHOLE);
    }

    /// The shares of those that do not take all.
    #[must_use]
    pub fn places(&self) -> BTreeMap<PlaceKey, u16> {
        let each = self.0.iter();
        each.map(|(place, share)| (place.clone(), share.of_mille))
            .collect()
    }

    /// Where every place that reports has a share, raises all alike until one takes all: otherwise
    /// they would fall together without any client going elsewhere, and take as long to come back.
    fn level(&mut self, loads: &BTreeMap<PlaceKey, u32>) {
        let kinds: BTreeSet<Kind> = loads.keys().map(|(kind, _)| *kind).collect();
        for kind in kinds {
            let reporting = loads.keys().filter(|(of, _)| *of == kind);
            let of_mille = |place: &PlaceKey| self.0.get(place).map(|share| share.of_mille);
            let most = reporting
                .map(|place| of_mille(place).unwrap_or(SHARE_WHOLE))
                .max();
            for (_, share) in self.0.iter_mut().filter(|((of, _), _)| *of == kind) {
                share.of_mille = raised(share.of_mille, most);
            }
        }
    }
}

/// Loads as they count: where every place of a kind is over its cap, how full each is beside the
/// least full one, so that what is too much for all is borne by all alike.
fn weighed(loads: &BTreeMap<PlaceKey, u32>) -> BTreeMap<PlaceKey, u32> {
    let of = |(place, load): (&PlaceKey, &u32)| {
        let others = loads.iter().filter(|((kind, _), _)| *kind == place.0);
        let least = others.map(|(_, load)| *load).min().unwrap_or(0).max(FULL);
        let weighed = u64::from(*load) * u64::from(FULL) / u64::from(least);
        (place.clone(), u32::try_from(weighed).unwrap_or(u32::MAX))
    };
    loads.iter().map(of).collect()
}

impl Share {
    const fn new(of_mille: u16) -> Self {
        Self {
            of_mille,
            rests_until_ms: 0,
            silent_rests: 0,
        }
    }

    /// The share after a report.
    fn after(mut self, load: u32, now_ms: u64, rest_ms: u64) -> Self {
        self.silent_rests = 0;
        if now_ms < self.rests_until_ms {
            return self;
        }
        let own = self.of_mille;
        // What would lead to the load that is aimed at, if clients went along.
        let fitting = u64::from(own) * u64::from(AIM) / u64::from(load.max(1));
        let fitting = u16::try_from(fitting).unwrap_or(u16::MAX);
        let next = if load > FULL {
            fitting.clamp((own / FALL_TO).max(SHARE_MIN), own.max(SHARE_MIN))
        } else if load < ROOM {
            let most = own.saturating_add((own / RISE_BY).max(SHARE_MIN));
            fitting.clamp(own, most.min(SHARE_WHOLE))
        } else {
            own
        };
        if next != own {
            self.of_mille = next;
            self.rests_until_ms = now_ms.saturating_add(rest_ms);
        }
        self
    }

    /// A place that says nothing keeps its share for long, then gets it back slowly: it may be
    /// cut off from us and serve clients all the same.
    fn be_silent(&mut self, now_ms: u64, rest_ms: u64) {
        if now_ms < self.rests_until_ms {
            return;
        }
        self.rests_until_ms = now_ms.saturating_add(rest_ms);
        self.silent_rests = self.silent_rests.saturating_add(1);
        if self.silent_rests > SILENT_RESTS {
            let more = (self.of_mille / SILENT_RISE_BY).max(SHARE_MIN);
            self.of_mille = self.of_mille.saturating_add(more).min(SHARE_WHOLE);
        }
    }
}
