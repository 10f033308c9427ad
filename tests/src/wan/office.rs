//! A small cluster and a private network: two regions, and an office whose backend has an address
//! that nobody outside has a route to. Connectors run in the office and dial out. An annex has the
//! same backend at the same address, and a line of its own to the regions.

use std::{
    fs::File,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::{Host, Wan, place::Place};
use crate::{backend::Backend, client, cluster::program, management::Management};

/// The backend's address, inside the office.
pub const BACKEND: &str = "10.200.0.5:8080";

/// Regions, the office and its annex; a few kilometres apart.
const HOSTS: [(&str, Place); 4] = [
    ("one", Place::new(50.0, 8.0)),
    ("two", Place::new(50.1, 8.1)),
    ("office", Place::new(50.0, 8.2)),
    ("annex", Place::new(50.1, 8.2)),
];

const LINK: u16 = 7000;
const MANAGEMENT: u16 = 7001;
const OPS: u16 = 9100;
const HTTP: u16 = 80;
const START_TIMEOUT: Duration = Duration::from_secs(90);
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// A running cluster with an office.
#[derive(Debug)]
pub struct Office {
    key: (String, String),
    nodes: Vec<Node>,
    /// In the office.
    pub backend: Backend,
    /// In the annex.
    pub spare: Backend,
    /// Hosts and links.
    pub wan: Wan,
    folder: TempDir,
}

#[derive(Debug)]
struct Node {
    name: String,
    child: Child,
}

impl Office {
    /// Starts network, regions and backend; no connector yet.
    ///
    /// # Errors
    /// Without root, and when the regions do not serve in time; logs are then printed.
    pub async fn start() -> anyhow::Result<Self> {
        let wan = Wan::start(&HOSTS, 11)?;
        let backend = start_backend(wan.host("office")?).await?;
        let spare = start_backend(wan.host("annex")?).await?;
        let mut office = Self {
            key: (String::new(), String::new()),
            nodes: Vec::new(),
            backend,
            spare,
            wan,
            folder: tempfile::tempdir()?,
        };
        let started = tokio::time::timeout(START_TIMEOUT, office.start_regions()).await;
        match started.context("the regions do not serve in time") {
            Ok(Ok(())) => Ok(office),
            Ok(Err(error)) | Err(error) => {
                office.print_logs();
                Err(error)
            }
        }
    }

    async fn start_regions(&mut self) -> anyhow::Result<()> {
        let one = self.wan.host("one")?;
        let folder = self.folder_of("one");
        let config = self.write("one", &region(one, &self.folder_of("one").display()))?;
        run(one
            .command(&program())
            .args(["init", "--cluster", "lab", "--base-domain", "edgeway.test"])
            .args(["--region", "one", "--link", &one.at(LINK).to_string()])
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
        self.start_node("one", "one")?;
        self.wait_ready("one", "one", OPS).await?;
        let two = self.wan.host("two")?;
        self.write("two", &region(two, &self.folder_of("two").display()))?;
        self.token("two", ("region", "two"))?;
        self.start_node("two", "two")?;
        self.wait_ready("two", "two", OPS).await
    }

    /// Starts a connector in the office, named `place` for links, with more lines of settings; and
    /// waits until it is connected. Its number tells it from others of that place.
    ///
    /// # Errors
    /// When it does not connect.
    pub async fn connector(
        &mut self,
        place: &str,
        number: u16,
        lines: &str,
    ) -> anyhow::Result<u32> {
        self.connector_at("office", (place, number), lines).await
    }

    /// As `connector`, on this host.
    ///
    /// # Errors
    /// When it does not connect.
    pub async fn connector_at(
        &mut self,
        host: &str,
        (place, number): (&str, u16),
        lines: &str,
    ) -> anyhow::Result<u32> {
        let name = format!("{place}-{number}");
        let folder = self.folder_of(&name);
        let office = self.wan.host(host)?;
        let ops = OPS + number;
        if !folder.join("identity").exists() {
            let text = format!(
                "data_dir = \"{folder}\"\nworkers = 1\nlog = \"info\"\nlog_format = \"text\"\n\
                 drain_s = 5\n[link]\nbind = \"0.0.0.0:0\"\n[ops]\nbind = \"{}\"\n\
                 [join]\ntoken_file = \"{folder}/join.token\"\n[connector]\n{lines}",
                office.at(ops),
                folder = folder.display(),
            );
            self.write(&name, &text)?;
            self.token(&name, ("connector", place))?;
        }
        self.start_node(&name, host)?;
        let ready = self.wait_ready(&name, host, ops);
        let ready = tokio::time::timeout(START_TIMEOUT, ready).await;
        ready.context("the connector does not connect")??;
        let node = self.nodes.last().context("no node")?;
        Ok(node.child.id())
    }

    /// Starts a connector again with the identity that it has, and waits for nothing.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn connector_again(&mut self, host: &str, place: &str, number: u16) -> anyhow::Result<u32> {
        self.start_node(&format!("{place}-{number}"), host)?;
        let node = self.nodes.last().context("no node")?;
        Ok(node.child.id())
    }

    /// Where a node shows its metrics: a region's, or a connector's by its number.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn ops(&self, host: &str, number: u16) -> anyhow::Result<SocketAddr> {
        Ok(self.wan.host(host)?.at(OPS + number))
    }

    /// The process of a region.
    #[must_use]
    pub fn region_pid(&self, region: &str) -> Option<u32> {
        let mut nodes = self.nodes.iter().rev();
        let node = nodes.find(|node| node.name == region)?;
        Some(node.child.id())
    }

    /// Kills both regions at once, starts them again, and waits until they serve.
    ///
    /// # Errors
    /// When they do not in time.
    pub async fn restart_regions(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            if matches!(&*node.name, "one" | "two") {
                drop(node.child.kill());
                drop(node.child.wait());
            }
        }
        self.nodes
            .retain(|node| !matches!(&*node.name, "one" | "two"));
        for region in ["one", "two"] {
            self.start_node(region, region)?;
        }
        for region in ["one", "two"] {
            let ready = self.wait_ready(region, region, OPS);
            let ready = tokio::time::timeout(START_TIMEOUT, ready).await;
            ready.with_context(|| format!("{region} does not serve"))??;
        }
        Ok(())
    }

    /// `edgeway token`, at the first region.
    fn token(&self, name: &str, (role, place): (&str, &str)) -> anyhow::Result<()> {
        let mut command = self.edgeway()?;
        command.args(["token", "--role", role, "--place", place]);
        let text = run(&mut self.aimed(command)?)?;
        std::fs::write(self.folder_of(name).join("join.token"), text.trim())?;
        Ok(())
    }

    /// What `edgeway` prints when it asks the first region.
    ///
    /// # Errors
    /// When it fails.
    pub fn ask(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = self.edgeway()?;
        command.args(args);
        run(&mut self.aimed(command)?)
    }

    fn edgeway(&self) -> anyhow::Result<Command> {
        Ok(self.wan.host("one")?.command(&program()))
    }

    fn aimed(&self, mut command: Command) -> anyhow::Result<Command> {
        let endpoint = self.wan.host("one")?.at(MANAGEMENT);
        command
            .args(["--endpoint", &format!("http://{endpoint}")])
            .env("AWS_ACCESS_KEY_ID", &self.key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.1);
        Ok(command)
    }

    /// The management API of a region, for futures that run on its host.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn management(&self, region: &str) -> anyhow::Result<Management> {
        let url = format!("http://{}", self.wan.host(region)?.at(MANAGEMENT));
        Ok(Management::new(&url, &self.key.0, &self.key.1))
    }

    /// A region's listener for clients.
    ///
    /// # Errors
    /// When there is no such host.
    pub fn http(&self, region: &str) -> anyhow::Result<SocketAddr> {
        Ok(self.wan.host(region)?.at(HTTP))
    }

    fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, settings: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder_of(name);
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("edgeway.toml");
        std::fs::write(&file, settings)?;
        Ok(file)
    }

    fn start_node(&mut self, name: &str, host: &str) -> anyhow::Result<()> {
        let folder = self.folder_of(name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))?;
        let mut command = self.wan.host(host)?.command(&program());
        let child = command
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

    async fn wait_ready(&mut self, name: &str, host: &str, ops: u16) -> anyhow::Result<()> {
        let host = self.wan.host(host)?;
        let ops = host.at(ops);
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
            let mut nodes = self.nodes.iter_mut().rev();
            if let Some(node) = nodes.find(|node| node.name == name)
                && let Some(status) = node.child.try_wait()?
            {
                self.print_logs();
                anyhow::bail!("{name} ended: {status}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether a process that was started here has ended; it is then no zombie any more.
    pub fn has_ended(&mut self, pid: u32) -> bool {
        let mut nodes = self.nodes.iter_mut();
        let node = nodes.find(|node| node.child.id() == pid);
        node.is_none_or(|node| matches!(node.child.try_wait(), Ok(Some(_))))
    }

    #[expect(clippy::print_stderr, reason = "read by a person")]
    fn print_logs(&self) {
        let mut names: Vec<&str> = self.nodes.iter().map(|node| &*node.name).collect();
        names.dedup();
        for name in names {
            let text = std::fs::read_to_string(self.folder_of(name).join("log"));
            let text = text.unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(30)..);
            eprintln!("--- {name}\n{}", tail.unwrap_or_default().join("\n"));
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_logs();
        }
        for node in &mut self.nodes {
            drop(node.child.kill());
            drop(node.child.wait());
        }
    }
}

async fn start_backend(host: &Host) -> anyhow::Result<Backend> {
    let addr: SocketAddr = BACKEND.parse()?;
    host.configure(&format!("addr add {}/32 dev lo\n", addr.ip()))?;
    host.spawn(Backend::start_at(addr)).await?
}

fn region(host: &Host, folder: &impl std::fmt::Display) -> String {
    format!(
        "data_dir = \"{folder}\"\nworkers = 1\nlog = \"info,openraft=warn,access=off\"\n\
         log_format = \"text\"\ndrain_s = 2\n\
         [link]\nbind = \"{}\"\n[ops]\nbind = \"{}\"\n\
         [join]\ntoken_file = \"{folder}/join.token\"\n\
         [region]\nhttp = [\"{}\"]\nmanagement = \"{}\"\n\
         management_http_anywhere = true\npublic = [\"{}\"]\nraft = \"wide\"\n",
        host.at(LINK),
        host.at(OPS),
        host.at(HTTP),
        host.at(MANAGEMENT),
        host.ip,
    )
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
