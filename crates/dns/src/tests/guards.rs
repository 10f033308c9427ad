//! What keeps the responder from flooding others: the rate limit on real sockets, and cookies.

use std::time::Duration;

use tokio::{net::UdpSocket, time::timeout};

use super::{query, sockets::Server, view};
use crate::DnsSettings;

const QUESTION: &str = "www.example.com A +edns=1232";

/// Adds an option to a query whose OPT record is last and empty.
fn with_option(mut packet: Vec<u8>, code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    packet.truncate(packet.len() - 2);
    packet.extend((length + 4).to_be_bytes());
    packet.extend(code.to_be_bytes());
    packet.extend(length.to_be_bytes());
    packet.extend(value);
    packet
}

/// The value of an option of an answer, by a search for its code and length.
fn option(answer: &[u8], code: u16, length: u16) -> Option<Vec<u8>> {
    let [a, b] = code.to_be_bytes();
    let [c, d] = length.to_be_bytes();
    let at = answer.windows(4).rposition(|four| four == [a, b, c, d])?;
    Some(answer.get(at + 4..at + 4 + usize::from(length))?.to_vec())
}

struct Told {
    full: usize,
    cut: usize,
    bad_cookie: usize,
    last: Vec<u8>,
}

async fn ask_often(server: &Server, packet: &[u8], times: usize) -> Told {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server.address).await.unwrap();
    let mut told = Told {
        full: 0,
        cut: 0,
        bad_cookie: 0,
        last: Vec::new(),
    };
    let mut bytes = [0; 2_000];
    for _ in 0..times {
        socket.send(packet).await.unwrap();
    }
    while let Ok(length) = timeout(Duration::from_millis(500), socket.recv(&mut bytes)).await {
        let answer = &bytes[..length.unwrap()];
        let extended = answer.windows(5).any(|five| five == [0, 41, 4, 208, 1]);
        match (answer[2] & 2 != 0, answer[3] & 15) {
            (true, _) => told.cut += 1,
            (false, 0) => told.full += 1,
            (false, 7) if extended => told.bad_cookie += 1,
            (_, code) => panic!("code {code}"),
        }
        told.last = answer.to_vec();
    }
    told
}

#[tokio::test]
async fn floods_are_cut_but_not_those_who_prove_themselves() {
    let settings = DnsSettings {
        rate_s: 20,
        rate_exempt: Vec::new(),
        id: "node-7".to_owned(),
        cookie_secret: [9; 16],
        ..DnsSettings::default()
    };
    let server = Server::start(settings, view());
    server.installed(7).await;

    let told = ask_often(&server, &query(QUESTION), 200).await;
    assert!((21..60).contains(&told.full), "{} answered", told.full);
    assert!(told.cut > 50 && told.full + told.cut < 150, "{}", told.cut);
    server
        .counted("edgeway_dns_limited_total", "dropped", 50.0)
        .await;

    // A client with a cookie of its own is told to use ours.
    let asking = with_option(query(QUESTION), 10, &[5; 8]);
    let told = ask_often(&server, &asking, 50).await;
    assert!(told.bad_cookie > 5 && told.cut == 0, "{}", told.bad_cookie);
    let cookie = option(&told.last, 10, 24).unwrap();
    let proven = with_option(query(QUESTION), 10, &cookie);
    let told = ask_often(&server, &proven, 200).await;
    assert_eq!(told.full, 200, "no limit for those with our cookie");
    server.end().await;
}

#[tokio::test]
async fn we_say_who_we_are_when_asked() {
    let settings = DnsSettings {
        id: "node-7".to_owned(),
        ..DnsSettings::default()
    };
    let server = Server::start(settings, view());
    server.installed(7).await;
    let told = ask_often(&server, &with_option(query(QUESTION), 3, &[]), 1).await;
    assert_eq!(option(&told.last, 3, 6).as_deref(), Some(&b"node-7"[..]));
    let told = ask_often(&server, &query(QUESTION), 1).await;
    assert_eq!(option(&told.last, 3, 6), None);
    server.end().await;
}
