//! The link beside HTTP/2 over TLS on one path of the WAN lab, as a table. `cargo xtask lab
//! link-bench` runs it. Rounds of all carriers are interleaved, so that a slow minute of the
//! machine meets each of them; it ends by itself.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to a person"
)]

use std::{process::ExitCode, str::FromStr, time::Duration};

use anyhow::{Context as _, bail};
use tests::wan::compare::{Carrier, Comparison, Measured, PARALLEL, Path, SMALL_BYTES};

const HELP: &str = "\
usage: link-bench [--rounds N] [--bursts N] [--seconds N] [--rate MBIT] [--rtt MS] [--losses A,B,..]
                  [--only WORD]

  --rounds 5       connections of each carrier at each loss
  --bursts 10      bursts of 50 parallel requests on each connection
  --seconds 10     of one large body, after them
  --rate 100       Mbit/s of the path
  --rtt 80         round trip of the path
  --losses 0,1,3   per cent of packets lost, each way
  --only link      only carriers of which the name contains this
";

struct Options {
    rounds: usize,
    bursts: usize,
    seconds: u64,
    rate: u64,
    rtt: u64,
    losses: Vec<f64>,
    carriers: Vec<Carrier>,
}

impl Options {
    fn path(&self, loss: f64) -> Path {
        Path {
            round_trip: Duration::from_millis(self.rtt),
            loss: loss / 100.0,
            rate_bits: self.rate * 1_000_000,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("link-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let options = options(std::env::args().skip(1))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    drop(provider.install_default());
    let comparison = Comparison::start(1).await?;
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    println!(
        "{} ms round trip, {} Mbit/s, {build} build, {} connections a cell: bursts of {PARALLEL} \
         requests of {SMALL_BYTES} bytes, then one large body\n",
        options.rtt, options.rate, options.rounds,
    );
    println!(
        "| loss | carrier | first burst p50 | p99 | later p50 | p99 | large body | on the wire |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for loss in &options.losses {
        for (carrier, seen) in lossy(&comparison, &options, *loss).await? {
            println!("{}", row(*loss, carrier, &seen));
        }
    }
    println!("\nOne large body, and the path becomes ten times slower:\n");
    println!("| carrier | arrives | dropped at the bottleneck |\n|---|---|---|");
    for carrier in &options.carriers {
        let path = options.path(0.0);
        let slower = Path {
            rate_bits: path.rate_bits / 10,
            ..path
        };
        let time = Duration::from_secs(options.seconds * 3);
        let (rate, dropped) = comparison.slowed(*carrier, path, slower, time).await?;
        let (name, rate, dropped) = (carrier.name(), rate / 1e6, dropped * 100.0);
        println!("| {name} | {rate:.1} Mbit/s | {dropped:.1} % |");
    }
    Ok(())
}

/// What each carrier shows at this loss.
async fn lossy(
    comparison: &Comparison,
    options: &Options,
    loss: f64,
) -> anyhow::Result<Vec<(Carrier, Vec<Measured>)>> {
    comparison.set(options.path(loss));
    let all = options.carriers.iter().map(|one| (*one, Vec::new()));
    let mut all: Vec<(Carrier, Vec<Measured>)> = all.collect();
    let large = Duration::from_secs(options.seconds);
    for _ in 0..options.rounds {
        for (carrier, seen) in &mut all {
            let measured = comparison.measure(*carrier, options.bursts, large);
            seen.push(measured.await?);
        }
    }
    Ok(all)
}

fn row(loss: f64, carrier: Carrier, seen: &[Measured]) -> String {
    let first: Vec<Duration> = seen.iter().flat_map(|one| one.first.clone()).collect();
    let later: Vec<Duration> = seen.iter().flat_map(|one| one.later.clone()).collect();
    let mut rates: Vec<f64> = seen.iter().map(|one| one.rate_bits / 1e6).collect();
    rates.sort_by(f64::total_cmp);
    let mut wire: Vec<f64> = seen.iter().map(|one| one.wire).collect();
    wire.sort_by(f64::total_cmp);
    let pick = |all: &[f64], part: usize| {
        let at = all.len().saturating_sub(1) * part / 2;
        all.get(at).copied().unwrap_or_default()
    };
    format!(
        "| {loss} % | {} | {} | {} | {} | {} | {:.1} Mbit/s ({:.1} to {:.1}) | {:.3} |",
        carrier.name(),
        quantile(&first, 50),
        quantile(&first, 99),
        quantile(&later, 50),
        quantile(&later, 99),
        pick(&rates, 1),
        pick(&rates, 0),
        pick(&rates, 2),
        pick(&wire, 1),
    )
}

/// In milliseconds.
fn quantile(all: &[Duration], percent: usize) -> String {
    let mut all = all.to_vec();
    all.sort_unstable();
    let at = all.len().saturating_sub(1) * percent / 100;
    all.get(at)
        .map_or_else(|| "-".to_owned(), |took| format!("{} ms", took.as_millis()))
}

fn options(mut words: impl Iterator<Item = String>) -> anyhow::Result<Options> {
    let mut options = Options {
        rounds: 5,
        bursts: 10,
        seconds: 10,
        rate: 100,
        rtt: 80,
        losses: vec![0.0, 1.0, 3.0],
        carriers: Carrier::ALL.to_vec(),
    };
    while let Some(word) = words.next() {
        if word == "--help" || word == "-h" {
            bail!("\n{HELP}");
        }
        let value = words.next().with_context(|| format!("{word}: no value"))?;
        match word.as_str() {
            "--rounds" => options.rounds = number(&value)?,
            "--bursts" => options.bursts = number(&value)?,
            "--seconds" => options.seconds = number(&value)?,
            "--rate" => options.rate = number(&value)?,
            "--rtt" => options.rtt = number(&value)?,
            "--losses" => {
                options.losses = value
                    .split(',')
                    .map(number)
                    .collect::<anyhow::Result<_>>()?;
            }
            "--only" => options.carriers.retain(|one| one.name().contains(&value)),
            _ => bail!("cannot use {word}\n{HELP}"),
        }
    }
    Ok(options)
}

fn number<T: FromStr>(text: &str) -> anyhow::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().with_context(|| text.to_owned())
}
