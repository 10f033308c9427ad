//! The real terraform program with the provider of this build, offline: a mirror of providers in a
//! folder, and copies of the modules and examples to run in.
//!
//! Where there is no terraform, [`Terraform::found`] says so and gives nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{cluster::program, process};

const PROVIDER: &str = "terraform-provider-edgeway";
const ADDRESS: &str = "registry.terraform.io/edgeway/edgeway";

/// A configuration to run, in a folder that goes with the last value that is in it.
pub struct Terraform {
    tree: Arc<Tree>,
    /// Where the configuration is.
    main: PathBuf,
    variables: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

/// Copies of modules and examples, and the mirror.
struct Tree(TempDir);

/// Whether a plan has changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It is empty.
    None,
    /// It is not.
    Some,
}

/// Copies a folder without what runs leave in it.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(".terraform") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            std::fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// The provider under test, built by `cargo build --workspace`.
fn provider() -> anyhow::Result<PathBuf> {
    let provider = program().with_file_name(PROVIDER);
    ensure!(
        provider.exists(),
        "{} is missing: run `cargo xtask test`",
        provider.display()
    );
    Ok(provider)
}

impl Terraform {
    /// A configuration of the tree, such as `examples/quickstart-local`, and a mirror; none where
    /// there is no terraform.
    ///
    /// # Errors
    /// When files cannot be copied, or the provider was not built.
    pub fn found(configuration: &str) -> anyhow::Result<Option<Self>> {
        if crate::terraform::installed().is_none() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let tree = crate::folder().join("../terraform");
        for part in ["modules", "examples"] {
            copy(
                &tree.join(part),
                &folder.path().join("terraform").join(part),
            )?;
        }
        let version = env!("CARGO_PKG_VERSION");
        let package = format!("mirror/{ADDRESS}/{version}/linux_amd64");
        let package = folder.path().join(package);
        std::fs::create_dir_all(&package)?;
        let copied = package.join(format!("{PROVIDER}_v{version}"));
        std::fs::copy(provider()?, &copied)?;
        let mirror = folder.path().join("mirror");
        let settings = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = {mirror:?}\n  }}\n}}\n"
        );
        std::fs::write(folder.path().join("terraform.rc"), settings)?;
        Ok(Some(Self {
            main: folder.path().join("terraform").join(configuration),
            tree: Arc::new(Tree(folder)),
            variables: Vec::new(),
            environment: Vec::new(),
        }))
    }

    /// As `found`, of a configuration of the test's own, beside the examples: modules are in
    /// `../../modules`. It is initialised.
    ///
    /// # Errors
    /// As `found`, and when it cannot be initialised.
    pub fn of(text: &str) -> anyhow::Result<Option<Self>> {
        let Some(terraform) = Self::found("examples/own")? else {
            return Ok(None);
        };
        std::fs::create_dir_all(&terraform.main)?;
        terraform.write(text)?;
        terraform.run(&["init", "-no-color"])?;
        Ok(Some(terraform))
    }

    /// Puts another configuration in the place of the present one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, text: &str) -> anyhow::Result<()> {
        Ok(std::fs::write(self.main.join("main.tf"), text)?)
    }

    /// Another configuration of the same tree, with variables of its own; made if it is not there.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn beside(&self, configuration: &str) -> anyhow::Result<Self> {
        let main = self.folder().join("terraform").join(configuration);
        std::fs::create_dir_all(&main)?;
        Ok(Self {
            tree: Arc::clone(&self.tree),
            main,
            variables: Vec::new(),
            environment: self.environment.clone(),
        })
    }

    /// The folder of this run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.tree.0.path()
    }

    /// The folder of the configuration.
    #[must_use]
    pub fn main(&self) -> &Path {
        &self.main
    }

    /// Sets a variable of the environment from now on.
    pub fn environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Sets a variable from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        let name = format!("TF_VAR_{name}");
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
    }

    /// Runs a command, whatever comes of it.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn output(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        self.command(arguments).output().context("terraform")
    }

    /// Starts a command whose output nobody reads.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn start(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().context("terraform")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let mut command = Command::new("terraform");
        // Those of whoever runs the tests; a test's own come after.
        for name in ["EDGEWAY_ENDPOINT", "EDGEWAY_JOIN_TOKEN"] {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(&self.main)
            .envs(variables)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("TF_CLI_CONFIG_FILE", self.folder().join("terraform.rc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed; gives what it printed.
    ///
    /// # Errors
    /// With everything it said.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.output(arguments)?;
        let text = text(&output);
        ensure!(output.status.success(), "terraform {arguments:?}:\n{text}");
        Ok(text)
    }

    /// Makes everything as configured.
    ///
    /// # Errors
    /// As `run`.
    pub fn apply(&self) -> anyhow::Result<String> {
        self.run(&["apply", "-auto-approve", "-no-color"])
    }

    /// Plans; whether there is anything to do, and what it printed.
    ///
    /// # Errors
    /// As `run`.
    pub fn plan(&self) -> anyhow::Result<(Changes, String)> {
        let arguments = ["plan", "-detailed-exitcode", "-no-color"];
        let output = self.output(&arguments)?;
        let text = text(&output);
        match output.status.code() {
            Some(0) => Ok((Changes::None, text)),
            Some(2) => Ok((Changes::Some, text)),
            _ => anyhow::bail!("terraform {arguments:?}:\n{text}"),
        }
    }

    /// Runs a command that must fail; gives what it said, in one line.
    ///
    /// # Errors
    /// When it succeeds.
    pub fn refused(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.output(arguments)?;
        let text = text(&output);
        ensure!(
            !output.status.success(),
            "terraform {arguments:?} succeeded:\n{text}"
        );
        let bare = text.replace(['\u{2502}', '\u{2577}', '\u{2575}'], " ");
        let words: Vec<&str> = bare.split_whitespace().collect();
        Ok(words.join(" "))
    }

    /// What a plan would do, by address: such as `delete,create`.
    ///
    /// # Errors
    /// As `run`.
    pub fn actions(&self) -> anyhow::Result<BTreeMap<String, String>> {
        self.run(&["plan", "-no-color", "-out=actions"])?;
        let shown = self.output(&["show", "-json", "actions"])?;
        let plan: Value = serde_json::from_slice(&shown.stdout)?;
        let changes = plan["resource_changes"].as_array();
        let changes = changes.into_iter().flatten().map(|change| {
            let address = change["address"].as_str().unwrap_or_default().to_owned();
            let words = change["change"]["actions"].as_array();
            let words = words.into_iter().flatten().filter_map(Value::as_str);
            (address, words.collect::<Vec<_>>().join(","))
        });
        let real = changes.filter(|(_, words)| !["no-op", "read"].contains(&words.as_str()));
        Ok(real.collect())
    }

    /// All outputs by name.
    ///
    /// # Errors
    /// As `run`.
    pub fn outputs(&self) -> anyhow::Result<Value> {
        let output = self.output(&["output", "-json"])?;
        ensure!(output.status.success(), "{}", text(&output));
        let all: serde_json::Map<String, Value> = serde_json::from_slice(&output.stdout)?;
        let values = all
            .into_iter()
            .map(|(name, output)| (name, output["value"].clone()));
        Ok(Value::Object(values.collect()))
    }

    /// Processes that were started with something in this folder, whoever is their parent.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.tree.processes()
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

impl Tree {
    fn processes(&self) -> Vec<u32> {
        let wanted = self.0.path().display().to_string();
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let ours = numbers.filter(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&wanted) && process::lives(*pid)
        });
        ours.collect()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // A test that failed half-way: nothing of it may stay.
        for pid in self.processes() {
            drop(process::signal(pid, "KILL"));
        }
    }
}
