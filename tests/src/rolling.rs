//! What goes on while the nodes of a cluster are restarted one by one: a load that can be turned
//! from one POP to another, as an operator or DNS does it, and a writer that asks every region.
//!
//! Both run until they are told to stop and remember what came of every request. Neither tries
//! anything twice: what fails, has failed.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::{Method, Request};
use serde_json::json;

use crate::{
    client::{Http1, TIMEOUT, Whole},
    management::Management,
    until,
};

/// Connections that share the load, so that at most so many requests are on their way: on a machine
/// that cannot bear the rate, none should take longer than a node drains.
const LANES: u32 = 24;
/// A slot that cannot be kept by so much is left out, so that a machine that stalled is not made to
/// catch up; how many were is part of the figures.
const LATE: Duration = Duration::from_secs(1);
/// Between two writes.
const WRITE_PAUSE: Duration = Duration::from_millis(40);
/// No region.
const NOBODY: usize = usize::MAX;
/// Nobody will be asked any more.
const ENDED: usize = usize::MAX - 1;

/// GETs at a steady rate, each in its time slot, whatever became of those before it.
#[derive(Debug)]
pub struct Load {
    host: String,
    path: String,
    per_second: u32,
    began: Instant,
    doors: Vec<Door>,
    /// Which door is used.
    at: AtomicUsize,
    stop: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Door {
    addr: SocketAddr,
    in_flight: AtomicUsize,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Requests that were sent.
    pub sent: u64,
    /// Slots in which none was sent, because the one before was not answered in time.
    pub left_out: u64,
    /// What went wrong, after what time.
    pub failed: Vec<(Duration, String)>,
    /// Milliseconds of each answer since its request was due, sorted.
    pub latencies_ms: Vec<u64>,
}

impl Seen {
    /// The latency below which so many of a thousand answers came.
    #[must_use]
    pub fn permille_ms(&self, part: usize) -> u64 {
        let at = self.latencies_ms.len().saturating_sub(1) * part / 1_000;
        self.latencies_ms.get(at).copied().unwrap_or_default()
    }
}

impl Load {
    /// Begins to send to the first of `doors`.
    #[must_use]
    pub fn start(doors: &[SocketAddr], (host, path): (&str, &str), per_second: u32) -> Arc<Self> {
        let doors = doors.iter().map(|addr| Door {
            addr: *addr,
            in_flight: AtomicUsize::new(0),
        });
        let load = Arc::new(Self {
            host: host.to_owned(),
            path: path.to_owned(),
            per_second,
            began: Instant::now(),
            doors: doors.collect(),
            at: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        for lane in 0..LANES {
            tokio::spawn(Arc::clone(&load).lane(lane));
        }
        load
    }

    /// Sends to door `at` from now on; returns when every other has answered what it was asked.
    pub async fn turn_to(&self, at: usize) {
        self.at.store(at, SeqCst);
        let others = || {
            self.doors
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
        };
        until("the other POPs have answered", TIMEOUT, || async {
            let idle = |(_, door): (usize, &Door)| door.in_flight.load(SeqCst) == 0;
            others().all(idle).then_some(())
        })
        .await;
    }

    /// Waits until so many more have been answered.
    pub async fn answered(&self, more: usize) {
        let count = || self.seen().latencies_ms.len();
        let wanted = count() + more;
        until("answers arrive", 3 * TIMEOUT, || async {
            (count() >= wanted).then_some(())
        })
        .await;
    }

    /// Ends the load and gives what was seen.
    pub async fn end(&self) -> Seen {
        self.stop.store(true, SeqCst);
        until("the last answers", TIMEOUT + TIMEOUT, || async {
            let idle = |door: &Door| door.in_flight.load(SeqCst) == 0;
            self.doors.iter().all(idle).then_some(())
        })
        .await;
        let mut seen = self.seen().clone();
        seen.latencies_ms.sort_unstable();
        seen
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The door to use, which counts one more in flight.
    fn enter(&self) -> usize {
        loop {
            let at = self.at.load(SeqCst);
            self.doors[at].in_flight.fetch_add(1, SeqCst);
            // Turned between the two: whoever waits for the door must not have missed it.
            if self.at.load(SeqCst) == at {
                return at;
            }
            self.doors[at].in_flight.fetch_sub(1, SeqCst);
        }
    }

    async fn lane(self: Arc<Self>, lane: u32) {
        let slot = Duration::from_secs(1) / self.per_second;
        let mut kept: Option<(usize, Http1)> = None;
        let mut number = lane;
        loop {
            let due = self.began + slot * number;
            tokio::time::sleep_until(due.into()).await;
            if self.stop.load(SeqCst) {
                return;
            }
            number += LANES;
            if due.elapsed() > LATE {
                self.seen().left_out += 1;
                continue;
            }
            let at = self.enter();
            kept = kept.filter(|(open, _)| *open == at);
            let sent = Instant::now();
            let result = self.one(at, &mut kept).await;
            if result.is_err() {
                kept = None;
            }
            self.note((at, due, sent), result);
            self.doors[at].in_flight.fetch_sub(1, SeqCst);
        }
    }

    fn note(&self, (at, due, sent): (usize, Instant, Instant), result: anyhow::Result<()>) {
        let mut seen = self.seen();
        seen.sent += 1;
        match result {
            Ok(()) => {
                let took = u64::try_from(due.elapsed().as_millis()).unwrap_or(u64::MAX);
                seen.latencies_ms.push(took);
            }
            Err(error) => {
                let text = format!("{:?} at door {at}: {error:#}", self.began.elapsed());
                seen.failed.push((sent.elapsed(), text));
            }
        }
    }

    async fn one(&self, at: usize, kept: &mut Option<(usize, Http1)>) -> anyhow::Result<()> {
        let request = Request::get(&self.path)
            .header("host", &self.host)
            .body(Whole::default())?;
        let (_, connection) = match kept {
            Some(kept) => kept,
            None => kept.insert((at, Http1::open(self.doors[at].addr).await?)),
        };
        let answer = tokio::time::timeout(TIMEOUT, connection.send(request)).await??;
        let (status, body) = (answer.status(), answer.body());
        anyhow::ensure!(status == 200, "{status} {body:?}");
        Ok(())
    }
}

/// A write that was answered with success.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    /// The revision that it made.
    pub revision: u64,
    /// As the history keeps it.
    pub request: String,
    /// The id of the key that it made.
    pub id: String,
    /// The name of that key.
    pub name: String,
}

/// Makes API keys, one after the other, at each region in turn. Names are not unique, so a write
/// that took effect twice leaves two.
#[derive(Debug)]
pub struct Writer {
    regions: Vec<Management>,
    /// Which region is not asked: the one that is being restarted.
    away: AtomicUsize,
    /// Which one is being asked.
    asking: AtomicUsize,
    stop: AtomicBool,
    written: Mutex<Written>,
}

/// What came of a writer.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Writes that were answered with success.
    pub acknowledged: Vec<Acknowledged>,
    /// What went wrong: the name of the key, and how.
    pub failed: Vec<(String, String)>,
    /// The longest time from one acknowledged write to the next.
    pub gap: Duration,
}

impl Writer {
    /// Begins to write.
    #[must_use]
    pub fn start(regions: Vec<Management>) -> Arc<Self> {
        let writer = Arc::new(Self {
            regions,
            away: AtomicUsize::new(NOBODY),
            asking: AtomicUsize::new(NOBODY),
            stop: AtomicBool::new(false),
            written: Mutex::default(),
        });
        tokio::spawn(Arc::clone(&writer).run());
        writer
    }

