//! Load caps in DNS: which part of its clients a place is still named to, and where the others go.
//!
//! The region that leads decides on shares by what nodes report ([`Smoother`], [`Controller`]) and
//! publishes them ([`Shares`]); DNS nodes, and who explains them, ask for one client prefix at a
//! time who takes it ([`Client`]). A share counts for all who arrive at a place, its own clients
//! and those that others have passed on alike, so that a place which fills up passes on in its
//! turn and no two places throw the same clients at each other. Nothing here measures, sends or
//! knows the time.

mod controller;
mod smooth;

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

pub use controller::Controller;
pub use smooth::Smoother;

use crate::place::{Health, Site, mix};

#[cfg(test)]
mod tests;

/// The share of a place that takes all its clients.
pub const SHARE_WHOLE: u16 = 1_000;
/// No share is less: what nobody is sent to cannot be seen to recover.
pub const SHARE_MIN: u16 = 10;
/// Places that shares are kept of; there are at most as many POPs and regions.
pub const PLACES_MAX: usize = 512;

/// Kinds of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A POP.
    Pop,
    /// A region.
    Region,
}

/// A place, by kind and name.
pub type PlaceKey = (Kind, String);

/// Which part of its clients each place takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// Never falls; 0 is none at all.
    pub version: u64,
    /// In thousandths, from [`SHARE_MIN`]; a place that is not here takes all.
    pub places: BTreeMap<PlaceKey, u16>,
}

impl Shares {
    /// The share of a place.
    #[must_use]
    pub fn of(&self, kind: Kind, name: &str) -> u16 {
        let named = self
            .places
            .iter()
            .find(|((a, b), _)| (*a, &**b) == (kind, name));
        named.map_or(SHARE_WHOLE, |(_, share)| *share)
    }

    /// Whether these can be used. What comes from a peer or a disk is checked before it is.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let range = SHARE_MIN..=SHARE_WHOLE;
        self.places.len() <= PLACES_MAX && self.places.values().all(|share| range.contains(share))
    }
}

/// Shares as they count among these places now. When each of those that serve has a share, all
/// are raised alike until one takes all its clients: to cap everybody is to cap nobody. `None` as
/// health stands for a place that cannot be named at all.
pub fn scaled(places: impl Iterator<Item = (Option<Health>, u16)> + Clone) -> Vec<u16> {
    let serving = places.clone();
    let serving = serving.filter(|(health, _)| *health == Some(Health::Up));
    let most = serving.map(|(_, share)| share).max();
    places.map(|(_, share)| raised(share, most)).collect()
}

/// A share, where the largest of all is `most`.
fn raised(share: u16, most: Option<u16>) -> u16 {
    let Some(most) = most.filter(|most| *most > 0) else {
        return SHARE_WHOLE;
    };
    let raised = u32::from(share) * u32::from(SHARE_WHOLE) / u32::from(most);
    u16::try_from(raised).map_or(SHARE_WHOLE, |share| share.min(SHARE_WHOLE))
}

/// The clients that are sent somewhere together: a /24 or /48, or as much as is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    bits: u64,
    length: u8,
}

impl Client {
    /// Those who share the first `source` bits with `address`.
    #[must_use]
    pub fn of(address: IpAddr, source: u8) -> Self {
        let (bits, width, most) = match address {
            IpAddr::V4(address) => (u64::from(address.to_bits()) << 32, 32, 24),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 128, 48)
            }
        };
        let length = source.min(width).min(most);
        let mask = u64::MAX.checked_shl(64 - u32::from(length)).unwrap_or(0);
        Self {
            bits: bits & mask,
            length,
        }
    }

    /// Whether a place with this share takes these clients. A place takes the same ones as long
    /// as its share stands, and of those only some fewer when it falls.
    #[must_use]
    pub fn stays(self, site: &Site, share: u16) -> bool {
        let draw = mix(mix(self.bits ^ site.tag()).wrapping_add(self.length.into()));
        draw % u64::from(SHARE_WHOLE) < share.into()
    }

    /// An answer that depends on a share holds for these clients only, so its scope (RFC 7871) is
    /// no shorter than this.
    #[must_use]
    pub const fn scope(self) -> u8 {
        self.length
    }
}

impl Kind {
    /// As metrics and explanations say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pop => "pop",
            Self::Region => "region",
        }
    }
}
