//! A real WireGuard tunnel between the region's machine and a network: the kernel's device where
//! there is one, else `wireguard-go`, which speaks the same over a TUN device.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tests::{process, until, wan::namespace::Namespace};
use tokio::net::TcpStream;

use super::{Net, PATIENCE, World};

pub(super) const ENDPOINT: &str = "vpce-0ddddddddddddddd4";

/// For a packet that nobody answers. Nothing is waited for that could come late.
const SILENCE: Duration = Duration::from_secs(2);

/// One end of a tunnel; gone with this value.
struct End {
    name: String,
    public_key: String,
    /// `wireguard-go`, where the kernel has no WireGuard.
    process: Option<Child>,
    /// Where the device is; the machine's own namespace unless given.
    space: Option<String>,
}

/// The region's end, a client with a key that it knows, and one with a key that it does not.
pub(super) struct Tunnel {
    /// The region's end, inside the tunnel: where the listener is.
    pub(super) host: Ipv4Addr,
    /// The client's.
    own: Ipv4Addr,
    client: Net,
    stranger: Net,
    ours: End,
    theirs: End,
    strangers: End,
    _keys: tempfile::TempDir,
}

fn run(program: &str, args: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl End {
    /// A device with a key of its own that listens at `port`, or anywhere.
    async fn start(name: String, space: Option<&Namespace>, port: u16, keys: &Path) -> Self {
        let key = run("wg", &["genkey"], "");
        let mut end = Self {
            public_key: run("wg", &["pubkey"], &key),
            process: None,
            space: space.map(|space| space.name().to_owned()),
            name,
        };
        let added = end
            .command("ip")
            .args(["link", "add", &end.name, "type", "wireguard"])
            .output();
        if !added.unwrap().status.success() {
            let mut command = end.command("wireguard-go");
            command.args(["-f", &end.name]).env("LOG_LEVEL", "error");
            let quiet = command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            end.process = Some(
                quiet
                    .spawn()
                    .expect("wireguard-go: run `cargo xtask setup`"),
            );
            until("the device answers", PATIENCE, || async {
                let shown = end.command("wg").args(["show", &end.name]).output().ok()?;
                shown.status.success().then_some(())
            })
            .await;
        }
        let file = keys.join(&end.name);
        fs::write(&file, key).unwrap();
        let file = file.display().to_string();
        let port = port.to_string();
        end.wg(&["set", &end.name, "listen-port", &port, "private-key", &file]);
        end
    }

    /// A command where the device is.
    fn command(&self, program: &str) -> Command {
        match &self.space {
            None => Command::new(program),
            Some(space) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", space, program]);
                command
            }
        }
    }

    fn wg(&self, args: &[&str]) -> String {
        let output = self.command("wg").args(args).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "wg {args:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn up(&self, address: Ipv4Addr) {
        for args in [
            format!("addr add {address}/28 dev {}", self.name),
            format!("link set {} mtu 1380 up", self.name),
        ] {
            let output = self.command("ip").args(args.split(' ')).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "ip {args}: {errors}");
        }
    }

    fn peer(&self, other: &Self, allowed: &str, endpoint: Option<SocketAddr>) {
        let mut args = vec![
            "set",
            &self.name,
            "peer",
            &other.public_key,
            "allowed-ips",
            allowed,
        ];
        let endpoint = endpoint.map(|endpoint| endpoint.to_string());
        if let Some(endpoint) = &endpoint {
            args.extend(["endpoint", endpoint]);
        }
        self.wg(&args);
    }

    /// A column of `wg show`, of its one peer: what was sent, or when hands were last shaken.
    fn shown(&self, what: &str, column: usize) -> u64 {
        let text = self.wg(&["show", &self.name, what]);
        let word = text.split_whitespace().nth(column);
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        match &mut self.process {
            // The device goes with the process.
            Some(child) => {
                drop(process::signal(child.id(), "TERM"));
                drop(child.kill());
                drop(child.wait());
                let socket = format!("/var/run/wireguard/{}.sock", self.name);
                drop(fs::remove_file(PathBuf::from(socket)));
            }
            None => drop(
                self.command("ip")
                    .args(["link", "del", &self.name])
                    .output(),
            ),
        }
    }
}

