//! What DNS over TLS, QUIC and HTTPS ask of messages, over streams in memory.

use std::{net::IpAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::timeout,
};

use super::{
    query,
    sockets::{Server, framed},
    told, view,
};
use crate::{DnsSettings, Limits, Misframed, Transport, lifetime_s};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 200));
const LIMIT: Duration = Duration::from_secs(20);

async fn server(tcp_idle: Duration) -> Server {
    let limits = Limits {
        tcp_idle,
        ..Limits::default()
    };
    let settings = DnsSettings {
        limits,
        ..DnsSettings::default()
    };
    let server = Server::start(settings, view());
    server.installed(7).await;
    server
}

/// A query as it is over QUIC: without a number, behind its length.
fn quic(question: &str, option: &[u8]) -> Vec<u8> {
    let mut message = query(question);
    message[..2].fill(0);
    if !option.is_empty() {
        // An OPT record with one option.
        message[11] += 1;
        message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0]);
        message.push(u8::try_from(option.len()).unwrap());
        message.extend(option);
    }
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], &message].concat()
}

#[tokio::test]
async fn messages_of_quic_streams_are_answered_or_end_the_connection() {
    let server = server(LIMIT).await;
    let good = quic("www.example.com A", &[]);
    let answer = server.answers.exchange(&good, PEER).unwrap();
    assert_eq!(
        usize::from(answer[0]) << 8 | usize::from(answer[1]),
        answer.len() - 2
    );
    assert_eq!(answer[2..4], [0, 0]);
    // A number, a wrong length, a wish to keep the connection, no query at all.
    let keepalive = quic("www.example.com A", &[0, 11, 0, 0]);
    let cut = &good[..good.len() - 1];
    for bad in [
        &framed("www.example.com A"),
        &keepalive,
        cut,
        &[0, 0],
        &[0],
        &[],
    ] {
        assert_eq!(
            server.answers.exchange(bad, PEER),
            Err(Misframed),
            "{bad:?}"
        );
    }
    server
        .counted("edgeway_dns_queries_total", "quic", 1.0)
        .await;
    server.end().await;
}

#[tokio::test]
async fn who_pads_is_padded_to_where_it_helps() {
    let server = server(LIMIT).await;
    let padded = &quic("www.example.com A", &[0, 12, 0, 3, 0, 0, 0])[2..];
    for transport in [Transport::Tls, Transport::Quic, Transport::Https] {
        let answer = server.answers.answer(padded, PEER, transport).unwrap();
        assert_eq!(answer.len() % 468, 0, "{transport:?}");
    }
    for transport in [Transport::Udp, Transport::Tcp] {
        let answer = server.answers.answer(padded, PEER, transport).unwrap();
        assert!(answer.len() < 100, "{transport:?}");
    }
    let bare = quic("www.example.com A", &[]);
    let answer = server
        .answers
        .answer(&bare[2..], PEER, Transport::Tls)
        .unwrap();
    assert!(answer.len() < 100);
    server.end().await;
}

#[tokio::test]
async fn streams_are_served_until_they_stall() {
    let server = server(Duration::from_millis(300)).await;
    let (mut client, stream) = duplex(1 << 16);
    let answers = server.answers.clone();
    let served = tokio::spawn(async move {
        answers.converse(stream, PEER, Transport::Tls).await;
    });
    client
        .write_all(&framed("www.example.com A"))
        .await
        .unwrap();
    let length = client.read_u16().await.unwrap();
    let mut answer = vec![0; length.into()];
    client.read_exact(&mut answer).await.unwrap();
    assert!(told(&answer).starts_with("NOERROR"));
    // A byte now and then keeps nobody's place.
    let drip = async {
        for byte in framed("www.example.com A") {
            if client.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let ended = async {
        drip.await;
        served.await.unwrap();
    };
    timeout(LIMIT, ended).await.unwrap();
    server
        .counted("edgeway_dns_tcp_closed_total", "tls", 1.0)
        .await;
    server.end().await;
}

#[tokio::test]
async fn garbage_on_streams_is_answered_or_ended() {
    let server = server(LIMIT).await;
    let good = framed("www.example.com A +ecs=198.18.7.0/24");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap()
    };
    for _ in 0..5_000 {
        let mut bytes = good.clone();
        for _ in 0..=next() % 5 {
            let at = next() % bytes.len();
            bytes[at] = next().to_le_bytes()[0];
        }
        bytes.truncate(next() % (bytes.len() + 1));
        let (mut client, stream) = duplex(1 << 12);
        client.write_all(&bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let converse = server.answers.converse(stream, PEER, Transport::Tls);
        timeout(LIMIT, converse).await.unwrap();
        // Anything but a panic will do.
        drop(server.answers.exchange(&bytes, PEER));
    }
    server.end().await;
}

#[test]
fn an_answer_holds_as_long_as_its_shortest_record() {
    let responder = super::responder(&view(), &crate::Live::default());
    for (question, expected) in [
        ("www.example.com A", 30),
        ("example.com NS", 3_600),
        ("none.example.com A", 60),
    ] {
        assert_eq!(
            lifetime_s(&super::ask(&responder, question).0),
            expected,
            "{question}"
        );
    }
    assert_eq!(lifetime_s(b"no message"), 0);
}
