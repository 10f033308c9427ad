//! Files that survive a crash: written whole, synced, then renamed into place.
//!
//! A POP or DNS node keeps the last revisions of its view here, so that it starts and serves with
//! every region down. A file that does not decode is passed over for the one before.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use model::{
    Revision,
    codec::{self, Level},
};
use serde::{Serialize, de::DeserializeOwned};

/// Revisions kept on disk.
const KEPT: usize = 5;

/// Writes `bytes` so that after a crash the file is either the old or the new one.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("tmp");
    let mut file = private_file(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

/// Views hold keys of certificates: nobody but the owner reads them.
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// The last revisions of one kind of view.
#[derive(Clone, Debug)]
pub(crate) struct ViewStore {
    folder: PathBuf,
    kind: codec::Kind,
}

impl ViewStore {
    pub(crate) fn new(data_dir: &Path, kind: codec::Kind) -> Self {
        Self {
            folder: data_dir.join("views"),
            kind,
        }
    }

    /// The newest view that decodes, of those whose revision `usable` accepts.
    pub(crate) fn newest<V: DeserializeOwned>(
        &self,
        usable: impl Fn(Revision) -> bool,
    ) -> Option<V> {
        self.files().into_iter().rev().find_map(|path| {
            let revision = path.file_stem()?.to_str()?.parse().ok()?;
            if !usable(Revision(revision)) {
                return None;
            }
            let bytes = fs::read(&path).ok()?;
            match codec::decode(self.kind, &bytes) {
                Ok(view) => Some(view),
                Err(error) => {
                    let file = path.display();
                    tracing::error!(%file, %error, "stored view is unusable, trying an older one");
                    None
                }
            }
        })
    }

    /// Stores a view in its format and forgets the oldest.
    pub(crate) fn keep<V: Serialize>(
        &self,
        (revision, format): (Revision, Level),
        view: &V,
    ) -> anyhow::Result<()> {
        let bytes = codec::encode_at(format, self.kind, view)?;
        write_atomically(
            &self.folder.join(format!("{:020}.view", revision.0)),
            &bytes,
        )?;
        let files = self.files();
        for old in files.iter().take(files.len().saturating_sub(KEPT)) {
            fs::remove_file(old)?;
        }
        Ok(())
    }

    /// Oldest first: names sort as their revisions do.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "view")
            })
            .collect();
        files.sort();
        files
    }
}

#[cfg(test)]
mod tests;