    /// Asks the others only, from now on; returns when it does not wait for region `at` any more.
    pub async fn leave_out(&self, at: Option<usize>) {
        self.away.store(at.unwrap_or(NOBODY), SeqCst);
        until("the writer asks another region", 2 * TIMEOUT, || async {
            (at.is_none() || Some(self.asking.load(SeqCst)) != at).then_some(())
        })
        .await;
    }

    /// Waits until so many more are acknowledged.
    pub async fn wrote(&self, more: usize) {
        let count = || self.written().acknowledged.len();
        let wanted = count() + more;
        until("writes are acknowledged", 2 * TIMEOUT, || async {
            (count() >= wanted).then_some(())
        })
        .await;
    }

    /// Stops it; returns after the write that it is at.
    pub async fn end(&self) {
        self.stop.store(true, SeqCst);
        until("the last write", 2 * TIMEOUT, || async {
            (self.asking.load(SeqCst) == ENDED).then_some(())
        })
        .await;
    }

    /// What it has done.
    pub fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>) {
        let mut last = Instant::now();
        for number in 0_usize.. {
            if self.stop.load(SeqCst) {
                self.asking.store(ENDED, SeqCst);
                return;
            }
            let at = number % self.regions.len();
            self.asking.store(at, SeqCst);
            if self.away.load(SeqCst) == at {
                self.asking.store(NOBODY, SeqCst);
                continue;
            }
            let name = format!("w-{number}");
            let result = self.one(at, &name).await;
            self.asking.store(NOBODY, SeqCst);
            self.note(name, at, result, &mut last);
            tokio::time::sleep(WRITE_PAUSE).await;
        }
    }

    fn note(
        &self,
        name: String,
        at: usize,
        result: anyhow::Result<Acknowledged>,
        last: &mut Instant,
    ) {
        let mut written = self.written();
        match result {
            Ok(one) => {
                written.gap = written.gap.max(last.elapsed());
                *last = Instant::now();
                written.acknowledged.push(one);
            }
            Err(error) => {
                let text = format!("region {at}: {error:#}");
                written.failed.push((name, text));
            }
        }
    }

    async fn one(&self, at: usize, name: &str) -> anyhow::Result<Acknowledged> {
        let body = json!({ "name": name, "enabled": true });
        let answer = self.regions[at]
            .call(Method::POST, "/apikeys", Some(body))
            .await?;
        anyhow::ensure!(answer.status == 201, "{} {}", answer.status, answer.body);
        let header = |name: &str| {
            let value = answer
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok());
            value.with_context(|| format!("no {name}"))
        };
        let id = answer.body.get("id").and_then(serde_json::Value::as_str);
        Ok(Acknowledged {
            revision: header("x-edgeway-revision")?.parse()?,
            request: header("x-amzn-requestid")?.to_owned(),
            id: id.context("no id")?.to_owned(),
            name: name.to_owned(),
        })
    }
}
