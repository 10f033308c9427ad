//! To which regions a connector connects, and where they are.
//!
//! It begins with the nearest ones and keeps to them: a region is only added when too few of those
//! it has can be reached, and none is left while it exists, so that no call is cut off by a choice.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use link::{ProbeOutcome, Service};
use model::NodeId;
use tokio::sync::watch;

use super::{
    control::Control,
    directory::{self, Seeds},
    message::{self, ClusterRequest, Seed},
};

/// Between two looks at what is reached.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// For all regions to be measured before the first are chosen.
const MEASURED_WITHIN: Duration = Duration::from_secs(1);
/// Between two questions where the regions are.
const ASK_EVERY: Duration = Duration::from_secs(10);
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Lost probes in a row after which a node is not reached.
const LOSSES_MAX: u32 = 3;

/// Which regions are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// These; any if there are none.
    pub(crate) names: Vec<String>,
    /// How many of any.
    pub(crate) count: usize,
}

/// How far region nodes are that can be reached.
#[derive(Debug, Default)]
pub(crate) struct Distances(Mutex<BTreeMap<NodeId, Duration>>);

impl Distances {
    /// Notes what a probe told.
    pub(crate) fn note(&self, node: NodeId, outcome: &ProbeOutcome) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            ProbeOutcome::Report(report) => {
                known.insert(node, report.rtt);
            }
            ProbeOutcome::Lost { in_a_row } if *in_a_row < LOSSES_MAX => {}
            ProbeOutcome::Lost { .. } | ProbeOutcome::Down => {
                known.remove(&node);
            }
        }
    }

    fn snapshot(&self) -> BTreeMap<NodeId, Duration> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Publishes the nodes to connect to, until it is dropped.
pub(crate) async fn choose_on(
    wanted: Wanted,
    distances: Arc<Distances>,
    mut seeds: watch::Receiver<Seeds>,
    chosen: watch::Sender<Seeds>,
) {
    let began = Instant::now();
    let mut current = BTreeSet::new();
    loop {
        let known = Seeds::clone(&seeds.borrow_and_update());
        let reached = distances.snapshot();
        let measured = known.iter().all(|seed| reached.contains_key(&seed.node));
        if measured || began.elapsed() >= MEASURED_WITHIN || !current.is_empty() {
            current = choose(&known, &reached, &wanted, &current);
            let nodes = known.iter().filter(|seed| current.contains(&seed.region));
            let nodes: Seeds = nodes.cloned().collect();
            chosen.send_if_modified(|old| {
                let differs = *old != nodes;
                *old = nodes;
                differs
            });
        }
        tokio::select! {
            changed = seeds.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// The regions to connect to, given those it is connected to now.
fn choose(
    known: &[Seed],
    reached: &BTreeMap<NodeId, Duration>,
    wanted: &Wanted,
    current: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut nearest: BTreeMap<&str, Option<Duration>> = BTreeMap::new();
    for seed in known {
        let region = nearest.entry(&seed.region).or_default();
        let found = reached.get(&seed.node).copied();
        *region = match (*region, found) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    if !wanted.names.is_empty() {
        let named = wanted.names.iter();
        let named = named.filter(|name| nearest.contains_key(name.as_str()));
        return named.cloned().collect();
    }
    let kept = current
        .iter()
        .filter(|name| nearest.contains_key(name.as_str()));
    let mut chosen: BTreeSet<String> = kept.cloned().collect();
    let is_up = |name: &str| nearest.get(name).is_some_and(Option::is_some);
    let mut up = chosen.iter().filter(|name| is_up(name)).count();
    let mut others: Vec<(Duration, &str)> = nearest
        .iter()
        .map(|(name, rtt)| (rtt.unwrap_or(Duration::MAX), *name))
        .collect();
    others.sort();
    for (rtt, name) in others {
        // Those that cannot be reached are only tried while there are too few at all.
        let helps = rtt < Duration::MAX || chosen.len() < wanted.count;
        if up < wanted.count && helps && chosen.insert(name.to_owned()) {
            up += usize::from(rtt < Duration::MAX);
        }
    }
    chosen
}

/// Asks regions where all of them are, and keeps the answer on disk, until it is dropped.
pub(crate) async fn follow_regions(
    data_dir: PathBuf,
    control: Arc<Control>,
    seeds: watch::Sender<Seeds>,
) {
    loop {
        let known = Seeds::clone(&seeds.borrow());
        if let Some(found) = ask(&control, &known).await
            && found != known[..]
        {
            if let Err(error) = directory::save(&data_dir, &found) {
                tracing::warn!(%error, "the list of regions cannot be kept");
            }
            seeds.send_replace(found.into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Where the first region node that answers says that all of them are.
async fn ask(control: &Control, known: &Seeds) -> Option<Vec<Seed>> {
    let question = message::encode(&ClusterRequest::Regions).ok()?;
    for seed in known.iter() {
        let peer = control.peer_at(seed.node, seed.link);
        let asked = peer.rpc(Service::Cluster, question.clone(), ASK_TIMEOUT);
        if let Ok(answer) = asked.await {
            let found = message::decode::<Vec<Seed>>(&answer).ok();
            // Nothing is ever taken from an empty configuration.
            return found.filter(|found| !found.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    //! Where a connector goes, and that it stays.

    use std::{collections::BTreeSet, time::Duration};

    use model::NodeId;

    use super::{Seed, Wanted, choose};

    /// `reached` are nodes with milliseconds; node 1 and 2 are in a, 3 in b, 4 in c.
    #[track_caller]
    fn check(names: &[&str], reached: &[(u64, u64)], current: &[&str], expected: &[&str]) {
        let seed = |(node, region): (u64, &str)| Seed {
            node: NodeId(node),
            region: region.to_owned(),
            link: ([127, 0, 0, 1], 1).into(),
        };
        let known = [(1, "a"), (2, "a"), (3, "b"), (4, "c")].map(seed);
        let reached = reached
            .iter()
            .map(|(node, ms)| (NodeId(*node), Duration::from_millis(*ms)))
            .collect();
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let wanted = Wanted {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            count: 2,
        };
        let current: BTreeSet<String> = owned(current);
        let chosen = choose(&known, &reached, &wanted, &current);
        assert_eq!(chosen, owned(expected));
    }

    #[test]
    fn the_nearest_are_chosen_and_kept() {
        let all = [(1, 90), (2, 80), (3, 10), (4, 20)];
        check(&[], &all, &[], &["b", "c"]);
        check(&[], &[(1, 90), (2, 5), (3, 10), (4, 20)], &[], &["a", "b"]);
        // Whatever has become nearer.
        check(&[], &all, &["a", "b"], &["a", "b"]);
        check(&[], &all, &["a", "gone"], &["a", "b"]);
    }

    #[test]
    fn one_that_is_lost_is_stood_in_for() {
        check(&[], &[(1, 90), (3, 10)], &["b", "c"], &["a", "b", "c"]);
        check(&[], &[(3, 10)], &["b", "c"], &["b", "c"]);
        check(&[], &[], &[], &["a", "b"]);
        check(&[], &[(4, 1)], &[], &["a", "c"]);
    }

    #[test]
    fn named_regions_are_taken_at_their_word() {
        check(&["a", "x"], &[(3, 1), (4, 1)], &["b"], &["a"]);
    }
}
