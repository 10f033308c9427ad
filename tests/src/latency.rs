//! A simulated Internet for the latency map: client prefixes with known round-trip times to every
//! POP, resolvers with and without client subnets, and the product's own code in between.
//!
//! Everything follows from the seed. Nothing here sends a packet.

mod capped;
mod report;
mod world;

use std::collections::BTreeSet;

use model::Prior;
use steer::{
    latency::{Basis, Builder, Chart, ChartSite, LatencyMap, PopSite, Samples, Table},
    place::{Candidate, Health, Point, Priors, Site, choose},
};

pub use capped::{Capped, capped};
pub use report::{Outcome, plot, table};
pub use world::{Options, World};

use world::{Client, Rng};

/// What answers are based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Coordinates of prefixes only.
    Coordinates,
    /// The latency map over coordinates.
    Map,
}

/// What the responder learns of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Its /24, from EDNS client subnet.
    Subnet,
    /// The resolver's address.
    Resolver,
}

/// The cluster under simulation.
struct Cluster<'w> {
    world: &'w World,
    sites: Vec<(String, Site)>,
    pops: Vec<PopSite>,
    prior_list: Vec<Prior>,
    priors: Priors,
    table: Table,
    map: LatencyMap,
}

/// Runs one method over the whole time and measures it.
#[must_use]
pub fn run(world: &World, method: Method, seen: Seen) -> Outcome {
    let mut cluster = Cluster::new(world);
    let mut rng = Rng::new(world.options.seed ^ 0xc0ffee);
    let mut outcome = Outcome::new(method, seen);
    let mut before: Vec<usize> = Vec::new();
    for epoch in 1..=world.options.epochs {
        let chart = (method == Method::Map && epoch > 1).then(|| cluster.chart());
        let settled: Vec<usize> = (world.clients.iter())
            .map(|client| cluster.settled(chart.as_ref(), client, seen))
            .collect();
        let late = epoch > world.options.epochs / 2;
        if late {
            let moved = before.iter().zip(&settled).filter(|(a, b)| a != b).count();
            outcome.moves += moved;
        }
        cluster.traffic(
            chart.as_ref(),
            epoch,
            (seen, &settled),
            (&mut rng, &mut outcome),
        );
        if epoch == world.options.epochs {
            outcome.settle(world, epoch, &settled);
            outcome.queries = cluster.queries(chart.as_ref(), seen, &mut rng);
        }
        before = settled;
        if method == Method::Map {
            cluster.learn(epoch);
        }
    }
    outcome
}

impl<'w> Cluster<'w> {
    fn new(world: &'w World) -> Self {
        let sites = world.pops.iter();
        let sites = sites.map(|(name, at)| (name.clone(), Site::new(name, Some(*at))));
        let pops = world.pops.iter().map(|(name, at)| PopSite {
            name: name.clone(),
            point: Some(Point::of(*at)),
        });
        Self {
            world,
            sites: sites.collect(),
            pops: pops.collect(),
            priors: Priors::of(&world.priors),
            prior_list: world.priors.clone(),
            table: Table::default(),
            map: LatencyMap::default(),
        }
    }

    fn chart(&self) -> Chart {
        let sites = self.sites.iter().map(|(name, site)| ChartSite {
            name,
            site,
            health: Some(Health::Up),
            share: steer::caps::SHARE_WHOLE,
        });
        let sites: Vec<ChartSite<'_>> = sites.collect();
        Chart::of(&self.map, &self.prior_list, &sites)
    }

    fn candidates(&self) -> impl Iterator<Item = Candidate<'_>> {
        let sites = self.sites.iter().enumerate();
        sites.map(|(index, (_, site))| Candidate {
            index,
            site,
            health: Health::Up,
        })
    }

    fn near(&self, point: Option<Point>) -> usize {
        choose(self.candidates(), point, 7).unwrap_or(0)
    }

    fn place(&self, basis: Basis) -> usize {
        match basis {
            Basis::Site(index) => index,
            Basis::Near(point) => self.near(Some(point)),
            Basis::Unknown => self.near(None),
        }
    }

    /// What the client's answer is while nobody explores.
    fn settled(&self, chart: Option<&Chart>, client: &Client, seen: Seen) -> usize {
        let (address, source) = client.shown(seen);
        match chart {
            Some(chart) => self.place(chart.settled(address, source).0),
            None => self.near(self.priors.find(address, source).point),
        }
    }

    /// An epoch's connections, each by an answer of its own.
    fn traffic(
        &mut self,
        chart: Option<&Chart>,
        epoch: u64,
        (seen, settled): (Seen, &[usize]),
        (rng, outcome): (&mut Rng, &mut Outcome),
    ) {
        let mut samples = vec![Samples::default(); self.world.pops.len()];
        let (mut regret, mut explored) = (0.0, 0);
        for _ in 0..self.world.options.connections {
            let index = self.world.draw(rng);
            let client = &self.world.clients[index];
            let (address, source) = client.shown(seen);
            let mut pop = settled[index];
            if let Some(chart) = chart {
                let guess = chart.find(address, source, rng.next() >> 48);
                if guess.explores {
                    explored += 1;
                    pop = self.place(guess.basis);
                }
            }
            let rtt = self.world.rtt_ms(client, pop, epoch);
            regret += rtt - self.world.best_ms(client, epoch);
            let measured = rtt * rng.noise();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive time of at most some seconds"
            )]
            samples[pop].record(client.address, (measured * 1_000.0) as u32);
        }
        for ((name, _), mut samples) in self.world.pops.iter().zip(samples) {
            if let Some(batch) = samples.take() {
                self.table.merge(name, &batch);
            }
        }
        outcome.epoch(regret, explored, self.world.options.connections);
    }

    fn learn(&mut self, epoch: u64) {
        self.table.age(epoch);
        let builder = Builder {
            pops: &self.pops,
            priors: &self.priors,
            previous: &self.map,
        };
        self.map = builder.build(&self.table, epoch);
    }

    /// How many answers resolvers fetch for one TTL's traffic, over how many they would fetch if
    /// no answer depended on the client.
    fn queries(&self, chart: Option<&Chart>, seen: Seen, rng: &mut Rng) -> f64 {
        let (mut fetched, mut resolvers) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..self.world.options.connections {
            let client = &self.world.clients[self.world.draw(rng)];
            let (address, source) = client.shown(seen);
            let scope = match (seen, chart) {
                (Seen::Resolver, _) => 0,
                (Seen::Subnet, Some(chart)) => chart.settled(address, source).1,
                (Seen::Subnet, None) => self.priors.find(address, source).scope,
            };
            let block = ipnet::IpNet::new(address, scope).map(|block| block.trunc());
            fetched.insert((client.resolver, block.ok().filter(|_| seen == Seen::Subnet)));
            resolvers.insert(client.resolver);
        }
        ratio(fetched.len(), resolvers.len())
    }
}

/// One count over another.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}
