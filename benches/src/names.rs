//! DNS: what is asked, and one round of `dnsperf`.
//!
//! One name with one address, over UDP: plain, with a client subnet, and with signatures asked
//! for. NSD leaves the subnet unread, as an authoritative server may; Knot answers by it, from a
//! table of networks (its `geoip` module). The zone is signed everywhere; Edgeway signs while it
//! answers, the others before.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::load::{Sample, warm_up_failed};
use crate::options::Options;
use crate::program::{Program, find, pinned};

/// From the order to sign a zone to signed answers.
const SIGNED_MAX: Duration = Duration::from_secs(30);

/// Of ten thousand queries, how many may be lost.
const LOST_MAX: u32 = 10;

/// `198.51.100.0/24` as an option of EDNS: family, bits, scope, address (RFC 7871, section 6).
const SUBNET_OPTION: &str = "8:00011800c63364";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// EDNS without options.
    Plain,
    /// With a client subnet.
    Subnet,
    /// With the DO bit.
    Dnssec,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Subnet, Self::Dnssec];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "dns udp",
            Self::Subnet => "dns ecs",
            Self::Dnssec => "dns dnssec",
        }
    }

    fn load_options(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &["-e"],
            Self::Subnet => &["-E", SUBNET_OPTION],
            Self::Dnssec => &["-D"],
        }
    }

    const fn dig_option(self) -> &'static str {
        match self {
            Self::Plain => "+edns",
            Self::Subnet => "+subnet=198.51.100.0/24",
            Self::Dnssec => "+dnssec",
        }
    }
}

/// One server and one kind of question.
pub(crate) struct Question<'a> {
    pub(crate) kind: Kind,
    pub(crate) server: &'static str,
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    pub(crate) host: String,
    pub(crate) program: &'a Program,
}

impl Question<'_> {
    pub(crate) fn group(&self) -> &'static str {
        self.kind.name()
    }

    fn name(&self) -> String {
        format!("{} {}", self.group(), self.server)
    }

    fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap_or_default()
    }

    /// Asks until the answer is the one that is to be measured: one address, and a signature
    /// exactly where one is asked for.
    pub(crate) fn check(&self) -> Result<()> {
        let deadline = Instant::now() + SIGNED_MAX;
        loop {
            let output = Command::new(find("dig")?)
                .args(["@127.0.0.1", "-p", self.port(), &self.host, "A"])
                .args([
                    self.kind.dig_option(),
                    "+noall",
                    "+answer",
                    "+tries=1",
                    "+time=3",
                ])
                .output()
                .context("cannot start dig")?;
            let answer = String::from_utf8_lossy(&output.stdout).into_owned();
            let of = |kind: &str| answer.lines().filter(|line| is_of(line, kind)).count();
            let signatures = usize::from(self.kind == Kind::Dnssec);
            if (of("A"), of("RRSIG")) == (1, signatures) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{}: not what is to be measured:\n{answer}", self.name());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Warms up, then measures one round.
    pub(crate) fn run(&self, folder: &Path, options: &Options) -> Result<Sample> {
        if self.dnsperf(folder, options, 1).is_err() {
            warm_up_failed(&self.name());
        }
        let before = self.program.cpu_seconds()?;
        let queries = f64::from(self.dnsperf(folder, options, options.seconds)?);
        let cpu = self.program.cpu_seconds()? - before;
        Ok(Sample {
            requests_per_second: queries / f64::from(options.seconds),
            p50_us: None,
            p99_us: None,
            cpu_us: cpu * 1e6 / queries,
        })
    }

    /// How many queries were answered.
    fn dnsperf(&self, folder: &Path, options: &Options, seconds: u32) -> Result<u32> {
        let list = folder.join("queries.txt");
        fs::write(&list, format!("{} A\n", self.host)).context("cannot write the queries")?;
        let outstanding = options.connections.to_string();
        let output = pinned(&find("dnsperf")?, options.cores.load)
            .args(["-s", "127.0.0.1", "-p", self.port(), "-c", "8", "-T", "1"])
            .args(["-q", &outstanding, "-t", "2", "-l", &seconds.to_string()])
            .args(self.kind.load_options())
            .arg("-d")
            .arg(&list)
            .stdin(Stdio::null())
            .output()
            .context("cannot start dnsperf")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        answered(&text).with_context(|| format!("{}: {text}", self.name()))
    }
}

/// Whether a line of dig is a record of this type: name, TTL, class, type, data.
fn is_of(line: &str, kind: &str) -> bool {
    line.split_whitespace().nth(3) == Some(kind)
}

/// The number of successes in dnsperf's summary; an error when anything else happened, but for a
/// few queries lost.
fn answered(summary: &str) -> Result<u32> {
    let after = |start: &str| {
        let found = summary
            .lines()
            .find_map(|line| line.trim().strip_prefix(start));
        found.with_context(|| format!("dnsperf printed no {start:?}"))
    };
    let first = |text: &str| {
        text.split_whitespace()
            .next()
            .and_then(|word| word.parse().ok())
    };
    let completed: u32 = first(after("Queries completed:")?).context("no count")?;
    let lost: u32 = first(after("Queries lost:")?).context("no count of losses")?;
    let codes = after("Response codes:")?.trim();
    if completed == 0 || u64::from(lost) * 10_000 > u64::from(completed) * u64::from(LOST_MAX) {
        bail!("too many queries were lost");
    }
    if !codes.starts_with("NOERROR") || codes.contains(',') {
        bail!("not every query succeeded");
    }
    Ok(completed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(lost: u32, codes: &str) -> String {
        format!(
            "Statistics:\n\n  Queries sent:         1000\n  Queries completed:    1000 \
             (100.00%)\n  Queries lost:         {lost} (0.00%)\n\n  Response codes:       \
             {codes}\n"
        )
    }

    #[test]
    fn summaries() {
        assert_eq!(
            answered(&summary(0, "NOERROR 1000 (100.00%)")).unwrap(),
            1000
        );
        assert_eq!(
            answered(&summary(1, "NOERROR 1000 (100.00%)")).unwrap(),
            1000
        );
        for (lost, codes) in [
            (2, "NOERROR 1000 (100.00%)"),
            (0, "NOERROR 1 (0.10%), REFUSED 999 (99.90%)"),
            (0, "REFUSED 1000 (100.00%)"),
        ] {
            assert!(answered(&summary(lost, codes)).is_err(), "{lost} {codes}");
        }
        assert!(answered("").is_err());
    }

    #[test]
    fn records() {
        let line = "a.test.\t60\tIN\tRRSIG\tA 13 3 60 20260101000000 x";
        assert!(is_of(line, "RRSIG") && !is_of(line, "A"));
    }
}
