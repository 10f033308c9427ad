//! What stands between two nodes: lets UDP and TCP pass, or not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// Relays one address to another node's.
pub(super) struct Between {
    pub(super) addr: SocketAddr,
    udp: Arc<AtomicBool>,
    mute: Arc<AtomicBool>,
    /// Connections over TCP so far.
    pub(super) dialled: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Between {
    pub(super) async fn new(to: SocketAddr, udp_passes: bool) -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = tcp.local_addr().unwrap();
            if let Ok(udp) = UdpSocket::bind(addr).await {
                break (tcp, udp);
            }
        };
        let addr = tcp.local_addr().unwrap();
        let passes = Arc::new(AtomicBool::new(udp_passes));
        let dialled = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let mute = Arc::new(AtomicBool::new(false));
        tasks.spawn(relay_tcp(
            tcp,
            to,
            (Arc::clone(&dialled), Arc::clone(&mute)),
        ));
        tasks.spawn(relay_udp(Arc::new(udp), to, Arc::clone(&passes)));
        Self {
            addr,
            udp: passes,
            mute,
            dialled,
            _tasks: tasks,
        }
    }

    /// From now on nothing more comes over TCP, and no end of it either.
    pub(super) fn mute_tcp(&self) {
        self.mute.store(true, Ordering::SeqCst);
    }

    /// From now on UDP passes, or is lost without a word.
    pub(super) fn udp(&self, passes: bool) {
        self.udp.store(passes, Ordering::SeqCst);
    }
}

async fn relay_tcp(
    listener: TcpListener,
    to: SocketAddr,
    (dialled, mute): (Arc<AtomicUsize>, Arc<AtomicBool>),
) {
    let mut relays = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        dialled.fetch_add(1, Ordering::SeqCst);
        let mute = Arc::clone(&mute);
        relays.spawn(async move {
            let Ok(far) = TcpStream::connect(to).await else {
                return;
            };
            let _ = near.set_nodelay(true);
            let _ = far.set_nodelay(true);
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::join!(pump(near_in, far_out, &mute), pump(far_in, near_out, &mute));
        });
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mute: &AtomicBool) {
    let mut piece = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if mute.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn relay_udp(near: Arc<UdpSocket>, to: SocketAddr, passes: Arc<AtomicBool>) {
    let mut far: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let mut back = JoinSet::new();
    let mut packet = vec![0; 65_536];
    loop {
        let Ok((length, from)) = near.recv_from(&mut packet).await else {
            continue;
        };
        if !passes.load(Ordering::SeqCst) {
            continue;
        }
        let known = far.get(&from).cloned();
        let socket = match known {
            Some(socket) => socket,
            None => {
                let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                socket.connect(to).await.unwrap();
                far.insert(from, Arc::clone(&socket));
                let (near, passes) = (Arc::clone(&near), Arc::clone(&passes));
                let answers = Arc::clone(&socket);
                back.spawn(async move {
                    let mut packet = vec![0; 65_536];
                    loop {
                        let Ok(length) = answers.recv(&mut packet).await else {
                            continue;
                        };
                        if passes.load(Ordering::SeqCst) {
                            let _ = near.send_to(&packet[..length], from).await;
                        }
                    }
                });
                socket
            }
        };
        let _ = socket.send(&packet[..length]).await;
    }
}
