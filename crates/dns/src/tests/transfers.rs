//! Signed requests and copies of zones, over real connections. Whether others agree is for `dig`,
//! `kdig` and dnspython to say, in the tests of whole clusters.

use std::{net::Ipv4Addr, sync::Arc, time::SystemTime};

use aws_lc_rs::hmac;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::RecordType,
    serialize::binary::BinDecodable,
};
use model::RecordValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{query, record, sockets::Server, view};
use crate::{
    DnsSettings, TransferAlgorithm, TransferKey, Transport,
    tsig::{Stamp, TSIG},
};

const SECRET: &[u8] = b"a secret of thirty-two bytes or so";

fn key(name: &str, secret: &[u8], zones: &[&str]) -> Arc<TransferKey> {
    let zones: Vec<String> = zones.iter().map(|zone| (*zone).to_owned()).collect();
    let algorithm = TransferAlgorithm::HmacSha256;
    Arc::new(TransferKey::new(name, algorithm, secret, &zones).unwrap())
}

async fn server() -> Server {
    let settings = DnsSettings {
        transfer_keys: vec![
            key("all", SECRET, &[]),
            key("one", SECRET, &["edgeway.test"]),
        ],
        ..DnsSettings::default()
    };
    let mut view = view();
    let zone = Arc::make_mut(view.zones.get_mut("example.com").unwrap());
    for number in 0..2_000_u16 {
        let [a, b] = number.to_be_bytes();
        let name = format!("host-{number}.big.example.com");
        zone.records
            .push(record(&name, RecordValue::A(Ipv4Addr::new(10, 0, a, b))));
    }
    let server = Server::start(settings, view);
    server.installed(7).await;
    server
}

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// A question that is signed with a key of this name and secret.
fn signed(question: &str, (name, secret): (&str, &[u8]), at_s: u64) -> Vec<u8> {
    let mut message = query(question);
    let key = key(name, secret, &[]);
    let stamp = Stamp::of(&key, at_s, 300);
    let input = [&message[..], &stamp.variables()].concat();
    let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), &input);
    stamp.append(code.as_ref(), &mut message);
    message
}

/// Answers on a new connection until it ends, or the zone's second SOA record has come.
async fn answers(server: &Server, query: &[u8]) -> Vec<Vec<u8>> {
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let length = u16::try_from(query.len()).unwrap();
    stream.write_all(&length.to_be_bytes()).await.unwrap();
    stream.write_all(query).await.unwrap();
    let mut all = Vec::new();
    let mut ends = 0;
    while ends < 2 {
        let Ok(length) = stream.read_u16().await else {
            break;
        };
        let mut answer = vec![0; length.into()];
        stream.read_exact(&mut answer).await.unwrap();
        let message = Message::from_bytes(&answer).unwrap();
        let soa = |record: &&hickory_proto::rr::Record| record.record_type() == RecordType::SOA;
        ends += message.answers.iter().filter(soa).count();
        all.push(answer);
        if message.answers.is_empty() {
            break;
        }
    }
    all
}

/// The code and the error within the signature.
fn refusal(answer: &[u8]) -> (ResponseCode, u16, usize) {
    let message = Message::from_bytes(answer).unwrap();
    let at = (12..answer.len())
        .rev()
        .find_map(|at| Stamp::read(answer, at));
    let stamp = at.expect("the answer has a signature");
    assert!(message.answers.is_empty());
    (message.response_code, stamp.error, stamp.code.len())
}

#[tokio::test]
async fn a_copy_has_every_configured_record_between_two_soas() {
    let server = server().await;
    let asked = signed("example.com AXFR +edns=1232", ("all", SECRET), now_s());
    let all = answers(&server, &asked).await;
    assert!(all.len() > 2, "{} messages", all.len());
    let mut records = Vec::new();
    for answer in &all {
        let message = Message::from_bytes(answer).unwrap();
        assert!(message.authoritative && !message.truncation);
        assert_eq!(message.response_code, ResponseCode::NoError);
        records.extend(message.answers.iter().map(super::line));
    }
    assert!(records[0].contains(" SOA ns1.edgeway.test."));
    assert_eq!(records.first(), records.last());
    let inner = &records[1..records.len() - 1];
    let hosts = inner
        .iter()
        .filter(|line| line.starts_with("host-"))
        .count();
    assert_eq!(hosts, 2_000);
    for wanted in [
        "example.com. 3600 NS ns1.edgeway.test.",
        "example.com. 30 MX 10 mail.example.com.",
        "www.example.com. 30 A 192.0.2.80",
        "alias.example.com. 30 CNAME www.example.com.",
        "part.example.com. 30 NS ns.part.example.com.",
        "ns.part.example.com. 30 A 192.0.2.53",
    ] {
        assert!(inner.iter().any(|line| line == wanted), "{wanted}");
    }
    assert!(!inner.iter().any(|line| line.contains(" SOA ")));
    let mut sorted = records[1..].to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), records.len() - 1, "nothing comes twice");
    server
        .counted("edgeway_dns_transfers_total", "sent", 1.0)
        .await;
    server.end().await;
}

