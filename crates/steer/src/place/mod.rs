//! Choice of the place (a POP or a region) that a DNS answer names.
//!
//! The nearest place in good health wins, by great-circle distance from where the client is taken
//! to be. Health is an argument: when no place is in good health, the best of the rest is chosen as
//! if all were, since an answer that may work is better than none. Places that tie, and all places
//! when nothing is known of the client, are ordered by a hash of the asked name, so that names
//! spread over places while each name keeps its own. Nothing here measures anything.

mod prior;

use model::Location;

pub use prior::{Priors, Whereabouts};
pub(crate) use prior::{Table, tables};

#[cfg(test)]
mod tests;

/// Whether a place or a node can be sent clients. The order is that of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// It serves.
    Up,
    /// It still serves, but is about to go.
    Draining,
    /// It does not answer.
    Down,
}

/// A point on the unit sphere, which makes comparing distances three multiplications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point([f64; 3]);

/// A place that may be chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    point: Option<Point>,
    tag: u64,
}

/// A place together with how it is at the moment.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Returned when it is chosen.
    pub index: usize,
    /// The place.
    pub site: &'a Site,
    /// How it is.
    pub health: Health,
}

/// Chooses the candidate for a client that is at `from`, if that is known.
///
/// `spread` is a hash of what was asked for; equal arguments give equal choices. The order of the
/// candidates does not matter. `None` only if there is no candidate at all.
#[must_use]
pub fn choose<'a>(
    candidates: impl IntoIterator<Item = Candidate<'a>>,
    from: Option<Point>,
    spread: u64,
) -> Option<usize> {
    let ranked = candidates.into_iter().map(|candidate| {
        let far = match (from, candidate.site.point) {
            (None, _) => 0.0,
            (Some(from), Some(point)) => -from.closeness(point),
            // Farther than the antipode, whose value is 1: a place without a known location
            // serves located clients only when there is no other.
            (Some(_), None) => 2.0,
        };
        (
            candidate.health,
            far,
            mix(spread ^ candidate.site.tag),
            candidate.index,
        )
    });
    let best = ranked.min_by(|a, b| {
        (a.0.cmp(&b.0))
            .then(a.1.total_cmp(&b.1))
            .then(a.2.cmp(&b.2))
            .then(a.3.cmp(&b.3))
    });
    best.map(|(_, _, _, index)| index)
}

// === impl Point ===

impl Point {
    /// The point of a location.
    #[must_use]
    pub fn of(location: Location) -> Self {
        let radians = |micro: i32| (f64::from(micro) / 1e6).to_radians();
        let (latitude, longitude) = (
            radians(location.latitude_micro),
            radians(location.longitude_micro),
        );
        let ring = latitude.cos();
        Self([
            ring * longitude.cos(),
            ring * longitude.sin(),
            latitude.sin(),
        ])
    }

    /// A guess at the round-trip time between two points, in microseconds: light in fibre covers
    /// 200 km per ms, routes are about half as long again as the great circle, and the last mile
    /// adds some milliseconds.
    #[must_use]
    pub fn rtt_us(self, other: Self) -> u32 {
        let kilometres = self.closeness(other).clamp(-1.0, 1.0).acos() * 6_371.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most half the Earth's circumference, which fits"
        )]
        let way_us = (kilometres * 15.0) as u32;
        way_us + 5_000
    }

    /// The cosine of the angle between two points: 1 here, -1 at the antipode. It falls strictly
    /// with the great-circle distance, so the greatest belongs to the nearest.
    fn closeness(self, other: Self) -> f64 {
        let Self([x, y, z]) = self;
        let Self([other_x, other_y, other_z]) = other;
        x * other_x + y * other_y + z * other_z
    }
}

// === impl Site ===

impl Site {
    /// A place by its name (which only matters for spreading) and location.
    #[must_use]
    pub fn new(name: &str, location: Option<Location>) -> Self {
        Self {
            point: location.map(Point::of),
            tag: hash(name.as_bytes()),
        }
    }

    /// A hash of its name.
    pub(crate) const fn tag(&self) -> u64 {
        self.tag
    }
}

/// The candidate that `choose` names whatever is asked for; `None` when places tie or have no
/// location, so that what is asked for decides.
#[must_use]
pub fn nearest<'a>(
    candidates: impl Iterator<Item = Candidate<'a>> + Clone,
    from: Point,
) -> Option<usize> {
    let best = choose(candidates.clone(), Some(from), 0)?;
    let of = |index| candidates.clone().find(|one| one.index == index);
    let (health, point) = of(best).map(|one| (one.health, one.site.point))?;
    let distance = from.closeness(point?);
    let ties = candidates.clone().filter(|one| {
        let closeness = one.site.point.map(|point| from.closeness(point));
        one.health == health && closeness.is_some_and(|one| one >= distance)
    });
    (ties.count() == 1).then_some(best)
}

/// A stable 64-bit hash, for `spread`: FNV-1a. The same on every node and in every version.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finaliser of `SplitMix64`: turns near inputs into unrelated outputs.
pub(crate) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
