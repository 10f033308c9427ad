//! Views over real sockets: own names, names of others, and queries that are none.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};
use prometheus::Registry;
use proptest::prelude::*;
use tokio::{
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    PrivateDns, PrivateView,
    answer::{Reply, answer, failure},
    read_message, write_message,
};

const OWN: &str = "a1.execute-api.r.example.test";
const STEP_MAX: Duration = Duration::from_secs(20);

fn find(name: &str) -> Option<Vec<IpAddr>> {
    let addresses = ["10.0.0.5", "10.0.0.6", "fd00::5"];
    (name == OWN).then(|| addresses.map(|text| text.parse().unwrap()).to_vec())
}

fn query(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message.to_vec().unwrap()
}

/// What a view says by itself, read by somebody else's code.
#[track_caller]
fn own(packet: &[u8], result: &str) -> Message {
    match answer(packet, &find, true) {
        Reply::Own(bytes, label) => {
            assert_eq!(label, result);
            Message::from_vec(&bytes).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn own_names_have_the_endpoints_addresses() {
    for name in [OWN, "A1.Execute-API.r.example.test."] {
        let message = own(&query(name, RecordType::A), "answered");
        assert_eq!(message.metadata.id, 4711);
        assert!(message.metadata.authoritative && message.metadata.recursion_desired);
        assert!(message.metadata.recursion_available);
        assert_eq!(message.metadata.response_code, ResponseCode::NoError);
        let found: Vec<String> = message
            .answers
            .iter()
            .map(|one| one.data.to_string())
            .collect();
        assert_eq!(found, ["10.0.0.5", "10.0.0.6"]);
        // The case of its letters is kept.
        let asked = message.queries[0].name().to_ascii();
        assert_eq!(asked.trim_end_matches('.'), name.trim_end_matches('.'));
    }
    let message = own(&query(OWN, RecordType::AAAA), "answered");
    assert_eq!(message.answers[0].data.to_string(), "fd00::5");
    assert_eq!(
        own(&query(OWN, RecordType::ANY), "answered").answers.len(),
        3
    );
    let message = own(&query(OWN, RecordType::HTTPS), "no_data");
    assert_eq!((message.answers.len(), message.authorities.len()), (0, 1));
    assert!(matches!(message.authorities[0].data, RData::SOA(_)));
}

#[test]
fn other_names_are_elsewhere() {
    for name in [
        "a2.execute-api.r.example.test",
        "example.test",
        ".",
        "x\\.y.test",
    ] {
        assert_eq!(
            answer(&query(name, RecordType::A), &find, true),
            Reply::Elsewhere,
            "{name}"
        );
    }
    let refused = failure(&query("example.test", RecordType::A), 5, false);
    let refused = Message::from_vec(&refused).unwrap();
    assert_eq!(refused.metadata.response_code, ResponseCode::Refused);
    assert_eq!(refused.queries.len(), 1);
}

#[test]
fn what_is_no_query_is_not_answered_as_one() {
    let mut response = query(OWN, RecordType::A);
    response[2] |= 0x80;
    assert_eq!(answer(&response, &find, true), Reply::Dropped);
    let mut update = query(OWN, RecordType::A);
    update[2] |= 5 << 3;
    let said = own(&update, "malformed").metadata.response_code;
    assert_eq!(said, ResponseCode::NotImp);
    let short = query(OWN, RecordType::A);
    let said = own(&short[..short.len() - 3], "malformed")
        .metadata
        .response_code;
    assert_eq!(said, ResponseCode::FormErr);
}

proptest! {
    #[test]
    fn any_packet_is_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        at in 0_usize..60,
    ) {
        drop(answer(&bytes, &find, true));
        let mut changed = query(OWN, RecordType::A);
        let place = at % changed.len();
        changed[place] = bytes.first().copied().unwrap_or(0);
        drop(answer(&changed, &find, false));
        drop(failure(&bytes, 2, true));
    }
}

/// A resolver that says 192.0.2.1 to everything, over UDP.
async fn resolver() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let addr = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let id = asked.metadata.id;
            let mut said = Message::new(id, MessageType::Response, OpCode::Query);
            let question = asked.queries[0].clone();
            let data = RData::A("192.0.2.1".parse().unwrap());
            said.add_answer(Record::from_rdata(question.name().clone(), 1, data));
            said.add_query(question);
            // Forgeries come first: another id, and another name.
            let mut forged = said.clone();
            forged.metadata.id = id.wrapping_add(1);
            drop(socket.send_to(&forged.to_vec().unwrap(), from).await);
            let mut forged = query("other.test", RecordType::A);
            forged[..2].copy_from_slice(&id.to_be_bytes());
            forged[2] |= 0x80;
            drop(socket.send_to(&forged, from).await);
            drop(socket.send_to(&said.to_vec().unwrap(), from).await);
        }
    });
    addr
}

