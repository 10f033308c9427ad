//! Limits between region nodes: who their home is, the exchanges with it, and the counts of what
//! keys have used, told to all region nodes and kept on disk.
//!
//! The home is the leader of the ledger: a majority has agreed on it, and the term of its election
//! tells it from others (ADR 0028). What follows from all this for a request is decided in
//! `steer::limits`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use ledger::{Ledger, Role, Status};
use link::{NodeIdentity, PeerRole, RpcHandler, RpcRefusal, Service};
use model::{ApiKeyId, NodeId, UsagePlanId, rest::day_of};
use region::{AskHome, Limits};
use serde::{Deserialize, Serialize};
use serve::BoxFuture;
use steer::limits::{Answer, Count, Exchange, Meter, Standing, Take, Verdict};
use tokio::{runtime::Handle, sync::watch};

use super::{
    control::Control,
    directory::{self, Seeds},
    message::{self, Refusal},
    usage_files::UsageFiles,
};

/// Between two looks at what is to be told: a home counts on hearing from its followers.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two exchanges with the home, whatever there is to ask: requests gather meanwhile.
const EXCHANGE_GAP: Duration = Duration::from_millis(5);
/// For an answer of the home.
const ANSWER_WITHIN: Duration = Duration::from_millis(900);
/// For the home's decision on one request; then it counts as not to be had.
const DECIDE_WITHIN: Duration = Duration::from_secs(1);
/// Between two times that counts are told and stored: what a crash can lose.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(1);
/// For another node to take counts.
const TELL_WITHIN: Duration = Duration::from_secs(2);
/// Counts in one message.
const COUNTS_MAX: usize = 10_000;

/// What region nodes say to each other about limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum LimitRequest {
    /// To the home; the answer is an `Option<Answer>`.
    Exchange(Exchange),
    /// To the home; the answer is an `Option<Verdict>`.
    Take(Take),
    /// To anybody; no answer.
    Counted(Vec<Count>),
    /// Asks for counts behind a meter's day; the answer is a `Vec<Count>`.
    CountsAfter(Option<(Meter, u32)>),
}

/// A region node's side.
pub(crate) struct LimitKeeper {
    pub(crate) own: NodeId,
    pub(crate) limits: Arc<Limits>,
    pub(crate) ledger: Ledger,
    pub(crate) control: Arc<Control>,
    pub(crate) seeds: watch::Receiver<Seeds>,
    pub(crate) files: UsageFiles,
    /// Who is to be told everything once it is reached: new nodes, and those that missed a part.
    pub(crate) behind: Mutex<BTreeMap<NodeId, Behind>>,
}

/// What another node does not know.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    /// Own counts by meter and day that it has not taken.
    missed: BTreeMap<(Meter, u32), Count>,
    /// It has given what it knew when this node started.
    asked: bool,
}

impl LimitKeeper {
    pub(crate) fn new(
        (own, limits): (NodeId, Arc<Limits>),
        ledger: Ledger,
        (control, seeds): (Arc<Control>, watch::Receiver<Seeds>),
        data_dir: PathBuf,
    ) -> Arc<Self> {
        let keeper = Arc::new(Self {
            own,
            limits,
            ledger,
            control,
            seeds,
            files: UsageFiles::new(data_dir),
            behind: Mutex::default(),
        });
        let stored = keeper.files.load();
        let lived = keeper.files.begin();
        keeper.limits.with(|node, _| {
            if lived {
                node.has_lived();
            }
            node.merge(&stored);
        });
        // What was stored need not be stored again.
        keeper.limits.with(|node, _| node.usage_mut().unstored());
        keeper.limits.set_home(Arc::new(Asker {
            keeper: Arc::downgrade(&keeper),
            control: Handle::current(),
        }));
        keeper
    }

