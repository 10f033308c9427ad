//! The node processes of a `dev` cluster: started, watched, ended; never started again.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use tokio::process::{Child, ChildStdin, Command};

use super::layout::Member;
use crate::command::say;

/// A node that has not ended by itself by then is killed.
const END_TIMEOUT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The node processes.
pub(super) struct Children {
    program: PathBuf,
    data_dir: PathBuf,
    running: Vec<Running>,
}

struct Running {
    name: String,
    pid: u32,
    child: Child,
    /// A node drains when this closes, also when this process is killed.
    leash: Option<ChildStdin>,
    told: bool,
}

impl Children {
    pub(super) fn new(data_dir: PathBuf) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program's path")?;
        Ok(Self {
            program,
            data_dir,
            running: Vec::new(),
        })
    }

    pub(super) fn start(&mut self, member: &Member) -> anyhow::Result<()> {
        let folder = self.data_dir.join(&member.name);
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log(&member.name))
            .with_context(|| folder.display().to_string())?;
        let mut child = Command::new(&self.program)
            .arg("start")
            .arg("--until-stdin-closes")
            .arg("--config")
            .arg(folder.join("edgeway.toml"))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A Ctrl-C at the terminal reaches `dev` alone, which then ends the nodes in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", member.name))?;
        let leash = child.stdin.take();
        let pid = child.id().unwrap_or_default();
        self.running.push(Running {
            name: member.name.clone(),
            pid,
            child,
            leash,
            told: false,
        });
        Ok(())
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.data_dir.join(name).join("log")
    }

    pub(super) fn pid(&self, name: &str) -> Option<u32> {
        self.running
            .iter()
            .find(|running| running.name == name)
            .map(|running| running.pid)
    }

    /// Whether a node has ended, and how.
    pub(super) fn has_ended(&mut self, name: &str) -> Option<ExitStatus> {
        let running = self
            .running
            .iter_mut()
            .find(|running| running.name == name)?;
        running.child.try_wait().ok().flatten()
    }

    /// Says when a node dies; returns when none is left.
    pub(super) async fn watch(&mut self) {
        loop {
            let mut left = 0;
            for running in &mut self.running {
                match running.child.try_wait() {
                    Ok(Some(status)) if !running.told => {
                        running.told = true;
                        let config = self.data_dir.join(&running.name).join("edgeway.toml");
                        // A terminal that is gone must not end the cluster.
                        drop(say(&format!(
                            "{} (pid {}) has died: {status}; to start it again: \
                             edgeway start --config {}",
                            running.name,
                            running.pid,
                            config.display()
                        )));
                    }
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => left += 1,
                }
            }
            if left == 0 {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends all nodes, the last started first: DNS, POPs, then regions.
    pub(super) async fn end(mut self) {
        for running in self.running.iter_mut().rev() {
            running.leash = None;
        }
        let all = async {
            for running in self.running.iter_mut().rev() {
                drop(running.child.wait().await);
            }
        };
        if tokio::time::timeout(END_TIMEOUT, all).await.is_err() {
            for running in &mut self.running {
                drop(running.child.kill().await);
            }
        }
    }
}
