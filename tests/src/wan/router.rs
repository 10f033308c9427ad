//! The router between the hosts: one thread that reads each host's TUN device, asks the lane
//! between sender and receiver what becomes of the packet, and writes it when it is due.
//!
//! Only IPv4 between hosts of the lab is forwarded; everything else is dropped, as are packets
//! above the limit of what may be on the way at once. It is plain `poll`, because its time-out is
//! exact to microseconds where a runtime's timer is to milliseconds.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tappers::Tun;

use super::{
    host_of,
    link::{Fate, Lane},
};

/// Longer than any packet that our devices send.
const PACKET_BYTES_MAX: usize = 2_048;

/// Packets on the way at once, in all: 1 Gbit/s for 250 ms is 21,000.
const ON_THE_WAY_MAX: usize = 65_536;

/// Packets that one device may bring before the others have their turn.
const BATCH: usize = 64;

/// How often a router without packets looks whether it shall end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The lanes, row by row: `from * hosts + to`.
pub(super) type Lanes = Arc<Mutex<Vec<Lane>>>;

/// The router's thread; ends with this value, and the devices with it.
#[derive(Debug)]
pub(super) struct Router {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Router {
    /// Begins to forward between `devices`, which are in the order of the hosts and do not block.
    pub(super) fn start(devices: Vec<Tun>, lanes: Lanes) -> anyhow::Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&end);
        let forwarding = Forwarding {
            devices,
            lanes,
            began: Instant::now(),
            packets: BinaryHeap::new(),
            count: 0,
        };
        let thread = std::thread::Builder::new()
            .name("wan-router".to_owned())
            .spawn(move || forwarding.run(&seen))
            .context("the router's thread")?;
        Ok(Self {
            end,
            thread: Some(thread),
        })
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was printed when it happened.
            drop(thread.join());
        }
    }
}

/// When it is due, its number in the order of sending, its receiver, and itself.
type Packet = (Duration, u64, usize, Vec<u8>);

struct Forwarding {
    devices: Vec<Tun>,
    lanes: Lanes,
    began: Instant,
    /// The earliest on top.
    packets: BinaryHeap<Reverse<Packet>>,
    count: u64,
}

impl Forwarding {
    fn run(mut self, end: &AtomicBool) {
        let mut packet = vec![0_u8; PACKET_BYTES_MAX];
        while !end.load(Ordering::Relaxed) {
            let wait = self.flush();
            for host in self.readable(wait) {
                for _ in 0..BATCH {
                    let device = self.devices.get(host);
                    // Empty; or gone with its namespace, then `end` follows.
                    let Some(Ok(length)) = device.map(|device| device.recv(&mut packet)) else {
                        break;
                    };
                    self.route(host, packet.get(..length).unwrap_or_default());
                }
            }
        }
    }

    /// Waits for packets at most so long; gives the hosts that sent some.
    fn readable(&self, wait: Duration) -> Vec<usize> {
        let fds = self.devices.iter();
        let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: wait.min(LOOK_EVERY).subsec_nanos().into(),
        };
        if poll(&mut fds, Some(&wait)).is_err() {
            return Vec::new();
        }
        let ready = fds.iter().enumerate();
        ready
            .filter(|(_, fd)| fd.revents().contains(PollFlags::IN))
            .map(|(host, _)| host)
            .collect()
    }

    /// Decides about one packet that `from` sent.
    fn route(&mut self, from: usize, packet: &[u8]) {
        let hosts = self.devices.len();
        let Some(to) = destination(packet).filter(|to| *to < hosts && *to != from) else {
            return;
        };
        let fate = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(lane) = lanes.get_mut(from * hosts + to) else {
                return;
            };
            if lane.link.no_udp && is_udp(packet) {
                lane.counts.cut += 1;
                return;
            }
            lane.send(self.began.elapsed(), packet.len())
        };
        if let Fate::Arrives(due) = fate
            && self.packets.len() < ON_THE_WAY_MAX
        {
            self.count += 1;
            let packet = packet.to_vec();
            self.packets.push(Reverse((due, self.count, to, packet)));
        }
    }

    /// Writes what is due; gives the time until the next packet is.
    fn flush(&mut self) -> Duration {
        let now = self.began.elapsed();
        while let Some(Reverse((due, ..))) = self.packets.peek() {
            if *due > now {
                return due.saturating_sub(self.began.elapsed());
            }
            let Some(Reverse((_, _, to, packet))) = self.packets.pop() else {
                break;
            };
            if let Some(device) = self.devices.get(to) {
                // A device that takes no more drops the packet, as a full receiver does.
                drop(device.send(&packet));
            }
        }
        LOOK_EVERY
    }
}

/// Whether an IPv4 packet carries UDP.
fn is_udp(packet: &[u8]) -> bool {
    packet.get(9) == Some(&17)
}

/// The receiver of an IPv4 packet.
fn destination(packet: &[u8]) -> Option<usize> {
    let version = packet.first()? >> 4;
    let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    (version == 4).then(|| host_of(address))?
}
