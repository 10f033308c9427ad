//! `edgeway_local_node`: a node as a process of this machine, that outlives the run.
//!
//! The process is known by its number and its start time, which the kernel gives to no other. One
//! that has died is started again from its folder, as the same node. In production, machines start
//! their nodes themselves; this is for trying, for tests and for one-machine clusters.

mod files;
mod network;
mod process;
mod ready;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;

use self::{files::Folder, network::Network, process::Daemon};
use super::render::{First, init};
use crate::{
    cty::{Type, Value},
    framework::{Attribute, Call, Check, Failure, Nesting, Note, Path, Planning, Resource, Schema},
};

const READY_S: i64 = 60;
const STOP_S: i64 = 30;

pub(super) struct LocalNode;

/// What an operation works on.
struct Node {
    folder: Folder,
    program: String,
    network: Option<Network>,
}

impl Node {
    fn of(value: &Value) -> Self {
        let folder = PathBuf::from(value.text("data_dir").unwrap_or_default());
        let network = value.attribute("network");
        Self {
            folder: Folder(folder),
            program: value.text("program").unwrap_or("edgeway").to_owned(),
            network: network.is_set().then(|| Network::of(network)),
        }
    }

    fn daemon(value: &Value) -> Option<Daemon> {
        let pid = value.whole("pid").and_then(|pid| i32::try_from(pid).ok())?;
        let started = value.text("started")?.parse().ok()?;
        Some(Daemon { pid, started })
    }

    /// Writes the files and starts the process; waits until it is ready.
    async fn start(&self, planned: &Value, config: &Value) -> Result<Value, Failure> {
        self.folder
            .write_settings(planned.text("config").unwrap_or_default())?;
        if let Some(network) = &self.network {
            network.make().await?;
        }
        self.bootstrap(planned).await?;
        let token = config
            .text("join_token_wo")
            .or_else(|| planned.text("join_token"));
        let daemon = self.spawn(planned, token)?;
        // From here on there is something to know of, whatever fails.
        let state = running(planned, &daemon);
        let seconds = planned.whole("ready_timeout").unwrap_or(READY_S);
        let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let ready = ready::wait(&daemon, planned.text("ops"), &self.folder, limit).await;
        let identity = ready.and_then(|()| self.folder.identity());
        match identity {
            Ok(identity) => Ok(state
                .with("node_id", i64::try_from(identity.node).unwrap_or_default())
                .with("role", identity.role)
                .with("place", identity.place)),
            Err(note) => Err(Failure::from(note).having(
                state
                    .with("node_id", Value::Null)
                    .with("role", Value::Null)
                    .with("place", Value::Null),
            )),
        }
    }

    /// `edgeway init`, which leaves a cluster alone that is there.
    async fn bootstrap(&self, planned: &Value) -> Result<(), Note> {
        let wanted = planned.attribute("bootstrap");
        let Some(secrets) = wanted.text("secrets") else {
            return Ok(());
        };
        let file = self.folder.secrets(secrets)?;
        let first = First {
            secrets_file: &file.0.display().to_string(),
            base_domain: wanted.text("base_domain").unwrap_or_default(),
            account_id: wanted.text("account_id"),
            region: wanted.text("region").unwrap_or_default(),
            link: wanted.text("link").unwrap_or_default(),
        };
        let data_dir = self.folder.0.display().to_string();
        let settings = self.folder.settings().display().to_string();
        let mut words = vec!["init".to_owned()];
        words.extend(init(&data_dir, &settings, &first));
        process::run(&self.program, &words, "set the cluster up").await
    }

    fn spawn(&self, planned: &Value, token: Option<&str>) -> Result<Daemon, Note> {
        let settings = self.folder.settings().display().to_string();
        let environment = planned.attribute("environment").map();
        let environment = environment.into_iter().flatten();
        let mut variables: Vec<(String, String)> = environment
            .filter_map(|(name, value)| Some((name.clone(), value.as_text()?.to_owned())))
            .collect();
        if let Some(token) = token {
            variables.push(("EDGEWAY_JOIN_TOKEN".to_owned(), token.to_owned()));
        }
        let mut words = self
            .network
            .as_ref()
            .map(Network::prefix)
            .unwrap_or_default();
        // A session of its own: neither the terminal's nor Terraform's end reaches it.
        words.push("setsid".to_owned());
        words.push(self.program.clone());
        words.extend(["start".to_owned(), "--config".to_owned(), settings]);
        process::spawn(&words, &variables, self.folder.log()?)
    }

