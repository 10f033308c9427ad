//! What management costs: writes, imports, compiling, memory, and the way of a change to a POP.
//!
//! It has no peers to stand beside: what matters is how the figures grow. Writes and imports go
//! through a cluster of three regions, as signed calls on kept-alive connections; compiling is
//! measured in this process, step by step. Nothing here is pinned to cores: five processes share
//! the machine with the writers.

mod cluster;
mod compile;
mod connection;
mod imports;
mod spread;
mod writes;

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::options::Options;
use cluster::Cluster;

/// Numbers of APIs that things are measured with.
const SIZES: [usize; 3] = [1, 100, 10_000];

/// Runs all of it, or what `--only` names, and gives the tables.
pub(crate) fn measure(options: &Options) -> Result<String> {
    let mut text = String::new();
    if options.wants("compile") {
        eprintln!("compiling");
        text.push_str(&compile::measure());
    }
    let binary = options.edgeway.as_deref();
    let binary = binary.context("--management needs --edgeway PATH")?;
    if options.wants("writes") {
        eprintln!("writing");
        text.push_str(&writes::measure(&Cluster::start(binary)?, options.seconds)?);
    }
    if options.wants("imports") {
        eprintln!("importing");
        text.push_str(&imports::measure(&Cluster::start(binary)?)?);
    }
    if options.wants("spread") {
        eprintln!("spreading");
        text.push_str(&spread::measure(&Cluster::start(binary)?)?);
    }
    Ok(text)
}

/// A table in Markdown.
fn table(title: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("\n### {title}\n\n| {} |\n", head.join(" | "));
    let line = vec!["---"; head.len()].join("|");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "|{line}|");
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// The value at `share` of sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index within a list"
    )]
    let at = ((sorted.len() as f64 - 1.0) * share).max(0.0) as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}
