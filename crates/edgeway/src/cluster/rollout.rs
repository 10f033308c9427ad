//! Drives rollouts on the region node that leads: looks at the evidence, proposes what follows.
//!
//! What to do is `model`'s decision (`Rollout::judge`). A stage's time is counted here from when
//! this node first saw it, so that clocks of nodes need not agree; a new leader therefore lets the
//! stage soak anew. A proposal names the rollout it means, so a late one does nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ledger::{Ledger, Role};
use model::{ApiId, Config, Evidence, Op, Revision, Rollout, RolloutEnd, RolloutStage, Verdict};
use tokio::time::Instant;

use super::{fleet::Fleet, membership};
use crate::metrics::Metrics;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What drives rollouts.
pub(crate) struct Driver {
    pub(crate) ledger: Ledger,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) region: Arc<region::Region>,
    pub(crate) metrics: Metrics,
    pub(crate) drain: serve::Drain,
}

/// When this node first saw each rollout's stage.
type Stages = BTreeMap<ApiId, (Revision, RolloutStage, Instant)>;

impl Driver {
    /// Drives until the node drains.
    pub(crate) async fn run(self) {
        let mut stages = Stages::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.drain.begun() => return,
            }
            let config = Arc::clone(&self.ledger.config().borrow());
            let leads = self.ledger.status().borrow().role == Role::Leader;
            if !leads || config.rollouts.is_empty() {
                stages.clear();
                continue;
            }
            stages.retain(|api, _| config.rollouts.contains_key(api));
            for (api, rollout) in &config.rollouts {
                let since = since(&mut stages, api, rollout);
                self.step(&config, api, rollout, since).await;
            }
        }
    }

    async fn step(&self, config: &Config, api: &ApiId, rollout: &Rollout, since: Instant) {
        let evidence = self.evidence(config, api, rollout, since);
        let end = match rollout.judge(&config.rollout_policy, &evidence) {
            Verdict::Wait => return,
            Verdict::Advance => None,
            Verdict::Release => Some(RolloutEnd::Released),
            Verdict::RollBack(reason) => Some(RolloutEnd::RolledBack(reason)),
        };
        let step = end.as_ref().map_or("advanced", RolloutEnd::as_str);
        let reason = match &end {
            Some(RolloutEnd::RolledBack(reason)) => reason.clone(),
            _ => String::new(),
        };
        let (api, id) = (api.clone(), rollout.id);
        let op = match end {
            None => Op::AdvanceRollout(api.clone(), id),
            Some(end) => Op::EndRollout {
                api: api.clone(),
                id,
                end,
            },
        };
        let proposed = self.ledger.propose(membership::change("rollout", op)).await;
        // A refusal means that someone else was quicker; without a leader the next look tries
        // again.
        if proposed.is_ok_and(|applied| applied.outcome.is_ok()) {
            self.metrics.rollout(step);
            tracing::warn!(%api, revision = %id, step, reason, "rollout");
        }
    }

    fn evidence(
        &self,
        config: &Config,
        api: &ApiId,
        rollout: &Rollout,
        since: Instant,
    ) -> Evidence {
        let mut evidence = Evidence {
            soaked_ms: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..Evidence::default()
        };
        let trials = self.fleet.trials().into_iter().chain(self.region.trials());
        for trial in trials.filter(|trial| trial.api == *api && trial.id == rollout.id) {
            evidence.new.add(&trial.new);
            evidence.old.add(&trial.old);
        }
        let mut refusals = self.fleet.refusals().into_iter();
        // A revision between the rollout's and now holds the new version.
        let its = refusals
            .find(|(_, revision, _)| *revision >= rollout.id && *revision <= config.revision);
        evidence.refused = its.map(|(node, revision, reason)| {
            format!("node {node} cannot take revision {revision}: {reason}")
        });
        evidence
    }
}

/// When the rollout's stage began, as far as this node has seen.
fn since(stages: &mut Stages, api: &ApiId, rollout: &Rollout) -> Instant {
    let now = (rollout.id, rollout.stage, Instant::now());
    let known = stages.entry(api.clone()).or_insert(now);
    if (known.0, known.1) != (rollout.id, rollout.stage) {
        *known = now;
    }
    known.2
}
