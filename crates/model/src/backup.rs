//! A configuration in a file, and what becomes of it in a cluster that begins anew from it.
//!
//! A backup holds everything that is configured, secrets included: who has it has the cluster.
//! Counters of usage, caches and measurements are not configuration, and are not in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Config, Node, NodeId, NodeRole, Rejection, ResourceKind,
    codec::{self, CodecError, Kind},
};

/// A configuration as it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Milliseconds since 1970.
    pub taken_ms: u64,
    /// What was taken.
    pub config: Arc<Config>,
}

/// Bytes that are no backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// It ends too early, or was altered.
    #[error("the backup is damaged: its digest does not fit")]
    Damaged,
    /// It is another file, or of a build that this one does not understand.
    #[error("this is no backup that can be read: {0}")]
    Codec(#[from] CodecError),
}

const DIGEST_BYTES: usize = size_of::<u64>();

impl Backup {
    /// The file: a record in the configuration's format, then its digest.
    ///
    /// # Errors
    /// As `codec::encode_at`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = codec::encode_at(self.config.format(), Kind::Backup, self)?;
        bytes.extend(codec::digest(&bytes).to_le_bytes());
        Ok(bytes)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is not a whole backup.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BackupError> {
        let (record, digest) = bytes
            .split_last_chunk::<DIGEST_BYTES>()
            .ok_or(BackupError::Damaged)?;
        if record.first() != Some(&(Kind::Backup as u8)) {
            // Says that it is another kind of file.
            codec::decode::<Self>(Kind::Backup, record)?;
        }
        if u64::from_le_bytes(*digest) != codec::digest(record) {
            return Err(BackupError::Damaged);
        }
        Ok(codec::decode(Kind::Backup, record)?)
    }
}

impl Config {
    /// The configuration of a cluster that begins anew from this one with a single region node:
    /// all that is configured stays, other region nodes are forgotten. POPs, DNS nodes and
    /// connectors stay, since their identities are still good.
    ///
    /// `node` takes the place of a region node of before, by its address or else its region, so
    /// that POPs which live on find what they know; its number is ignored. `ahead` is added to the
    /// revision, for POPs and DNS nodes that have seen newer ones: they take nothing older.
    ///
    /// # Errors
    /// The node's region does not exist, or there is no cluster.
    pub fn begun_anew(&self, mut node: Node, ahead: u64) -> Result<(Self, NodeId), Rejection> {
        if self.cluster.is_none() {
            return Err(Rejection::not_found(ResourceKind::Cluster, "(none)"));
        }
        if let NodeRole::Region(name) = &node.role
            && !self.regions.contains_key(name)
        {
            return Err(Rejection::not_found(ResourceKind::Region, name));
        }
        let of_regions = |node: &&Arc<Node>| matches!(node.role, NodeRole::Region(_));
        let before: Vec<&Arc<Node>> = self.nodes.values().filter(of_regions).collect();
        let alike = before.iter().filter(|known| known.role == node.role);
        let place = alike.clone().find(|known| known.link == node.link);
        let place = place.or_else(|| alike.clone().next()).map(|known| known.id);
        let mut next = self.clone();
        for known in before {
            next.nodes.remove(&known.id);
            next.leaving.remove(&known.id);
        }
        node.id = place.unwrap_or(NodeId(self.last_node.0 + 1));
        next.last_node = next.last_node.max(node.id);
        next.revision.0 += ahead;
        let id = node.id;
        next.nodes.insert(id, Arc::new(node));
        Ok((next, id))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Backup, BackupError};
    use crate::{
        Change, ChangeId, Config, Machine, NodeId, NodeRole, Region, RegionName,
        codec::{CodecError, Kind},
        fixtures::{bootstrap, node},
    };

    fn config() -> Arc<Config> {
        let mut machine = Machine::default();
        let applied = machine.apply(Change {
            id: ChangeId(1),
            at_ms: 5,
            by: "test".to_owned(),
            origin: crate::Origin::default(),
            spare_deployment: "d".into(),
            op: bootstrap(),
        });
        applied.unwrap();
        Arc::clone(machine.config())
    }

    #[test]
    fn a_backup_comes_back_as_it_was() {
        let backup = Backup {
            taken_ms: 7,
            config: config(),
        };
        let bytes = backup.to_bytes().unwrap();
        assert_eq!(Backup::from_bytes(&bytes).unwrap(), backup);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            Backup::from_bytes(&damaged).unwrap_err();
            Backup::from_bytes(&bytes[..at]).unwrap_err();
        }
        let other = crate::codec::encode(Kind::Other, &[0_u8; 9]).unwrap();
        assert!(matches!(
            Backup::from_bytes(&other),
            Err(BackupError::Codec(CodecError::Kind { .. }))
        ));
    }

    #[test]
    fn a_cluster_begins_anew_with_one_region_node() {
        let config = config();
        let here = NodeRole::Region("us-east-1".into());
        let (next, id) = config.begun_anew(node(0, here.clone()), 0).unwrap();
        // It takes the place of the one that was there.
        assert_eq!((next, id), (Config::clone(&config), NodeId(1)));
        let (later, _) = config.begun_anew(node(0, here.clone()), 50).unwrap();
        assert_eq!(later.revision.0, config.revision.0 + 50);
        let elsewhere = NodeRole::Region("nowhere".into());
        config.begun_anew(node(0, elsewhere), 0).unwrap_err();
        Config::default().begun_anew(node(0, here), 0).unwrap_err();

        let mut two = Config::clone(&config);
        let second = RegionName::from("eu-west-1");
        two.regions
            .insert(second.clone(), Arc::new(region(second.clone())));
        let (next, id) = two
            .begun_anew(node(0, NodeRole::Region(second)), 0)
            .unwrap();
        // Nobody was there: the node is new, and the other region's is forgotten.
        assert_eq!((id, next.nodes.len(), next.last_node), (NodeId(2), 1, id));
    }

    fn region(name: RegionName) -> Region {
        Region {
            name,
            location: None,
        }
    }
}
