//! What a simulation found, as a table and as a picture.

use std::fmt::Write as _;

use super::{Method, Seen, World, ratio};

/// What a method achieved.
#[derive(Clone, Debug)]
pub struct Outcome {
    method: Method,
    seen: Seen,
    /// By epoch, the mean of all connections: milliseconds above the oracle.
    pub over_time_ms: Vec<f64>,
    /// By prefix, at the end.
    regrets_ms: Vec<f64>,
    /// Changes of a prefix's answer in the second half.
    pub(super) moves: usize,
    explored: usize,
    connections: usize,
    pub(super) queries: f64,
    /// Prefixes times epochs of the second half.
    chances: usize,
}

impl Outcome {
    pub(super) const fn new(method: Method, seen: Seen) -> Self {
        Self {
            method,
            seen,
            over_time_ms: Vec::new(),
            regrets_ms: Vec::new(),
            moves: 0,
            explored: 0,
            connections: 0,
            queries: 1.0,
            chances: 0,
        }
    }

    pub(super) fn epoch(&mut self, regret_ms: f64, explored: usize, connections: usize) {
        let mean = regret_ms / ratio(connections, 1);
        self.over_time_ms.push(mean);
        self.explored += explored;
        self.connections += connections;
    }

    pub(super) fn settle(&mut self, world: &World, epoch: u64, settled: &[usize]) {
        let clients = world.clients.iter().zip(settled);
        let regrets = clients
            .map(|(client, pop)| world.rtt_ms(client, *pop, epoch) - world.best_ms(client, epoch));
        self.regrets_ms = regrets.collect();
        self.regrets_ms.sort_by(f64::total_cmp);
        let half = usize::try_from(epoch - epoch / 2).unwrap_or(0);
        self.chances = settled.len() * half;
    }

    /// The regret that this share of the prefixes does not exceed.
    #[must_use]
    pub fn quantile_ms(&self, percent: usize) -> f64 {
        let last = self.regrets_ms.len().saturating_sub(1);
        let at = last * percent / 100;
        self.regrets_ms.get(at).copied().unwrap_or(f64::NAN)
    }

    /// The mean over prefixes.
    #[must_use]
    pub fn mean_ms(&self) -> f64 {
        self.regrets_ms.iter().sum::<f64>() / ratio(self.regrets_ms.len(), 1)
    }

    /// How many prefixes are answered within 5 ms of the oracle.
    #[must_use]
    pub fn near_percent(&self) -> f64 {
        let near = self.regrets_ms.iter().filter(|regret| **regret <= 5.0);
        100.0 * ratio(near.count(), self.regrets_ms.len())
    }

    /// Changes per prefix and thousand epochs, in the second half.
    #[must_use]
    pub fn flaps(&self) -> f64 {
        1_000.0 * ratio(self.moves, self.chances)
    }

    /// Answers that explored.
    #[must_use]
    pub fn explored_percent(&self) -> f64 {
        100.0 * ratio(self.explored, self.connections)
    }

    /// Queries of resolvers over those if no answer depended on the client.
    #[must_use]
    pub const fn query_growth(&self) -> f64 {
        self.queries
    }

    const fn name(&self) -> &'static str {
        match (self.method, self.seen) {
            (Method::Coordinates, Seen::Subnet) => "coordinates, ECS",
            (Method::Coordinates, Seen::Resolver) => "coordinates, no ECS",
            (Method::Map, Seen::Subnet) => "latency map, ECS",
            (Method::Map, Seen::Resolver) => "latency map, no ECS",
        }
    }

    const fn colour(&self) -> &'static str {
        match (self.method, self.seen) {
            (Method::Coordinates, Seen::Subnet) => "#b35806",
            (Method::Coordinates, Seen::Resolver) => "#e0a030",
            (Method::Map, Seen::Subnet) => "#1b6ca8",
            (Method::Map, Seen::Resolver) => "#6aaed6",
        }
    }
}

/// The outcomes as a table in Markdown.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| answers by | median | mean | p90 | p99 | within 5 ms | moves | explored | queries |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for one in outcomes {
        let _never_fails = writeln!(
            text,
            "| {} | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} % \
             | {:.2} | {:.2} % | {:.2} |",
            one.name(),
            one.quantile_ms(50),
            one.mean_ms(),
            one.quantile_ms(90),
            one.quantile_ms(99),
            one.near_percent(),
            one.flaps(),
            one.explored_percent(),
            one.query_growth(),
        );
    }
    text
}

/// Mean regret over time, as an SVG.
#[must_use]
pub fn plot(outcomes: &[Outcome]) -> String {
    const WIDTH: f64 = 760.0;
    const HEIGHT: f64 = 300.0;
    let all = outcomes.iter().flat_map(|one| one.over_time_ms.iter());
    let top = all.copied().fold(1.0, f64::max) * 1.05;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-50 -20 840 370\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect x=\"-50\" y=\"-20\" width=\"840\" height=\"370\" fill=\"white\"/>\n",
    );
    let mut add = |line: std::fmt::Arguments<'_>| {
        let _never_fails = svg.write_fmt(line);
    };
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let y = HEIGHT * (1.0 - share);
        let value = top * share;
        add(format_args!(
            "<path d=\"M0 {y:.0}H{WIDTH}\" stroke=\"#ddd\"/>\
             <text x=\"-8\" y=\"{y:.0}\" text-anchor=\"end\">{value:.0}</text>\n"
        ));
    }
    for (index, one) in outcomes.iter().enumerate() {
        let count = one.over_time_ms.len().saturating_sub(1);
        let points = one.over_time_ms.iter().enumerate().map(|(at, ms)| {
            let (x, y) = (WIDTH * ratio(at, count), HEIGHT * (1.0 - ms / top));
            format!("{x:.1},{y:.1}")
        });
        let points: Vec<String> = points.collect();
        let (colour, name, y) = (one.colour(), one.name(), 14 * index + 12);
        add(format_args!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>\n\
             <text x=\"590\" y=\"{y}\" fill=\"{colour}\">{name}</text>\n",
            points.join(" ")
        ));
    }
    add(format_args!(
        "<text x=\"380\" y=\"325\" text-anchor=\"middle\">epochs of one minute; in the middle \
         3 % of the paths get 80 ms longer</text>\n\
         <text x=\"-40\" y=\"-6\">mean ms above the oracle, over connections</text>\n</svg>\n"
    ));
    svg
}
