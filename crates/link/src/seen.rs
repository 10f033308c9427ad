//! Which nodes are connected to us right now.
//!
//! Regions tell DNS from it which POPs live, and reach connectors over the connections that
//! those opened. It holds nothing about nodes that are gone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::identity::{NodeIdentity, PeerRole};
use crate::metrics::Refused;
use crate::peer::Peer;

/// A node that is connected to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPeer {
    /// Who it is.
    pub identity: Arc<NodeIdentity>,
    /// Where its newest connection comes from.
    pub remote: SocketAddr,
    /// When its oldest open connection was made.
    pub since: SystemTime,
    /// How many connections it has open (one per worker).
    pub connections: usize,
    /// How long ago it last probed us, if it ever did over an open connection.
    pub last_probe_age: Option<Duration>,
}

/// One open connection that the other side made.
#[derive(Clone, Debug)]
pub struct WayBack {
    /// Tells it from every other connection.
    pub number: u64,
    /// Who is at the other side.
    pub identity: Arc<NodeIdentity>,
    /// Uses the connection while it lives.
    pub peer: Peer,
}

/// The nodes connected to a node's listeners; shared by all of them.
#[derive(Debug)]
pub struct PeersSeen {
    started: Instant,
    open: Mutex<BTreeMap<Key, Vec<Entry>>>,
    changed: watch::Sender<u64>,
    /// As `changed`, of every single connection.
    turned: watch::Sender<u64>,
    next: AtomicU64,
    admission: OnceLock<Admission>,
}

/// Says whether a node is still one of the cluster's.
struct Admission(Box<dyn Fn(&NodeIdentity) -> bool + Send + Sync>);

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admission")
    }
}

type Key = (PeerRole, String, u64);

#[derive(Debug)]
struct Entry {
    number: u64,
    identity: Arc<NodeIdentity>,
    remote: SocketAddr,
    since: SystemTime,
    probed: Arc<Probed>,
    peer: Peer,
}

/// When a connection was last probed, in milliseconds since the table was made plus one; zero
/// for never.
#[derive(Debug, Default)]
pub(crate) struct Probed(AtomicU64);

impl PeersSeen {
    /// An empty table.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            open: Mutex::default(),
            changed: watch::Sender::new(0),
            turned: watch::Sender::new(0),
            next: AtomicU64::new(0),
            admission: OnceLock::new(),
        })
    }

    /// Asks `admits` about every node that connects from now on: a certificate is good until it
    /// ends, also when its node has been removed. The first one stays.
    pub fn admit_only(&self, admits: impl Fn(&NodeIdentity) -> bool + Send + Sync + 'static) {
        // A second one would be a mistake of the wiring, and changes nothing.
        drop(self.admission.set(Admission(Box::new(admits))));
    }

    /// Ends the connections of nodes that are not admitted any more; what runs on them fails.
    pub fn expel(&self) {
        let gone: Vec<Peer> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let entries = open.values().flatten();
            let gone = entries.filter(|entry| !self.admits(&entry.identity));
            gone.map(|entry| entry.peer.clone()).collect()
        };
        for peer in gone {
            tracing::info!(addr = %peer.addr(), "a removed node is cut off");
            peer.close();
        }
    }

    fn admits(&self, identity: &NodeIdentity) -> bool {
        let admission = self.admission.get();
        admission.is_none_or(|admission| admission.0(identity))
    }

    /// The connected nodes, ordered by role, place and number.
    pub fn snapshot(&self) -> Vec<SeenPeer> {
        let now = self.clock();
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values()
            .filter_map(|entries| summary(entries, now))
            .collect()
    }

    /// A number that rises whenever a node comes or goes (not with every connection).
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// A way back to a node with this role and place, over a connection that it opened. It
    /// works while that connection lives and never connects by itself.
    pub fn reverse(&self, role: PeerRole, place: &str) -> Option<Peer> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (role, place.to_owned(), 0);
        let entries = open
            .range(from..)
            .take_while(|(key, _)| key.0 == role && key.1 == place);
        entries
            .filter_map(|(_, entries)| entries.last())
            .map(|entry| entry.peer.clone())
            .next()
    }

    /// Every open connection from nodes of a role, with a way back over each and a number that no
    /// other connection to this table has.
    pub fn ways_back(&self, role: PeerRole) -> Vec<WayBack> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_role = open.iter().filter(|(key, _)| key.0 == role);
        let entries = of_role.flat_map(|(_, entries)| entries);
        let way = |entry: &Entry| WayBack {
            number: entry.number,
            identity: Arc::clone(&entry.identity),
            peer: entry.peer.clone(),
        };
        entries.map(way).collect()
    }

    /// A number that rises with every connection that comes or goes.
    pub fn connections(&self) -> watch::Receiver<u64> {
        self.turned.subscribe()
    }

    /// Adds a connection, if its node may have one more; it is removed when the guard is dropped.
    pub(crate) fn enter(
        self: &Arc<Self>,
        identity: Arc<NodeIdentity>,
        remote: SocketAddr,
        peer: Peer,
        per_node_max: usize,
    ) -> Result<SeenGuard, Refused> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = (identity.role, identity.place.clone(), identity.node);
        let probed = Arc::new(Probed::default());
        let since = SystemTime::now();
        let entry = Entry {
            number,
            identity,
            remote,
            since,
            probed: Arc::clone(&probed),
            peer,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that `expel` finds whoever was admitted before.
        if !self.admits(&entry.identity) {
            return Err(Refused::Removed);
        }
        if open.get(&key).map_or(0, Vec::len) >= per_node_max {
            return Err(Refused::PerNode);
        }
        let entries = open.entry(key.clone()).or_default();
        entries.push(entry);
        let first = entries.len() == 1;
        drop(open);
        if first {
            self.changed.send_modify(|count| *count += 1);
        }
        self.turned.send_modify(|count| *count += 1);
        Ok(SeenGuard {
            seen: Arc::clone(self),
            key,
            number,
            probed,
        })
    }

    fn leave(&self, key: &Key, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entries) = open.get_mut(key) else {
            return;
        };
        // Dropped outside the lock.
        let gone = entries.iter().position(|entry| entry.number == number);
        let gone = gone.map(|at| entries.remove(at));
        let last = entries.is_empty();
        if last {
            open.remove(key);
        }
        drop(open);
        drop(gone);
        if last {
            self.changed.send_modify(|count| *count += 1);
        }
        self.turned.send_modify(|count| *count += 1);
    }

    fn clock(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }
}

fn summary(entries: &[Entry], now: u64) -> Option<SeenPeer> {
    let newest = entries.last()?;
    let probed = entries
        .iter()
        .map(|entry| entry.probed.0.load(Ordering::Relaxed))
        .max()?;
    Some(SeenPeer {
        identity: Arc::clone(&newest.identity),
        remote: newest.remote,
        since: entries.iter().map(|entry| entry.since).min()?,
        connections: entries.len(),
        last_probe_age: (probed > 0).then(|| Duration::from_millis(now.saturating_sub(probed))),
    })
}

/// Keeps one connection in the table.
#[derive(Debug)]
pub(crate) struct SeenGuard {
    seen: Arc<PeersSeen>,
    key: Key,
    number: u64,
    probed: Arc<Probed>,
}

impl SeenGuard {
    pub(crate) fn probed(&self) {
        self.probed.0.store(self.seen.clock(), Ordering::Relaxed);
    }
}

impl Drop for SeenGuard {
    fn drop(&mut self) {
        self.seen.leave(&self.key, self.number);
    }
}
