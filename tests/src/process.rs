//! Signals to processes and facts about them, from `/proc` and `kill(1)`: nothing here needs unsafe
//! code or more rights than the test has.

use std::process::{Command, Stdio};

/// Sends a signal by name, such as `KILL` or `TERM`.
///
/// # Errors
/// When there is no such process.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .status()?;
    anyhow::ensure!(status.success(), "kill -{name} {pid}: {status}");
    Ok(())
}

/// Whether the process was started with an argument that contains `text`: numbers of processes that
/// have ended are used again.
#[must_use]
pub fn was_told(pid: u32, text: &str) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains(text)
}

/// Whether the process exists and is not a zombie. Its first thread may be one while others still
/// end: until the last has, its sockets are open.
#[must_use]
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X') || threads(pid) > 1)
}

fn threads(pid: u32) -> usize {
    let listed = std::fs::read_dir(format!("/proc/{pid}/task"));
    listed.map_or(0, Iterator::count)
}

/// Resident memory that is the process's own (anonymous pages), in bytes.
///
/// # Errors
/// When there is no such process.
pub fn memory_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib
        .ok_or_else(|| anyhow::anyhow!("no RssAnon of {pid}"))?
        .parse()?;
    Ok(kib * 1024)
}
