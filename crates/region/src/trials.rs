//! Rollouts as a region runs them: which version of an API a request gets, and how that went.
//!
//! While nothing is on its way there is nothing here, and a request costs one look at an empty
//! slot.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderValue, StatusCode};
use model::{ApiId, Config, Rollout, Trial};
use plan::region::RegionPlan;

use crate::exchange::Facts;
use crate::forwarded::By;
use crate::phases::route;

/// New versions on their way, at one revision.
pub(crate) struct Trials {
    /// The configuration with all new versions; the region's plan is the one without.
    plan: Arc<RegionPlan>,
    running: BTreeMap<ApiId, Running>,
}

struct Running {
    rollout: Arc<Rollout>,
    counts: Arc<Mutex<Trial>>,
}

/// Where a request's end is counted.
pub(crate) struct Counted {
    counts: Arc<Mutex<Trial>>,
    new: bool,
}

impl Trials {
    /// Compiles the new versions, if there are any; counts of rollouts that go on are kept.
    pub(crate) fn compile(config: &Config, last: Option<&Self>) -> Option<Self> {
        if config.rollouts.is_empty() {
            return None;
        }
        let plan = match last {
            Some(last) => last.plan.compile_from(config).0,
            None => RegionPlan::compile(config).0,
        };
        let running = config.rollouts.iter().map(|(api, rollout)| {
            let known = last.and_then(|last| last.running.get(api));
            let known = known.filter(|known| known.rollout.id == rollout.id);
            let fresh = || {
                Arc::new(Mutex::new(Trial {
                    api: api.clone(),
                    id: rollout.id,
                    new: model::Tally::default(),
                    old: model::Tally::default(),
                }))
            };
            let counts = known.map_or_else(fresh, |known| Arc::clone(&known.counts));
            let rollout = Arc::clone(rollout);
            (api.clone(), Running { rollout, counts })
        });
        Some(Self {
            plan: Arc::new(plan),
            running: running.collect(),
        })
    }

    /// The plan for a request whose API is being rolled out, and where to count it; none for every
    /// other request. `released` is what everyone else gets.
    pub(crate) fn choose(
        &self,
        released: &Arc<RegionPlan>,
        facts: &Facts,
        asked: (&str, Option<&HeaderValue>),
        (region, path): (&str, &str),
    ) -> Option<(Arc<RegionPlan>, Counted)> {
        // A stage or switch may be in only one of the versions.
        let api = api_of(released, facts, asked, path)
            .or_else(|| api_of(&self.plan, facts, asked, path))?;
        let running = self.running.get(&api)?;
        let pop = match &facts.by {
            By::Pop(pop) => Some(pop.as_str()),
            By::Address(_) => None,
        };
        let new = running.rollout.covers(pop, region);
        let plan = if new { &self.plan } else { released };
        let counts = Arc::clone(&running.counts);
        Some((Arc::clone(plan), Counted { counts, new }))
    }

    /// What has been counted.
    pub(crate) fn counts(&self) -> Vec<Trial> {
        let read = |running: &Running| {
            let counts = running.counts.lock();
            counts.unwrap_or_else(PoisonError::into_inner).clone()
        };
        self.running.values().map(read).collect()
    }
}

impl Counted {
    /// The answer's head is ready, `ms` after the request began.
    pub(crate) fn answered(self, status: StatusCode, ms: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = if self.new {
            &mut counts.new
        } else {
            &mut counts.old
        };
        tally.count(status.is_server_error(), ms);
    }
}

fn api_of(
    plan: &RegionPlan,
    facts: &Facts,
    asked: (&str, Option<&HeaderValue>),
    path: &str,
) -> Option<ApiId> {
    let found = route::find(plan, facts, asked, path).ok()?;
    Some(found.api.id().clone())
}
