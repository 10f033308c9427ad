//! What a node has to know to open its ledger: who it is, where its files are, and raft's timers.
//!
//! Timers are chosen for regions that are far apart. openraft waits for the answer to an append for
//! one heartbeat interval and no longer, so the interval must exceed the longest round trip by far.

use std::{path::PathBuf, sync::Arc, time::Duration};

use model::NodeId;

use crate::{error::LedgerError, limits};

/// Settings of one node's ledger. They must be alike on all nodes of a cluster but for `node` and
/// `dir`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// The cluster's name. A directory that belongs to another cluster is refused.
    pub cluster: String,
    /// This node. A directory that belongs to another node is refused.
    pub node: NodeId,
    /// Where the log and snapshots are. Made if missing.
    pub dir: PathBuf,
    /// How often the leader shows that it lives; also the time-out of every append.
    pub heartbeat: Duration,
    /// The shortest time without a leader before a node stands for election; also the time-out of
    /// asking for a vote, and how long a node takes its leader to be alive without hearing of it.
    pub election_min: Duration,
    /// The longest such time; also how long a voter stays loyal to a leader it has heard.
    pub election_max: Duration,
    /// Time for one piece of a snapshot to arrive.
    pub snapshot_timeout: Duration,
    /// Log entries between snapshots.
    pub snapshot_every: u64,
    /// How long a proposal is tried before it fails.
    pub propose_timeout: Duration,
}

impl LedgerSettings {
    /// Settings with timers for regions that are up to a few hundred milliseconds apart.
    pub fn new(cluster: impl Into<String>, node: NodeId, dir: impl Into<PathBuf>) -> Self {
        Self {
            cluster: cluster.into(),
            node,
            dir: dir.into(),
            heartbeat: Duration::from_millis(500),
            election_min: Duration::from_secs(2),
            election_max: Duration::from_secs(4),
            snapshot_timeout: Duration::from_secs(30),
            snapshot_every: 5000,
            propose_timeout: Duration::from_secs(10),
        }
    }

    /// The same with timers for nodes on one machine.
    #[must_use]
    pub const fn local(mut self) -> Self {
        self.heartbeat = Duration::from_millis(100);
        self.election_min = Duration::from_millis(400);
        self.election_max = Duration::from_millis(800);
        self
    }

    /// What openraft needs to know of them. Elections start switched off: the watchdog allows them.
    pub(crate) fn to_raft(&self) -> Result<Arc<openraft::Config>, LedgerError> {
        let config = openraft::Config {
            cluster_name: self.cluster.clone(),
            heartbeat_interval: millis(self.heartbeat)?,
            election_timeout_min: millis(self.election_min)?,
            election_timeout_max: millis(self.election_max)?,
            install_snapshot_timeout: millis(self.snapshot_timeout)?,
            max_payload_entries: limits::APPEND_ENTRIES_MAX,
            // A follower further behind gets a snapshot, which must be newer than that.
            replication_lag_threshold: self.snapshot_every.saturating_add(limits::ENTRIES_KEPT),
            snapshot_policy: openraft::SnapshotPolicy::LogsSinceLast(self.snapshot_every),
            snapshot_max_chunk_size: limits::SNAPSHOT_CHUNK_BYTES,
            max_in_snapshot_log_to_keep: limits::ENTRIES_KEPT,
            enable_elect: false,
            ..openraft::Config::default()
        };
        let checked = config.validate();
        checked
            .map(Arc::new)
            .map_err(|error| LedgerError::Settings(error.to_string()))
    }
}

fn millis(duration: Duration) -> Result<u64, LedgerError> {
    u64::try_from(duration.as_millis())
        .map_err(|_| LedgerError::Settings("a timer is out of range".to_owned()))
}
