//! Network namespaces of Debian's `ip netns`: made, entered, removed.
//!
//! A namespace carries the process that made it in its name, so that what a killed run leaves
//! behind can be told from what a neighbour uses, and is removed at the next start. Other
//! namespaces of the machine are never touched.

use std::{
    fs::File,
    io::Write as _,
    os::fd::AsFd as _,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, bail, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::Runtime;

use crate::process;

/// All names of ours begin so.
const PREFIX: &str = "edgeway-";

/// Tells the labs of one process apart.
static LABS: AtomicU32 = AtomicU32::new(0);

/// Fails with what to do unless this process may make namespaces and TUN devices.
///
/// # Errors
/// Says what is missing.
pub fn check_rights() -> anyhow::Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "the WAN lab makes network namespaces and TUN devices: run it as root"
    );
    ensure!(
        std::path::Path::new("/dev/net/tun").exists(),
        "the WAN lab needs /dev/net/tun: load the module `tun`"
    );
    ip(&["-V"]).context("the WAN lab needs `ip` of iproute2")?;
    Ok(())
}

/// The beginning of all names of a new lab.
#[must_use]
pub fn lab_prefix() -> String {
    let lab = LABS.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{lab}-", std::process::id())
}

/// Removes what killed runs left: their namespaces, and processes that still run in them.
///
/// # Errors
/// When a namespace cannot be removed.
pub fn remove_stale() -> anyhow::Result<()> {
    for name in ip(&["netns", "list"])?.lines() {
        let name = name.split_whitespace().next().unwrap_or_default();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse().ok());
        if owner.is_some_and(|pid| !process::lives(pid)) {
            remove(name)?;
        }
    }
    Ok(())
}

/// Kills what runs in a namespace and removes it.
fn remove(name: &str) -> anyhow::Result<()> {
    for pid in ip(&["netns", "pids", name])?.lines() {
        // A thread of our own may still be inside; it leaves with its runtime.
        if let Ok(pid) = pid.trim().parse()
            && pid != std::process::id()
        {
            drop(process::signal(pid, "KILL"));
        }
    }
    ip(&["netns", "delete", name]).map(drop)
}

/// A namespace that is removed with this value.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: Arc<File>,
}

impl Namespace {
    /// Makes one, its loopback device up.
    ///
    /// # Errors
    /// When it exists, or without the rights.
    pub fn create(name: String) -> anyhow::Result<Self> {
        ip(&["netns", "add", &name])?;
        let path = format!("/run/netns/{name}");
        let handle = File::open(&path).with_context(|| path);
        // From here on, whatever fails removes it.
        let namespace = match handle {
            Ok(handle) => Self {
                name,
                handle: Arc::new(handle),
            },
            Err(error) => {
                remove(&name)?;
                return Err(error);
            }
        };
        namespace.configure("link set lo up\n")?;
        Ok(namespace)
    }

    /// As `ip netns` knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lines of `ip`, each without the word `ip`, applied inside.
    ///
    /// # Errors
    /// With what `ip` says.
    pub fn configure(&self, lines: &str) -> anyhow::Result<()> {
        let mut child = Command::new("ip")
            .args(["-n", &self.name, "-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("ip")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(lines.as_bytes())?;
        }
        said(&child.wait_with_output()?, lines).map(drop)
    }

    /// Runs `work` on a thread inside, and waits for it.
    ///
    /// # Errors
    /// Those of `work`, and when the namespace cannot be entered.
    pub fn inside<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter(&self.handle)?;
                work()
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// A runtime whose threads are all inside, so that every socket made on it is.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn runtime(&self) -> anyhow::Result<Runtime> {
        let handle = Arc::clone(&self.handle);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(&self.name)
            .enable_all()
            .on_thread_start(move || enter(&handle).expect("an open namespace can be entered"))
            .build()?;
        Ok(runtime)
    }

    /// A command that will run inside, as a person would write it.
    #[must_use]
    pub fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

impl Drop for Namespace {
    #[expect(
        clippy::print_stderr,
        reason = "a person has to know what stays behind"
    )]
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("{}: {error:#}", self.name);
        }
    }
}

/// Moves the calling thread; it never moves back, so it has to be one that ends.
fn enter(namespace: &File) -> anyhow::Result<()> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .context("cannot enter the network namespace")
}

fn ip(args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("ip")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("cannot start ip")?;
    said(&output, &args.join(" "))
}

fn said(output: &Output, what: &str) -> anyhow::Result<String> {
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("ip {}: {}", what.trim_end(), why.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
