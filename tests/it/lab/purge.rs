//! A purge is seen by every POP about one round trip after the command, wherever it was given.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::json;
use tests::{
    client, until,
    wan::{cluster::Lab, place},
};

/// Purges by each region.
const EACH: usize = 4;

/// Above the way there and back; generous, since the machine may be busy. The figures are printed.
const ALLOWED: Duration = Duration::from_millis(250);

/// How one purge reached one POP.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The way between the region and the POP, there and back.
    round_trip: Duration,
    /// From the command to the first request at the POP that was no hit.
    effective: Duration,
    /// From the command until the region knew.
    acknowledged: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_is_seen_by_every_pop_after_about_a_round_trip() {
    let lab = Lab::start(4).await.unwrap();
    let api = lab.quick_api().await.unwrap();
    let host = lab.api_host(&api);
    let mut above = Vec::new();
    for (region, _) in place::REGIONS {
        let mut by_pop = vec![Vec::new(); place::POPS.len()];
        for number in 0..EACH {
            let seen = purge(&lab, region, &host, &format!("/cached/{region}-{number}")).await;
            for (pop, seen) in by_pop.iter_mut().zip(seen) {
                pop.push(seen);
            }
        }
        for ((pop, _), mut seen) in place::POPS.iter().zip(by_pop) {
            // A machine that stands still for a moment is no property of the way.
            seen.sort_unstable_by_key(|one| one.effective.max(one.acknowledged));
            let [fastest, .., slowest] = seen.as_slice() else {
                panic!("several purges");
            };
            println!("{region} to {pop}: fastest {fastest:?}, slowest {slowest:?}");
            let fastest = fastest.effective.max(fastest.acknowledged);
            above.push(fastest.saturating_sub(slowest.round_trip));
        }
    }
    above.sort_unstable();
    let (median, most) = (above[above.len() / 2], above[above.len() - 1]);
    println!("above the round trip, the fastest of each pair: p50 {median:?}, max {most:?}");
    assert!(most < ALLOWED, "{above:?}");
}

/// Caches an answer at every POP, purges it, and gives what each POP saw.
async fn purge(lab: &Lab, region: &str, host: &str, path: &str) -> Vec<Seen> {
    for (pop, _) in place::POPS {
        let (addr, host, path) = (lab.http(pop).unwrap(), host.to_owned(), path.to_owned());
        let filled = lab.wan.host(pop).unwrap().spawn(async move {
            until("the answer is cached", Duration::from_secs(20), || async {
                is_hit(addr, &host, &path).await.then_some(())
            })
            .await;
        });
        filled.await.unwrap();
    }
    let looks: Vec<_> = place::POPS
        .iter()
        .map(|(pop, _)| {
            let (addr, host, path) = (lab.http(pop).unwrap(), host.to_owned(), path.to_owned());
            let look = first_miss(addr, host, path);
            lab.wan.host(pop).unwrap().spawn(look)
        })
        .collect();
    let management = lab.management(region).unwrap();
    let body = json!({ "url": format!("https://{host}{path}") });
    let call = lab.wan.host(region).unwrap().spawn(async move {
        let began = Instant::now();
        let answer = management.must(Method::POST, "/edgeway/v1/purge", Some(body));
        (began, answer.await.unwrap())
    });
    let (began, answer) = call.await.unwrap();
    assert_eq!(answer["unreached"], json!([]), "{answer}");
    let from = lab.wan.host(region).unwrap().place;
    let mut seen = Vec::new();
    for ((pop, place), look) in place::POPS.iter().zip(looks) {
        let found = answer["pops"].as_array().unwrap().iter();
        let mut found = found.filter(|one| one["pop"] == *pop);
        let one = found.next().unwrap();
        assert!(one["purged"].as_u64() >= Some(1), "{pop}: {answer}");
        let missed = look.await.unwrap();
        seen.push(Seen {
            round_trip: 2 * from.latency_to(*place),
            effective: missed.saturating_duration_since(began),
            acknowledged: Duration::from_millis(one["ms"].as_u64().unwrap()),
        });
    }
    seen
}

/// When the first request that was no hit began: the purge was effective by then.
async fn first_miss(addr: SocketAddr, host: String, path: String) -> Instant {
    let mut sent = Instant::now();
    until("the purge is seen", Duration::from_secs(20), || {
        sent = Instant::now();
        let look = is_hit(addr, &host, &path);
        async move { (!look.await).then_some(()) }
    })
    .await;
    sent
}

async fn is_hit(addr: SocketAddr, host: &str, path: &str) -> bool {
    let answer = client::get(addr, host, path).await.unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    let status = answer.headers().get("cache-status");
    status.is_some_and(|status| status.to_str().unwrap().contains("; hit"))
}
