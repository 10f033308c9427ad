//! The first start of a new cluster's first node: `init` leaves a plan in a file, and the node that
//! finds it makes it the first entry of the ledger.

use std::path::Path;

use anyhow::Context as _;
use ledger::Ledger;
use model::{AccessKey, Cluster, Op, codec};
use serde::{Deserialize, Serialize};

use super::common::{self, Common};
use crate::{
    cluster::membership,
    settings::{Region as RegionSection, Settings},
};

/// Written by `init`, consumed by the first start.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bootstrap {
    pub(crate) cluster: Cluster,
    pub(crate) region: model::Region,
    pub(crate) key: AccessKey,
}

/// Where `init` leaves the plan of a new cluster.
pub(crate) fn write_bootstrap(data_dir: &Path, plan: &Bootstrap) -> anyhow::Result<()> {
    let bytes = codec::encode(codec::Kind::Other, plan)?;
    crate::cluster::store::write_atomically(&data_dir.join("bootstrap.bin"), &bytes)?;
    Ok(())
}

/// Sets the cluster up, on the node that `init` was run on; safe to repeat after a crash.
pub(super) async fn run(
    settings: &Settings,
    section: &RegionSection,
    common: &Common,
    ledger: &Ledger,
) -> anyhow::Result<()> {
    let file = settings.data_dir.join("bootstrap.bin");
    let Ok(bytes) = std::fs::read(&file) else {
        return Ok(());
    };
    let mut plan: Bootstrap =
        codec::decode(codec::Kind::Other, &bytes).with_context(|| format!("{}", file.display()))?;
    let here = section.location.map(common::location);
    plan.region.location = plan.region.location.or(here);
    let node = model::Node {
        id: common.own,
        role: model::NodeRole::Region(plan.region.name.clone()),
        link: common.link,
        public: common::public(settings),
        management: Some(common::management_url(section)),
        joined_ms: membership::now_ms(),
    };
    let op = Op::Bootstrap {
        cluster: plan.cluster,
        region: plan.region,
        node,
        key: Box::new(plan.key),
    };
    let applied = ledger
        .bootstrap(common.link, membership::change("init", op))
        .await?;
    // Refused means that an earlier start got this far.
    drop(applied.outcome);
    std::fs::remove_file(&file).with_context(|| format!("{}", file.display()))
}
