//! A cluster goes from the build before this one to this one, back, and forward again, node by node
//! as the runbook says, while it serves and is written to.

mod finish;
mod stays;
mod writes;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use http::Method;
use serde_json::Value;
use tests::{
    backend::Backend,
    cluster::{Cluster, former_program, program},
    management::Management,
    process,
    rolling::{Load, Writer},
    until,
};

use self::{
    finish::{finish, there_is_no_way_back},
    stays::stay,
    writes::Kept,
};

/// Requests a second; `EDGEWAY_UPGRADE_RATE` says otherwise.
const PER_SECOND: u32 = 500;
const LIMIT: Duration = Duration::from_secs(60);
/// `drain_s` of the nodes of `edgeway dev`.
const DRAIN: Duration = Duration::from_secs(5);

/// A node of the cluster, as whoever restarts it sees it.
#[derive(Clone, Debug)]
struct Member {
    name: String,
    /// Among the regions, or among the POPs.
    place: Place,
    id: u64,
    pid: u32,
    config: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Dns,
    Pop(usize),
    Region(usize),
}

/// The newest format that the present build knows.
fn newest() -> u64 {
    model::codec::Level::NEWEST.number().into()
}

/// What goes on meanwhile, and who is restarted.
struct Story {
    cluster: Cluster,
    members: Vec<Member>,
    load: Arc<Load>,
    writer: Arc<Writer>,
    /// Of the API that is asked for.
    host: String,
}

impl Story {
    /// The management API of a region that is not `but`.
    fn other(&self, but: Place) -> Management {
        let at = usize::from(but == Place::Region(0));
        self.cluster.management(at)
    }

    /// DNS, POPs, regions; the leader last.
    async fn order(&self) -> Vec<Member> {
        let status = self.cluster.management(0).status().await.unwrap();
        let leader = status["raft"]["leader"].as_u64();
        let mut members = self.members.clone();
        members.sort_by_key(|member| {
            let kind = match member.place {
                Place::Dns => 0,
                Place::Pop(_) => 1,
                Place::Region(_) => 2,
            };
            (kind, Some(member.id) == leader, member.id)
        });
        members
    }

    /// Every node becomes one of `program`, which knows formats up to `format`.
    async fn roll(&mut self, program: &Path, format: u64) {
        let order = self.order().await;
        for (left, member) in (0..order.len()).rev().zip(order) {
            let began = Instant::now();
            if left == 0 && format == newest() {
                self.finishing_is_refused(&member).await;
            }
            match member.place {
                Place::Pop(at) => {
                    self.load.turn_to(1 - at).await;
                    let addr = self.cluster.ready.pops[at].http;
                    let stop = Arc::new(AtomicBool::new(false));
                    let stays = tokio::spawn(stay(addr, self.host.clone(), Arc::clone(&stop)));
                    self.restart(&member, program, format).await;
                    stop.store(true, SeqCst);
                    println!(
                        "clients that stay at {}: {}",
                        member.name,
                        stays.await.unwrap()
                    );
                }
                Place::Region(at) => {
                    self.writer.leave_out(Some(at)).await;
                    self.restart(&member, program, format).await;
                    self.writer.leave_out(None).await;
                }
                Place::Dns => self.restart(&member, program, format).await,
            }
            println!("{} restarted in {:?}", member.name, began.elapsed());
        }
        // What was written by each build meanwhile is served by all.
        self.load.answered(50).await;
        self.writer.wrote(3).await;
    }

    /// As long as one node is of the former build, which the answer names.
    async fn finishing_is_refused(&self, last: &Member) {
        let management = self.other(last.place);
        let path = "/edgeway/v1/format";
        let answer = management.call(Method::POST, path, None).await.unwrap();
        assert_eq!(answer.status, 409, "{}", answer.body);
        let text = answer.body.to_string();
        assert!(text.contains(&format!("node {}", last.id)), "{text}");
    }

    async fn restart(&mut self, member: &Member, program: &Path, format: u64) {
        let management = self.other(member.place);
        let leader = async || {
            let status = management.status().await.ok()?;
            let known = status["raft"]["healthy"] == true;
            status["raft"]["leader"].as_u64().filter(|_| known)
        };
        let led = leader().await == Some(member.id);
        self.stop(member).await;
        if led {
            // One that is back at once would go on to lead: then the builds never vote together.
            until("another one leads", LIMIT, || async {
                leader().await.filter(|leader| *leader != member.id)
            })
            .await;
        }
        self.begin(member, program, format).await;
    }

    async fn stop(&self, member: &Member) {
        process::signal(member.pid, "TERM").unwrap();
        until("the node has drained", LIMIT, || async {
            (!process::lives(member.pid)).then_some(())
        })
        .await;
    }

