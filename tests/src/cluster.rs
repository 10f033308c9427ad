//! A cluster of real processes, started by the same command a person uses.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tempfile::TempDir;

use crate::{management::Management, process};

/// How long a cluster may take to serve.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The ready file (architecture, section 6).
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Such as `edgeway.test`.
    pub base_domain: String,
    /// Of the management API.
    pub access_key_id: String,
    /// Of the management API.
    pub secret_access_key: String,
    /// Twelve digits.
    pub account_id: String,
    /// The cluster's authority, PEM.
    pub ca_file: PathBuf,
    /// The responder.
    pub dns: SocketAddr,
    /// The responder over TLS, and over QUIC.
    pub dns_tls: SocketAddr,
    /// The responder over HTTPS.
    pub dns_https: SocketAddr,
    /// Copies zones; as `dig -y` wants it.
    pub transfer_key: String,
    /// The responder's process.
    pub dns_node: Plain,
    /// The backend of the sample API.
    pub sample_backend: SocketAddr,
    /// Regions, the first one first.
    pub regions: Vec<Region>,
    /// POPs.
    pub pops: Vec<Pop>,
}

/// A region of the ready file.
#[derive(Clone, Debug, Deserialize)]
pub struct Region {
    /// Such as `us-east-1`.
    pub name: String,
    /// In Raft.
    pub node_id: u64,
    /// Its process.
    pub pid: u32,
    /// A URL.
    pub management: String,
    /// The same over TLS.
    pub management_https: String,
    /// The regional listener.
    pub http: SocketAddr,
    /// The regional listener over TLS.
    pub https: SocketAddr,
    /// A URL.
    pub metrics: String,
    /// Its ways in for private networks.
    pub private: Vec<PrivateEntry>,
    /// Its settings.
    pub config: PathBuf,
}

/// A private endpoint of the ready file.
#[derive(Clone, Debug, Deserialize)]
pub struct PrivateEntry {
    /// Such as `vpce-0123456789abcdef0`.
    pub endpoint_id: String,
    /// Its listener.
    pub http: SocketAddr,
    /// Its listener over TLS.
    pub https: SocketAddr,
    /// Its resolver view.
    pub dns: SocketAddr,
}

/// A POP of the ready file.
#[derive(Clone, Debug, Deserialize)]
pub struct Pop {
    /// Such as `pop-1`.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Its listener.
    pub http: SocketAddr,
    /// Its listener over TLS.
    pub https: SocketAddr,
    /// The same over QUIC.
    pub h3: SocketAddr,
    /// What DNS answers for it.
    pub public: std::net::Ipv4Addr,
    /// A URL.
    pub metrics: String,
    /// Its settings.
    pub config: PathBuf,
}

/// The DNS node of the ready file.
#[derive(Clone, Debug, Deserialize)]
pub struct Plain {
    /// Its process.
    pub pid: u32,
    /// A URL.
    pub metrics: String,
    /// Its settings.
    pub config: PathBuf,
}

/// A cluster that ends with the test.
pub struct Cluster {
    /// What the ready file says.
    pub ready: Ready,
    folder: TempDir,
    dev: Child,
    /// Nodes that were started again by hand.
    restarted: Vec<Child>,
}

/// The program under test, built by `cargo build --workspace`.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn program() -> PathBuf {
    // A test binary is TARGET/PROFILE/deps/it-HASH, a program TARGET/PROFILE/NAME.
    let own = std::env::current_exe().expect("this program's path");
    let folder = own.parent().expect("a program is in a folder");
    let profile = match folder.parent() {
        Some(profile) if folder.ends_with("deps") => profile,
        _ => folder,
    };
    let program = profile.join("edgeway");
    assert!(
        program.exists(),
        "{} is missing: run `cargo xtask test`",
        program.display()
    );
    program
}

/// The program of the build before this one, kept by `cargo xtask test` under its revision; none
/// in a clone that has not the history to make it from.
///
/// # Panics
/// When this program's own is missing, or the file that names the revision.
#[must_use]
pub fn former_program() -> Option<PathBuf> {
    let named = std::fs::read_to_string(crate::folder().join("previous-build"));
    let named = named.expect("tests/previous-build");
    let revision = named.lines().find(|line| !line.starts_with('#'));
    let name = format!("edgeway-{}", revision.expect("a revision").trim());
    let profile = program();
    let target = profile.parent().and_then(Path::parent);
    let program = target.expect("TARGET/PROFILE").join("previous").join(name);
    program.exists().then_some(program)
}

