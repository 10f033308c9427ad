//! What keys have used, on disk: one file for each day with the counts of all nodes, written whole
//! whenever something of that day has changed.
//!
//! A file that does not decode is passed over: other nodes know the counts, too.

use std::path::PathBuf;

use model::codec;
use region::Limits;
use steer::limits::Count;

use steer::limits::DAYS_KEPT;

use super::store::write_atomically;

/// How the files' names end, after the day's number.
const SUFFIX: &str = "usage";

/// The files of a node.
pub(crate) struct UsageFiles {
    folder: PathBuf,
}

impl UsageFiles {
    pub(crate) fn new(data_dir: PathBuf) -> Self {
        Self {
            folder: data_dir.join("usage"),
        }
    }

    /// Whether this node has had files before; from now on it has.
    pub(crate) fn begin(&self) -> bool {
        let lived = self.folder.is_dir();
        if let Err(error) = std::fs::create_dir_all(&self.folder) {
            let folder = self.folder.display();
            tracing::error!(%folder, %error, "what keys use cannot be stored");
        }
        lived
    }

    /// All that was stored.
    pub(crate) fn load(&self) -> Vec<Count> {
        let mut counts = Vec::new();
        for path in self.files() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            match codec::decode::<Vec<Count>>(codec::Kind::Other, &bytes) {
                Ok(stored) => counts.extend(stored),
                Err(error) => {
                    let file = path.display();
                    tracing::error!(%file, %error, "counts of a day are unusable");
                }
            }
        }
        counts
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        let paths = entries.flatten().map(|entry| entry.path());
        paths
            .filter(|path| path.extension().is_some_and(|found| found == SUFFIX))
            .collect()
    }

    /// Writes the days that have changed; what cannot be written is tried again the next time.
    pub(crate) fn store(&self, limits: &Limits) {
        for day in limits.with(|node, _| node.usage_mut().unstored()) {
            let counts = limits.with(|node, _| node.usage().of_day(day));
            let path = self.folder.join(format!("{day:08}.{SUFFIX}"));
            let stored = codec::encode(codec::Kind::Other, &counts)
                .map_err(anyhow::Error::from)
                .and_then(|bytes| Ok(write_atomically(&path, &bytes)?));
            if let Err(error) = stored {
                tracing::error!(file = %path.display(), "{error:#}: counts are not stored");
                limits.with(|node, _| node.usage_mut().store_again(day));
            } else {
                self.remove_before(day.saturating_sub(DAYS_KEPT));
            }
        }
    }

    fn remove_before(&self, first: u32) {
        for path in self.files() {
            let day = path
                .file_stem()
                .and_then(|name| name.to_str()?.parse().ok());
            if day.is_some_and(|day: u32| day < first) {
                // A file that stays is passed over when it is read.
                let _ = std::fs::remove_file(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests;