    async fn begin(&mut self, member: &Member, program: &Path, format: u64) {
        let management = self.other(member.place);
        let before = management.status().await.unwrap()["revision"].clone();
        let pid = self.cluster.restart_as(program, &member.config).unwrap();
        let own = self.members.iter_mut().find(|own| own.id == member.id);
        own.unwrap().pid = pid;
        let up = format!("{} is up at revision {before}", member.name);
        until(&up, LIMIT, || async {
            let nodes = management
                .must(Method::GET, "/edgeway/v1/nodes", None)
                .await
                .ok()?;
            let node = nodes["items"]
                .as_array()?
                .iter()
                .find(|node| node["id"] == member.id)?;
            let fresh = node["live"] == true && node["draining"] == false;
            let newest = node["revision"].as_u64()? >= before.as_u64()?;
            let voter = !matches!(member.place, Place::Region(_)) || node["member"] == "voter";
            (fresh && newest && voter && node["format"] == format).then_some(())
        })
        .await;
        if let Place::Region(at) = member.place {
            let own = self.cluster.management(at);
            until("its management API answers", LIMIT, || async {
                let status = own.status().await.ok()?;
                (status["raft"]["healthy"] == true).then_some(())
            })
            .await;
        }
    }
}

fn members(cluster: &Cluster, nodes: &Value) -> Vec<Member> {
    let id_of = |role: &str, place: &str| {
        let nodes = nodes["items"].as_array().unwrap();
        let mut found = nodes
            .iter()
            .filter(|node| node["role"] == role && node["place"] == place);
        found.next().unwrap()["id"].as_u64().unwrap()
    };
    let ready = &cluster.ready;
    let dns = Member {
        name: "dns-1".to_owned(),
        place: Place::Dns,
        id: id_of("dns", ""),
        pid: ready.dns_node.pid,
        config: ready.dns_node.config.clone(),
    };
    let pops = ready.pops.iter().enumerate().map(|(at, pop)| Member {
        name: pop.name.clone(),
        place: Place::Pop(at),
        id: id_of("pop", &pop.name),
        pid: pop.pid,
        config: pop.config.clone(),
    });
    let regions = ready.regions.iter().enumerate().map(|(at, region)| Member {
        name: region.name.clone(),
        place: Place::Region(at),
        id: region.node_id,
        pid: region.pid,
        config: region.config.clone(),
    });
    pops.chain(regions).chain([dns]).collect()
}

async fn story(former: &Path) -> Story {
    let cluster = Cluster::start_of(former, (3, 2), &[]).await.unwrap();
    let backend = Backend::start().await.unwrap();
    let management = cluster.management(0);
    let api = management
        .quick_api("rolled", &backend.url())
        .await
        .unwrap();
    let host = cluster.host(&api);
    let doors: Vec<SocketAddr> = cluster.ready.pops.iter().map(|pop| pop.http).collect();
    let rate = std::env::var("EDGEWAY_UPGRADE_RATE");
    let rate = rate.map_or(PER_SECOND, |rate| rate.parse().unwrap());
    println!("{rate} requests a second");
    let nodes = management
        .must(Method::GET, "/edgeway/v1/nodes", None)
        .await
        .unwrap();
    let regions = (0..3).map(|at| cluster.management(at)).collect();
    Story {
        members: members(&cluster, &nodes),
        load: Load::start(&doors, (&host, "/x"), rate),
        writer: Writer::start(regions),
        cluster,
        host,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_goes_to_the_next_build_and_back_while_it_serves() {
    let Some(former) = former_program() else {
        println!(
            "skipped: there is no program of the revision in tests/previous-build; `cargo xtask \
             previous` makes it where git has that revision"
        );
        return;
    };
    let began = Instant::now();
    let mut story = story(&former).await;
    let first = story.cluster.management(0);
    let term = first.status().await.unwrap()["raft"]["term"].clone();
    story.load.answered(200).await;
    story.writer.wrote(5).await;
    for (what, program, format) in [
        ("up", program(), newest()),
        ("down", former.clone(), newest() - 1),
        ("up again", program(), newest()),
    ] {
        let began = Instant::now();
        story.roll(&program, format).await;
        println!("{what}: {:?}", began.elapsed());
        let written = story.writer.written().clone();
        let kept = Kept::of(&story.cluster.management(0), &written).await;
        kept.nothing_lost_or_doubled(&written);
    }
    finish(&story).await;
    for place in [Place::Region(2), Place::Pop(1), Place::Dns] {
        there_is_no_way_back(&mut story, &former, place).await;
    }

    let seen = story.load.end().await;
    story.writer.end().await;
    let written = story.writer.written().clone();
    let after = first.status().await.unwrap()["raft"]["term"].clone();
    println!(
        "{} requests ({} slots left out), {} failed, p50 {} ms, p99 {} ms, p99.9 {} ms; {} writes \
         acknowledged, {} failed, at most {:?} between two; term {term} to {after}; {:?} in all",
        seen.sent,
        seen.left_out,
        seen.failed.len(),
        seen.permille_ms(500),
        seen.permille_ms(990),
        seen.permille_ms(999),
        written.acknowledged.len(),
        written.failed.len(),
        written.gap,
        began.elapsed(),
    );
    println!("{:?} {:?}", seen.failed, written.failed);
    // What takes longer than a node drains is cut off: only a machine that stalls comes to that.
    let early = seen.failed.iter().filter(|(took, _)| *took < DRAIN);
    let early: Vec<_> = early.collect();
    assert!(early.is_empty(), "{early:?}");
    for region in 0..3 {
        let kept = Kept::of(&story.cluster.management(region), &written).await;
        kept.nothing_lost_or_doubled(&written);
        kept.nothing_more(&written);
    }
    // A change of leaders is waited out; only where that takes very long may a write be refused.
    for (name, error) in &written.failed {
        assert!(error.contains(": 503"), "{name}: {error}");
    }
}
