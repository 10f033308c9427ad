//! A cluster in the lab: one node a host, started with the commands an operator gives, `edgeway
//! init`, `token` and `start`, with Raft's clocks for members far apart.
//!
//! Every region has a backend of its own at 127.0.0.1, so a request's way ends in the region that
//! answers it, and what a client measures is the way to there.

use std::{
    fmt::Write as _,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::{Host, Wan, place};
use crate::{backend::Backend, client, cluster::program, management::Management};

/// The domain of the lab's cluster.
pub const BASE_DOMAIN: &str = "edgeway.test";

/// The API's backend, in every region.
pub const BACKEND: &str = "127.0.0.1:8080";

/// Of clients' HTTP at POPs and regions.
pub const HTTP: u16 = 80;

/// Of the management API.
pub const MANAGEMENT: u16 = 7001;

/// Of QUIC between nodes.
const LINK: u16 = 7000;

/// Of `/ready` and `/metrics`.
const OPS: u16 = 9100;

/// How long a cluster may take to serve.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A look at a node is given up after this.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// The hosts of a lab with a cluster: regions, POPs, one DNS node beside the first region, a
/// resolver and a client.
#[must_use]
pub fn hosts(regions: usize) -> Vec<(&'static str, place::Place)> {
    let mut hosts = Vec::new();
    hosts.extend(place::REGIONS.into_iter().take(regions));
    hosts.extend(place::POPS);
    hosts.extend([("dns-1", place::RESOLVER.1), place::RESOLVER, place::CLIENT]);
    hosts
}

/// A running cluster in a lab of its own.
#[derive(Debug)]
pub struct Lab {
    /// Access key and secret of the management API.
    pub key: (String, String),
    /// The nodes' processes, in the order of their hosts. They end before the network does.
    nodes: Vec<Node>,
    /// One in each region, alive as long as its host.
    pub backends: Vec<Backend>,
    /// Hosts and links.
    pub wan: Wan,
    folder: TempDir,
    /// How it differs from others.
    shape: Shape,
}

/// How a lab differs from others.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many regions it has, of `place::REGIONS`.
    pub regions: usize,
    /// More lines of regions' settings.
    pub region: &'static str,
    /// More lines of POPs' settings.
    pub pop: &'static str,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            regions: place::REGIONS.len(),
            region: "",
            pop: "",
        }
    }
}

#[derive(Debug)]
struct Node {
    name: String,
    child: Child,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Region,
    Pop,
    Dns,
}

impl Lab {
    /// Starts the network and the cluster; returns once every node serves.
    ///
    /// # Errors
    /// Without root, and when the cluster does not serve in time; logs are then printed.
    pub async fn start(seed: u64) -> anyhow::Result<Self> {
        Self::start_with(seed, "").await
    }

