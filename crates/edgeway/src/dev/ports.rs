//! Addresses on this machine for the nodes of a `dev` cluster.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use anyhow::Context as _;

/// Where ports are chosen: outgoing connections get theirs above (Linux: from 32768 on), so a node
/// that starts later, or again, finds its ports still free.
const CHOSEN: std::ops::Range<u16> = 16_384..32_768;
/// Ports tried before there seems to be none.
const TRIES: usize = 1_000;

/// Hands out addresses on 127.0.0.1.
pub(super) struct Ports {
    next: u16,
    /// Held until the plan is complete, so that no port is handed out twice.
    held: Vec<(TcpListener, UdpSocket)>,
}

impl Ports {
    pub(super) const fn new(base: u16) -> Self {
        Self {
            next: base,
            held: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> anyhow::Result<SocketAddr> {
        if self.next > 0 {
            let addr = SocketAddr::from(([127, 0, 0, 1], self.next));
            self.next = self
                .next
                .checked_add(1)
                .context("--port-base is too high")?;
            return Ok(addr);
        }
        // The port has to be free for TCP and UDP alike.
        for _ in 0..TRIES {
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(CHOSEN)));
            if let (Ok(tcp), Ok(udp)) = (TcpListener::bind(addr), UdpSocket::bind(addr)) {
                self.held.push((tcp, udp));
                return Ok(addr);
            }
        }
        anyhow::bail!("no free port on 127.0.0.1")
    }
}