struct Running {
    addr: SocketAddr,
    registry: Registry,
    drain: CancellationToken,
    tasks: tokio_util::task::TaskTracker,
}

fn start(forward: Vec<SocketAddr>, allowed: &[&str]) -> Running {
    let registry = Registry::new();
    let view = PrivateView {
        name: "vpce-1".to_owned(),
        addrs: vec!["127.0.0.1:0".parse().unwrap()],
        device: None,
        allowed: allowed.iter().map(|net| net.parse().unwrap()).collect(),
        forward,
        names: Arc::new(find),
    };
    let bound = PrivateDns::bind(vec![view], &registry).unwrap();
    let addr = bound.addresses()[0].1;
    let drain = CancellationToken::new();
    let tasks = bound.serve(&drain).unwrap();
    Running {
        addr,
        registry,
        drain,
        tasks,
    }
}

impl Running {
    async fn ask(&self, name: &str) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket
            .send_to(&query(name, RecordType::A), self.addr)
            .await
            .unwrap();
        let mut buffer = [0; 1500];
        let length = timeout(STEP_MAX, socket.recv(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        Message::from_vec(&buffer[..length]).unwrap()
    }

    fn counted(&self, result: &str) -> bool {
        let text = prometheus::TextEncoder::new().encode_to_string(&self.registry.gather());
        text.unwrap().contains(&format!("result=\"{result}\""))
    }
}

#[tokio::test]
async fn other_names_are_asked_for_elsewhere() {
    let running = start(vec![resolver().await], &[]);
    assert_eq!(running.ask(OWN).await.answers.len(), 2);
    let other = running.ask("example.com").await;
    assert_eq!(other.metadata.id, 4711);
    assert_eq!(other.answers[0].data.to_string(), "192.0.2.1");
    assert!(running.counted("answered") && running.counted("forwarded"));

    let mut stream = TcpStream::connect(running.addr).await.unwrap();
    for _ in 0..2 {
        write_message(&mut stream, &query(OWN, RecordType::A))
            .await
            .unwrap();
        let said = timeout(STEP_MAX, read_message(&mut stream))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(Message::from_vec(&said).unwrap().answers.len(), 2);
    }
    running.drain.cancel();
    timeout(STEP_MAX, running.tasks.wait()).await.unwrap();
}

#[tokio::test]
async fn other_names_are_refused_where_nobody_can_be_asked() {
    let running = start(Vec::new(), &[]);
    let said = running.ask("example.com").await.metadata.response_code;
    assert_eq!(said, ResponseCode::Refused);
    // A resolver that is not there: the port is closed, which is known at once.
    let closed = {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    let running = start(vec![closed], &[]);
    let said = running.ask("example.com").await.metadata.response_code;
    assert_eq!(said, ResponseCode::ServFail);
    assert!(running.counted("failed"));
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let running = start(Vec::new(), &["10.0.0.0/8"]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket
        .send_to(&query(OWN, RecordType::A), running.addr)
        .await
        .unwrap();
    let counted = async {
        while !running.counted("not_allowed") {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(STEP_MAX, counted).await.unwrap();
    let mut buffer = [0; 100];
    assert!(socket.try_recv(&mut buffer).is_err());
}
