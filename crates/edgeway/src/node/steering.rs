//! What a region has to do with DNS answers: the latency map, load caps, and how full it is itself.

use std::{sync::Arc, time::Duration};

use ledger::Ledger;
use region::Region;

use super::common::Common;
use crate::{
    cluster::{
        caps::Caps,
        fleet::Fleet,
        latency::Latency,
        load::{Capped, Meter},
    },
    geo::GeoDatabase,
    settings::{Region as RegionSection, Settings},
};

/// What steers DNS beside the configuration, as it was last known here.
pub(super) fn open(
    (settings, section, geo): (&Settings, &RegionSection, Option<Arc<GeoDatabase>>),
    common: &Common,
    ledger: &Ledger,
) -> anyhow::Result<(Arc<Latency>, Arc<Caps>)> {
    let epoch = Duration::from_secs(section.latency_epoch_s.max(1));
    let latency = Latency::open(
        common.own,
        ledger.clone(),
        &settings.data_dir,
        epoch,
        geo.map(|geo| geo as Arc<dyn dns::Geo>),
        &common.registry,
    )?;
    let (own, ledger) = (common.own, ledger.clone());
    let caps = Caps::open(own, ledger, &settings.data_dir, epoch, &common.registry)?;
    Ok((latency, caps))
}

/// Decides and passes on, for as long as the node lives.
pub(super) fn keep(
    common: &Common,
    (latency, caps): (&Arc<Latency>, &Arc<Caps>),
    (fleet, meter): (&Arc<Fleet>, &Arc<Meter>),
) {
    common.keep(Arc::clone(latency).run(
        common.control.clone(),
        common.seeds.subscribe(),
        common.upkeep.clone(),
    ));
    common.keep(Arc::clone(caps).run(
        (Arc::clone(fleet), Arc::clone(meter)),
        common.control.clone(),
        common.seeds.subscribe(),
    ));
}

/// How full the region is, by its limit of requests in progress.
pub(super) fn meter(region: &Arc<Region>) -> Arc<Meter> {
    let region = Arc::clone(region);
    let cap = region.load().limit.into();
    let read = Box::new(move || region.load().in_flight.into());
    Arc::new(Meter::new(vec![Capped::Level { read, cap }]))
}
