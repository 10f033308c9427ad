//! The real terraform program with the provider of this tree, offline.
//!
//! The provider runs beside it, for terraform to attach to: many runs use one process, and nothing
//! has to be installed.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{Cluster, program};

/// Before every configuration.
const HEAD: &str = r#"
terraform {
  required_providers {
    edgeway = { source = "edgeway/edgeway" }
  }
}
"#;

/// The program, if it is on this machine; says so in a line if not.
#[must_use]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    let found = folders.find_map(|folder| {
        let program = folder.join("terraform");
        program.is_file().then_some(program)
    });
    if found.is_none() {
        println!(
            "skipped: there is no program `terraform` in PATH; put release 1.11 or later there \
             (no package registry has it)"
        );
    }
    found
}

/// The provider's program, built with the workspace.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn provider() -> PathBuf {
    let program = program().with_file_name("terraform-provider-edgeway");
    assert!(
        program.exists(),
        "{} is missing: run `cargo xtask test`",
        program.display()
    );
    program
}

/// A process of the provider that ends with the test.
pub struct Provider {
    process: Child,
    attach: String,
}

impl Provider {
    /// Starts one with these variables in its environment.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut process = Command::new(provider())
            .arg("--reattach")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the provider")?;
        let output = process.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let attach = line.trim().strip_prefix("TF_REATTACH_PROVIDERS='");
        let attach = attach.and_then(|line| line.strip_suffix('\''));
        let Some(attach) = attach.map(str::to_owned) else {
            drop(process.kill());
            bail!("the provider says {line:?}");
        };
        Ok(Self { process, attach })
    }

    /// For a cluster, with its first key.
    ///
    /// # Errors
    /// As `start`.
    pub fn of(cluster: &Cluster) -> anyhow::Result<Self> {
        let ready = &cluster.ready;
        let endpoints: Vec<&str> = ready
            .regions
            .iter()
            .map(|region| region.management.as_str())
            .collect();
        Self::start(&[
            ("EDGEWAY_ENDPOINT", &endpoints.join(",")),
            ("EDGEWAY_ACCESS_KEY_ID", &ready.access_key_id),
            ("EDGEWAY_SECRET_ACCESS_KEY", &ready.secret_access_key),
        ])
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(crate::process::signal(self.process.id(), "TERM"));
        drop(self.process.wait());
    }
}

/// A folder with a configuration and its state.
pub struct Workspace<'p> {
    terraform: PathBuf,
    provider: &'p Provider,
    folder: TempDir,
}

/// What a plan is going to do, by address: such as `["update"]`.
pub type Actions = BTreeMap<String, Vec<String>>;

impl<'p> Workspace<'p> {
    /// An initialised folder with `configuration`.
    ///
    /// # Errors
    /// When it cannot be initialised.
    pub fn new(
        terraform: &Path,
        provider: &'p Provider,
        configuration: &str,
    ) -> anyhow::Result<Self> {
        let workspace = Self {
            terraform: terraform.to_path_buf(),
            provider,
            folder: tempfile::tempdir()?,
        };
        workspace.write(configuration)?;
        workspace.must(&["init"])?;
        Ok(workspace)
    }

    /// Puts another configuration in the place of the present one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, configuration: &str) -> anyhow::Result<()> {
        let file = self.folder.path().join("main.tf");
        Ok(fs::write(file, format!("{HEAD}{configuration}"))?)
    }

    /// Puts a state in the place of the present one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, state: &Value) -> anyhow::Result<()> {
        let file = self.folder.path().join("terraform.tfstate");
        Ok(fs::write(file, state.to_string())?)
    }

    /// Runs a command, whatever comes of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(&self.terraform);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TF_REATTACH_PROVIDERS", &self.provider.attach)
            .env("TF_CLI_CONFIG_FILE", "/dev/null")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .stdin(Stdio::null());
        Ok(command.output()?)
    }

    /// Runs a command that has to succeed; gives its output.
    ///
    /// # Errors
    /// When it does not, with all that it said.
    pub fn must(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(arguments)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let problem = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "terraform {arguments:?}: {said}\n{problem}"
        );
        Ok(said)
    }

    /// Applies.
    ///
    /// # Errors
    /// When it fails.
    pub fn apply(&self) -> anyhow::Result<String> {
        self.must(&["apply", "-no-color", "-auto-approve"])
    }

    /// Plans; gives what is not a no-op, after a refresh.
    ///
    /// # Errors
    /// When it fails.
    pub fn plan(&self) -> anyhow::Result<Actions> {
        self.must(&["plan", "-no-color", "-out=plan"])?;
        let plan = self.must(&["show", "-json", "plan"])?;
        let plan: Value = serde_json::from_str(&plan)?;
        let changes = plan["resource_changes"].as_array().cloned();
        let mut actions = Actions::new();
        for change in changes.unwrap_or_default() {
            let words = change["change"]["actions"].as_array().cloned();
            let words = words.unwrap_or_default().into_iter();
            let words: Vec<String> = words
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect();
            if words != ["no-op"] && words != ["read"] {
                let address = change["address"].as_str().unwrap_or_default();
                actions.insert(address.to_owned(), words);
            }
        }
        Ok(actions)
    }

    /// The state's resources by address, each with its attributes.
    ///
    /// # Errors
    /// When it cannot be shown.
    pub fn resources(&self) -> anyhow::Result<BTreeMap<String, Value>> {
        let state = self.must(&["show", "-json"])?;
        let state: Value = serde_json::from_str(&state)?;
        let resources = state["values"]["root_module"]["resources"]
            .as_array()
            .cloned();
        let resources = resources.unwrap_or_default().into_iter();
        let resources = resources.map(|one| {
            let address = one["address"].as_str().unwrap_or_default().to_owned();
            (address, one["values"].clone())
        });
        Ok(resources.collect())
    }
}
