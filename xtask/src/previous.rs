//! The build before this one, for the test of rolling upgrades: made from the history, once.
//!
//! It is built into the same target directory, so that it shares the dependencies, and kept beside
//! it under its revision. A clone without that revision can run every other test, so it is told and
//! not stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{Workspace, run, succeeds};

/// The pinned revision: the one line of the file that is no comment.
fn revision(workspace: &Workspace) -> Result<String> {
    let file = workspace.root.join("tests/previous-build");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let line = text.lines().find(|line| !line.starts_with('#'));
    let line = line.with_context(|| format!("{} names no revision", file.display()))?;
    Ok(line.trim().to_owned())
}

/// Builds it unless it is there.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let revision = revision(workspace)?;
    let folder = workspace.target.join("previous");
    let program = folder.join(format!("edgeway-{revision}"));
    if program.exists() {
        return Ok(());
    }
    let commit = format!("{revision}^{{commit}}");
    if !succeeds(git(workspace).args(["cat-file", "-e", &commit])) {
        eprintln!(
            "xtask: revision {revision} is not in this clone (a shallow one? git fetch \
             --unshallow): the test of rolling upgrades between two builds is skipped"
        );
        return Ok(());
    }
    // What is here is of another revision, or of a build that was interrupted.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let sources = folder.join("source");
    fs::create_dir_all(&sources).with_context(|| sources.display().to_string())?;
    unpack(workspace, &revision, &sources)?;
    let built = compile(workspace, &sources, &folder)?;
    fs::remove_dir_all(&sources).with_context(|| sources.display().to_string())?;
    fs::rename(&built, &program).with_context(|| program.display().to_string())
}

fn git(workspace: &Workspace) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(&workspace.root);
    git
}

fn unpack(workspace: &Workspace, revision: &str, sources: &Path) -> Result<()> {
    let archive = sources.with_extension("tar");
    run(git(workspace)
        .args(["archive", "--format=tar", "--output"])
        .arg(&archive)
        .arg(revision))?;
    run(Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(sources))?;
    fs::remove_file(&archive).with_context(|| archive.display().to_string())
}

/// Gives the program, which is not in the place of this build's any more.
fn compile(workspace: &Workspace, sources: &Path, folder: &Path) -> Result<PathBuf> {
    let current = workspace.target.join("debug").join("edgeway");
    let aside = folder.join("current");
    let moved = fs::rename(&current, &aside).is_ok();
    // Of the whole workspace, so that features are the same and dependencies are not built again.
    let result = run(workspace
        .cargo(&["build", "--workspace", "--locked", "--bin", "edgeway"])
        .current_dir(sources)
        .env("CARGO_TARGET_DIR", &workspace.target)
        .env("CARGO_INCREMENTAL", "0"));
    let built = folder.join("built");
    let taken = result.and_then(|()| {
        // A copy: the original shares its file with what cargo keeps.
        let copied = fs::copy(&current, &built);
        copied.with_context(|| current.display().to_string())
    });
    if moved {
        fs::rename(&aside, &current).with_context(|| current.display().to_string())?;
    }
    taken.map(|_| built)
}
