//! What subscribers serve from. One entry per node that is subscribed now; nothing is remembered of
//! nodes that are gone, so the table is as large as the cluster.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use link::{NodeIdentity, PeerRole};
use model::Revision;
use tokio::sync::watch;

/// What one subscriber said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Its number.
    pub node: u64,
    /// POP or DNS.
    pub role: PeerRole,
    /// Its POP's name.
    pub place: String,
    /// What it serves from; 0 before it has anything.
    pub revision: Revision,
    /// From receiving that revision to serving it, microseconds.
    pub apply_us: u64,
    /// The last revision it could not take, and why.
    pub refused: Option<(Revision, String)>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Acks {
    table: Mutex<Table>,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Table {
    /// By node, with the number of the subscription that it comes from.
    acks: BTreeMap<u64, (u64, Ack)>,
    subscriptions: u64,
}

/// A subscriber's entry; dropping it removes it, unless a newer subscription has replaced it.
#[derive(Debug)]
pub(super) struct Place {
    acks: Arc<Acks>,
    node: u64,
    subscription: u64,
}

/// Longer reasons are cut.
const REASON_CHARS_MAX: usize = 500;

impl Acks {
    pub(super) fn all(&self) -> Vec<Ack> {
        self.table()
            .acks
            .values()
            .map(|(_, ack)| ack.clone())
            .collect()
    }

    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub(super) fn enter(self: &Arc<Self>, from: &NodeIdentity, have: Revision) -> Place {
        let ack = Ack {
            node: from.node,
            role: from.role,
            place: from.place.clone(),
            revision: have,
            apply_us: 0,
            refused: None,
        };
        let subscription = {
            let mut table = self.table();
            table.subscriptions += 1;
            let subscription = table.subscriptions;
            table.acks.insert(from.node, (subscription, ack));
            subscription
        };
        self.touch();
        Place {
            acks: Arc::clone(self),
            node: from.node,
            subscription,
        }
    }

    fn touch(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The subscriber serves from `revision`.
    pub(super) fn ack(&self, revision: Revision, apply_us: u64) {
        self.alter(|ack| {
            ack.revision = revision;
            ack.apply_us = apply_us;
            ack.refused = None;
        });
    }

    /// The subscriber could not take `revision`.
    pub(super) fn refused(&self, revision: Revision, reason: &str) {
        let reason = reason.chars().take(REASON_CHARS_MAX).collect();
        self.alter(|ack| ack.refused = Some((revision, reason)));
    }

    pub(super) const fn node(&self) -> u64 {
        self.node
    }

    fn alter(&self, change: impl FnOnce(&mut Ack)) {
        match self.acks.table().acks.get_mut(&self.node) {
            Some((subscription, ack)) if *subscription == self.subscription => change(ack),
            _ => return,
        }
        self.acks.touch();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut table = self.acks.table();
            let own = table
                .acks
                .get(&self.node)
                .is_some_and(|(by, _)| *by == self.subscription);
            if own {
                table.acks.remove(&self.node);
            }
        }
        self.acks.touch();
    }
}
