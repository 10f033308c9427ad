//! Processes that outlive this one: started apart from it, known again, ended in order.

use std::{
    collections::HashMap,
    env, fs,
    fs::File,
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::framework::Note;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// After SIGKILL the kernel only has to take the process apart.
const KILLED_WITHIN: Duration = Duration::from_secs(10);

/// Children of this very process, which must be waited for when they end.
static CHILDREN: Mutex<Option<HashMap<i32, std::process::Child>>> = Mutex::new(None);

/// A process. The start time tells it from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Daemon {
    pub(super) pid: i32,
    /// Clock ticks since boot.
    pub(super) started: u64,
}

impl Daemon {
    pub(super) fn lives(&self) -> bool {
        reap(self.pid);
        start_of(self.pid) == Some(self.started)
    }

    /// SIGTERM, and after `patience` SIGKILL; one that has ended is fine.
    pub(super) async fn stop(&self, patience: Duration) -> Result<(), Note> {
        for (signal, patience) in [(Signal::TERM, patience), (Signal::KILL, KILLED_WITHIN)] {
            let begun = Instant::now();
            if !self.lives() {
                return Ok(());
            }
            self.signal(signal)?;
            while begun.elapsed() < patience {
                if !self.lives() {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        let detail = format!("Process {} survives SIGKILL.", self.pid);
        Err(Note::error("Could not end the node", detail))
    }

    fn signal(&self, signal: Signal) -> Result<(), Note> {
        let sent = Pid::from_raw(self.pid).map(|pid| kill_process(pid, signal));
        match sent {
            // Gone between the look and the signal.
            Some(Ok(()) | Err(rustix::io::Errno::SRCH)) | None => Ok(()),
            Some(Err(error)) => {
                let detail = format!("Process {}: {error}.", self.pid);
                Err(Note::error("Could not end the node", detail))
            }
        }
    }
}

/// Field 22 of `/proc/PID/stat`; none of a process that has ended, waited for or not.
fn start_of(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    // The first thread may have ended while others still hold the sockets.
    let threads = || fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    if matches!(state, "Z" | "X") && threads() <= 1 {
        return None;
    }
    // The state is field 3.
    fields.nth(18)?.parse().ok()
}

/// Waits for a child that has ended, so that nothing of it is left.
fn reap(pid: i32) {
    let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(children) = children.as_mut() else {
        return;
    };
    let ended = children.get_mut(&pid).map(std::process::Child::try_wait);
    if matches!(ended, Some(Ok(Some(_)))) {
        children.remove(&pid);
    }
}

/// The environment of what is started: nothing of Terraform's, so that neither its plugin cookie
/// nor its credentials go on.
fn clean(command: &mut Command) {
    command.env_clear();
    for name in ["PATH", "HOME", "LANG", "TMPDIR"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
}

/// Starts `words` with its output in `log`.
pub(super) fn spawn(
    words: &[String],
    variables: &[(String, String)],
    log: File,
) -> Result<Daemon, Note> {
    let failed = |detail: String| Note::error("Could not start the node", detail);
    let (program, arguments) = words.split_first().ok_or_else(|| failed(String::new()))?;
    let mut command = Command::new(program);
    clean(&mut command);
    let errors = log
        .try_clone()
        .map_err(|error| failed(format!("{error}.")))?;
    command
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    let child = command.spawn().map_err(|error| {
        failed(format!(
            "{program}: {error}. Is it installed, and `program` right?"
        ))
    })?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    let started = start_of(pid);
    let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
    children.get_or_insert_default().insert(pid, child);
    let started = started.ok_or_else(|| failed(format!("{program} ended at once.")))?;
    Ok(Daemon { pid, started })
}

/// Runs a program to its end; its errors are the diagnostic.
pub(super) async fn run(program: &str, arguments: &[String], what: &str) -> Result<(), Note> {
    let mut command = Command::new(program);
    clean(&mut command);
    command.args(arguments).stdin(Stdio::null());
    let (name, what) = (program.to_owned(), what.to_owned());
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let failed = |detail: String| Note::error(format!("Could not {what}"), detail);
    match output {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(failed(format!("{name}: {}", errors.trim())))
        }
        Ok(Err(error)) => Err(failed(format!("{name}: {error}."))),
        Err(error) => Err(failed(format!("{name}: {error}."))),
    }
}

/// The process that was started with these settings, and its program as it was named.
pub(super) fn find(settings: &Path) -> Option<(Daemon, String)> {
    let wanted = settings.display().to_string();
    let all = fs::read_dir("/proc").ok()?.flatten();
    let mut numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.find_map(|pid: i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<&str> = line.split('\0').collect();
        let mut pairs = words.windows(2);
        let named = pairs.any(|pair| matches!(pair, ["--config", file] if **file == *wanted));
        let starts = words.contains(&"start") && named;
        let started = start_of(pid).filter(|_| starts)?;
        let program = words.first().copied().unwrap_or_default().to_owned();
        Some((Daemon { pid, started }, program))
    })
}

#[cfg(test)]
mod tests;
