//! Taking in configurations and health: compile off the workers, check, swap.
//!
//! A configuration that is older than the installed one is refused, and one that fails to compile
//! leaves the installed one in use. When a sender goes away, what it said last stays in force:
//! nothing is ever answered from an empty configuration.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use model::{Revision, ZoneView};
use plan::{Diagnostic, zone::ZonePlan};
use steer::{caps::Shares, latency::LatencyMap, place::Priors};
use tokio::sync::watch;

use crate::{
    Live, Responder,
    cookies::Baker,
    dnssec::{Memory, Signers},
    identity::{ID_BYTES_MAX, Identity},
    server::Shared,
    service::Alpn,
    tsig::Keys,
};

/// How often the time is told to those who sign, and who check how old a signature is.
const CLOCK: Duration = Duration::from_secs(1);
/// Diagnostics that are logged one by one; the metric counts all.
const DIAGNOSTICS_LOGGED_MAX: usize = 20;

/// A compiled configuration.
#[derive(Clone, Debug)]
struct Compiled {
    plan: Arc<ZonePlan>,
    priors: Arc<Priors>,
    signers: Arc<Signers>,
}

/// What answers depend on beside the configuration.
pub(crate) struct Follows {
    pub(crate) live: watch::Receiver<Arc<Live>>,
    pub(crate) map: watch::Receiver<Arc<LatencyMap>>,
    pub(crate) shares: watch::Receiver<Arc<Shares>>,
}

/// Installs until the drain begins.
pub(crate) async fn run(
    shared: Shared,
    mut view: watch::Receiver<Arc<ZoneView>>,
    mut follows: Follows,
    installed: watch::Sender<Revision>,
) {
    view.mark_changed();
    let memory = Arc::new(Memory::default());
    memory.set_time(now_s());
    let id = shared.settings.id.as_bytes();
    let identity = Arc::new(Identity {
        id: id.get(..ID_BYTES_MAX).unwrap_or(id).to_vec(),
        baker: Baker::new(shared.settings.cookie_secret),
        keys: Keys::of(&shared.settings.transfer_keys),
        clock: memory.clone(),
    });
    let mut clock = tokio::time::interval(CLOCK);
    let alpn = Arc::new(Alpn::of(&shared.settings.alpn));
    let mut current: Option<Compiled> = None;
    loop {
        tokio::select! {
            biased;
            () = shared.drain.cancelled() => return,
            () = next(&mut view) => {
                let new = view.borrow_and_update().clone();
                if let Some(compiled) = accept(&shared, current.as_ref(), new, &memory).await {
                    current = Some(compiled);
                }
            }
            () = next(&mut follows.live) => {}
            _ = clock.tick() => {
                memory.set_time(now_s());
                continue;
            }
            () = next(&mut follows.map) => {}
            () = next(&mut follows.shares) => {}
        }
        let Some(compiled) = &current else { continue };
        let health = follows.live.borrow_and_update().clone();
        let ttl_s = shared.settings.ttl_s;
        let (plan, priors) = (compiled.plan.clone(), compiled.priors.clone());
        let map = follows.map.borrow_and_update().clone();
        let shares = follows.shares.borrow_and_update().clone();
        shared.metrics.map(&map);
        shared.metrics.shares(&shares);
        let (alpn, identity) = (alpn.clone(), identity.clone());
        let signers = compiled.signers.clone();
        let geo = shared.settings.geo.clone();
        let made = tokio::task::spawn_blocking(move || {
            Responder::new(plan, priors, &health, ttl_s)
                .with_alpn(alpn)
                .with_identity(identity)
                .with_signers(signers)
                .with_geo(geo)
                .with_shares(&shares)
                .with_map(&map)
        });
        let Ok(responder) = made.await else {
            tracing::error!("a responder cannot be made; the one in use stays");
            continue;
        };
        shared.responder.store(Arc::new(responder));
        let revision = compiled.plan.revision;
        shared
            .metrics
            .revision
            .set(i64::try_from(revision.0).unwrap_or(i64::MAX));
        installed.send_if_modified(|old| std::mem::replace(old, revision) != revision);
    }
}

/// Seconds since 1970, modulo 2^32, as signatures have them.
fn now_s() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| now.as_secs()) & u64::from(u32::MAX);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// Waits for the next value; for ever, when there will be none.
async fn next<T>(values: &mut watch::Receiver<T>) {
    if values.changed().await.is_err() {
        std::future::pending().await
    }
}

/// Compiles a view, unless it must not replace the one in use.
async fn accept(
    shared: &Shared,
    current: Option<&Compiled>,
    view: Arc<ZoneView>,
    memory: &Arc<Memory>,
) -> Option<Compiled> {
    let outcome = |name: &str| shared.metrics.installs.with_label_values(&[name]).inc();
    if view.base_domain.is_empty() {
        return None;
    }
    let revision = view.revision;
    if current.is_some_and(|current| revision < current.plan.revision) {
        tracing::warn!(%revision, "an older configuration is not installed over a newer one");
        outcome("older");
        return None;
    }
    let memory = memory.clone();
    let compiled = tokio::task::spawn_blocking(move || {
        let (plan, mut diagnostics) = ZonePlan::compile(&view);
        let (signers, broken) = Signers::of(plan.zones(), &memory);
        diagnostics.extend(broken.into_iter().map(|message| Diagnostic {
            at: "zones".to_owned(),
            message,
        }));
        let priors = Priors::of(plan.priors.iter().map(Arc::as_ref));
        (
            Compiled {
                plan: Arc::new(plan),
                priors: Arc::new(priors),
                signers: Arc::new(signers),
            },
            diagnostics,
        )
    });
    let (compiled, diagnostics) = match compiled.await {
        Ok(compiled) => compiled,
        Err(error) => {
            tracing::error!(%revision, %error, "a configuration cannot be compiled");
            outcome("failed");
            return None;
        }
    };
    tell(shared, revision, &diagnostics);
    outcome("installed");
    Some(compiled)
}

fn tell(shared: &Shared, revision: Revision, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().take(DIAGNOSTICS_LOGGED_MAX) {
        tracing::warn!(%revision, at = diagnostic.at, "{}", diagnostic.message);
    }
    let count = i64::try_from(diagnostics.len()).unwrap_or(i64::MAX);
    shared.metrics.diagnostics.set(count);
}

impl Shared {
    /// Waits for the first configuration; false, if the drain comes first.
    pub(crate) async fn has_plan(&self) -> bool {
        let mut installed = self.installed.clone();
        tokio::select! {
            biased;
            () = self.drain.cancelled() => false,
            first = installed.wait_for(|revision| *revision != Revision(0)) => first.is_ok(),
        }
    }
}
