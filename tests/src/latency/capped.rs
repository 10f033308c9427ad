//! What it costs clients when the busiest POP bears only a part of what it attracts: the product's
//! own shares over the map of a simulated Internet, until they settle.

use std::collections::BTreeMap;

use steer::{
    caps::{Client as Together, Controller, Kind, SHARE_WHOLE, scaled},
    latency::{Chart, ChartSite},
    place::Health,
};

use super::{Cluster, Method, Outcome, Rng, Seen, World, ratio};

/// Epochs in which shares settle.
const EPOCHS: u64 = 60;
const EPOCH_MS: u64 = 60_000;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Capped {
    /// The POP.
    pub pop: String,
    /// Of all traffic, what it has without a cap, and with it, in thousandths.
    pub traffic: [usize; 2],
    /// Its load when shares have settled, in thousandths of its cap.
    pub load: u32,
    /// The share that it settled at, in thousandths, and the epochs that this took.
    pub share: u16,
    /// The epoch after which no share changed.
    pub settled_after: u64,
    /// Milliseconds above the oracle, in the mean over all traffic, before and after.
    pub regret_ms: [f64; 2],
    /// What the clients that were sent elsewhere have more, in the mean.
    pub moved_ms: f64,
}

/// Learns a map, then caps the busiest POP at `percent` of what it attracts; others have none.
#[must_use]
pub fn capped(world: &World, percent: usize) -> Capped {
    let cluster = learned(world);
    let whole = vec![SHARE_WHOLE; world.pops.len()];
    let before = sent(&cluster, &whole);
    let counts = by_pop(&before, world.pops.len());
    let busiest = (0..counts.len())
        .max_by_key(|pop| counts[*pop])
        .unwrap_or(0);
    let cap = (counts[busiest] * percent / 100).max(1);
    let (mut controller, mut settled_after) = (Controller::default(), 0);
    let (mut after, mut shares, mut load) = (before.clone(), whole, 0);
    for epoch in 1..=EPOCHS {
        let full = by_pop(&after, world.pops.len())[busiest] * 1_000 / cap;
        load = u32::try_from(full).unwrap_or(u32::MAX);
        let key = |pop: usize| (Kind::Pop, world.pops[pop].0.clone());
        let loads =
            (0..world.pops.len()).map(|pop| (key(pop), if pop == busiest { load } else { 0 }));
        let loads: BTreeMap<_, _> = loads.collect();
        controller.look(&loads, epoch * EPOCH_MS, EPOCH_MS);
        let places = controller.places();
        let now = (0..world.pops.len()).map(|pop| places.get(&key(pop)).copied());
        let now = now.map(|share| (Some(Health::Up), share.unwrap_or(SHARE_WHOLE)));
        let now = scaled(now);
        if now != shares {
            settled_after = epoch;
        }
        shares = now;
        after = sent(&cluster, &shares);
    }
    let part = |sent: &[usize]| by_pop(sent, world.pops.len())[busiest] * 1_000 / sent.len().max(1);
    let regret = |sent: &[usize]| {
        mean(
            draws(world)
                .zip(sent)
                .map(|(client, pop)| over(world, client, *pop)),
        )
    };
    let moved = draws(world).zip(before.iter().zip(&after));
    let moved = moved.filter(|(_, (was, is))| was != is);
    let more =
        moved.map(|(client, (was, is))| over(world, client, *is) - over(world, client, *was));
    Capped {
        pop: world.pops[busiest].0.clone(),
        traffic: [part(&before), part(&after)],
        load,
        share: shares[busiest],
        settled_after,
        regret_ms: [regret(&before), regret(&after)],
        moved_ms: mean(more),
    }
}

/// A cluster with the map of half the world's time, before paths change.
fn learned(world: &World) -> Cluster<'_> {
    let mut cluster = Cluster::new(world);
    let mut rng = Rng::new(world.options.seed ^ 0xc0ffee);
    let mut outcome = Outcome::new(Method::Map, Seen::Subnet);
    for epoch in 1..=world.options.epochs / 2 {
        let chart = (epoch > 1).then(|| cluster.chart());
        let settled = world.clients.iter();
        let settled = settled.map(|client| cluster.settled(chart.as_ref(), client, Seen::Subnet));
        let settled: Vec<usize> = settled.collect();
        let seen = (Seen::Subnet, &*settled);
        cluster.traffic(chart.as_ref(), epoch, seen, (&mut rng, &mut outcome));
        cluster.learn(epoch);
    }
    cluster
}

/// One epoch's connections, the same ones each time: the client of each.
fn draws(world: &World) -> impl Iterator<Item = usize> {
    let mut rng = Rng::new(world.options.seed ^ 0xcab5);
    (0..world.options.connections).map(move |_| world.draw(&mut rng))
}

/// Where each of them goes under these shares.
fn sent(cluster: &Cluster<'_>, shares: &[u16]) -> Vec<usize> {
    let sites = cluster.sites.iter().zip(shares);
    let sites = sites.map(|((name, site), share)| ChartSite {
        name,
        site,
        health: Some(Health::Up),
        share: *share,
    });
    let sites: Vec<ChartSite<'_>> = sites.collect();
    let chart = Chart::of(&cluster.map, &cluster.prior_list, &sites);
    let to = draws(cluster.world).map(|client| {
        let (address, source) = cluster.world.clients[client].shown(Seen::Subnet);
        let together = Together::of(address, source);
        let takes = |pop: usize| together.stays(sites[pop].site, shares[pop]);
        let first = cluster.place(chart.settled(address, source).0);
        let other = || chart.among(address, source, takes);
        if takes(first) {
            first
        } else {
            other().unwrap_or(first)
        }
    });
    to.collect()
}

fn by_pop(sent: &[usize], pops: usize) -> Vec<usize> {
    let mut counts = vec![0; pops];
    sent.iter().for_each(|pop| counts[*pop] += 1);
    counts
}

/// What a client takes to a POP above what it would to the best one.
fn over(world: &World, client: usize, pop: usize) -> f64 {
    let client = &world.clients[client];
    world.rtt_ms(client, pop, 1) - world.best_ms(client, 1)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / ratio(count, 1)
}
