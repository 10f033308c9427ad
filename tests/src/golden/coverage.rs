//! Which rows of REST APIs' behaviour are proven, and by what: `golden/rest/COVERAGE`.
//!
//! A line `[2.7 headers]` begins a section; each line behind it is a row of it, whose key is the
//! section's number and the line. A case proves the rows that it names. A line `row = PATH::TEST`
//! names the test that proves what no golden case can, `row = vtl/NAME` a golden template, and
//! `row = docs: HEADING` the heading of docs/aws-behaviour.md that says that we differ on purpose.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, ensure};

use super::Golden;

/// Compares the list with the cases; what is wrong, a finding each, and how many rows there are.
///
/// # Errors
/// The list cannot be read.
pub fn unproven(files: &[Golden]) -> anyhow::Result<(Vec<String>, usize)> {
    let root = crate::folder().join("..");
    let list = fs::read_to_string(root.join("tests/golden/rest/COVERAGE"))?;
    let rows = rows(&list)?;
    let mut named = BTreeSet::new();
    let mut findings = Vec::new();
    for file in files {
        for row in file.cases.iter().flat_map(|case| case.row.all()) {
            named.insert(row.as_str());
            match rows.get(row.as_str()) {
                None => findings.push(format!("{}: there is no row '{row}'", file.name)),
                Some(Some(_)) => findings.push(format!("{row}: has a case and another proof")),
                Some(None) => {}
            }
        }
    }
    for (row, proof) in &rows {
        match proof {
            None if !named.contains(row.as_str()) => findings.push(format!("{row}: no case")),
            Some(proof) if !is_there(&root, proof) => {
                findings.push(format!("{row}: there is no {proof}"));
            }
            None | Some(_) => {}
        }
    }
    findings.sort();
    findings.dedup();
    Ok((findings, rows.len()))
}

/// All rows, with what proves them where that is no case.
fn rows(list: &str) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let mut rows = BTreeMap::new();
    let mut section = None;
    for line in list.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix('[') {
            section = title.split(' ').next();
            continue;
        }
        let section = section.context("a row before any section")?;
        let (row, proof) = match line.split_once(" = ") {
            Some((row, proof)) => (row, Some(proof.to_owned())),
            None => (line, None),
        };
        let before = rows.insert(format!("{section} {row}"), proof);
        ensure!(before.is_none(), "{section} {row} is there twice");
    }
    Ok(rows)
}

fn is_there(root: &Path, proof: &str) -> bool {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    if let Some(heading) = proof.strip_prefix("docs: ") {
        let page = read("docs/aws-behaviour.md");
        return page.lines().any(|line| {
            let begins = [format!("**{heading}.**"), format!("**{heading}**")];
            line.strip_prefix("## ") == Some(heading)
                || begins.iter().any(|begin| line.starts_with(begin))
        });
    }
    if let Some(name) = proof.strip_prefix("vtl/") {
        return root
            .join(format!("tests/golden/vtl/{name}.golden"))
            .exists();
    }
    proof.split_once("::").is_some_and(|(path, test)| {
        let text = read(path);
        text.contains(&format!("fn {test}(")) || text.contains(&format!("def {test}("))
    })
}
