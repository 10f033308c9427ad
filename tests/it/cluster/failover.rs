//! The region a POP prefers dies without warning: nobody who sends GETs sees it.

use std::time::Duration;

use tests::{
    backend::Backend,
    client,
    cluster::{Cluster, Region},
    load::{Outcome, Steady},
    process::signal,
    until,
};

use super::region_of;

const PER_SECOND: u32 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_region_fails_no_get_and_is_used_again_when_it_returns() {
    let mut cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let api = cluster
        .management(0)
        .quick_api("steady", &backend.url())
        .await
        .unwrap();
    let (host, pop) = (cluster.host(&api), cluster.ready.pops[0].http);
    let preferred = region_of(&client::get(pop, &host, "/x").await.unwrap()).unwrap();
    let victim = cluster
        .ready
        .regions
        .iter()
        .find(|region| region.name == preferred);
    let victim = victim.unwrap().clone();
    println!("{} prefers {preferred}", cluster.ready.pops[0].name);

    let load = |seconds: u32| Steady {
        addr: pop,
        host: host.clone(),
        path: "/x".to_owned(),
        per_second: PER_SECOND,
        total: PER_SECOND * seconds,
    };
    let running = tokio::spawn(load(8).run());
    until("the load runs", Duration::from_secs(5), || async {
        (backend
            .counts
            .requests
            .load(std::sync::atomic::Ordering::Relaxed)
            > 1_000)
            .then_some(())
    })
    .await;
    cluster.kill(victim.pid).unwrap();
    let outcome = running.await.unwrap();
    let failed = outcome.failed();
    println!(
        "killed {preferred}: {} good, {} failed, p50 {} ms, p99 {} ms, max {} ms",
        outcome.good.load(std::sync::atomic::Ordering::Relaxed),
        failed.len(),
        outcome.quantile_ms(0.5),
        outcome.quantile_ms(0.99),
        outcome.quantile_ms(1.0),
    );
    assert!(
        failed.is_empty(),
        "{} failed, first: {:?}",
        failed.len(),
        failed.first()
    );
    let now = region_of(&client::get(pop, &host, "/x").await.unwrap()).unwrap();
    assert_ne!(now, preferred);

    // It returns under load. Which region is nearest is a matter of microseconds on one machine,
    // so the others are made to drain by dying: what is left to use is the one that returned.
    let running = tokio::spawn(load(8).run());
    cluster.restart(&victim.config).unwrap();
    let returned = victim.http;
    until(
        "the region serves again",
        Duration::from_secs(20),
        || async {
            let answer = client::get(returned, &host, "/x").await.ok()?;
            (answer.status() == 200).then_some(())
        },
    )
    .await;
    let outcome = running.await.unwrap();
    let failed = outcome.failed();
    assert!(
        failed.is_empty(),
        "{} failed, first: {:?}",
        failed.len(),
        failed.first()
    );
    for other in cluster.ready.regions.clone() {
        if other.name != preferred {
            cluster.kill(other.pid).unwrap();
        }
    }
    until(
        "the POP uses the region that returned",
        Duration::from_secs(20),
        || async {
            let answer = client::get(pop, &host, "/x").await.ok()?;
            (answer.status() == 200 && region_of(&answer)? == preferred).then_some(())
        },
    )
    .await;
}

/// Stopped, it keeps its sockets and answers nothing, as behind a link that was cut: nobody is
/// told, and only silence shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_falls_silent_fails_no_get() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let stage = Stage::of(&cluster, &backend).await;
    let running = tokio::spawn(stage.load(300, 12).run());
    // So long that the retry budget is what it is in steady use.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let used = stage.used_now(&cluster).await;
    signal(used.pid, "STOP").unwrap();
    let outcome = running.await.unwrap();
    let failed = report(&format!("stopped {}", used.name), &outcome);
    println!("hedges: {:?}", stage.counts("hedges_total").await);
    assert!(failed.is_empty(), "first: {:?}", failed.first());
    assert!(outcome.quantile_ms(0.99) < 1_000);
    let answer = client::get(stage.pop, &stage.host, "/x").await.unwrap();
    assert_ne!(region_of(&answer).unwrap(), used.name);
}

