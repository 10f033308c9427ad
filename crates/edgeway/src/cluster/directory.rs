//! Where the regions are: from the configuration once there is one, from the join answer before.
//!
//! Kept on disk for POPs and DNS nodes by way of their last known good view; region nodes read the
//! replicated configuration. The list is never emptied by a configuration without regions.

use std::{path::Path, sync::Arc};

use model::{Config, NodeId, NodeRole, Place};
use tokio::sync::watch;

use super::message::{self, Seed};

/// The known region nodes, in order of their numbers.
pub(crate) type Seeds = Arc<[Seed]>;

/// The file written at joining.
const FILE: &str = "regions.bin";

/// Reads the list written at joining; empty when there is none.
pub(crate) fn load(data_dir: &Path) -> Seeds {
    let bytes = std::fs::read(data_dir.join(FILE)).unwrap_or_default();
    message::decode::<Vec<Seed>>(&bytes)
        .unwrap_or_default()
        .into()
}

/// Writes the list received at joining.
pub(crate) fn save(data_dir: &Path, seeds: &[Seed]) -> anyhow::Result<()> {
    let bytes = message::encode(&seeds.to_vec())?;
    super::store::write_atomically(&data_dir.join(FILE), &bytes)?;
    Ok(())
}

/// Region nodes of a configuration.
pub(crate) fn of_config(config: &Config) -> Vec<Seed> {
    let nodes = config.nodes.values().filter_map(|node| match &node.role {
        NodeRole::Region(name) => Some(Seed {
            node: node.id,
            region: name.to_string(),
            link: node.link,
        }),
        NodeRole::Pop(_) | NodeRole::Dns | NodeRole::Connector(_) => None,
    });
    nodes.collect()
}

/// Region nodes of a view.
pub(crate) fn of_places<'a>(places: impl Iterator<Item = (&'a String, &'a Place)>) -> Vec<Seed> {
    let nodes = places.flat_map(|(region, place)| {
        let seed = move |node: &model::PlaceNode| Seed {
            node: node.id,
            region: region.clone(),
            link: node.link,
        };
        place.nodes.iter().map(seed)
    });
    let mut seeds: Vec<Seed> = nodes.collect();
    seeds.sort_by_key(|seed| seed.node);
    seeds
}

/// Keeps a list up to date with what `of` reads from each new value; an empty list is ignored.
pub(crate) async fn follow<T: Clone + Send + Sync + 'static>(
    mut source: watch::Receiver<T>,
    seeds: watch::Sender<Seeds>,
    of: impl Fn(&T) -> Vec<Seed> + Send,
) {
    loop {
        let current = of(&source.borrow_and_update());
        if !current.is_empty() {
            seeds.send_if_modified(|known| {
                let differs = known[..] != current[..];
                if differs {
                    *known = current.into();
                }
                differs
            });
        }
        if source.changed().await.is_err() {
            return;
        }
    }
}

/// All but `own`.
pub(crate) fn others(seeds: &Seeds, own: NodeId) -> impl Iterator<Item = &Seed> {
    seeds.iter().filter(move |seed| seed.node != own)
}
