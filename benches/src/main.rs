//! `edgeway-bench`: Edgeway side by side with nginx and HAProxy, in one go on one machine.
//!
//! It exists so that every claim about speed comes with a number that anyone can repeat:
//! `cargo xtask bench`. All servers run on one core, the load generator and the origin on
//! another; the rounds of all servers are interleaved, so that a slow minute of the machine
//! hits everyone. The comparison that carries over to other machines is CPU time per request.
//! It does not measure many cores, long distances, or DNS.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its user"
)]

mod gateway;
mod load;
mod options;
mod peers;
mod program;
mod report;
mod scenario;

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::gateway::Gateway;
use crate::options::{Options, Parsed};
use crate::peers::Peers;
use crate::report::Report;
use crate::scenario::Target;

fn main() -> ExitCode {
    match options::parse(std::env::args().skip(1)) {
        Ok(Parsed::Help) => {
            print!("{}", options::HELP);
            ExitCode::SUCCESS
        }
        Ok(Parsed::Run(options)) => match measure(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("edgeway-bench: {error:#}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("edgeway-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    eprintln!("starting nginx and haproxy");
    let peers = Peers::start(folder.path(), &options.cores)?;
    let gateway = match &options.edgeway {
        Some(binary) => {
            eprintln!("starting edgeway dev");
            Some(Gateway::start(
                binary,
                folder.path(),
                &options.cores,
                peers.origin(),
            )?)
        }
        None => None,
    };
    let targets: Vec<Target<'_>> = scenario::targets(&peers, gateway.as_ref())
        .into_iter()
        .filter(|target| options.wants(&target.name()))
        .collect();
    for target in &targets {
        target.check()?;
    }
    let mut report = Report::new(options);
    for round in 1..=options.rounds {
        for target in &targets {
            eprintln!("round {round}/{}: {}", options.rounds, target.name());
            report.add(target, load::run(target, folder.path(), options)?);
        }
    }
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}
