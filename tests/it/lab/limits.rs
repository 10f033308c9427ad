//! Rates in three regions with five POPs, far apart, clients at all POPs and regions: as long as
//! all is well, while a region is cut off from the others, and while the home of limits is. POPs
//! reach all regions all the time, so that all of them have clients.
//!
//! The same key's worth in each mode at once, by plans with tags. What is asserted is the bound
//! itself, over the time from the first request to the last answer, so a machine that stalls
//! changes nothing. The table of docs/operations/limits.md is printed here.

use std::{
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use tests::{
    limited::{Client, Holder, Tally},
    until,
    wan::{
        cluster::{Lab, Shape},
        place,
    },
};

const REGIONS: usize = 3;
/// Of clients at each POP and each region, for each mode.
const PER_SECOND: u32 = 12;
const RATE: u64 = 20;
const BURST: u64 = 40;
const MODES: [&str; 3] = ["leased", "exact", "local"];

/// Admitted and refused by mode, at a moment.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Instant,
    admitted: [u64; MODES.len()],
    refused: [u64; MODES.len()],
}

struct Load {
    tallies: Vec<Arc<Tally>>,
    stop: Arc<AtomicBool>,
    running: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(lab: &Lab, host: &str, holders: &[Holder]) -> Self {
        let mut load = Self {
            tallies: holders.iter().map(|_| Arc::default()).collect(),
            stop: Arc::default(),
            running: Vec::new(),
        };
        let names = place::POPS
            .iter()
            .chain(place::REGIONS.iter().take(REGIONS));
        for (name, _) in names {
            for (holder, tally) in holders.iter().zip(&load.tallies) {
                let client = Client {
                    addr: lab.http(name).unwrap(),
                    host: host.to_owned(),
                    key: holder.value.clone(),
                    per_second: PER_SECOND,
                };
                let running = client.run(Arc::clone(tally), Arc::clone(&load.stop));
                load.running
                    .push(lab.wan.host(name).unwrap().spawn(running));
            }
        }
        load
    }

    fn seen(&self) -> Seen {
        let counts: Vec<_> = self.tallies.iter().map(|tally| tally.counts()).collect();
        Seen {
            at: Instant::now(),
            admitted: std::array::from_fn(|mode| counts[mode].0),
            refused: std::array::from_fn(|mode| counts[mode].1),
        }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for running in self.running {
            running.await.unwrap();
        }
    }
}

/// A row for each mode; `from` was seen before the first request of a stretch, `to` after its last.
fn print(what: &str, from: &Seen, to: &Seen) {
    let seconds = (to.at - from.at).as_secs_f64();
    for (mode, name) in MODES.iter().enumerate() {
        let admitted = to.admitted[mode] - from.admitted[mode];
        let refused = to.refused[mode] - from.refused[mode];
        let allowed = BURST as f64 + RATE as f64 * seconds;
        println!(
            "| {what} | {name} | {seconds:.1} | {allowed:.0} | {admitted} | {refused} | {:+.1} % |",
            (admitted as f64 / allowed - 1.0) * 100.0
        );
    }
}

/// Which of the regions leads.
async fn leading(lab: &Lab) -> usize {
    let first = place::REGIONS[0].0;
    until("there is a leader", Duration::from_secs(60), || async {
        let management = lab.management(first).unwrap();
        let host = lab.wan.host(first).unwrap();
        let status = host.spawn(async move { management.status().await.ok() });
        let status = status.await.unwrap()?;
        let leader = status["raft"]["leader"].as_u64()?;
        let mut nodes = status["nodes"].as_array()?.iter();
        let node = nodes.find(|node| node["id"].as_u64() == Some(leader))?;
        let mut regions = place::REGIONS.iter();
        regions.position(|(name, _)| node["place"].as_str() == Some(name))
    })
    .await
}

/// A region loses the others, or finds them again.
fn cut(lab: &Lab, region: usize, cut: bool) {
    let number = |at: usize| lab.wan.number(place::REGIONS[at].0).unwrap();
    for other in (0..REGIONS).filter(|other| *other != region) {
        let links = &lab.wan.links;
        links.change(number(region), number(other), |link| link.cut = cut);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_for_regions_that_lose_each_other() {
    let shape = Shape {
        regions: REGIONS,
        ..Shape::default()
    };
    let lab = Lab::start_of(9, shape).await.unwrap();
    let first = place::REGIONS[0].0;
    let management = lab.management(first).unwrap();
    let made = lab.wan.host(first).unwrap().spawn(async move {
        let api = tests::limited::api(&management).await?;
        let mut holders = Vec::new();
        for mode in MODES {
            let limits = json!({
                "throttle": { "rateLimit": RATE, "burstLimit": BURST },
                "tags": { "edgeway:limit-mode": mode },
            });
            holders.push(Holder::new(&management, &api, &limits).await?);
        }
        anyhow::Ok((api, holders))
    });
    let (api, holders) = made.await.unwrap().unwrap();
    let leads = leading(&lab).await;

    let load = Load::start(&lab, &lab.api_host(&api), &holders);
    let start = load.seen();
    println!("| 3 regions, 5 POPs | mode | seconds | allowed | admitted | refused | over |");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let whole = load.seen();
    print("all is well", &start, &whole);
    let follower = (leads + 1) % REGIONS;
    cut(&lab, follower, true);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let apart = load.seen();
    print("a region is cut off", &whole, &apart);
    cut(&lab, follower, false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    cut(&lab, leads, true);
    let before = load.seen();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let headless = load.seen();
    print("the home is cut off", &before, &headless);
    cut(&lab, leads, false);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tallies = load.tallies.clone();
    load.end().await;
    let ended = Seen {
        at: Instant::now(),
        admitted: std::array::from_fn(|mode| tallies[mode].counts().0),
        refused: std::array::from_fn(|mode| tallies[mode].counts().1),
    };
    print("all of it", &start, &ended);

    // Of any stretch, also one that began before it: the last answers to what was asked in it.
    let allowed =
        |from: &Seen, to: &Seen| BURST as f64 + RATE as f64 * (to.at - from.at).as_secs_f64();
    let stretches = [(&start, &ended), (&start, &whole)];
    for (from, to) in stretches {
        let admitted = |mode: usize| (to.admitted[mode] - from.admitted[mode]) as f64;
        let allowed = allowed(from, to);
        assert!(
            admitted(0) <= 1.1 * allowed,
            "leased: {} of {allowed}",
            admitted(0)
        );
        assert!(
            admitted(1) <= allowed,
            "exact: {} of {allowed}",
            admitted(1)
        );
        assert!(
            admitted(2) <= 3.0 * allowed,
            "local: {} of {allowed}",
            admitted(2)
        );
    }
    for (mode, name) in MODES.iter().enumerate() {
        assert!(ended.admitted[mode] > 0, "{name}");
    }
}
