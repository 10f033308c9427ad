//! Where the hosts of a lab are, and how long light needs between them.
//!
//! The latency of a pair follows from the great circle: light in fibre goes 200 km a millisecond,
//! and cables take 1.35 times the straight way. That gives 251 ms round trip between Tokyo and
//! Sao Paulo, 75 ms between Dublin and Virginia: what is measured between such places.

use std::time::Duration;

/// A point on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// North is positive.
    pub latitude: f64,
    /// East is positive.
    pub longitude: f64,
}

/// Of the earth, in kilometres.
const RADIUS_KM: f64 = 6_371.0;

/// Of light in fibre.
const KM_PER_MS: f64 = 200.0;

/// Cables do not go straight.
const DETOUR: f64 = 1.35;

/// Of the last mile and of switches, one way.
const ACCESS_MS: f64 = 0.5;

impl Place {
    /// A place.
    #[must_use]
    pub const fn new(latitude: f64, longitude: f64) -> Self {
        Self {
            latitude,
            longitude,
        }
    }

    /// One way.
    #[must_use]
    pub fn latency_to(self, other: Self) -> Duration {
        let ms = self.km_to(other) / KM_PER_MS * DETOUR + ACCESS_MS;
        Duration::from_secs_f64(ms / 1_000.0)
    }

    /// Along the great circle (haversine).
    fn km_to(self, other: Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let north = (to - from) / 2.0;
        let east = (other.longitude - self.longitude).to_radians() / 2.0;
        let chord = (from.cos() * to.cos()).mul_add(east.sin().powi(2), north.sin().powi(2));
        2.0 * RADIUS_KM * chord.sqrt().min(1.0).asin()
    }
}

/// Five regions of AWS' names, the farthest 250 ms apart (round trip).
pub const REGIONS: [(&str, Place); 5] = [
    ("us-east-1", Place::new(38.9, -77.4)),
    ("eu-west-1", Place::new(53.3, -6.3)),
    ("ap-northeast-1", Place::new(35.7, 139.7)),
    ("ap-southeast-2", Place::new(-33.9, 151.2)),
    ("sa-east-1", Place::new(-23.5, -46.6)),
];

/// Five POPs, each nearest to another region.
pub const POPS: [(&str, Place); 5] = [
    ("new-york", Place::new(40.7, -74.0)),
    ("paris", Place::new(48.9, 2.4)),
    ("seoul", Place::new(37.6, 127.0)),
    ("auckland", Place::new(-36.8, 174.8)),
    ("santiago", Place::new(-33.4, -70.7)),
];

/// Frankfurt.
pub const RESOLVER: (&str, Place) = ("resolver", Place::new(50.1, 8.7));

/// Lyon.
pub const CLIENT: (&str, Place) = ("client", Place::new(45.8, 4.8));

#[cfg(test)]
mod tests {
    use super::{CLIENT, POPS, REGIONS};

    #[test]
    fn distances_are_as_real_ones() {
        let rtt = |a: usize, b: usize| 2 * REGIONS[a].1.latency_to(REGIONS[b].1).as_millis();
        assert!((65..80).contains(&rtt(0, 1)), "{}", rtt(0, 1));
        assert!((240..260).contains(&rtt(2, 4)), "{}", rtt(2, 4));
        assert!(CLIENT.1.latency_to(POPS[1].1).as_millis() < 5);
        for (pop, (_, region)) in POPS.iter().zip(REGIONS) {
            let nearest = REGIONS.iter().min_by_key(|(_, r)| pop.1.latency_to(*r));
            assert_eq!(nearest.map(|(_, place)| *place), Some(region), "{}", pop.0);
        }
    }
}
