//! NSD and Knot as peers, with the zone that Edgeway answers for: the same names, signed with the
//! same algorithm, one thread for UDP, no limit of rate.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::options::Cores;
use crate::peers::{fill, listens, write};
use crate::program::{Program, find};

/// A name server that answers.
pub(crate) struct NameServer {
    pub(crate) program: Program,
    pub(crate) address: String,
}

pub(crate) struct NameServers {
    pub(crate) nsd: NameServer,
    pub(crate) knot: NameServer,
    /// Knot that answers by the client's network; its answers are not signed.
    pub(crate) knot_geoip: NameServer,
}

impl NameServers {
    /// Starts all on the servers' core with `host` in `zone`.
    pub(crate) fn start(folder: &Path, cores: &Cores, zone: &str, host: &str) -> Result<Self> {
        let folder = folder.join("names");
        fs::create_dir(&folder).context("cannot make a folder for name servers")?;
        let text = include_str!("../peers/zone.txt");
        let text = fill(text, &[("@ZONE@", zone), ("@HOST@", host)]);
        write(&folder, "plain.zone", &text)?;
        let places = include_str!("../peers/geoip.conf");
        write(&folder, "geoip.conf", &fill(places, &[("@HOST@", host)]))?;
        sign(&folder, zone)?;
        let core = cores.server;
        Ok(Self {
            nsd: nsd(&folder, zone, core)?,
            knot: knot("knot", &folder, zone, "file: signed.zone", core)?,
            knot_geoip: {
                let served = "file: plain.zone\n    module: mod-geoip/places";
                knot("knot-geoip", &folder, zone, served, core)?
            },
        })
    }
}

/// Makes `signed.zone` of `plain.zone`, with a key of the algorithm that Edgeway uses (ECDSA
/// P-256), for two weeks.
fn sign(folder: &Path, zone: &str) -> Result<()> {
    let served = "file: plain.zone\n    dnssec-signing: on\n    dnssec-policy: bench";
    let file = knot_file("signing", folder, zone, served, "127.0.0.1@53")?;
    let signed = folder.join("signed");
    fs::create_dir(&signed).context("cannot make a folder for the signed zone")?;
    let output = Command::new(find("kzonesign")?)
        .args(["-c", &file, "-o"])
        .arg(&signed)
        .arg(zone)
        .output()
        .context("cannot start kzonesign")?;
    if !output.status.success() {
        bail!(
            "kzonesign: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let mut made = fs::read_dir(&signed).context("cannot read the folder of the signed zone")?;
    let made = made.next().context("kzonesign made no zone")?;
    let made = made
        .context("cannot read the folder of the signed zone")?
        .path();
    fs::rename(made, folder.join("signed.zone")).context("cannot move the signed zone")
}

fn nsd(folder: &Path, zone: &str, core: u32) -> Result<NameServer> {
    let address = free_address()?;
    let words = [("@LISTEN@", at(&address)), ("@ZONE@", zone.to_owned())];
    let words = words.each_ref().map(|(from, to)| (*from, to.as_str()));
    let file = write(
        folder,
        "nsd.conf",
        &fill(include_str!("../peers/nsd.conf"), &words),
    )?;
    let program = Program::start("nsd", &find("nsd")?, &["-d", "-c", &file], core, folder)?;
    answering("nsd", program, address, folder)
}

fn knot(
    name: &'static str,
    folder: &Path,
    zone: &str,
    served: &str,
    core: u32,
) -> Result<NameServer> {
    let address = free_address()?;
    let file = knot_file(name, folder, zone, served, &at(&address))?;
    let program = Program::start(name, &find("knotd")?, &["-c", &file], core, folder)?;
    answering(name, program, address, folder)
}

fn knot_file(name: &str, folder: &Path, zone: &str, served: &str, listen: &str) -> Result<String> {
    let data = folder.join(name);
    fs::create_dir(&data).context("cannot make a folder for knot")?;
    let words = [
        ("@LISTEN@", listen),
        ("@ZONE@", zone),
        ("@SERVED@", served),
        ("@DATA@", &*data.to_string_lossy()),
        ("@FOLDER@", &*folder.to_string_lossy()),
    ];
    write(
        folder,
        &format!("{name}.conf"),
        &fill(include_str!("../peers/knot.conf"), &words),
    )
}

/// Both name servers write `address@port`.
fn at(address: &str) -> String {
    address.replace(':', "@")
}

fn answering(
    name: &'static str,
    program: Program,
    address: String,
    folder: &Path,
) -> Result<NameServer> {
    let program = listens(name, program, &[&address], folder)?;
    Ok(NameServer { program, address })
}

/// An address whose port is free now for TCP and UDP.
fn free_address() -> Result<String> {
    for _ in 0..20 {
        let tcp = TcpListener::bind("127.0.0.1:0").context("cannot bind a loopback port")?;
        let address = tcp.local_addr().context("a bound socket has an address")?;
        if UdpSocket::bind(address).is_ok() {
            return Ok(address.to_string());
        }
    }
    bail!("no port is free for both TCP and UDP")
}
