//! Where clients and POPs are, and how long the way between them takes.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use model::{Location, Prior};
use steer::place::Point;

use super::Seen;

/// Where people live, roughly by how many: name, latitude, longitude.
const CITIES: [(&str, i32, i32); 24] = [
    ("london", 51, 0),
    ("frankfurt", 50, 9),
    ("madrid", 40, -4),
    ("stockholm", 59, 18),
    ("warsaw", 52, 21),
    ("istanbul", 41, 29),
    ("new-york", 41, -74),
    ("chicago", 42, -88),
    ("dallas", 33, -97),
    ("los-angeles", 34, -118),
    ("seattle", 48, -122),
    ("mexico", 19, -99),
    ("bogota", 5, -74),
    ("sao-paulo", -24, -47),
    ("lagos", 6, 3),
    ("johannesburg", -26, 28),
    ("cairo", 30, 31),
    ("mumbai", 19, 73),
    ("delhi", 29, 77),
    ("singapore", 1, 104),
    ("jakarta", -6, 107),
    ("tokyo", 36, 140),
    ("seoul", 38, 127),
    ("sydney", -34, 151),
];

/// Where the POPs are, by their index among the cities.
const POPS: [usize; 10] = [0, 1, 6, 8, 9, 13, 17, 19, 21, 23];

/// /24 prefixes of one network, a /16.
const OF_NETWORK: usize = 16;

/// What a simulation is made of.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// Client prefixes.
    pub prefixes: usize,
    /// Maps that are built; the first answers are by coordinates.
    pub epochs: u64,
    /// Connections of all clients in one epoch.
    pub connections: usize,
}

/// A client prefix.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    /// To every POP, before and after the middle of the time; the access line is part of it.
    times_ms: [Vec<f64>; 2],
    pub(super) resolver: IpAddr,
}

/// A simulated Internet.
#[derive(Debug)]
pub struct World {
    /// What it was made of.
    pub options: Options,
    pub(super) pops: Vec<(String, Location)>,
    pub(super) clients: Vec<Client>,
    pub(super) priors: Vec<Prior>,
    /// By network: where most of it is.
    homes: Vec<usize>,
    /// By network and POP: how much longer than light's way, and what a detour adds.
    paths: Vec<Vec<(f64, f64)>>,
    /// Networks and POPs whose path gets worse in the middle of the time.
    broken: Vec<(usize, usize)>,
    /// Sums of the clients' shares of the traffic.
    shares: Vec<f64>,
}

impl Client {
    pub(super) const fn shown(&self, seen: Seen) -> (IpAddr, u8) {
        match seen {
            Seen::Subnet => (self.address, 24),
            Seen::Resolver => (self.resolver, 32),
        }
    }
}