    /// As `start`, with more lines for each POP's section.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_with(seed: u64, pop: &'static str) -> anyhow::Result<Self> {
        Self::start_of(
            seed,
            Shape {
                pop,
                ..Shape::default()
            },
        )
        .await
    }

    /// As `start`, of another shape.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_of(seed: u64, shape: Shape) -> anyhow::Result<Self> {
        let wan = Wan::start(&hosts(shape.regions), seed)?;
        let mut lab = Self {
            key: (String::new(), String::new()),
            nodes: Vec::new(),
            backends: Vec::new(),
            wan,
            folder: tempfile::tempdir()?,
            shape,
        };
        let started = tokio::time::timeout(START_TIMEOUT, lab.start_nodes()).await;
        match started.context("the cluster does not serve in time") {
            Ok(Ok(())) => Ok(lab),
            Ok(Err(error)) | Err(error) => {
                lab.print_logs();
                Err(error)
            }
        }
    }

    async fn start_nodes(&mut self) -> anyhow::Result<()> {
        let regions = place::REGIONS.iter().take(self.shape.regions);
        for (name, _) in regions.clone() {
            let host = self.wan.host(name)?;
            let backend = host.spawn(Backend::start_at(BACKEND.parse()?)).await??;
            self.backends.push(backend);
        }
        let first = place::REGIONS[0].0;
        self.init(first)?;
        self.start_node(first)?;
        self.wait_ready(first).await?;
        let others = regions.skip(1).map(|r| (r.0, Role::Region));
        let pops = place::POPS.iter().map(|pop| (pop.0, Role::Pop));
        for (name, role) in others.chain(pops).chain([("dns-1", Role::Dns)]) {
            self.token(name, role)?;
            self.start_node(name)?;
        }
        for node in 0..self.nodes.len() {
            let name = self.nodes.get(node).map(|node| node.name.clone());
            self.wait_ready(&name.unwrap_or_default()).await?;
        }
        self.wait_voters(self.shape.regions).await
    }

    /// `edgeway init`, with settings of our own.
    fn init(&mut self, name: &str) -> anyhow::Result<()> {
        let host = self.wan.host(name)?;
        let folder = self.folder_of(name);
        let config = self.write_settings(host, Role::Region)?;
        run(host
            .command(&program())
            .args(["init", "--cluster", "lab", "--base-domain", BASE_DOMAIN])
            .args(["--region", name, "--link", &host.at(LINK).to_string()])
            .arg("--data-dir")
            .arg(&folder)
            .arg("--config")
            .arg(config))?;
        let admin: Value = serde_json::from_slice(&std::fs::read(folder.join("admin.json"))?)?;
        let field = |name: &str| {
            let text = admin.get(name).and_then(Value::as_str);
            text.map(str::to_owned).context("admin.json")
        };
        self.key = (field("access_key_id")?, field("secret_access_key")?);
        Ok(())
    }

    /// `edgeway token`, on the first region's host.
    fn token(&self, name: &str, role: Role) -> anyhow::Result<()> {
        let first = self.wan.host(place::REGIONS[0].0)?;
        let mut command = first.command(&program());
        command
            .arg("token")
            .args(["--endpoint", &format!("http://{}", first.at(MANAGEMENT))])
            .env("AWS_ACCESS_KEY_ID", &self.key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.1);
        match role {
            Role::Region => command.args(["--role", "region", "--place", name]),
            Role::Pop => command.args(["--role", "pop", "--place", name]),
            Role::Dns => command.args(["--role", "dns"]),
        };
        let text = run(&mut command)?;
        self.write_settings(self.wan.host(name)?, role)?;
        std::fs::write(self.folder_of(name).join("join.token"), text.trim())?;
        Ok(())
    }

    /// `edgeway start`. It drains and ends when this process is gone, however that ended.
    fn start_node(&mut self, name: &str) -> anyhow::Result<()> {
        let folder = self.folder_of(name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))?;
        let child = self
            .wan
            .host(name)?
            .command(&program())
            .args(["start", "--until-stdin-closes", "--config"])
            .arg(folder.join("edgeway.toml"))
            .env_remove("EDGEWAY_JOIN_TOKEN")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        self.nodes.push(Node {
            name: name.to_owned(),
            child,
        });
        Ok(())
    }

    fn write_settings(&self, host: &Host, role: Role) -> anyhow::Result<PathBuf> {
        let folder = self.folder_of(&host.name);
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("edgeway.toml");
        std::fs::write(&file, settings(host, role, (&folder, self.shape))?)?;
        Ok(file)
    }

    /// Where a node keeps everything.
    #[must_use]
    pub fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The management API of a region; call it on a host of the lab.
    ///
    /// # Errors
    /// When there is no such region.
    pub fn management(&self, region: &str) -> anyhow::Result<Management> {
        let url = format!("http://{}", self.wan.host(region)?.at(MANAGEMENT));
        Ok(Management::new(&url, &self.key.0, &self.key.1))
    }

    /// An API with a catch-all route to each region's own backend; gives its id once every node
    /// serves it.
    ///
    /// # Errors
    /// When any step fails.
    pub async fn quick_api(&self) -> anyhow::Result<String> {
        let first = place::REGIONS[0].0;
        let management = self.management(first)?;
        let made = async move {
            let target = format!("http://{BACKEND}");
            management.quick_api("lab", &target).await
        };
        self.wan.host(first)?.spawn(made).await?
    }

    /// The default host name of an API.
    #[must_use]
    pub fn api_host(&self, api: &str) -> String {
        format!("{api}.execute-api.{}.{BASE_DOMAIN}", place::REGIONS[0].0)
    }

    /// Where a POP's or region's HTTP listener is.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn http(&self, name: &str) -> anyhow::Result<SocketAddr> {
        Ok(self.wan.host(name)?.at(HTTP))
    }

    /// Where a node's metrics are.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn ops(&self, name: &str) -> anyhow::Result<SocketAddr> {
        Ok(self.wan.host(name)?.at(OPS))
    }

    async fn wait_ready(&mut self, name: &str) -> anyhow::Result<()> {
        let host = self.wan.host(name)?;
        let ops = host.at(OPS);
        loop {
            let look = host.spawn(async move {
                let answer = client::get(ops, "node", "/ready");
                tokio::time::timeout(LOOK_TIMEOUT, answer).await
            });
            if let Ok(Ok(answer)) = look.await?
                && answer.status().is_success()
            {
                return Ok(());
            }
            let ended = self.nodes.iter_mut().find(|node| node.name == name);
            if let Some(node) = ended
                && let Some(status) = node.child.try_wait()?
            {
                bail!("{name} ended: {status}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn wait_voters(&self, wanted: usize) -> anyhow::Result<()> {
        let first = place::REGIONS[0].0;
        loop {
            let management = self.management(first)?;
            let status = self
                .wan
                .host(first)?
                .spawn(async move { management.status().await });
            let voters = status.await??["raft"]["voters"]
                .as_array()
                .map_or(0, Vec::len);
            if voters >= wanted {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The last lines of each node's log, for whoever reads a failed run.
    #[expect(clippy::print_stderr, reason = "read by a person")]
    pub fn print_logs(&self) {
        for node in &self.nodes {
            let log = self.folder_of(&node.name).join("log");
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(20)..);
            eprintln!("--- {}\n{}", node.name, tail.unwrap_or_default().join("\n"));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        for node in &mut self.nodes {
            drop(node.child.kill());
        }
    }
}

/// A settings file as an operator writes it.
fn settings(host: &Host, role: Role, (folder, shape): (&Path, Shape)) -> anyhow::Result<String> {
    let Shape { region, pop, .. } = shape;
    let folder = folder.display();
    let mut text = format!(
        "data_dir = \"{folder}\"\nworkers = 1\nlog = \"info,openraft=warn,access=off\"\n\
         log_format = \"text\"\ndrain_s = 2\n\
         [link]\nbind = \"{}\"\n[ops]\nbind = \"{}\"\n\
         [join]\ntoken_file = \"{folder}/join.token\"\n",
        host.at(LINK),
        host.at(OPS),
    );
    let place = format!(
        "location = {{ latitude = {:.1}, longitude = {:.1} }}",
        host.place.latitude, host.place.longitude
    );
    let (ip, http, management) = (host.ip, host.at(HTTP), host.at(MANAGEMENT));
    match role {
        Role::Region => write!(
            text,
            "[region]\nhttp = [\"{http}\"]\nmanagement = \"{management}\"\n\
             management_http_anywhere = true\npublic = [\"{ip}\"]\n\
             {place}\nraft = \"wide\"\n{region}"
        ),
        Role::Pop => write!(
            text,
            "[pop]\nhttp = [\"{http}\"]\npublic = [\"{ip}\"]\n{place}\ndebug_headers = true\n{pop}"
        ),
        Role::Dns => write!(
            text,
            "[dns]\nbind = [\"{}\"]\npublic = [\"{ip}\"]\n",
            host.at(53)
        ),
    }?;
    Ok(text)
}

/// Runs a command to its end; gives what it printed.
fn run(command: &mut Command) -> anyhow::Result<String> {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "{command:?} after {:?}: {}{}",
        began.elapsed(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
