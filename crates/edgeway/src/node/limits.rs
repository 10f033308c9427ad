//! What a region node does about limits beside its data plane: the keeper, and the time of day.

use std::{path::Path, sync::Arc};

use ledger::Ledger;
use region::Region;

use super::common::Common;
use crate::cluster::limits::LimitKeeper;

/// Starts what keeps limits together with other region nodes.
pub(super) fn keep(
    data_dir: &Path,
    common: &Common,
    ledger: &Ledger,
    region: &Arc<Region>,
) -> Arc<LimitKeeper> {
    let keeper = LimitKeeper::new(
        (common.own, Arc::clone(region.limits())),
        ledger.clone(),
        (Arc::clone(&common.control), common.seeds.subscribe()),
        data_dir.to_owned(),
    );
    common.keep(Arc::clone(&keeper).run());
    keeper
}
