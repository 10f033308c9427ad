//! A program that is measured: started on one core, its CPU time read, ended again.
//!
//! CPU time is that of the whole process tree (a master and its workers, `edgeway dev` and its
//! nodes), as the kernel counts it in `/proc/PID/stat`, in ticks of 10 ms.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// `USER_HZ`: the kernel's unit for times in `/proc`, 100 per second on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a program may take to end by itself after SIGTERM.
const STOP_MAX: Duration = Duration::from_secs(15);

pub(crate) struct Program {
    name: &'static str,
    child: Child,
}

impl Program {
    /// Starts `program` on one core; everything it starts stays there too. Its output goes to
    /// `NAME.log` in `folder`.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        args: &[&str],
        core: u32,
        folder: &Path,
    ) -> Result<Self> {
        Self::spawn(name, pinned(program, core), args, folder)
    }

    /// The same on any core.
    pub(crate) fn start_anywhere(
        name: &'static str,
        program: &Path,
        args: &[&str],
        folder: &Path,
    ) -> Result<Self> {
        Self::spawn(name, Command::new(program), args, folder)
    }

    fn spawn(
        name: &'static str,
        mut command: Command,
        args: &[&str],
        folder: &Path,
    ) -> Result<Self> {
        let path = folder.join(format!("{name}.log"));
        let log = File::create(&path).context("cannot make a log file")?;
        let child = command
            .args(args)
            .current_dir(folder)
            // Some keep their last configuration in the user's home.
            .env("XDG_CONFIG_HOME", folder)
            .env("XDG_DATA_HOME", folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("cannot share a log file")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child })
    }

    /// CPU seconds of the program and all its descendants so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let table = processes().context("cannot read /proc")?;
        let root = self.child.id();
        if !table.contains_key(&root) {
            bail!("{} has ended", self.name);
        }
        Ok(seconds(tree_ticks(&table, root)))
    }

    /// Whether it still runs; a program that fails to start ends at once.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    /// Asks politely, so that a master ends its workers, then makes sure.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        if Command::new("kill").args(["-TERM", &pid]).status().is_ok() {
            let deadline = Instant::now() + STOP_MAX;
            while Instant::now() < deadline {
                if !self.runs() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        if self.child.kill().and_then(|()| self.child.wait()).is_err() {
            eprintln!("cannot end {} (process {pid})", self.name);
        }
    }
}

/// A command that runs on one core. `taskset` replaces itself by the program.
pub(crate) fn pinned(program: &Path, core: u32) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// Servers are in `/usr/sbin` on Debian, which is not on every user's path.
pub(crate) fn find(name: &str) -> Result<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("{name} is not installed: cargo xtask setup --bench"))
}

/// What `/proc/PID/stat` says of one process.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Process {
    parent: u32,
    ticks: u64,
}

fn processes() -> std::io::Result<BTreeMap<u32, Process>> {
    let mut table = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // A process can end between listing and reading.
        if let Ok(stat) = fs::read_to_string(entry.path().join("stat"))
            && let Some(process) = parse_stat(&stat)
        {
            table.insert(pid, process);
        }
    }
    Ok(table)
}

/// proc(5): the name is in parentheses and may itself hold spaces and parentheses; after it
/// come state, parent (2nd), ..., user time (12th) and system time (13th).
fn parse_stat(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        ticks: number(11)?.checked_add(number(12)?)?,
    })
}

fn tree_ticks(table: &BTreeMap<u32, Process>, root: u32) -> u64 {
    let own = table.get(&root).map_or(0, |process| process.ticks);
    let children = table
        .iter()
        .filter(|(pid, process)| process.parent == root && **pid != root);
    own + children
        .map(|(pid, _)| tree_ticks(table, *pid))
        .sum::<u64>()
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_lines() {
        let line = "12 (a) b) S 7 12 12 0 -1 4194560 100 0 0 0 31 11 5 6 20 0 1 0 100 1000 2";
        assert_eq!(
            parse_stat(line),
            Some(Process {
                parent: 7,
                ticks: 42
            })
        );
        assert_eq!(parse_stat("12 (a) S 7"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_tree_counts_all_descendants_and_nobody_else() {
        let process = |parent, ticks| Process { parent, ticks };
        let table = BTreeMap::from([
            (1, process(0, 1000)),
            (5, process(1, 1)),
            (6, process(5, 2)),
            (7, process(6, 4)),
            (8, process(1, 500)),
        ]);
        assert_eq!(tree_ticks(&table, 5), 7);
        assert_eq!(tree_ticks(&table, 9), 0);
    }
}
