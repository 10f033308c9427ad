//! A wide-area network on one machine: hosts in network namespaces, joined by a router of ours over
//! TUN devices that gives each direction of each link latency, jitter, loss, reordering and
//! bandwidth, and can cut it while packets flow.
//!
//! It needs root and Linux, and nothing of the kernel but TUN and namespaces (no `netem`). All of
//! it goes away with the value, also in a panic: namespaces are deleted, and devices end with the
//! file descriptors that this process holds. What a killed run left is removed at the next start.

pub mod cluster;
pub mod compare;
pub mod control;
pub mod link;
pub mod namespace;
pub mod office;
pub mod place;
mod router;

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use tappers::{Interface, Tun};
use tokio::{runtime::Runtime, task::JoinHandle};

use self::{
    link::{Counts, Lane, Link},
    namespace::Namespace,
    place::Place,
    router::{Lanes, Router},
};

/// Hosts of one lab; the address has one byte for them.
pub const HOSTS_MAX: usize = 64;

/// Of the device inside each namespace.
const DEVICE: &str = "wan0";

/// What every link can carry in one packet.
const MTU: u16 = 1_500;

/// A host's address: `10.99.N.1`, where N is its number from 1.
#[must_use]
pub fn address(host: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, u8::try_from(host + 1).unwrap_or(u8::MAX), 1)
}

/// The host of an address.
fn host_of(address: [u8; 4]) -> Option<usize> {
    match address {
        [10, 99, number, 1] => usize::from(number).checked_sub(1),
        _ => None,
    }
}

/// A host: a namespace with one device.
#[derive(Debug)]
pub struct Host {
    /// Such as `paris`.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Its address.
    pub ip: Ipv4Addr,
    namespace: Namespace,
    /// For what tests do there; its threads live inside.
    runtime: Option<Runtime>,
}

impl Host {
    /// The namespace's name, for `ip netns exec`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }

    /// Lines of `ip`, each without the word `ip`, applied on this host.
    ///
    /// # Errors
    /// With what `ip` says.
    pub fn configure(&self, lines: &str) -> anyhow::Result<()> {
        self.namespace.configure(lines)
    }

    /// An address of this host.
    #[must_use]
    pub const fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.ip), port)
    }

    /// A command that will run on this host.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        self.namespace.command(program)
    }

    /// Runs a future on this host: its sockets are this host's.
    ///
    /// # Panics
    /// Never: a host has its runtime until it is dropped.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = self.runtime.as_ref();
        runtime
            .expect("a host has its runtime until it is dropped")
            .spawn(future)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A test drops the lab inside a runtime of its own, where waiting is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The links of a lab. Cheap to clone; changes count from the next packet on.
#[derive(Clone, Debug)]
pub struct Links {
    lanes: Lanes,
    hosts: usize,
}

impl Links {
    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the link from one host to another is; none when there is no such host.
    #[must_use]
    pub fn link(&self, from: usize, to: usize) -> Option<Link> {
        self.lanes()
            .get(from * self.hosts + to)
            .map(|lane| lane.link)
    }

    /// What the link has done so far.
    #[must_use]
    pub fn counts(&self, from: usize, to: usize) -> Counts {
        let lanes = self.lanes();
        let lane = lanes.get(from * self.hosts + to);
        lane.map_or_else(Counts::default, |lane| lane.counts)
    }

    /// Changes one direction.
    pub fn change_one_way(&self, from: usize, to: usize, change: impl Fn(&mut Link)) {
        if let Some(lane) = self.lanes().get_mut(from * self.hosts + to) {
            change(&mut lane.link);
        }
    }

    /// Changes both directions.
    pub fn change(&self, one: usize, other: usize, change: impl Fn(&mut Link)) {
        self.change_one_way(one, other, &change);
        self.change_one_way(other, one, &change);
    }

    /// Cuts every link of a host, or mends it.
    pub fn cut_off(&self, host: usize, cut: bool) {
        for other in (0..self.hosts).filter(|other| *other != host) {
            self.change(host, other, |link| link.cut = cut);
        }
    }

    /// Cuts, or mends, every link between a host of one side and one of the other.
    pub fn partition(&self, one: &[usize], other: &[usize], cut: bool) {
        for from in one {
            for to in other {
                self.change(*from, *to, |link| link.cut = cut);
            }
        }
    }
}

/// A running lab.
#[derive(Debug)]
pub struct Wan {
    /// Its hosts; a number of a host is its place here.
    pub hosts: Vec<Host>,
    /// Its links.
    pub links: Links,
    /// Declared last: devices end after what uses them.
    _router: Router,
}

impl Wan {
    /// Makes the hosts and joins each with each: clean links, latency by distance.
    ///
    /// # Errors
    /// Without root, or when the machine lacks what is needed.
    pub fn start(places: &[(&str, Place)], seed: u64) -> anyhow::Result<Self> {
        namespace::check_rights()?;
        namespace::remove_stale()?;
        anyhow::ensure!(places.len() <= HOSTS_MAX, "at most {HOSTS_MAX} hosts");
        let prefix = namespace::lab_prefix();
        let mut hosts = Vec::new();
        let mut devices = Vec::new();
        for (number, (name, place)) in places.iter().enumerate() {
            let namespace = Namespace::create(format!("{prefix}{name}"))?;
            let device = device(&namespace, address(number));
            devices.push(device.with_context(|| (*name).to_owned())?);
            let runtime = Some(namespace.runtime()?);
            hosts.push(Host {
                name: (*name).to_owned(),
                place: *place,
                ip: address(number),
                namespace,
                runtime,
            });
        }
        let lanes = places.iter().enumerate().flat_map(|(from, (_, here))| {
            places.iter().enumerate().map(move |(to, (_, there))| {
                let link = Link::clean(here.latency_to(*there));
                Lane::new(link, seed ^ (((from * HOSTS_MAX + to) as u64) << 32))
            })
        });
        let lanes: Lanes = Arc::new(Mutex::new(lanes.collect()));
        let router = Router::start(devices, Arc::clone(&lanes))?;
        Ok(Self {
            links: Links {
                lanes,
                hosts: hosts.len(),
            },
            hosts,
            _router: router,
        })
    }

    /// The number of a host.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn number(&self, name: &str) -> anyhow::Result<usize> {
        let found = self.hosts.iter().position(|host| host.name == name);
        found.with_context(|| format!("no host {name}"))
    }

    /// A host by name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn host(&self, name: &str) -> anyhow::Result<&Host> {
        let found = self.hosts.iter().find(|host| host.name == name);
        found.with_context(|| format!("no host {name}"))
    }
}

/// Makes the device inside the namespace: it needs no move, and its name disturbs nobody.
fn device(namespace: &Namespace, ip: Ipv4Addr) -> anyhow::Result<Tun> {
    let device = namespace.inside(|| {
        let mut tun =
            Tun::new_named(Interface::new(DEVICE)?).context("cannot open a TUN device")?;
        tun.set_nonblocking(true)?;
        Ok(tun)
    })?;
    namespace.configure(&format!(
        "addr add {ip}/32 dev {DEVICE}\n\
         link set {DEVICE} mtu {MTU} txqueuelen 5000 up\n\
         route add 10.99.0.0/16 dev {DEVICE} src {ip}\n"
    ))?;
    Ok(device)
}