    async fn stop(&self, value: &Value) -> Result<(), Note> {
        let Some(daemon) = Self::daemon(value) else {
            return Ok(());
        };
        let seconds = value.whole("stop_timeout").unwrap_or(STOP_S);
        daemon
            .stop(Duration::from_secs(
                u64::try_from(seconds).unwrap_or_default(),
            ))
            .await
    }
}

fn running(planned: &Value, daemon: &Daemon) -> Value {
    let id = planned.text("data_dir").unwrap_or_default().to_owned();
    let (pid, started) = (i64::from(daemon.pid), daemon.started.to_string());
    Value::object()
        .with("id", id)
        .with(
            "log_file",
            format!("{}/log", planned.text("data_dir").unwrap_or_default()),
        )
        .with("pid", pid)
        .with("started", started.clone())
        .with("instance", format!("{pid}-{started}"))
        .with("running", true)
}

fn absolute(text: &str) -> Result<(), String> {
    let good = text.starts_with('/') && text.len() > 1 && !text.contains("..");
    good.then_some(())
        .ok_or_else(|| "Give an absolute path, such as abspath(\"data/n1\").".to_owned())
}

fn bootstrap() -> Attribute {
    Attribute::nested(
        "bootstrap",
        Nesting::Single,
        "Makes this the first node of a new cluster. Of no effect once there is a node.",
        [
            Attribute::text("secrets", "`json` of `edgeway_cluster_secrets`.")
                .required()
                .sensitive(),
            Attribute::text("base_domain", "The domain of default host names.").required(),
            Attribute::text("account_id", "Twelve digits that appear in ARNs."),
            Attribute::text("region", "The first region.").required(),
            Attribute::text("link", "Where other nodes reach this one.").required(),
        ],
    )
}

fn network() -> Attribute {
    Attribute::nested(
        "network",
        Nesting::Single,
        "Runs the node in a network namespace of its own, joined to a bridge. Needs root.",
        [
            Attribute::text("namespace", "Its name; made and removed with the node.").required(),
            Attribute::text("address", "The node's, such as `10.77.0.11/24`.").required(),
            Attribute::text(
                "bridge",
                "Of this machine; made when it is not there, removed with \
                             the last node.",
            )
            .required(),
            Attribute::text("bridge_address", "This machine's, such as `10.77.0.1/24`.").required(),
        ],
    )
    .replaces()
}

/// What Terraform says.
fn given() -> [Attribute; 13] {
    [
        Attribute::text(
            "data_dir",
            "The node's folder: settings, identity, ledger, log.",
        )
        .required()
        .replaces()
        .check(Check::Text(absolute)),
        Attribute::text(
            "config",
            "The settings file, such as `toml` of `edgeway_node_config`.",
        )
        .required(),
        Attribute::text(
            "program",
            "The program `edgeway`; the one in the PATH unless given.",
        ),
        Attribute::text(
            "ops",
            "Where `/ready` is asked for; without it, being alive is enough.",
        ),
        Attribute::text(
            "join_token",
            "Lets the node join, once. Not needed after that.",
        )
        .sensitive(),
        Attribute::text("join_token_wo", "The same from an ephemeral; never stored.")
            .sensitive()
            .write_only(),
        bootstrap(),
        network(),
        Attribute::new(
            "environment",
            Type::map(Type::String),
            "Variables of the process; it inherits PATH alone.",
        ),
        Attribute::number("ready_timeout", "Seconds until it must be ready.")
            .or(READY_S)
            .check(Check::Range(1, 3_600)),
        Attribute::number(
            "stop_timeout",
            "Seconds that it has to drain before it is killed.",
        )
        .or(STOP_S)
        .check(Check::Range(1, 3_600)),
        Attribute::flag("remove_data", "Whether destroying it removes its folder.").or(false),
        Attribute::texts_by_name(
            "keepers",
            "Any texts; when one changes, the process is restarted.",
        ),
    ]
}

