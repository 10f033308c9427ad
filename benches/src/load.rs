//! One round of load, the same for every server, and what came of it: `h2load`, and for HTTP/3 our
//! own (see `http3.rs`).
//!
//! A short round before each measured one fills caches and connection pools. The measured one
//! counts only when every answer was a success: a fast server of errors is not fast.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::http3;
use crate::options::Options;
use crate::program::{find, pinned};
use crate::scenario::{Protocol, Target};

/// With HTTP/2 and 3, as many requests are under way as with HTTP/1.1, over fewer connections.
const STREAMS: u32 = 8;

/// What one round showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) requests_per_second: f64,
    /// Where each answer is timed.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    /// CPU time of all processes of the measured server, per request.
    pub(crate) cpu_us: f64,
}

/// Warms up, then measures one round.
pub(crate) fn run(target: &Target<'_>, folder: &Path, options: &Options) -> Result<Sample> {
    let one = |seconds| match target.protocol {
        Protocol::Http3 => http3(target, options, seconds),
        Protocol::Http1 | Protocol::Tls1 | Protocol::Http2 => {
            h2load(target, folder, options, seconds)
        }
    };
    if one(1).is_err() {
        warm_up_failed(&target.name());
    }
    let before = target.cpu_seconds()?;
    let outcome = one(options.seconds)?;
    let cpu = target.cpu_seconds()? - before;
    let requests = f64::from(outcome.requests);
    Ok(Sample {
        requests_per_second: requests / f64::from(options.seconds),
        p50_us: Some(outcome.percentile_us(500)?),
        p99_us: Some(outcome.percentile_us(990)?),
        cpu_us: cpu * 1e6 / requests,
    })
}

/// A busy machine may answer nothing for a second. What is really wrong shows in the round itself.
pub(crate) fn warm_up_failed(name: &str) {
    eprintln!("{name}: the warm-up failed; measuring all the same");
}

struct Outcome {
    requests: u32,
    /// Sorted.
    latencies_us: Vec<u32>,
}

impl Outcome {
    fn percentile_us(&self, permille: usize) -> Result<f64> {
        percentile(&self.latencies_us, permille).context("no request was logged")
    }
}

/// Connections, and requests under way on each: as many in all with every protocol.
fn shape(protocol: Protocol, options: &Options) -> (u32, u32) {
    match protocol {
        Protocol::Http1 | Protocol::Tls1 => (options.connections, 1),
        Protocol::Http2 | Protocol::Http3 => ((options.connections / STREAMS).max(1), STREAMS),
    }
}

fn http3(target: &Target<'_>, options: &Options, seconds: u32) -> Result<Outcome> {
    let (connections, streams) = shape(target.protocol, options);
    let round = http3::Round {
        address: &target.address,
        url: &target.url(),
        connections,
        streams,
        seconds,
    };
    let mut latencies_us = http3::run(round, options.cores.load).with_context(|| target.name())?;
    latencies_us.sort_unstable();
    Ok(Outcome {
        requests: u32::try_from(latencies_us.len()).unwrap_or(u32::MAX),
        latencies_us,
    })
}

fn h2load(target: &Target<'_>, folder: &Path, options: &Options, seconds: u32) -> Result<Outcome> {
    let log = folder.join("h2load.tsv");
    // h2load appends.
    if log.exists() {
        fs::remove_file(&log).context("cannot remove the last log of h2load")?;
    }
    let (connections, streams) = shape(target.protocol, options);
    let output = pinned(&find("h2load")?, options.cores.load)
        .args(["--threads=1", &format!("--clients={connections}")])
        .args([
            &format!("--max-concurrent-streams={streams}"),
            &format!("--duration={seconds}"),
        ])
        .args((target.protocol != Protocol::Http2).then_some("--h1"))
        .arg(format!("--connect-to={}", target.address))
        .arg(format!("--log-file={}", log.display()))
        .arg(target.url())
        .stdin(Stdio::null())
        .output()
        .context("cannot start h2load")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let requests = requests(&text).with_context(|| format!("{}: {text}", target.name()))?;
    let log = fs::read_to_string(&log).context("cannot read the log of h2load")?;
    let mut latencies_us: Vec<u32> = log.lines().filter_map(latency_us).collect();
    latencies_us.sort_unstable();
    Ok(Outcome {
        requests,
        latencies_us,
    })
}

/// The number of successes in h2load's summary; an error when anything else happened.
pub(crate) fn requests(summary: &str) -> Result<u32> {
    let line = |start: &str| {
        summary
            .lines()
            .find_map(|line| line.trim().strip_prefix(start))
            .with_context(|| format!("h2load printed no {start:?}"))
    };
    let counts = line("requests:")?;
    let done = count(counts, "done").context("h2load counted no requests")?;
    let bad = ["failed", "errored", "timeout"].map(|word| count(counts, word).unwrap_or(0));
    let codes = line("status codes:")?;
    let other = ["3xx", "4xx", "5xx"].map(|word| count(codes, word).unwrap_or(0));
    if done == 0 || bad.iter().chain(&other).any(|count| *count > 0) {
        bail!("not every request succeeded");
    }
    Ok(done)
}

/// `12 done` in `40 total, 12 started, 12 done`.
fn count(list: &str, word: &str) -> Option<u32> {
    let (number, _) = list
        .split(',')
        .filter_map(|part| part.trim().split_once(' '))
        .find(|p| p.1 == word)?;
    number.parse().ok()
}

/// The third field of a log line: start (us since the epoch), status, duration (us).
fn latency_us(line: &str) -> Option<u32> {
    line.split('\t').nth(2)?.trim().parse().ok()
}

/// The value that `permille` thousandths of the sorted values do not exceed.
fn percentile(sorted: &[u32], permille: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get(last * permille / 1000).copied().map(f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(failed: u32, server_errors: u32) -> String {
        format!(
            "finished in 4.00s, 25.0 req/s\nrequests: 100 total, 108 started, 100 done, 100 \
             succeeded, {failed} failed, 0 errored, 0 timeout\nstatus codes: 100 2xx, 0 3xx, 0 \
             4xx, {server_errors} 5xx\n"
        )
    }

    #[test]
    fn summaries() {
        assert_eq!(requests(&summary(0, 0)).unwrap(), 100);
        assert!(requests(&summary(1, 0)).is_err());
        assert!(requests(&summary(0, 3)).is_err());
        assert!(requests("").is_err());
    }

    #[test]
    fn log_lines() {
        assert_eq!(latency_us("1700000000000000\t200\t345\n"), Some(345));
        assert_eq!(latency_us("1700000000000000\t200"), None);
    }

    #[test]
    fn percentiles() {
        let hundred: Vec<u32> = (1..=101).collect();
        assert_eq!(percentile(&hundred, 500), Some(51.0));
        assert_eq!(percentile(&hundred, 990), Some(100.0));
        assert_eq!(percentile(&[7], 990), Some(7.0));
        assert_eq!(percentile(&[], 500), None);
    }
}
