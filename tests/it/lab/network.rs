//! The lab itself: links are what they are set to, and nothing of it stays behind.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use tests::wan::{Wan, place};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_has_its_latency_loses_its_part_and_can_be_cut() {
    let wan = Wan::start(&[place::RESOLVER, place::CLIENT, place::REGIONS[4]], 7).unwrap();
    let (server, client) = (&wan.hosts[2], &wan.hosts[1]);
    let addr = server.at(5_000);
    let socket = server.spawn(UdpSocket::bind(addr)).await.unwrap().unwrap();
    server.spawn(async move {
        let mut packet = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            drop(socket.send_to(&packet[..length], from).await);
        }
    });
    let expected = 2 * server.place.latency_to(client.place);
    let socket = client
        .spawn(UdpSocket::bind(client.at(0)))
        .await
        .unwrap()
        .unwrap();
    let mut echo = [0; 8];
    for round in 0..10_u64 {
        let began = Instant::now();
        socket.send_to(&round.to_be_bytes(), addr).await.unwrap();
        let answer = socket.recv_from(&mut echo);
        tokio::time::timeout(Duration::from_secs(2), answer)
            .await
            .unwrap()
            .unwrap();
        let took = began.elapsed();
        assert!(
            took >= expected && took < expected + Duration::from_millis(30),
            "{took:?}"
        );
        assert_eq!(u64::from_be_bytes(echo), round);
    }

    // One direction loses a tenth, the same each time by the seed; the other nothing.
    wan.links.change_one_way(1, 2, |link| link.loss = 0.1);
    let mut came = 0;
    for _ in 0..10 {
        // No more at once than a socket's buffer holds.
        for _ in 0..100 {
            socket.send_to(b"datagram", addr).await.unwrap();
        }
        let patience = Duration::from_millis(500);
        while tokio::time::timeout(patience, socket.recv_from(&mut echo))
            .await
            .is_ok()
        {
            came += 1;
        }
    }
    let lost = wan.links.counts(1, 2).lost;
    assert!((70..130).contains(&lost), "{lost} of 1,000 at 10 %");
    assert_eq!(came + lost, 1_000);
    assert_eq!(wan.links.counts(2, 1).lost, 0);

    wan.links.cut_off(2, true);
    socket.send_to(b"datagram", addr).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(500), socket.recv_from(&mut echo));
    assert!(answer.await.is_err(), "a cut link passes nothing");
    wan.links.cut_off(2, false);
    wan.links.change_one_way(1, 2, |link| link.loss = 0.0);
    socket.send_to(b"datagram", addr).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(2), socket.recv_from(&mut echo));
    answer.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bottleneck_sets_the_throughput() {
    let wan = Wan::start(&[place::RESOLVER, place::CLIENT], 7).unwrap();
    // 20 Mbit/s: 2.5 MB take a second.
    wan.links.change(0, 1, |link| {
        link.rate_bits = 20_000_000;
        link.queue_bytes = 200_000;
    });
    let addr = wan.hosts[0].at(5_000);
    let listener = wan.hosts[0]
        .spawn(TcpListener::bind(addr))
        .await
        .unwrap()
        .unwrap();
    wan.hosts[0].spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&vec![7; 2_500_000]).await.unwrap();
    });
    let took = wan.hosts[1].spawn(async move {
        let began = Instant::now();
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let mut body = Vec::new();
        stream.read_to_end(&mut body).await.unwrap();
        assert_eq!(body.len(), 2_500_000);
        began.elapsed()
    });
    let took = took.await.unwrap();
    println!("2.5 MB through 20 Mbit/s: {took:?}");
    assert!(
        took > Duration::from_secs(1) && took < Duration::from_secs(3),
        "{took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_behind_also_after_a_panic() {
    let names = || {
        let list = Command::new("ip").args(["netns", "list"]).output().unwrap();
        String::from_utf8(list.stdout).unwrap()
    };
    let thread = std::thread::spawn(|| {
        let wan = Wan::start(&[place::RESOLVER, place::CLIENT], 7).unwrap();
        let name = wan.hosts[0].namespace().to_owned();
        std::panic::panic_any(name);
    });
    let name = *thread.join().unwrap_err().downcast::<String>().unwrap();
    assert!(name.starts_with("edgeway-"), "{name}");
    assert!(!names().contains(&name), "{}", names());

    // What a killed run left: its namespace has the number of a process that is no more.
    let stale = "edgeway-4194999-0-left";
    drop(Command::new("ip").args(["netns", "add", stale]).status());
    assert!(names().contains(stale));
    let wan = Wan::start(&[place::RESOLVER], 7).unwrap();
    assert!(!names().contains(stale), "{}", names());
    let name = wan.hosts[0].namespace().to_owned();
    assert!(names().contains(&name));
    drop(wan);
    assert!(!names().contains(&name), "{}", names());
}