impl Tunnel {
    /// Networks three and four of this process, and addresses of a fifth inside the tunnel.
    pub(super) async fn start(prefix: &str) -> Self {
        let client = Net::start(prefix, "tunnel", 3);
        let stranger = Net::start(prefix, "stranger", 4);
        let [a, b, c, _] = client.host.octets();
        let inside = |last: u8| Ipv4Addr::new(a, b, c, 5 * 16 + last);
        let (host, own) = (inside(1), inside(2));
        let free = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let keys = tempfile::tempdir().unwrap();
        let pid = std::process::id();
        let name = |at: u8| format!("ew{pid}w{at}");
        let ours = End::start(name(0), None, port, keys.path()).await;
        let theirs = End::start(name(1), Some(&client.space), 0, keys.path()).await;
        let strangers = End::start(name(2), Some(&stranger.space), 0, keys.path()).await;
        ours.peer(&theirs, &format!("{own}/32"), None);
        let all = format!("{host}/32");
        theirs.peer(&ours, &all, Some((client.host, port).into()));
        strangers.peer(&ours, &all, Some((stranger.host, port).into()));
        ours.up(host);
        theirs.up(own);
        // It even claims the address of the one who may.
        strangers.up(own);
        Self {
            host,
            own,
            client,
            stranger,
            ours,
            theirs,
            strangers,
            _keys: keys,
        }
    }

    /// Settings of the listener at the region's end.
    pub(super) fn settings(&self) -> String {
        format!(
            "\n[[private]]\nendpoint_id = \"{ENDPOINT}\"\nhttp = [\"{0}:80\"]\n\
             interface = \"{1}\"\ndns = [\"{0}:53\"]\n",
            self.host, self.ours.name
        )
    }
}

/// A connection is refused: somebody is there, and nobody listens.
async fn refused(net: &Net, door: SocketAddr) {
    let dialled = net.inside(TcpStream::connect(door)).await;
    let error = dialled.expect_err("nobody listens there").kind();
    assert_eq!(error, ErrorKind::ConnectionRefused, "{door}");
}

pub(super) async fn what_comes_out_of_the_tunnel_is_let_in(world: &World) {
    let (tunnel, host) = (&world.tunnel, world.host());
    let kind = if tunnel.ours.process.is_some() {
        "wireguard-go"
    } else {
        "the kernel's device"
    };
    println!("the tunnel is of {kind}");
    let found = tunnel.client.dig(tunnel.host, &["+short", &host]);
    assert_eq!(found, tunnel.host.to_string());
    let door = SocketAddr::from((tunnel.host, 80));
    let (status, text) = tunnel.client.ask(door, &host, None).await.unwrap();
    assert_eq!(status, 200, "{text}");
    let seen: serde_json::Value = serde_json::from_str(&text).unwrap();
    let names = ["x-came-by", "x-came-from", "x-source"];
    let seen = names.map(|name| seen["headers"][name].as_str().unwrap());
    assert_eq!(seen, [ENDPOINT, "vpc-4", &tunnel.own.to_string()]);
    assert!(tunnel.theirs.shown("latest-handshakes", 1) > 0);
}

pub(super) async fn what_comes_beside_the_tunnel_is_refused(world: &World) {
    let tunnel = &world.tunnel;
    // The same machine by the cable that carries the tunnel.
    refused(&tunnel.client, tunnel.client.door(80)).await;
    // The listener's own address, by another way than its device.
    refused(&world.other, (tunnel.host, 80).into()).await;
    refused(&world.vpc, (tunnel.host, 80).into()).await;
}

pub(super) async fn another_key_gets_nothing(world: &World) {
    let tunnel = &world.tunnel;
    let door = SocketAddr::from((tunnel.host, 80));
    let dialled = tunnel
        .stranger
        .inside(async move { tokio::time::timeout(SILENCE, TcpStream::connect(door)).await });
    let dialled = dialled.await;
    assert!(
        !matches!(dialled, Ok(Ok(_))),
        "a stranger came through the tunnel"
    );
    // It knocked, and nobody shook its hand.
    until("it has knocked", PATIENCE, || async {
        (tunnel.strangers.shown("transfer", 2) > 0).then_some(())
    })
    .await;
    assert_eq!(tunnel.strangers.shown("transfer", 1), 0);
    assert_eq!(tunnel.strangers.shown("latest-handshakes", 1), 0);
}
