//! What is compared with what.
//!
//! - `cached`: a hit in the cache of the server that the client talks to; `nginx-return` (a
//!   literal from its configuration) is the floor that no cache can beat. Varnish speaks no TLS.
//!   Over HTTP/3 there is no cache in Debian to compare with, only Caddy, with a literal.
//! - `proxied`: one hop to an origin over kept-alive HTTP/1.1.
//! - `edge`: two hops, the inner one encrypted: a POP and a region over QUIC, against nginx
//!   and nginx over TLS.

use std::fmt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::gateway::Gateway;
use crate::http3;
use crate::peers::Peers;
use crate::program::Program;

/// The size of every body, so that nothing but the server differs.
pub(crate) const BODY_BYTES: usize = 872;

/// From the first request to the first right answer.
const RIGHT_MAX: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 without TLS.
    Http1,
    /// HTTP/1.1 over TLS 1.3.
    Tls1,
    /// HTTP/2 over TLS 1.3.
    Http2,
    /// HTTP/3.
    Http3,
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Http1, Self::Tls1, Self::Http2, Self::Http3];

    fn scheme(self) -> &'static str {
        match self {
            Self::Http1 => "http",
            Self::Tls1 | Self::Http2 | Self::Http3 => "https",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "h1",
            Self::Tls1 => "tls",
            Self::Http2 => "h2",
            Self::Http3 => "h3",
        })
    }
}

/// One server in one scenario with one protocol.
pub(crate) struct Target<'a> {
    pub(crate) scenario: &'static str,
    pub(crate) server: &'static str,
    pub(crate) protocol: Protocol,
    /// Where to connect to, whatever the host name says.
    pub(crate) address: String,
    host: String,
    path: &'static str,
    /// Words that the head of an answer must hold, as proof of what is measured.
    proof: &'static str,
    programs: Vec<&'a Program>,
}

/// Where a server listens, plain and with TLS.
pub(crate) struct Doors {
    pub(crate) http: String,
    pub(crate) https: String,
}

impl Target<'_> {
    pub(crate) fn name(&self) -> String {
        format!("{} {} {}", self.scenario, self.protocol, self.server)
    }

    pub(crate) fn group(&self) -> String {
        format!("{} {}", self.scenario, self.protocol)
    }

    pub(crate) fn url(&self) -> String {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        format!(
            "{}://{}:{port}{}",
            self.protocol.scheme(),
            self.host,
            self.path
        )
    }

    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        self.programs
            .iter()
            .map(|program| program.cpu_seconds())
            .sum()
    }

    /// Asks until the answer is the one that is to be measured: a success, of the right size,
    /// with the proof. A cache needs a second request, and a cluster may still settle.
    pub(crate) fn check(&self) -> Result<()> {
        let deadline = Instant::now() + RIGHT_MAX;
        loop {
            let asked = self.ask();
            match asked.and_then(|answer| self.judge(&answer)) {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(100)),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn judge(&self, answer: &str) -> Result<()> {
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("an answer without a head")?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        let status = status.split_whitespace().next().unwrap_or_default();
        let proven = head.to_ascii_lowercase().contains(self.proof);
        if status != "200" || body.len() != BODY_BYTES || !proven {
            let (name, proof) = (self.name(), self.proof);
            bail!("{name}: not what is to be measured (wants {proof:?}):\n{head}\n{body:.200}");
        }
        Ok(())
    }

    fn ask(&self) -> Result<String> {
        if self.protocol == Protocol::Http3 {
            return http3::ask(&self.address, &self.url()).with_context(|| self.name());
        }
        let version = if self.protocol == Protocol::Http2 {
            "--http2"
        } else {
            "--http1.1"
        };
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--insecure",
                "--include",
                "--max-time",
                "10",
            ])
            .args([
                version,
                "--connect-to",
                &format!("::{}", self.address),
                &self.url(),
            ])
            .output()
            .context("cannot start curl")?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("{}: {}", self.name(), error.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// One server's entry in a scenario, for all protocols that it speaks.
struct Entry<'a> {
    scenario: &'static str,
    server: &'static str,
    doors: &'a Doors,
    host: &'a str,
    path: &'static str,
    proof: &'static str,
    programs: Vec<&'a Program>,
    speaks: &'static [Protocol],
}

/// What nginx and HAProxy speak as Debian builds them.
const TCP: &[Protocol] = &[Protocol::Http1, Protocol::Tls1, Protocol::Http2];

/// All targets, ordered so that what is compared is measured side by side. Edgeway comes first
/// in each group: the others are shown relative to it.
pub(crate) fn targets<'a>(peers: &'a Peers, gateways: &'a [Gateway]) -> Vec<Target<'a>> {
    let mut entries: Vec<Entry<'a>> = gateways.iter().flat_map(edgeway_entries).collect();
    entries.extend(peer_entries(peers));
    entries.extend(other_entries(peers));
    let mut targets = Vec::new();
    for scenario in ["cached", "proxied", "edge"] {
        for protocol in Protocol::ALL {
            let group = entries
                .iter()
                .filter(|entry| entry.scenario == scenario && entry.speaks.contains(&protocol));
            targets.extend(group.map(|entry| target(entry, protocol)));
        }
    }
    targets
}

fn target<'a>(entry: &Entry<'a>, protocol: Protocol) -> Target<'a> {
    let address = match protocol {
        Protocol::Http1 => &entry.doors.http,
        Protocol::Tls1 | Protocol::Http2 | Protocol::Http3 => &entry.doors.https,
    };
    Target {
        scenario: entry.scenario,
        server: entry.server,
        protocol,
        address: address.clone(),
        host: entry.host.to_owned(),
        path: entry.path,
        proof: entry.proof,
        programs: entry.programs.clone(),
    }
}

