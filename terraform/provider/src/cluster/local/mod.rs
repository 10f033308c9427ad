//! `edgeway_local_node`: a node as a process of this machine, that outlives the run.
//!
//! The process is known by its number and its start time, which the kernel gives to no other. One
//! that has died is started again from its folder, as the same node. In production, machines start
//! their nodes themselves; this is for trying, for tests and for one-machine clusters.

mod files;
mod network;
mod process;
mod ready;
mod schema;

use std::{path::PathBuf, time::Duration};

use async_trait::async_trait;

use tokio::sync::Mutex;

use self::{
    files::{Folder, Identity},
    network::Network,
    process::Daemon,
};
use super::render::{First, init};
use crate::{
    cty::Value,
    framework::{Call, Failure, Note, Path, Planning, Resource, Schema},
};

/// Whoever restarts a node that lives holds this.
static RESTARTS: Mutex<()> = Mutex::const_new(());

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
        let left_over = self.left_over(planned).await?;
        self.folder
            .write_settings(planned.text("config").unwrap_or_default())?;
        if let Some(network) = &self.network {
            network.make().await?;
        }
        let token = config
            .text("join_token_wo")
            .or_else(|| planned.text("join_token"));
        let daemon = match left_over {
            Some(daemon) => daemon,
            None => {
                self.bootstrap(planned, token.is_some()).await?;
                self.spawn(planned, token)?
            }
        };
        // From here on there is something to know of, whatever fails.
        let state = running(planned, &daemon);
        let seconds = planned.whole("ready_timeout").unwrap_or(READY_S);
        let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let ready = ready::wait(&daemon, planned.text("ops"), &self.folder, limit).await;
        match ready.and_then(|()| self.folder.identity()) {
            Ok(identity) => Ok(identified(state, &identity)),
            Err(note) => Err(Failure::from(note).having(match self.folder.identity() {
                Ok(identity) => identified(state, &identity),
                Err(_) => ["node_id", "role", "place"]
                    .into_iter()
                    .fold(state, |state, name| state.with(name, Value::Null)),
            })),
        }
    }

    /// What a run that was cut short has left: its process, if that was started as is wanted now.
    async fn left_over(&self, planned: &Value) -> Result<Option<Daemon>, Note> {
        let Some((daemon, _)) = process::find(&self.folder.settings()) else {
            return Ok(None);
        };
        if self.folder.read_settings().as_deref() == planned.text("config") {
            return Ok(Some(daemon));
        }
        daemon
            .stop(Duration::from_secs(STOP_S.unsigned_abs()))
            .await?;
        Ok(None)
    }

    /// A node that could not be made leaves nothing, unless the cluster knows it already: then the
    /// next run starts it again from its folder, as the same node.
    async fn undo(&self, planned: &Value, state: &Value) -> Result<(), Note> {
        self.stop(state).await?;
        if self.folder.identity().is_ok() {
            return Ok(());
        }
        if let Some(network) = &self.network {
            network.remove().await?;
        }
        if planned.flag("remove_data") == Some(true) {
            self.folder.remove()?;
        }
        Ok(())
    }

    /// `edgeway init`, which leaves a cluster alone that is there.
    async fn bootstrap(&self, planned: &Value, has_token: bool) -> Result<(), Note> {
        let wanted = planned.attribute("bootstrap");
        let Some(secrets) = wanted.text("secrets") else {
            return Ok(());
        };
        if self.folder.identity().is_err()
            && let Some(other) = ready::first_alive(&wanted.texts("others")).await
        {
            return if has_token { Ok(()) } else { Err(lost(&other)) };
        }
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

/// Why a first node that is new is not set up.
fn lost(other: &str) -> Note {
    let detail = format!(
        "A region node of it lives at {other}, while this node has no identity: it has lost its \
         folder. A second cluster with the same secrets would fight with the first one. Remove the \
         old node from the cluster, and let this one join by a token of its own (join_token); or \
         restore its folder."
    );
    let at = Path::of("bootstrap").attribute("others");
    Note::error("The cluster is there already", detail).at(at)
}

/// Whether another process is needed.
fn restarts(prior: &Value, planned: &Value) -> bool {
    let differs = |name: &str| prior.attribute(name) != planned.attribute(name);
    ["config", "program", "environment", "keepers"]
        .into_iter()
        .any(differs)
}

fn identified(state: Value, identity: &Identity) -> Value {
    state
        .with("node_id", i64::try_from(identity.node).unwrap_or_default())
        .with("role", identity.role)
        .with("place", identity.place.as_str())
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

#[async_trait]
impl Resource for LocalNode {
    fn name(&self) -> &'static str {
        "edgeway_local_node"
    }

    fn in_cluster(&self) -> bool {
        false
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    async fn plan(&self, _: &mut Call<'_>, plan: Planning<'_>) -> Result<(), Failure> {
        if plan.prior.is_null() {
            return Ok(());
        }
        let keeps = plan.prior.flag("running") == Some(true) && !restarts(plan.prior, plan.planned);
        for name in ["pid", "started", "instance", "running"] {
            let same = || plan.prior.attribute(name).clone();
            plan.planned
                .set(name, if keeps { same() } else { Value::Unknown });
        }
        Ok(())
    }

    async fn create(
        &self,
        _: &mut Call<'_>,
        planned: &Value,
        config: &Value,
    ) -> Result<Value, Failure> {
        let node = Node::of(planned);
        let failure = match node.start(planned, config).await {
            Ok(state) => return Ok(state),
            Err(failure) => failure,
        };
        // With a state, Terraform would destroy it to make another one, while the cluster counts
        // on it; without, it tries again with the same folder.
        let mut notes = failure.notes;
        if let Some(state) = failure.state
            && let Err(note) = node.undo(planned, &state).await
        {
            notes.push(note);
        }
        Err(notes.into())
    }

    async fn read(&self, call: &mut Call<'_>, state: &Value) -> Result<Option<Value>, Failure> {
        let node = Node::of(state);
        let Some(settings) = node.folder.read_settings() else {
            // Without its folder it cannot be started again as the same node, even if it lives.
            let id = state.text("id").unwrap_or_default();
            let detail = format!("The folder {id} is gone: the plan makes another node.");
            call.notes
                .push(Note::warning("A local node has lost its folder", detail));
            return Ok(None);
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
        let daemon = Node::daemon(prior).filter(Daemon::lives);
        if let (Some(daemon), false) = (&daemon, restarts(prior, planned)) {
            return Ok(running(planned, daemon));
        }
        // Those that live restart one after the other, so that a majority stays.
        let _turn = match &daemon {
            Some(_) => Some(RESTARTS.lock().await),
            None => None,
        };
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
        Ok(identified(running(&planned, &daemon), &identity)
            .with("data_dir", id)
            .with("config", settings)
            .with("program", program)
            .with("ready_timeout", READY_S)
            .with("stop_timeout", STOP_S)
            .with("remove_data", false))
    }

    fn import_form(&self) -> &'static str {
        "FOLDER"
    }
}
