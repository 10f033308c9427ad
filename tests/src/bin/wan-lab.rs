//! The WAN lab by hand: starts the network and a cluster in it, says how to use both, takes changes
//! of links from a named pipe, and removes all of it at Ctrl-C. `cargo xtask lab` runs it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to a person"
)]

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Context as _;
use tests::wan::{
    Links,
    cluster::{HTTP, Lab, MANAGEMENT},
    control, place,
};
use tokio::signal::unix::{SignalKind, signal};

/// The same chances at each start.
const SEED: u64 = 1;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wan-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    // Before anything is made: a signal during the start has to clean up too.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    println!("starting five regions, five POPs and DNS, as far apart as real ones ...");
    let session = async {
        let lab = Lab::start(SEED).await?;
        let api = lab.quick_api().await?;
        let control = lab.folder_of("control");
        listen(&control, &lab)?;
        println!("{}", instructions(&lab, &api, &control)?);
        std::future::pending::<()>().await;
        drop(lab);
        anyhow::Ok(())
    };
    tokio::select! {
        ended = session => ended?,
        _ = terminate.recv() => println!("\nSIGTERM: removing the lab"),
        _ = interrupt.recv() => println!("\nSIGINT: removing the lab"),
    }
    Ok(())
}

/// Applies what is written into the pipe, for as long as the process lives.
fn listen(control: &Path, lab: &Lab) -> anyhow::Result<()> {
    let made = Command::new("mkfifo").arg(control).status()?;
    anyhow::ensure!(made.success(), "mkfifo {}: {made}", control.display());
    // Open for writing too: the pipe does not end when a writer does.
    let pipe = File::options()
        .read(true)
        .write(true)
        .open(control)
        .with_context(|| control.display().to_string())?;
    let links: Links = lab.wan.links.clone();
    let names: Vec<String> = lab.wan.hosts.iter().map(|host| host.name.clone()).collect();
    std::thread::spawn(move || {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            match control::apply(&line, &links, &names) {
                Ok(()) => println!("{line}: done"),
                Err(error) => println!("{line}: {error:#}"),
            }
        }
    });
    Ok(())
}

fn instructions(lab: &Lab, api: &str, control: &Path) -> anyhow::Result<String> {
    let hosts = lab.wan.hosts.iter().map(|host| {
        let folder: PathBuf = lab.folder_of(&host.name);
        let log = folder.join("log");
        let log = if log.exists() {
            log.display().to_string()
        } else {
            String::new()
        };
        format!("  {:<16} {:<12} {log}\n", host.name, host.ip)
    });
    let client = lab.wan.host("client")?;
    let paris = lab.wan.host("paris")?;
    let dns = lab.wan.host("dns-1")?;
    let first = lab.wan.host(place::REGIONS[0].0)?;
    Ok(format!(
        "\nThe lab runs. Ctrl-C removes it.\n\n{}\n\
         Enter a host, such as the client (names: ip netns list):\n  \
         ip netns exec {client} bash\n\n\
         Request the API from the client through Paris; it goes by Dublin:\n  \
         ip netns exec {client} curl -i -H 'Host: {api}' http://{}:{HTTP}/hello\n\n\
         Ask the DNS responder:\n  \
         ip netns exec {client} dig @{} {api} +short\n\n\
         See the cluster:\n  \
         ip netns exec {} env AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} \
         edgeway status --endpoint http://{}:{MANAGEMENT}\n\n\
         Change links while it runs (answers appear here):\n  \
         echo 'all eu-west-1 cut' > {control}\n  \
         echo 'client paris latency=40 loss=3' > {control}\n{}\n",
        hosts.collect::<String>(),
        paris.ip,
        dns.ip,
        first.namespace(),
        lab.key.0,
        lab.key.1,
        first.ip,
        control::HELP,
        client = client.namespace(),
        api = lab.api_host(api),
        control = control.display(),
    ))
}
