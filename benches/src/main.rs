//! `edgeway-bench`: Edgeway side by side with nginx, HAProxy, Varnish, Caddy, NSD, Knot and Apache
//! Velocity, in one go on one machine.
//!
//! It exists so that every claim about speed comes with a number that anyone can repeat:
//! `cargo xtask bench`. All servers run on one core, the load generator and the origin on
//! another; the rounds of all servers are interleaved, so that a slow minute of the machine
//! hits everyone. The comparison that carries over to other machines is CPU time per request.
//! It does not measure many cores or long distances.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its user"
)]

mod gateway;
mod http3;
mod load;
mod management;
mod name_servers;
mod names;
mod options;
mod peers;
mod pipeline;
mod program;
mod report;
mod scenario;
mod templates;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::gateway::Gateway;
use crate::load::Sample;
use crate::name_servers::NameServers;
use crate::names::{Kind, Question};
use crate::options::{Options, Parsed};
use crate::peers::Peers;
use crate::report::{BEFORE, EDGEWAY, Report};
use crate::scenario::Target;
use crate::templates::Rendering;

/// That of the gateway, so that what is measured in this process is what a gateway does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = words.split_first()
        && first == http3::COMMAND
    {
        return done(http3::serve_command(rest).map(|text| println!("{text}")));
    }
    if let Some((first, rest)) = words.split_first()
        && first == templates::COMMAND
    {
        return done(templates::render_command(rest).map(|text| print!("{text}")));
    }
    match options::parse(words.into_iter()) {
        Ok(Parsed::Help) => {
            print!("{}", options::HELP);
            ExitCode::SUCCESS
        }
        Ok(Parsed::Run(options)) if options.management => {
            done(management::measure(&options).map(|tables| print!("{tables}")))
        }
        Ok(Parsed::Run(options)) if options.pipeline => {
            done(pipeline::measure(&options).map(|table| print!("{table}")))
        }
        Ok(Parsed::Run(options)) => done(measure(&options)),
        Err(error) => {
            eprintln!("edgeway-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn done(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("edgeway-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Anything that is measured.
enum Subject<'a> {
    Http(Target<'a>),
    Dns(Question<'a>),
    Template(Rendering),
}

impl Subject<'_> {
    /// What it is compared within, and whose it is.
    fn row(&self) -> (String, &'static str) {
        match self {
            Self::Http(target) => (target.group(), target.server),
            Self::Dns(question) => (question.group().to_owned(), question.server),
            Self::Template(rendering) => rendering.row(),
        }
    }

    fn name(&self) -> String {
        let (group, server) = self.row();
        format!("{group} {server}")
    }

    fn check(&self) -> Result<()> {
        match self {
            Self::Http(target) => target.check(),
            Self::Dns(question) => question.check(),
            Self::Template(rendering) => rendering.check(),
        }
    }

    fn run(&self, folder: &Path, options: &Options) -> Result<Sample> {
        match self {
            Self::Http(target) => load::run(target, folder, options),
            Self::Dns(question) => question.run(folder, options),
            Self::Template(rendering) => rendering.run(options),
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (folder, cores) = (folder.path(), &options.cores);
    eprintln!("starting the peers");
    let peers = Peers::start(folder, cores)?;
    let builds = [(EDGEWAY, &options.edgeway), (BEFORE, &options.before)];
    let mut gateways = Vec::new();
    for (name, binary) in builds {
        if let Some(binary) = binary {
            eprintln!("starting {name} dev");
            let gateway = Gateway::start(name, binary, folder, cores, peers.origin())?;
            gateways.push(gateway);
        }
    }
    let names = name_servers(folder, options, &gateways)?;
    let http = scenario::targets(&peers, &gateways)
        .into_iter()
        .map(Subject::Http);
    let dns = questions(&gateways, &names).into_iter().map(Subject::Dns);
    let templates = templates::renderings(folder, options)?;
    let subjects: Vec<Subject<'_>> = http
        .chain(dns)
        .chain(templates.into_iter().map(Subject::Template))
        .filter(|subject| options.wants(&subject.name()))
        .collect();
    for subject in &subjects {
        subject.check()?;
    }
    let mut report = Report::new(options);
    for round in 1..=options.rounds {
        for subject in &subjects {
            eprintln!("round {round}/{}: {}", options.rounds, subject.name());
            report.add(subject.row(), subject.run(folder, options)?);
        }
    }
    if options.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

/// The peers for DNS, with the zone of the first gateway.
fn name_servers(folder: &Path, options: &Options, gateways: &[Gateway]) -> Result<NameServers> {
    let (zone, host) = gateways
        .first()
        .map_or(("bench.test", "www.bench.test"), |gateway| {
            (gateway.zone(), gateway.host())
        });
    NameServers::start(folder, &options.cores, zone, host)
}

/// All questions, Edgeway's first in each group.
fn questions<'a>(gateways: &'a [Gateway], names: &'a NameServers) -> Vec<Question<'a>> {
    let mut questions = Vec::new();
    let host = gateways.first().map_or("www.bench.test", Gateway::host);
    for kind in Kind::ALL {
        questions.extend(gateways.iter().map(|gateway| Question {
            kind,
            server: gateway.name(),
            address: gateway.dns().to_owned(),
            host: gateway.host().to_owned(),
            program: gateway.program(),
        }));
        let knot = match kind {
            Kind::Subnet => &names.knot_geoip,
            Kind::Plain | Kind::Dnssec => &names.knot,
        };
        questions.extend(
            [("nsd", &names.nsd), ("knot", knot)].map(|(server, peer)| Question {
                kind,
                server,
                address: peer.address.clone(),
                host: host.to_owned(),
                program: &peer.program,
            }),
        );
    }
    questions
}
