//! A local node's folder.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use link::Credentials;

use crate::framework::Note;

/// Lines of a log that a diagnostic shows.
const TAIL_LINES: usize = 8;
/// Bytes at the end of a log in which those are looked for.
const TAIL_BYTES: usize = 8 << 10;

pub(super) struct Folder(pub(super) PathBuf);

/// What the node's certificate says.
pub(super) struct Identity {
    pub(super) node: u64,
    pub(super) role: &'static str,
    pub(super) place: String,
}

/// A file that goes away again.
pub(super) struct Passing(pub(super) PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // The folder is nobody else's; what is left would be overwritten the next time.
        drop(fs::remove_file(&self.0));
    }
}

fn failed(path: &Path, what: &str) -> impl Fn(io::Error) -> Note + use<> {
    let (path, what) = (path.display().to_string(), what.to_owned());
    move |error| Note::error(format!("Could not {what}"), format!("{path}: {error}."))
}

impl Folder {
    pub(super) fn settings(&self) -> PathBuf {
        self.0.join("edgeway.toml")
    }

    pub(super) fn write_settings(&self, text: &str) -> Result<(), Note> {
        let failed = failed(&self.0, "write the node's settings");
        fs::create_dir_all(&self.0).map_err(&failed)?;
        // Keys are in it: nobody else looks into it.
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&self.0, mode).map_err(&failed)?;
        fs::write(self.settings(), text).map_err(failed)
    }

    pub(super) fn read_settings(&self) -> Option<String> {
        fs::read_to_string(self.settings()).ok()
    }

    /// A file with the secrets, for as long as the value lives.
    pub(super) fn secrets(&self, text: &str) -> Result<Passing, Note> {
        let passing = Passing(self.0.join("secrets.json"));
        let failed = failed(&passing.0, "write the secrets for a moment");
        let mut options = fs::OpenOptions::new();
        let options = options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options.open(&passing.0).map_err(&failed)?;
        file.write_all(text.as_bytes()).map_err(&failed)?;
        Ok(passing)
    }

    /// The log, to be written on at its end.
    pub(super) fn log(&self) -> Result<File, Note> {
        let path = self.0.join("log");
        let opened = File::options().create(true).append(true).open(&path);
        opened.map_err(failed(&path, "open the node's log"))
    }

    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(self.0.join("log")).unwrap_or_default();
        let from = text.len().saturating_sub(TAIL_BYTES);
        let text = String::from_utf8_lossy(text.get(from..).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    pub(super) fn identity(&self) -> Result<Identity, Note> {
        let folder = self.0.join("identity");
        let credentials = Credentials::load(&folder).map_err(|error| {
            let detail = format!("{}: {error}.", folder.display());
            Note::error("The node has no identity", detail)
        })?;
        let identity = credentials.identity();
        Ok(Identity {
            node: identity.node,
            role: identity.role.as_str(),
            place: identity.place.clone(),
        })
    }

    pub(super) fn remove(&self) -> Result<(), Note> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed(&self.0, "remove the node's folder")(error))
            }
            _ => Ok(()),
        }
    }
}