#[tokio::test]
async fn requests_without_a_right_signature_are_refused_by_the_reason() {
    let server = server().await;
    let now = now_s();
    let not_auth = ResponseCode::NotAuth;
    for (asked, expected) in [
        (
            signed("example.com AXFR", ("other", SECRET), now),
            (not_auth, 17, 0),
        ),
        (
            signed("example.com AXFR", ("all", b"another secret"), now),
            (not_auth, 16, 0),
        ),
        // Said under a signature, so that the client can believe it.
        (
            signed("example.com AXFR", ("all", SECRET), now - 1_000),
            (not_auth, 18, 32),
        ),
        (
            signed("example.com AXFR", ("all", SECRET), now + 1_000),
            (not_auth, 18, 32),
        ),
        // The key is right, the zone is not its.
        (
            signed("example.com AXFR", ("one", SECRET), now),
            (ResponseCode::Refused, 0, 32),
        ),
        (
            signed("www.example.com AXFR", ("all", SECRET), now),
            (not_auth, 0, 32),
        ),
        (
            signed("example.net AXFR", ("all", SECRET), now),
            (not_auth, 0, 32),
        ),
    ] {
        let all = answers(&server, &asked).await;
        assert_eq!(all.len(), 1);
        assert_eq!(refusal(&all[0]), expected);
    }
    let all = answers(&server, &query("example.com AXFR")).await;
    assert_eq!(super::told(&all[0]), "REFUSED");
    // Not over what has no order, or no end.
    let asked = signed("example.com AXFR", ("all", SECRET), now);
    let peer = Ipv4Addr::LOCALHOST.into();
    for transport in [Transport::Udp, Transport::Https, Transport::Quic] {
        let answer = server.answers.answer(&asked, peer, transport).unwrap();
        assert_eq!(
            refusal(&answer),
            (ResponseCode::Refused, 0, 32),
            "{transport:?}"
        );
    }
    server.end().await;
}

#[tokio::test]
async fn other_questions_are_answered_under_a_signature() {
    let server = server().await;
    let peer = Ipv4Addr::LOCALHOST.into();
    let asked = signed("example.com SOA", ("all", SECRET), now_s());
    let answer = server.answers.answer(&asked, peer, Transport::Udp).unwrap();
    let message = Message::from_bytes(&answer).unwrap();
    assert_eq!(message.answers.len(), 1);
    // What does not fit with the signature is cut short.
    let asked = signed("many.example.com A", ("all", SECRET), now_s());
    let answer = server.answers.answer(&asked, peer, Transport::Udp).unwrap();
    assert!(answer.len() <= 512 && answer[2] & 2 != 0);
    server.end().await;
}

#[tokio::test]
async fn broken_signatures_are_told_so() {
    let server = server().await;
    let good = signed("example.com SOA", ("all", SECRET), now_s());
    let peer = Ipv4Addr::LOCALHOST.into();
    let at = query("example.com SOA").len();
    for cut in at + 1..good.len() {
        let answer = server
            .answers
            .answer(&good[..cut], peer, Transport::Tcp)
            .unwrap();
        assert_eq!(
            Message::from_bytes(&answer).unwrap().response_code,
            ResponseCode::FormErr
        );
    }
    for flipped in at..good.len() {
        let mut bad = good.clone();
        bad[flipped] ^= 0x55;
        let answer = server.answers.answer(&bad, peer, Transport::Tcp).unwrap();
        let code = Message::from_bytes(&answer).map(|message| message.response_code);
        // A changed type makes it another record, which is ignored.
        let kind = flipped == at + 5 || flipped == at + 6;
        let right = matches!(code, Ok(ResponseCode::FormErr | ResponseCode::NotAuth));
        assert!(right || kind, "byte {flipped}: {code:?}");
    }
    // It has to be the last record.
    let mut twice = good.clone();
    twice.extend_from_within(at..);
    twice[11] += 1;
    assert_eq!(twice[at + 5..at + 7], TSIG.to_be_bytes());
    let answer = server.answers.answer(&twice, peer, Transport::Tcp).unwrap();
    assert_eq!(
        Message::from_bytes(&answer).unwrap().response_code,
        ResponseCode::FormErr
    );
    server.end().await;
}