    /// Keeps the standing, exchanges with the home and tells counts, until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        tokio::join!(self.follow(), self.exchange(), self.tell());
    }

    /// Stores what was counted last, before the process ends.
    pub(crate) async fn store(self: Arc<Self>) {
        let storing = tokio::task::spawn_blocking(move || self.files.store(&self.limits));
        if let Err(error) = storing.await {
            tracing::error!(%error, "what keys have used cannot be stored");
        }
    }

    /// Follows the ledger: who leads, and how many region nodes there are.
    async fn follow(&self) {
        let mut status = self.ledger.status();
        let mut config = self.ledger.config();
        loop {
            let standing = standing(&status.borrow_and_update());
            let nodes = directory::of_config(&config.borrow_and_update()).len();
            self.limits.with(|node, now_ms| {
                node.set_nodes(nodes);
                node.set_standing(now_ms, standing);
            });
            let changed = tokio::select! {
                changed = status.changed() => changed,
                changed = config.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    async fn exchange(&self) {
        loop {
            tokio::select! {
                () = self.limits.wanted() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            while let Some((home, told)) = self.limits.with(|node, now_ms| node.exchange(now_ms)) {
                self.exchange_once(NodeId(home), told).await;
                tokio::time::sleep(EXCHANGE_GAP).await;
            }
        }
    }

    async fn exchange_once(&self, home: NodeId, told: Exchange) {
        let request = LimitRequest::Exchange(told.clone());
        let answer: Option<Option<Answer>> = self.ask(home, &request, ANSWER_WITHIN).await;
        let result = match &answer {
            Some(Some(_)) => "ok",
            Some(None) => "not_home",
            None => "failed",
        };
        self.limits.exchanged(result);
        self.limits.with(|node, now_ms| match answer.flatten() {
            Some(answer) => node.answered(now_ms, &told, &answer),
            None => node.failed(&told),
        });
    }

    /// Tells other region nodes what was counted here, and stores all counts.
    async fn tell(self: &Arc<Self>) {
        loop {
            tokio::time::sleep(TELL_EVERY).await;
            let today = day_of(self.limits.now_ms());
            self.limits.with(|node, now_ms| {
                node.sweep(now_ms);
                node.usage_mut().forget(today);
            });
            self.limits.show();
            self.tell_once().await;
            Arc::clone(self).store().await;
        }
    }

    async fn tell_once(self: &Arc<Self>) {
        let own = self.own;
        let fresh = self.limits.with(|node, _| {
            let usage = node.usage_mut();
            usage.untold(own.0, usize::MAX)
        });
        let seeds = Seeds::clone(&self.seeds.borrow());
        let others: Vec<NodeId> = directory::others(&seeds, own)
            .map(|seed| seed.node)
            .collect();
        let mut telling = tokio::task::JoinSet::new();
        for node in others {
            let mut behind = self.take_behind(node);
            for count in &fresh {
                let key = (count.meter.clone(), count.day);
                behind.missed.insert(key, count.clone());
            }
            let keeper = Arc::clone(self);
            telling.spawn(async move {
                let behind = keeper.catch_up(node, behind).await;
                (node, behind)
            });
        }
        let known = telling.join_all().await;
        self.lock_behind().extend(known);
    }

    fn lock_behind(&self) -> std::sync::MutexGuard<'_, BTreeMap<NodeId, Behind>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a node does not know; a node met for the first time knows nothing of this one.
    fn take_behind(&self, node: NodeId) -> Behind {
        if let Some(known) = self.lock_behind().remove(&node) {
            return known;
        }
        let own = self.own.0;
        let all = self
            .limits
            .with(|node, _| node.usage().page(None, usize::MAX));
        let own = all.into_iter().filter(|count| count.node == own);
        let missed = own.map(|count| ((count.meter.clone(), count.day), count));
        Behind {
            missed: missed.collect(),
            asked: false,
        }
    }

    /// Tells a node what it has missed, and asks once for what it knows.
    async fn catch_up(&self, node: NodeId, mut behind: Behind) -> Behind {
        while !behind.missed.is_empty() {
            let part: Vec<Count> = behind.missed.values().take(COUNTS_MAX).cloned().collect();
            let last = part.last().map(|count| (count.meter.clone(), count.day));
            let told: Option<()> = self
                .ask(node, &LimitRequest::Counted(part), TELL_WITHIN)
                .await;
            let (Some(()), Some(last)) = (told, last) else {
                return behind;
            };
            behind.missed.retain(|at, _| *at > last);
        }
        if !behind.asked {
            behind.asked = self.learn(node).await.is_some();
        }
        behind
    }

    /// Takes over all that another node knows, this node's own counts before a restart included.
    async fn learn(&self, from: NodeId) -> Option<()> {
        let mut after = None;
        loop {
            let request = LimitRequest::CountsAfter(after.clone());
            let page: Vec<Count> = self.ask(from, &request, TELL_WITHIN).await?;
            let Some(last) = page.last() else {
                return Some(());
            };
            after = Some((last.meter.clone(), last.day));
            self.limits.with(|node, _| node.merge(&page));
        }
    }

    /// Sends a message; none when there is no answer, which the next time may bring.
    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        node: NodeId,
        request: &LimitRequest,
        within: Duration,
    ) -> Option<T> {
        let seeds = Seeds::clone(&self.seeds.borrow());
        let seed = seeds.iter().find(|seed| seed.node == node)?;
        let peer = self.control.peer_at(seed.node, seed.link);
        let body = message::encode(request).ok()?;
        let answer = peer.rpc(Service::Limits, body, within).await;
        let answer = answer.inspect_err(|error| tracing::debug!(%node, %error, "limits"));
        message::decode(&answer.ok()?).ok()
    }

    fn answer(&self, from: &NodeIdentity, request: LimitRequest) -> Result<Bytes, RpcRefusal> {
        let encoded = match request {
            LimitRequest::Exchange(told) => {
                let answer = self
                    .limits
                    .with(|node, now_ms| node.hear(now_ms, from.node, &told));
                message::encode(&answer)
            }
            LimitRequest::Take(take) => {
                let verdict = self.limits.with(|node, now_ms| node.decide(now_ms, &take));
                message::encode(&verdict)
            }
            LimitRequest::Counted(counts) => {
                self.limits.with(|node, _| node.merge(&counts));
                message::encode(&())
            }
            LimitRequest::CountsAfter(after) => {
                let page = self
                    .limits
                    .with(|node, _| node.usage().page(after.as_ref(), COUNTS_MAX));
                message::encode(&page)
            }
        };
        encoded.map_err(|error| Refusal::Internal.because(error))
    }
}

/// Who the home is, as this node's ledger sees it. A leader without a majority is none.
fn standing(status: &Status) -> Standing {
    match (status.healthy, status.role, status.leader) {
        (true, Role::Leader, _) => Standing::Home { reign: status.term },
        (true, Role::Follower | Role::Learner, Some(home)) if home != status.node => {
            Standing::Follows {
                home: home.0,
                reign: status.term,
            }
        }
        _ => Standing::Alone,
    }
}

impl RpcHandler for LimitKeeper {
    fn rpc(
        &self,
        from: Option<Arc<NodeIdentity>>,
        body: Bytes,
    ) -> BoxFuture<'_, Result<Bytes, RpcRefusal>> {
        Box::pin(async move {
            let from = from.filter(|from| from.role == PeerRole::Region);
            let from = from.ok_or_else(|| Refusal::Rejected.because("not for this role"))?;
            let request =
                message::decode(&body).map_err(|error| Refusal::Malformed.because(error))?;
            self.answer(&from, request)
        })
    }
}

/// Asks the home about single requests, in `exact` mode.
struct Asker {
    keeper: Weak<LimitKeeper>,
    /// Where the paths to other nodes live.
    control: Handle,
}

impl AskHome for Asker {
    fn ask(&self, home: u64, take: Take) -> BoxFuture<'_, Option<Verdict>> {
        let keeper = self.keeper.upgrade();
        let asking = self.control.spawn(async move {
            let request = LimitRequest::Take(take);
            let keeper = keeper?;
            let asked = keeper.ask(NodeId(home), &request, DECIDE_WITHIN);
            let answer: Option<Option<Verdict>> = asked.await;
            answer.flatten()
        });
        Box::pin(async move { asking.await.ok().flatten() })
    }
}

impl admin::UsageCounts for LimitKeeper {
    fn used(&self, plan: &UsagePlanId, key: &ApiKeyId, days: std::ops::Range<u32>) -> Vec<u64> {
        let meter = Meter {
            plan: plan.clone(),
            key: key.clone(),
        };
        self.limits.with(|node, _| {
            let usage = node.usage();
            days.map(|day| usage.on(&meter, day)).collect()
        })
    }
}
