//! The command line of `edgeway-bench`.
//!
//! Parsed by hand: a few options do not earn a dependency.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

pub(crate) const HELP: &str = "\
usage: cargo xtask bench [OPTION..]

  --rounds N      rounds per target, of which the median is shown (default 5)
  --seconds N     length of one round (default 4)
  --only WORDS    only targets whose name holds all of these, such as `proxied,tls` or `dns`
  --connections N connections of the load generator with HTTP/1.1 (default 32)
  --server-core N the core of the measured servers (default 0)
  --load-core N   the core of the load generator and the origin (default 1)
  --json          print JSON instead of a table
  --edgeway PATH  the binary to measure; without it only the peers are measured
                  (cargo xtask bench gives the release build)
  --before PATH   another build of it, measured in turn with the first
  --management    measure management instead: compile, writes, imports, spread (for --only)
  --pipeline      measure the steps of a REST API instead, beside a bare method of it
  --micro         (first, to cargo xtask bench) run the micro-benchmarks instead
";

/// Which core measures whom: servers on one, everything else on the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cores {
    pub(crate) server: u32,
    pub(crate) load: u32,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    pub(crate) only: Vec<String>,
    pub(crate) connections: u32,
    pub(crate) cores: Cores,
    pub(crate) json: bool,
    pub(crate) management: bool,
    pub(crate) pipeline: bool,
    pub(crate) edgeway: Option<PathBuf>,
    pub(crate) before: Option<PathBuf>,
}

impl Options {
    /// Whether a target of this name was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.iter().all(|word| name.contains(word))
    }
}

#[derive(Debug, PartialEq)]
pub(crate) enum Parsed {
    Help,
    Run(Options),
}

pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Parsed> {
    let mut words = words;
    let mut options = Options {
        rounds: 5,
        seconds: 4,
        only: vec![],
        connections: 32,
        cores: Cores { server: 0, load: 1 },
        json: false,
        management: false,
        pipeline: false,
        edgeway: None,
        before: None,
    };
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .with_context(|| format!("{word} needs a value"))
        };
        match word.as_str() {
            "-h" | "--help" => return Ok(Parsed::Help),
            "--json" => options.json = true,
            "--management" => options.management = true,
            "--pipeline" => options.pipeline = true,
            "--rounds" => options.rounds = positive(&word, &value()?)?,
            "--seconds" => options.seconds = positive(&word, &value()?)?,
            "--connections" => options.connections = positive(&word, &value()?)?,
            "--server-core" => options.cores.server = number(&word, &value()?)?,
            "--load-core" => options.cores.load = number(&word, &value()?)?,
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--edgeway" => options.edgeway = Some(value()?.into()),
            "--before" => options.before = Some(value()?.into()),
            _ => bail!("unknown option {word:?}\n\n{HELP}"),
        }
    }
    Ok(Parsed::Run(options))
}

fn number(option: &str, value: &str) -> Result<u32> {
    value
        .parse()
        .with_context(|| format!("{option} needs a number, not {value:?}"))
}

fn positive(option: &str, value: &str) -> Result<u32> {
    let number = number(option, value)?;
    if number == 0 {
        bail!("{option} needs at least 1");
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &str) -> Options {
        match parse(words.split_whitespace().map(str::to_owned)) {
            Ok(Parsed::Run(options)) => options,
            other => panic!("{words}: {other:?}"),
        }
    }

    #[test]
    fn options_and_their_limits() {
        assert_eq!(check("").rounds, 5);
        let options = check("--rounds 2 --only cached,h2 --json --load-core 3 --edgeway /e");
        assert_eq!(
            (options.rounds, options.json, options.cores.load),
            (2, true, 3)
        );
        assert!(options.wants("cached h2 nginx") && !options.wants("cached tls nginx"));
        for bad in ["--rounds", "--rounds x", "--rounds 0", "--fast"] {
            assert!(
                parse(bad.split_whitespace().map(str::to_owned)).is_err(),
                "{bad}"
            );
        }
    }
}