#[async_trait]
impl Resource for LocalNode {
    fn name(&self) -> &'static str {
        "edgeway_local_node"
    }

    fn in_cluster(&self) -> bool {
        false
    }

    fn schema(&self) -> Schema {
        let made = |attribute: Attribute| attribute.computed();
        Schema::new(
            "A node as a process on this machine. It outlives Terraform's run. When it has died, \
             the plan shows `running` as changing, and the apply starts it again from its folder, \
             as the same node with the same data. Destroying it ends it with SIGTERM, which drains \
             it.",
        )
        .with(Attribute::id("The folder."))
        .all(given())
        .with(made(Attribute::text("log_file", "Its log.")).stable())
        .with(made(Attribute::number("node_id", "Its number in the cluster.")).stable())
        .with(made(Attribute::text("role", "What it is.")).stable())
        .with(
            made(Attribute::text(
                "place",
                "Its region or POP; `dns` for DNS nodes.",
            ))
            .stable(),
        )
        .with(made(Attribute::number("pid", "The process.")))
        .with(made(Attribute::text(
            "started",
            "Clock ticks between boot and its start.",
        )))
        .with(made(Attribute::text(
            "instance",
            "Another one for each process.",
        )))
        .with(made(Attribute::flag(
            "running",
            "Whether the process lives.",
        )))
    }

    async fn plan(&self, _: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        if plan.prior.flag("running") == Some(false) {
            for name in ["pid", "started", "instance", "running"] {
                plan.planned.set(name, Value::Unknown);
            }
        }
        Ok(())
    }

    async fn create(
        &self,
        _: &mut Call<'_>,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        Node::of(planned).start(planned, config).await
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let node = Node::of(state);
        let Some(settings) = node.folder.read_settings() else {
            // Without its folder it cannot be started again as the same node.
            let lives = Node::daemon(state).is_some_and(|daemon| daemon.lives());
            return Ok(lives.then(|| state.clone().with("config", "")));
        };
        let lives = Node::daemon(state).is_some_and(|daemon| daemon.lives());
        if !lives && state.flag("running") != Some(false) {
            let (id, log) = (state.text("id").unwrap_or_default(), node.folder.log_tail());
            let detail = format!("The node in {id} has ended. Its log ends with:\n{log}");
            call.notes
                .push(Note::warning("A local node has died", detail));
        }
        Ok(Some(
            state
                .clone()
                .with("config", settings)
                .with("running", lives),
        ))
    }

    async fn update(
        &self,
        _: &mut Call<'_>,
        prior: &Value,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        let node = Node::of(planned);
        let differs = |name: &str| prior.attribute(name) != planned.attribute(name);
        let restart = ["config", "program", "environment", "keepers"]
            .into_iter()
            .any(differs);
        let daemon = Node::daemon(prior).filter(Daemon::lives);
        if let (Some(daemon), false) = (&daemon, restart) {
            return Ok(running(planned, daemon));
        }
        node.stop(prior).await?;
        node.start(planned, config).await
    }

    async fn delete(&self, _: &mut Call<'_>, state: &Value) -> Result<(), Failure> {
        let node = Node::of(state);
        node.stop(state).await?;
        if let Some(network) = &node.network {
            network.remove().await?;
        }
        if state.flag("remove_data") == Some(true) {
            node.folder.remove()?;
        }
        Ok(())
    }

    async fn import(&self, _: &mut Call<'_>, id: &str) -> Result<Value, Failure> {
        let missing = |what: &str| {
            let detail = format!("{id} has no {what}: give the folder of a running node.");
            Note::error("No node to import", detail).at(Path::of("data_dir"))
        };
        let folder = Folder(PathBuf::from(id));
        let settings = folder
            .read_settings()
            .ok_or_else(|| missing("edgeway.toml"))?;
        let path = folder.settings();
        let (daemon, program) = process::find(&path).ok_or_else(|| missing("process"))?;
        let identity = folder.identity()?;
        let planned = Value::object().with("data_dir", id);
        Ok(running(&planned, &daemon)
            .with("data_dir", id)
            .with("config", settings)
            .with("program", program)
            .with("ready_timeout", READY_S)
            .with("stop_timeout", STOP_S)
            .with("remove_data", false)
            .with("node_id", i64::try_from(identity.node).unwrap_or_default())
            .with("role", identity.role)
            .with("place", identity.place))
    }

    fn import_form(&self) -> &'static str {
        "FOLDER"
    }
}