/// It hangs for a fifth of a second again and again: too short to be lost, long enough to hurt.
#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_stutters_is_hedged_within_the_budget() {
    let cluster = Cluster::start().await.unwrap();
    let backend = Backend::start().await.unwrap();
    let stage = Stage::of(&cluster, &backend).await;
    let running = tokio::spawn(stage.load(300, 10).run());
    tokio::time::sleep(Duration::from_secs(3)).await;
    // On one machine the regions are equally near, so that the POP may have changed its mind since.
    for _ in 0..5 {
        let used = stage.used_now(&cluster).await;
        signal(used.pid, "STOP").unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        signal(used.pid, "CONT").unwrap();
        tokio::time::sleep(Duration::from_millis(800)).await;
    }
    let outcome = running.await.unwrap();
    let failed = report("stuttering", &outcome);
    let hedges = stage.counts("hedges_total").await;
    println!("hedges: {hedges:?}");
    assert!(failed.is_empty(), "first: {:?}", failed.first());
    let count = |result: &str| {
        let label = format!("result=\"{result}\"");
        let line = hedges.iter().find(|(name, _)| name.contains(&label));
        line.map_or(0, |(_, count)| *count)
    };
    assert!(count("won") > 0);
    let made = count("won") + count("lost") + count("failed");
    assert!(made * 20 <= 300 * 10, "{made}");
}

/// A cluster with one API, seen from its first POP.
struct Stage {
    host: String,
    pop: std::net::SocketAddr,
    metrics: String,
}

impl Stage {
    async fn of(cluster: &Cluster, backend: &Backend) -> Self {
        let management = cluster.management(0);
        let api = management.quick_api("steady", &backend.url()).await;
        let host = cluster.host(&api.unwrap());
        let pop = &cluster.ready.pops[0];
        Self {
            host,
            pop: pop.http,
            metrics: pop.metrics.clone(),
        }
    }

    /// The region that answers a request of this moment.
    async fn used_now(&self, cluster: &Cluster) -> Region {
        let answer = client::get(self.pop, &self.host, "/x").await.unwrap();
        let name = region_of(&answer).unwrap();
        let mut regions = cluster.ready.regions.iter();
        regions.find(|region| region.name == name).unwrap().clone()
    }

    fn load(&self, per_second: u32, seconds: u32) -> Steady {
        Steady {
            addr: self.pop,
            host: self.host.clone(),
            path: "/x".to_owned(),
            per_second,
            total: per_second * seconds,
        }
    }

    /// The POP's counters of this name, with their labels.
    async fn counts(&self, name: &str) -> Vec<(String, u64)> {
        let addr = self.metrics.trim_start_matches("http://");
        let addr = addr.trim_end_matches("/metrics");
        let answer = client::get(addr.parse().unwrap(), addr, "/metrics").await;
        let text = String::from_utf8(answer.unwrap().body().to_vec()).unwrap();
        let name = format!("edgeway_edge_{name}");
        let lines = text.lines().filter(|line| line.starts_with(&name));
        lines
            .filter_map(|line| {
                let (name, count) = line.rsplit_once(' ')?;
                Some((name.to_owned(), count.parse().ok()?))
            })
            .collect()
    }
}

fn report(what: &str, outcome: &Outcome) -> Vec<String> {
    let failed = outcome.failed();
    println!(
        "{what}: {} good, {} failed, p50 {} ms, p99 {} ms, max {} ms",
        outcome.good.load(std::sync::atomic::Ordering::Relaxed),
        failed.len(),
        outcome.quantile_ms(0.5),
        outcome.quantile_ms(0.99),
        outcome.quantile_ms(1.0),
    );
    failed
}
