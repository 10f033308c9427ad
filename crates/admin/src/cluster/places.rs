//! Regions and POPs, and where they are.

use http::StatusCode;
use model::{Config, Location, Op, Pop, PopName, Region, RegionName, ResourceKind};
use serde::Serialize;

use super::{list, place_name};
use crate::{
    answer::Answer,
    call::{Call, Write},
    document::Document,
    refusal::Refusal,
};

const MICRO: f64 = 1e6;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceShape<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(flatten)]
    location: Option<LocationShape>,
}

/// Degrees.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LocationShape {
    latitude: f64,
    longitude: f64,
}

pub(super) fn location_shape(location: Location) -> LocationShape {
    LocationShape {
        latitude: f64::from(location.latitude_micro) / MICRO,
        longitude: f64::from(location.longitude_micro) / MICRO,
    }
}

/// `latitude` and `longitude`: both or none.
pub(super) fn location(document: &Document) -> Result<Option<Location>, Refusal> {
    match (
        degrees(document, "latitude", 90)?,
        degrees(document, "longitude", 180)?,
    ) {
        (None, None) => Ok(None),
        (Some(latitude_micro), Some(longitude_micro)) => Ok(Some(Location {
            latitude_micro,
            longitude_micro,
        })),
        _ => Err(Refusal::bad(
            "latitude and longitude must be given together",
        )),
    }
}

fn degrees(document: &Document, name: &str, max: i32) -> Result<Option<i32>, Refusal> {
    let Some(degrees) = document.number(name)? else {
        return Ok(None);
    };
    if !(-f64::from(max)..=f64::from(max)).contains(&degrees) {
        return Err(Refusal::bad(format!(
            "{name} must be between -{max} and {max} degrees"
        )));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 180 million, checked above"
    )]
    let micro = (degrees * MICRO).round() as i32;
    Ok(Some(micro))
}

fn region_shape(region: &Region) -> PlaceShape<'_> {
    PlaceShape {
        name: region.name.as_str(),
        location: region.location.map(location_shape),
    }
}

fn pop_shape(pop: &Pop) -> PlaceShape<'_> {
    PlaceShape {
        name: pop.name.as_str(),
        location: pop.location.map(location_shape),
    }
}

pub(super) fn list_regions(call: &Call<'_>) -> Result<Answer, Refusal> {
    list(
        call.config
            .regions
            .values()
            .map(|region| region_shape(region)),
    )
}

pub(super) fn get_region(call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.argument(0);
    let found = call.config.regions.get(name);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Region, name))?;
    Answer::ok(&region_shape(found))
}

pub(super) fn get_pop(call: &Call<'_>) -> Result<Answer, Refusal> {
    let name = call.argument(0);
    let found = call.config.pops.get(name);
    let found = found.ok_or_else(|| Refusal::not_found(ResourceKind::Pop, name))?;
    Answer::ok(&pop_shape(found))
}

pub(super) fn put_region(call: &Call<'_>) -> Result<Write, Refusal> {
    place_name(call.argument(0))?;
    let name = RegionName::from(call.argument(0));
    let region = Region {
        name: name.clone(),
        location: location(&call.document)?,
    };
    Ok(Write::showing(
        Op::PutRegion(region),
        move |config: &Config| {
            let missing = || Refusal::not_found(ResourceKind::Region, name.as_str());
            Answer::json(
                StatusCode::OK,
                &region_shape(config.regions.get(&name).ok_or_else(missing)?),
            )
        },
    ))
}

pub(super) fn delete_region(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeleteRegion(call.argument(0).into())))
}

pub(super) fn list_pops(call: &Call<'_>) -> Result<Answer, Refusal> {
    list(call.config.pops.values().map(|pop| pop_shape(pop)))
}

pub(super) fn put_pop(call: &Call<'_>) -> Result<Write, Refusal> {
    place_name(call.argument(0))?;
    let name = PopName::from(call.argument(0));
    let pop = Pop {
        name: name.clone(),
        location: location(&call.document)?,
    };
    Ok(Write::showing(Op::PutPop(pop), move |config: &Config| {
        let missing = || Refusal::not_found(ResourceKind::Pop, name.as_str());
        Answer::json(
            StatusCode::OK,
            &pop_shape(config.pops.get(&name).ok_or_else(missing)?),
        )
    }))
}

pub(super) fn delete_pop(call: &Call<'_>) -> Result<Write, Refusal> {
    Ok(Write::silent(Op::DeletePop(call.argument(0).into())))
}
