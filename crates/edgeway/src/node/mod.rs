//! One node, put together: read top to bottom, `run` is the order in which things depend on each
//! other. Sockets are bound early; clients are served once the first plan is installed; at the end
//! everything is drained in the opposite order.

mod aws;
mod bootstrap;
mod certificates;
mod challenges;
pub(crate) mod common;
mod connector;
mod dns;
mod dns_secure;
mod limits;
mod links;
mod live;
mod management;
mod ops;
mod policy;
mod pop;
mod private;
mod region;
mod relaying;
mod service;
mod steering;
mod test_invoke;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::region::Region;
use anyhow::Context as _;

pub(crate) use self::{
    bootstrap::{Bootstrap, write_bootstrap},
    common::location,
};
use self::{common::Common, service::Service};
use crate::{
    cluster::{load::Meter, renewal, report::Reporter},
    settings::Settings,
};

/// Runs a node until it is told to end (SIGTERM, SIGINT or `end`), then drains it.
///
/// # Errors
/// What keeps it from starting: settings, identity, sockets, files.
pub(crate) async fn run(settings: Settings, end: impl Future<Output = ()>) -> anyhow::Result<()> {
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("settings key 'data_dir': {}", settings.data_dir.display()))?;
    let common = Common::prepare(&settings).await?;
    let ops = ops::serve(&common, settings.ops.bind)?;
    let role = start_role(&settings, &common).await?;

    let service = Service::of_environment();
    common.ready.store(true, Ordering::Release);
    service.ready(&format!("node {} serves, a {}", common.own, role.name()));
    common.keep(Arc::clone(&service).live());
    spawn_upkeep(&settings, &common, &role);
    tracing::info!(node = %common.own, role = role.name(), "serving");

    let cause = tokio::select! {
        signal = end_signal() => signal,
        () = end => "parent",
    };
    let leave = Duration::from_secs(settings.leave_s).max(role.leave_min());
    service.stopping((leave, Duration::from_secs(settings.drain_s)));
    end_in_order(common, role, ops, (cause, leave)).await;
    Ok(())
}

/// What every node does beside its role: renew its certificate, report to the regions.
fn spawn_upkeep(settings: &Settings, common: &Common, role: &Role) {
    let drain = &common.drain;
    common.keep(renewal::keep_fresh(
        common.credentials.clone(),
        settings.identity_dir(),
        common.control.clone(),
        common.seeds.subscribe(),
        drain.clone(),
    ));
    let reporter = Reporter {
        own: common.own,
        link: common.link,
        control: common.control.clone(),
        seeds: common.seeds.subscribe(),
        served: common.served.subscribe(),
        refused: common.refusals.last.subscribe(),
        region: role.region(),
        meter: role.meter(),
        leaving: common.leaving.clone(),
    };
    common.keep(reporter.run());
    // Told to leave by the cluster: others learn it from the reports, balancers from `/ready`.
    let (leaving, ready) = (common.leaving.clone(), Arc::clone(&common.ready));
    common.keep(async move {
        leaving.begun().await;
        ready.store(false, Ordering::Release);
        tracing::info!("draining: new clients are sent elsewhere");
    });
}

/// Unready and out of DNS first, so that nobody new is sent here; then what is running ends, then
/// what it used.
async fn end_in_order(
    common: Common,
    role: Role,
    ops: serve::Serving,
    (cause, leave): (&str, Duration),
) {
    tracing::info!(cause, "leaving");
    common.ready.store(false, Ordering::Release);
    common.leaving.begin();
    tokio::time::sleep(leave).await;
    let drained = common.drain.finish().await;
    role.ended().await;
    ops.ended().await;
    common.upkeep.finish().await;
    tracing::info!(?drained, "ended");
}

/// A role that serves.
enum Role {
    Region(Box<region::RegionRole>),
    Pop(pop::PopRole),
    Dns(dns::DnsRole),
    Connector(connector::ConnectorRole),
}

impl Role {
    const fn name(&self) -> &'static str {
        match self {
            Self::Region(_) => "region",
            Self::Pop(_) => "pop",
            Self::Dns(_) => "dns",
            Self::Connector(_) => "connector",
        }
    }

    /// For others to hear that the node is about to go.
    const fn leave_min(&self) -> Duration {
        match self {
            Self::Region(_) | Self::Pop(_) | Self::Dns(_) => Duration::ZERO,
            Self::Connector(_) => connector::LEAVE_MIN,
        }
    }

    fn region(&self) -> Option<Arc<Region>> {
        match self {
            Self::Region(role) => Some(role.data_plane()),
            Self::Pop(_) | Self::Dns(_) | Self::Connector(_) => None,
        }
    }

    /// How full the node is.
    fn meter(&self) -> Arc<Meter> {
        match self {
            Self::Region(role) => role.meter(),
            Self::Pop(role) => role.meter(),
            // Whom to ask is not decided here.
            Self::Dns(_) | Self::Connector(_) => Arc::new(Meter::new(Vec::new())),
        }
    }

    async fn ended(self) {
        match self {
            Self::Region(role) => role.ended().await,
            Self::Pop(role) => role.ended().await,
            Self::Dns(role) => role.ended().await,
            Self::Connector(role) => role.ended().await,
        }
    }
}

async fn start_role(settings: &Settings, common: &Common) -> anyhow::Result<Role> {
    if let Some(region) = &settings.region {
        let role = region::start(settings, region, common).await?;
        return Ok(Role::Region(Box::new(role)));
    }
    if let Some(pop) = &settings.pop {
        return pop::start(settings, pop, common).await.map(Role::Pop);
    }
    if let Some(section) = &settings.connector {
        let role = connector::start(settings, section, common).await?;
        return Ok(Role::Connector(role));
    }
    let dns = settings.dns.as_ref().context("settings: no role")?;
    dns::start(settings, dns, common).await.map(Role::Dns)
}

async fn end_signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            // Without a handler the signal ends the process, which is what was asked for.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => "SIGTERM",
        () = wait(SignalKind::interrupt()) => "SIGINT",
    }
}
