//! Holds `steer`'s state for the workers: observations go in under a lock, the order comes out
//! without one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use link::ProbeOutcome;
use model::NodeId;
use plan::edge::EdgePlan;
use steer::region::{
    Answer, BudgetSettings, Called, Order, Probe, RegionSettings, Regions, RetryBudget, Standing,
};

/// The POP's view of the regions.
#[derive(Debug)]
pub(crate) struct Steering {
    regions: Mutex<Regions>,
    order: ArcSwap<Order>,
    budgets: Mutex<Budgets>,
}

/// What may be added to the load.
#[derive(Debug)]
struct Budgets {
    retries: RetryBudget,
    hedges: RetryBudget,
}

impl Steering {
    pub(crate) fn new() -> Self {
        Self {
            regions: Mutex::new(Regions::new(RegionSettings::default())),
            order: ArcSwap::default(),
            budgets: Mutex::new(Budgets {
                retries: RetryBudget::new(BudgetSettings::default()),
                hedges: RetryBudget::new(BudgetSettings::hedges()),
            }),
        }
    }

    /// The nodes of `plan` are those there are.
    pub(crate) fn install(&self, plan: &EdgePlan, now_ms: u64) {
        let regions = plan.regions().iter();
        let nodes: Vec<_> = regions
            .flat_map(|region| {
                region
                    .nodes
                    .iter()
                    .map(|node| (node.id, region.name.clone()))
            })
            .collect();
        self.change(|regions| regions.set_nodes(&nodes, now_ms));
    }

    /// Takes a prober's outcome; answers which nodes fell.
    pub(crate) fn probed(&self, node: NodeId, outcome: &ProbeOutcome, now_ms: u64) -> Vec<NodeId> {
        let probe = match outcome {
            ProbeOutcome::Report(report) => Probe::Answered(Answer {
                rtt_us: u64::try_from(report.rtt.as_micros()).unwrap_or(u64::MAX),
                in_flight: report.load.in_flight,
                limit: report.load.limit,
                service_p50_us: report.load.service_p50_us,
                revision: report.revision,
                draining: report.draining,
            }),
            ProbeOutcome::Lost { .. } | ProbeOutcome::Down => Probe::Lost,
        };
        self.change(|regions| regions.probed(node, probe, now_ms))
    }

    pub(crate) fn called(&self, node: NodeId, called: Called, now_ms: u64) {
        self.change(|regions| regions.called(node, called, now_ms));
    }

    /// Takes what came of the calls since the last tick.
    pub(crate) fn tallied(&self, tallies: &[(NodeId, u64, u64)], now_ms: u64) {
        self.change(|regions| regions.tallied(tallies, now_ms));
    }

    /// Lets time pass; answers which nodes fell.
    pub(crate) fn tick(&self, now_ms: u64) -> Vec<NodeId> {
        self.change(|regions| regions.tick(now_ms))
    }

    pub(crate) fn order(&self) -> Arc<Order> {
        self.order.load_full()
    }

    /// Whether every node is known not to answer (or there is none), so that trying is futile.
    pub(crate) fn all_lost(&self) -> bool {
        let order = self.order.load();
        let mut candidates = order.candidates();
        candidates.all(|one| one.standing == Standing::Lost && one.via.is_none())
    }

    /// Counts a request that is forwarded.
    pub(crate) fn count_request(&self, now_ms: u64) {
        let mut budgets = self.budgets();
        budgets.retries.request(now_ms);
        budgets.hedges.request(now_ms);
    }

    /// Takes one retry from the budget.
    pub(crate) fn withdraw_retry(&self, now_ms: u64) -> bool {
        self.budgets().retries.withdraw(now_ms)
    }

    /// Takes one second call, made because the first is late, from the budget.
    pub(crate) fn withdraw_hedge(&self, now_ms: u64) -> bool {
        self.budgets().hedges.withdraw(now_ms)
    }

    fn budgets(&self) -> MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Regions) -> T) -> T {
        let mut regions: MutexGuard<'_, Regions> =
            self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut regions);
        // Within the lock, so that an older order never replaces a newer one.
        self.order.store(regions.order());
        changed
    }
}