impl World {
    /// Makes the world of `options`.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut rng = Rng::new(options.seed);
        let pops = POPS.map(|city| (CITIES[city].0.to_owned(), place(city)));
        let mut world = Self {
            options,
            pops: pops.to_vec(),
            clients: Vec::new(),
            priors: Vec::new(),
            homes: Vec::new(),
            paths: Vec::new(),
            broken: Vec::new(),
            shares: Vec::new(),
        };
        // Data bases know where public resolvers are.
        world.priors.extend(sites().map(|site| Prior {
            prefix: net(public_resolver(site), 24),
            location: place(site),
        }));
        let mut total = 0.0;
        for number in 0..options.prefixes {
            if number % OF_NETWORK == 0 {
                world.network(&mut rng);
            }
            world.client(number % OF_NETWORK, &mut rng);
            // A few prefixes have most of the traffic.
            total += 1.0 / (20.0 + rng.unit() * 2_000.0);
            world.shares.push(total);
        }
        world
    }

    /// A /16 with its paths; the location data base knows where most of it is.
    fn network(&mut self, rng: &mut Rng) {
        let network = self.paths.len();
        let mut paths = Vec::new();
        for pop in 0..self.pops.len() {
            let detour = if rng.chance(0.12) {
                30.0 + 90.0 * rng.unit()
            } else {
                0.0
            };
            paths.push((1.2 + rng.unit(), detour));
            if rng.chance(0.03) {
                self.broken.push((network, pop));
            }
        }
        self.paths.push(paths);
        let city = rng.below(CITIES.len());
        // One in twelve networks is held to be where its owner is registered.
        let said = if rng.chance(0.08) {
            rng.below(CITIES.len())
        } else {
            city
        };
        self.priors.push(Prior {
            prefix: net(address(network, 0, 0), 16),
            location: place(said),
        });
        self.homes.push(city);
    }

    fn client(&mut self, within: usize, rng: &mut Rng) {
        let network = self.paths.len() - 1;
        // Some parts of a network are elsewhere, which data bases know for half of them.
        let block = address(network, within * 16, 0);
        let moved = rng.chance(0.06);
        let home = self.homes[network];
        let city = if moved { rng.below(CITIES.len()) } else { home };
        if moved && rng.chance(0.5) {
            self.priors.push(Prior {
                prefix: net(block, 24),
                location: place(city),
            });
        }
        let resolver = self.resolver(network, city, rng);
        let last_mile_ms = 2.0 + 23.0 * rng.unit() * rng.unit();
        self.clients.push(Client {
            address: address(network, within * 16, 1),
            times_ms: self.times_ms(network, city, last_mile_ms),
            resolver,
        });
    }

    /// Six in ten use their network's own resolver, the others a public one at the nearest of its
    /// sites, or now and then at another.
    fn resolver(&self, network: usize, city: usize, rng: &mut Rng) -> IpAddr {
        if rng.chance(0.6) {
            return address(network, 0, 53);
        }
        let sites: Vec<usize> = sites().collect();
        let near = sites.iter().copied().min_by(|a, b| {
            let far = |site: usize| point(site).rtt_us(point(city));
            far(*a).cmp(&far(*b))
        });
        let site = if rng.chance(0.1) {
            sites[rng.below(sites.len())]
        } else {
            near.unwrap_or(0)
        };
        public_resolver(site)
    }

    /// The true time between a client and a POP.
    pub(super) fn rtt_ms(&self, client: &Client, pop: usize, epoch: u64) -> f64 {
        let late = epoch > self.options.epochs / 2;
        client.times_ms[usize::from(late)][pop]
    }

    /// What an oracle would answer takes this long.
    pub(super) fn best_ms(&self, client: &Client, epoch: u64) -> f64 {
        let late = epoch > self.options.epochs / 2;
        let times = &client.times_ms[usize::from(late)];
        times.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// To every POP, before and after the middle of the time.
    fn times_ms(&self, network: usize, city: usize, last_mile_ms: f64) -> [Vec<f64>; 2] {
        let before = self.pops.iter().zip(&self.paths[network]);
        let before = before.map(|((_, at), (stretch, detour))| {
            let way_us = point(city).rtt_us(Point::of(*at)) - 5_000;
            // `rtt_us` holds half of light's way again for routes; the path has its own stretch.
            f64::from(way_us) / 1_500.0 * stretch + detour + last_mile_ms
        });
        let before: Vec<f64> = before.collect();
        let mut after = before.clone();
        for (_, pop) in self.broken.iter().filter(|(broken, _)| *broken == network) {
            after[*pop] += 80.0;
        }
        [before, after]
    }

    /// A client, as often as its share says.
    pub(super) fn draw(&self, rng: &mut Rng) -> usize {
        let total = self.shares.last().copied().unwrap_or(0.0);
        let at = rng.unit() * total;
        let index = self.shares.partition_point(|sum| *sum < at);
        index.min(self.shares.len().saturating_sub(1))
    }
}

/// The cities where a public resolver has a site.
fn sites() -> impl Iterator<Item = usize> {
    POPS.iter().copied().chain([5, 10, 14])
}

fn public_resolver(site: usize) -> IpAddr {
    let site = u8::try_from(site).unwrap_or(0);
    IpAddr::V4(Ipv4Addr::new(8, 8, site, 8))
}

fn address(network: usize, third: usize, last: u8) -> IpAddr {
    let [.., high, low] = network.to_be_bytes();
    let third = u8::try_from(third).unwrap_or(u8::MAX);
    IpAddr::V4(Ipv4Addr::new(20 + high, low, third, last))
}

fn net(address: IpAddr, length: u8) -> IpNet {
    let IpAddr::V4(address) = address else {
        unreachable!("this world has IPv4 only")
    };
    Ipv4Net::new_assert(address, length).into()
}

fn place(city: usize) -> Location {
    let (_, latitude, longitude) = CITIES[city];
    Location {
        latitude_micro: latitude * 1_000_000,
        longitude_micro: longitude * 1_000_000,
    }
}

fn point(city: usize) -> Point {
    Point::of(place(city))
}

/// `SplitMix64`: small, seedable, the same everywhere.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, of: f64) -> bool {
        self.unit() < of
    }

    fn below(&mut self, count: usize) -> usize {
        let draw = self.next() % u64::try_from(count.max(1)).unwrap_or(1);
        usize::try_from(draw).unwrap_or(0)
    }

    /// How much longer than its best a handshake takes: mostly little, now and then a lot.
    pub(super) fn noise(&mut self) -> f64 {
        let tail = if self.chance(0.05) {
            2.0 * self.unit()
        } else {
            0.0
        };
        1.0 + 0.15 * self.unit() * self.unit() + tail
    }
}
