//! Keeps the shape of the tree: who may use whom, what a manifest and a source file look like.
//!
//! These rules are what `docs/architecture.md` and `docs/style.md` promise, in a form that can
//! fail. Each rule is a pure function from text to findings with its own small tests, so that
//! a rule that no longer finds anything is noticed. What clippy and rustfmt can check is left
//! to them.

mod edges;
mod links;
mod manifests;
mod sources;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A broken rule: where, what, and what to do about it.
#[derive(Debug, PartialEq)]
struct Finding {
    /// `path`, `path:line` or a crate's name.
    place: String,
    rule: &'static str,
    fix: String,
}

impl Finding {
    fn new(place: impl Into<String>, rule: &'static str, fix: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            rule,
            fix: fix.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    fix: {}", self.place, self.rule, self.fix)
    }
}

/// A text file of the tree; `path` is relative to the root, with `/`.
struct File {
    path: String,
    text: String,
}

#[test]
fn crates_use_only_whom_they_may() {
    report(edges::check(&edges::packages(&metadata())));
}

#[test]
fn manifests_leave_versions_and_lints_to_the_workspace() {
    report(manifests::check(&files(&["Cargo.toml", "clippy.toml"])));
}

#[test]
fn sources_have_headers_and_keep_the_limits() {
    let files = files(&[".rs"]);
    assert!(
        files.len() > 30,
        "found only {} source files: is the walk broken?",
        files.len()
    );
    report(sources::check(&files));
}

#[test]
fn links_between_pages_lead_somewhere() {
    report(links::check(&files(&[".md"]), |path| {
        root().join(path).exists()
    }));
}

fn report(findings: Vec<Finding>) {
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(
        list.is_empty(),
        "{} tidy rule(s) broken:\n{}",
        list.len(),
        list.join("\n")
    );
}

fn root() -> PathBuf {
    tests::folder()
        .parent()
        .expect("tests/ is in the root")
        .to_path_buf()
}

fn metadata() -> serde_json::Value {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// All files of the tree whose name ends with one of `endings`, in a stable order.
fn files(endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), endings, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Hidden folders, build output and Python environments are not ours to check.
fn walk(folder: &Path, endings: &[&str], found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the tree can be listed") {
        let entry = entry.expect("a folder of the tree can be listed");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let kind = entry.file_type().expect("a file has a type");
        if kind.is_dir() && !name.starts_with('.') && name != "target" && name != "venv" {
            walk(&path, endings, found);
        } else if kind.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
            let relative = path
                .strip_prefix(root())
                .expect("the walk starts at the root");
            found.push(File {
                path: relative.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
}