fn edgeway_entries(gateway: &Gateway) -> Vec<Entry<'_>> {
    let entry = |scenario, doors, path, proof| Entry {
        scenario,
        server: gateway.name(),
        doors,
        host: gateway.host(),
        path,
        proof,
        programs: vec![gateway.program()],
        speaks: &Protocol::ALL,
    };
    vec![
        entry("cached", gateway.pop(), "/cached", "hit"),
        entry("proxied", gateway.region(), "/plain", ""),
        entry("edge", gateway.pop(), "/plain", ""),
    ]
}

fn peer_entries(peers: &Peers) -> Vec<Entry<'_>> {
    let entry = |scenario, server, doors, path, proof, programs| Entry {
        scenario,
        server,
        doors,
        host: "bench.test",
        path,
        proof,
        programs,
        speaks: TCP,
    };
    let (nginx, inner, haproxy) = (&peers.nginx, &peers.nginx_inner, &peers.haproxy);
    vec![
        entry(
            "cached",
            "nginx",
            &nginx.doors,
            "/cached",
            "x-cache: hit",
            nginx.only(),
        ),
        entry(
            "cached",
            "haproxy",
            &haproxy.doors,
            "/cached",
            "age:",
            haproxy.only(),
        ),
        entry(
            "cached",
            "nginx-return",
            &nginx.doors,
            "/literal",
            "",
            nginx.only(),
        ),
        entry("proxied", "nginx", &nginx.doors, "/plain", "", nginx.only()),
        entry(
            "proxied",
            "haproxy",
            &haproxy.doors,
            "/plain",
            "",
            haproxy.only(),
        ),
        entry(
            "edge",
            "nginx",
            &nginx.doors,
            "/edge",
            "",
            vec![&nginx.program, &inner.program],
        ),
    ]
}

/// Peers for one protocol only.
fn other_entries(peers: &Peers) -> Vec<Entry<'_>> {
    let entry = |scenario, server, of: &'static str, path, speaks| {
        let (peer, proof) = match of {
            "varnish" => (&peers.varnish, "x-cache: hit"),
            _ => (&peers.caddy, ""),
        };
        Entry {
            scenario,
            server,
            doors: &peer.doors,
            host: "bench.test",
            path,
            proof,
            programs: peer.only(),
            speaks,
        }
    };
    vec![
        entry(
            "cached",
            "varnish",
            "varnish",
            "/cached",
            &[Protocol::Http1],
        ),
        entry(
            "cached",
            "caddy-literal",
            "caddy",
            "/literal",
            &[Protocol::Http3],
        ),
        entry("proxied", "caddy", "caddy", "/plain", &[Protocol::Http3]),
    ]
}