impl Cluster {
    /// Three regions, two POPs and DNS.
    ///
    /// # Errors
    /// When it does not serve in time; the nodes' logs are then printed.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(3, 2).await
    }

    /// As `start`, of another size.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_with(regions: u8, pops: u8) -> anyhow::Result<Self> {
        Self::start_among(regions, pops, &[]).await
    }

    /// As `start_with`, with these environment variables.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_among(
        regions: u8,
        pops: u8,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::start_of(&program(), (regions, pops), variables).await
    }

    /// As `start_among`, of another build's program.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_of(
        program: &Path,
        (regions, pops): (u8, u8),
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let ready_file = folder.path().join("ready.json");
        let data_dir = folder.path().join("data");
        let output = File::create(folder.path().join("dev.log"))?;
        let mut dev = Command::new(program)
            .arg("dev")
            .arg("--data-dir")
            .arg(&data_dir)
            .arg("--ready-file")
            .arg(&ready_file)
            .args([
                "--regions",
                &regions.to_string(),
                "--pops",
                &pops.to_string(),
            ])
            .args(["--log", "info,openraft=warn,access=off"])
            .env_remove("EDGEWAY_JOIN_TOKEN")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("edgeway dev")?;
        let deadline = Instant::now() + START_TIMEOUT;
        let ready = loop {
            if let Ok(text) = std::fs::read(&ready_file) {
                break serde_json::from_slice(&text)?;
            }
            let ended = dev.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                drop(dev.kill());
                print_logs(folder.path());
                bail!("the cluster does not serve: {ended:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        Ok(Self {
            ready,
            folder,
            dev,
            restarted: Vec::new(),
        })
    }

    /// The management API of a region.
    #[must_use]
    pub fn management(&self, region: usize) -> Management {
        Management::new(
            &self.ready.regions[region].management,
            &self.ready.access_key_id,
            &self.ready.secret_access_key,
        )
    }

    /// The default host of an API, by the first region's name.
    #[must_use]
    pub fn host(&self, api: &str) -> String {
        let region = &self.ready.regions[0].name;
        format!("{api}.execute-api.{region}.{}", self.ready.base_domain)
    }

    /// The ready file.
    #[must_use]
    pub fn ready_file(&self) -> PathBuf {
        self.folder.path().join("ready.json")
    }

    /// The cluster's authority.
    ///
    /// # Errors
    /// When the file is not there.
    pub fn authority_pem(&self) -> anyhow::Result<Vec<u8>> {
        Ok(std::fs::read(&self.ready.ca_file)?)
    }

    /// Ends a process without warning.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn kill(&self, pid: u32) -> anyhow::Result<()> {
        process::signal(pid, "KILL")?;
        // A killed process keeps its sockets until the kernel has taken it apart.
        let deadline = Instant::now() + Duration::from_secs(10);
        while process::lives(pid) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Starts a killed node again, as a person would; gives its process.
    ///
    /// # Errors
    /// When the program cannot be run.
    pub fn restart(&mut self, config: &Path) -> anyhow::Result<u32> {
        self.restart_as(&program(), config)
    }

    /// As `restart`, of another build's program.
    ///
    /// # Errors
    /// As `restart`.
    pub fn restart_as(&mut self, program: &Path, config: &Path) -> anyhow::Result<u32> {
        let folder = config.parent().context("a settings file has a folder")?;
        let log = File::options()
            .append(true)
            .create(true)
            .open(folder.join("log"))?;
        let child = Command::new(program)
            .args(["start", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let pid = child.id();
        self.restarted.push(child);
        Ok(pid)
    }

    /// Processes of every node as first started.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        let regions = self.ready.regions.iter().map(|region| region.pid);
        let pops = self.ready.pops.iter().map(|pop| pop.pid);
        regions.chain(pops).chain([self.ready.dns_node.pid])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            print_logs(self.folder.path());
        }
        for child in &mut self.restarted {
            drop(child.kill());
            drop(child.wait());
        }
        // Killed without warning, `dev` lets go of its nodes' leashes, and they end by themselves.
        let folder = self.folder.path().to_string_lossy();
        for pid in self.pids().filter(|pid| process::was_told(*pid, &folder)) {
            drop(process::signal(pid, "KILL"));
        }
        drop(self.dev.kill());
        drop(self.dev.wait());
    }
}

/// The last lines of each log, for whoever reads a failed test.
#[expect(
    clippy::print_stderr,
    reason = "a failed test's output is read by a person"
)]
fn print_logs(folder: &Path) {
    let nodes = std::fs::read_dir(folder.join("data"))
        .into_iter()
        .flatten()
        .flatten();
    let logs = nodes
        .map(|node| node.path().join("log"))
        .chain([folder.join("dev.log")]);
    for log in logs {
        let Ok(text) = std::fs::read_to_string(&log) else {
            continue;
        };
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(40)..)
            .unwrap_or_default();
        eprintln!("--- {}\n{}", log.display(), tail.join("\n"));
    }
}
