//! A file of MaxMind's format (City, or any with `location`) as a source of where clients are, and
//! of the country and network that integrations are told. It is read whole at the start, and again
//! only by a restart; other parts of it are not looked at.

use std::{net::IpAddr, path::Path, sync::Arc};

use anyhow::Context as _;
use maxminddb::Reader;
use model::Location;
use serde::Deserialize;

/// An open database.
pub(crate) struct GeoDatabase(Reader<Vec<u8>>);

#[derive(Deserialize)]
struct City {
    location: Option<Spot>,
}

#[derive(Deserialize)]
struct Origin {
    country: Option<Country>,
    /// In files that hold networks' owners.
    autonomous_system_number: Option<u32>,
}

#[derive(Deserialize)]
struct Country {
    iso_code: Option<String>,
}

#[derive(Deserialize)]
struct Spot {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl GeoDatabase {
    /// Reads the file that the settings key names, if it names one.
    pub(crate) fn open(key: &str, file: Option<&Path>) -> anyhow::Result<Option<Arc<Self>>> {
        let Some(file) = file else {
            return Ok(None);
        };
        let what = || format!("settings key '{key}': {}", file.display());
        let reader = Reader::open_readfile(file).with_context(what)?;
        let metadata = reader.metadata();
        tracing::info!(
            file = %file.display(),
            kind = %metadata.database_type,
            built = metadata.build_epoch,
            "location database"
        );
        Ok(Some(Arc::new(Self(reader))))
    }
}

impl std::fmt::Debug for GeoDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GeoDatabase").finish_non_exhaustive()
    }
}

impl dns::Geo for GeoDatabase {
    fn find(&self, address: IpAddr) -> (Option<Location>, u8) {
        let width = if address.is_ipv4() { 32 } else { 128 };
        let Ok(found) = self.0.lookup(address) else {
            // A file without addresses of the family says nothing of all of them.
            return (None, 0);
        };
        // In a file of both families an IPv4 network may be told as it stands in the tree.
        let length = found.network().map_or(width, |network| {
            let inside = if network.is_ipv4() { 0 } else { 128 - width };
            network.prefix().saturating_sub(inside)
        });
        let city = found.decode::<City>().ok().flatten();
        (city.and_then(|city| place(&city.location?)), length)
    }
}

impl region::Viewers for GeoDatabase {
    fn place(&self, address: IpAddr) -> region::ViewerPlace {
        let found = self.0.lookup(address).ok();
        let found = found.and_then(|found| found.decode::<Origin>().ok().flatten());
        found.map_or_else(region::ViewerPlace::default, |origin| region::ViewerPlace {
            country: origin.country.and_then(|country| country.iso_code),
            asn: origin.autonomous_system_number,
        })
    }
}

fn place(spot: &Spot) -> Option<Location> {
    let micro = |degrees: Option<f64>, most: f64| {
        let degrees = degrees.filter(|degrees| degrees.abs() <= most)?;
        #[expect(clippy::cast_possible_truncation, reason = "at most 180,000,000")]
        let micro = (degrees * 1e6).round() as i32;
        Some(micro)
    };
    Some(Location {
        latitude_micro: micro(spot.latitude, 90.0)?,
        longitude_micro: micro(spot.longitude, 180.0)?,
    })
}
