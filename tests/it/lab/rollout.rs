//! A bad revision that goes out in stages is served by one POP only, and is taken back by itself.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http::Method;
use serde_json::{Value, json};
use tests::{
    backend::{BROKEN, Backend},
    client,
    management::Management,
    until,
    wan::{cluster::Lab, place},
};

/// Where the new version leads: in every region to a backend that is broken.
const BAD: &str = "127.0.0.1:8081";

/// The POP that tries changes first.
const FIRST: &str = "paris";

/// Long enough that only a gate can end the stage.
const SOAK_MS: u32 = 60_000;

/// What must be taken back within 5 s may take longer on a machine that stands still, but never as
/// long as a stage; the figure is printed.
const ALLOWED: Duration = Duration::from_secs(45);

/// Answers by place.
type Tally = Arc<Mutex<BTreeMap<&'static str, Answers>>>;

/// Who answered.
#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    /// The version before.
    old: u32,
    /// The bad one.
    new: u32,
    /// Nobody: a machine that is very busy sheds load.
    none: u32,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_revision_reaches_one_pop_and_is_taken_back() {
    let lab = Lab::start(5).await.unwrap();
    let api = lab.quick_api().await.unwrap();
    let (host, first) = (lab.api_host(&api), place::REGIONS[0].0);
    let mut bad = Vec::new();
    for (region, _) in place::REGIONS {
        let started = Backend::start_at(BAD.parse().unwrap());
        let started = lab.wan.host(region).unwrap().spawn(started);
        bad.push(started.await.unwrap().unwrap());
    }
    for backend in &bad {
        backend.counts.broken.store(true, Ordering::Relaxed);
    }
    let policy = json!({ "staged": true, "soakMs": SOAK_MS, "pop": FIRST });
    call(&lab, Method::PUT, "/edgeway/v1/rollout-policy", policy).await;

    // Clients at every POP and every region, all the time.
    let (tally, end) = (Tally::default(), Arc::new(AtomicBool::new(false)));
    let places = place::POPS.iter().chain(&place::REGIONS);
    let clients: Vec<_> = places
        .map(|(name, _)| {
            let asking = ask(
                name,
                lab.http(name).unwrap(),
                host.clone(),
                Arc::clone(&tally),
                Arc::clone(&end),
            );
            lab.wan.host(name).unwrap().spawn(asking)
        })
        .collect();
    until("everybody is served", Duration::from_secs(60), || async {
        let seen = tally.lock().unwrap();
        let served = seen.values().filter(|answers| answers.old > 20).count();
        (served == place::POPS.len() + place::REGIONS.len()).then_some(())
    })
    .await;

    let began = Instant::now();
    let path = format!("/v2/apis/{api}");
    call(
        &lab,
        Method::PATCH,
        &path,
        json!({ "target": format!("http://{BAD}") }),
    )
    .await;
    let management = lab.management(first).unwrap();
    let (ended, after) = lab
        .wan
        .host(first)
        .unwrap()
        .spawn(async move {
            until("it is taken back", ALLOWED, || async {
                let seen = rollouts(&management).await;
                (seen["active"] == json!([])).then(|| seen["ended"][0].clone())
            })
            .await
        })
        .await
        .map(|ended| (ended, began.elapsed()))
        .unwrap();
    println!("taken back {after:?} after the call: {}", ended["reason"]);
    assert_eq!(ended["end"], "rolled_back", "{ended}");
    assert_eq!(ended["stage"], "pop", "{ended}");

    // Good again where it was tried, as its clients see it.
    let addr = lab.http(FIRST).unwrap();
    let again = lab.wan.host(FIRST).unwrap().spawn(good_again(addr, host));
    again.await.unwrap();
    let took = began.elapsed();
    end.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let seen = tally.lock().unwrap().clone();
    println!("{FIRST} is good again {took:?} after the call; answers: {seen:?}");
    for (name, answers) in seen {
        assert_eq!(answers.new > 0, name == FIRST, "{name}: {answers:?}");
    }
    assert!(took < ALLOWED, "{took:?}");
}

async fn call(lab: &Lab, method: Method, path: &str, body: Value) {
    let first = place::REGIONS[0].0;
    let (management, path) = (lab.management(first).unwrap(), path.to_owned());
    let call = lab.wan.host(first).unwrap().spawn(async move {
        management.must(method, &path, Some(body)).await.unwrap();
    });
    call.await.unwrap();
}

async fn rollouts(api: &Management) -> Value {
    let path = "/edgeway/v1/rollouts";
    api.must(Method::GET, path, None).await.unwrap()
}

/// One request after the other, ten in a row good.
async fn good_again(addr: SocketAddr, host: String) {
    until("the POP is good again", Duration::from_secs(40), || async {
        for _ in 0..5 {
            let answer = client::get(addr, &host, "/x").await.ok()?;
            if answer.status() != 200 {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// Asks a place until told to end, twenty times a second.
async fn ask(
    name: &'static str,
    addr: SocketAddr,
    host: String,
    tally: Tally,
    end: Arc<AtomicBool>,
) {
    while !end.load(Ordering::Relaxed) {
        let answer = client::get(addr, &host, "/x").await;
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        let is_new = answer.is_ok_and(|answer| answer.body() == BROKEN);
        {
            let mut tally = tally.lock().unwrap();
            let answers = tally.entry(name).or_default();
            match status {
                Some(200) => answers.old += 1,
                _ if is_new => answers.new += 1,
                _ => answers.none += 1,
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
