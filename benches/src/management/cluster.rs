//! A cluster of three regions and a POP on loopback, and what is made in it.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::connection::{Connection, Key};
use crate::program::Program;

/// From the start to the ready file.
const READY_MAX: Duration = Duration::from_secs(120);
/// Writers that make APIs, where making them is not what is measured.
const MAKERS: usize = 16;

pub(super) struct Cluster {
    ready: Value,
    /// Ended before its folder is removed.
    _program: Program,
    _folder: TempDir,
}

/// A process of the cluster.
#[derive(Clone, Copy, Debug)]
pub(super) enum Process {
    Region,
    Pop,
}

impl Cluster {
    pub(super) fn start(binary: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let (data, ready_path) = (path("data"), path("ready.json"));
        let args = [
            "dev",
            "--data-dir",
            &data,
            "--ready-file",
            &ready_path,
            "--regions",
            "3",
            "--pops",
            "1",
            "--log",
            "warn,access=off",
        ];
        let mut program = Program::start_anywhere("edgeway", binary, &args, folder.path())?;
        let deadline = Instant::now() + READY_MAX;
        let ready = loop {
            if let Ok(text) = fs::read(&ready_path) {
                break serde_json::from_slice(&text).context("cannot read the ready file")?;
            }
            if !program.runs() || Instant::now() > deadline {
                let log = fs::read_to_string(path("edgeway.log")).unwrap_or_default();
                bail!("edgeway dev did not get ready:\n{log}");
            }
            thread::sleep(Duration::from_millis(50));
        };
        Ok(Self {
            ready,
            _program: program,
            _folder: folder,
        })
    }

    pub(super) fn key(&self) -> Result<Key> {
        Ok(Key {
            id: self.text("/access_key_id")?,
            secret: self.text("/secret_access_key")?,
        })
    }

    /// A connection to the management API of a region.
    pub(super) fn management(&self, region: usize) -> Result<Connection> {
        let url = self.text(&format!("/regions/{region}/management"))?;
        Connection::open(url.trim_start_matches("http://"))
    }

    /// A connection to the POP.
    pub(super) fn pop(&self) -> Result<Connection> {
        Connection::open(&self.text("/pops/0/http")?)
    }

    /// The default endpoint of an API.
    pub(super) fn host(&self, api: &str) -> Result<String> {
        let (region, base) = (self.text("/regions/0/name")?, self.text("/base_domain")?);
        Ok(format!("{api}.execute-api.{region}.{base}"))
    }

    /// The number of the region that leads, and of one that does not.
    pub(super) fn leader_and_follower(&self) -> Result<(usize, usize)> {
        let key = self.key()?;
        for region in 0..3 {
            let mut there = self.management(region)?;
            let status = there.must(&key, "GET", "/edgeway/v1/status", &[])?;
            if status.pointer("/raft/role").and_then(Value::as_str) == Some("leader") {
                return Ok((region, (region + 1) % 3));
            }
        }
        bail!("no region leads")
    }

    /// Makes HTTP APIs with a catch-all route until there are `count`; the ids of the new ones.
    pub(super) fn make_apis(&self, region: usize, count: usize) -> Result<Vec<String>> {
        let (key, left) = (self.key()?, AtomicUsize::new(count));
        let target = format!("http://{}", self.text("/sample_backend")?);
        let body = json!({ "name": "bench", "protocolType": "HTTP", "target": target }).to_string();
        let taken = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        let make = || -> Result<Vec<String>> {
            let (mut there, mut ids) = (self.management(region)?, Vec::new());
            while taken().is_ok() {
                let made = there.must(&key, "POST", "/v2/apis", body.as_bytes())?;
                let id = made.pointer("/apiId").and_then(Value::as_str);
                ids.push(id.context("no id")?.to_owned());
            }
            Ok(ids)
        };
        let made = thread::scope(|scope| {
            let makers: Vec<_> = (0..MAKERS.min(count)).map(|_| scope.spawn(make)).collect();
            let joined = makers.into_iter().map(|maker| {
                let ids = maker.join();
                ids.unwrap_or_else(|_| bail!("a writer panicked"))
            });
            joined.collect::<Result<Vec<_>>>()
        });
        Ok(made?.concat())
    }

    /// Bytes of memory that a process holds, after it has had time to settle.
    pub(super) fn resident(&self, process: Process) -> Result<u64> {
        let pointer = match process {
            Process::Region => "/regions/0/pid",
            Process::Pop => "/pops/0/pid",
        };
        let pid = self.ready.pointer(pointer).and_then(Value::as_u64);
        let pid = pid.with_context(|| format!("no {pointer}"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kib.context("no VmRSS")? * 1024)
    }

    fn text(&self, pointer: &str) -> Result<String> {
        let found = self.ready.pointer(pointer).and_then(Value::as_str);
        found
            .map(str::to_owned)
            .with_context(|| format!("no {pointer} in the ready file"))
    }
}
