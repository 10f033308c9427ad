//! Fixed records of every type, the HTTPS record of steered names, wildcards and empty names.

use super::{Live, ask, responder, told, view};

const SOA: &str = "example.com. 60 SOA ns1.edgeway.test. hostmaster.edgeway.test. \
    7 3600 600 1209600 60";

fn check(question: &str, expected: &str) {
    let (answer, verdict) = ask(&responder(&view(), &Live::default()), question);
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    let expected = expected.join("\n").replace("{SOA}", SOA);
    assert_eq!(told(&answer), expected, "{question}");
    assert_eq!(verdict.malformed, None, "{question}");
}

#[test]
fn every_type_is_answered_as_configured() {
    check(
        "example.com MX",
        "NOERROR aa\nan example.com. 30 MX 10 mail.example.com.",
    );
    check(
        "example.com TXT",
        "NOERROR aa\nan example.com. 30 TXT v=spf1-all",
    );
    check(
        "_x._tcp.example.com SRV",
        "NOERROR aa\nan _x._tcp.example.com. 30 SRV 1 2 443 www.example.com.",
    );
    check(
        "example.com CAA",
        "NOERROR aa\nan example.com. 30 CAA 0 issue \"ca.example.net\"",
    );
    check(
        "svc.example.com SVCB",
        "NOERROR aa\nan svc.example.com. 30 SVCB 0 www.example.com.",
    );
    check(
        "signed.example.com DS",
        "NOERROR aa
         an signed.example.com. 30 DS AAcNAqurq6urq6urq6urq6urq6urq6urq6urq6urq6urq6ur",
    );
    // The apex is a custom domain, flattened to addresses, and has records beside them.
    check(
        "example.com A",
        "NOERROR aa\nan example.com. 60 A 203.0.113.13",
    );
}

#[test]
fn wildcards_and_empty_names_hold_for_every_type() {
    check(
        "a.b.wild.example.com TXT",
        "NOERROR aa\nan a.b.wild.example.com. 30 TXT w",
    );
    check("a.wild.example.com A", "NOERROR aa\nau {SOA}");
    check("wild.example.com TXT", "NOERROR aa\nau {SOA}");
    check("_tcp.example.com SRV", "NOERROR aa\nau {SOA}");
    check("_y._tcp.example.com SRV", "NXDOMAIN aa\nau {SOA}");
}

#[test]
fn https_records_follow_the_latency_answer() {
    let host = "dual000001.execute-api.us-east-1.edgeway.test";
    for (subnet, scope) in [("198.19.3.0/24", 16), ("198.18.7.0/24", 24)] {
        let address = |kind: &str| {
            let question = format!("{host} {kind} +ecs={subnet}");
            let (answer, _) = ask(&responder(&view(), &Live::default()), &question);
            let told = told(&answer);
            let line = told.lines().nth(1).unwrap();
            line.rsplit(' ').next().unwrap().to_owned()
        };
        let question = format!("{host} HTTPS +ecs={subnet}");
        let (answer, _) = ask(&responder(&view(), &Live::default()), &question);
        let told = told(&answer);
        let (v4, v6) = (address("A"), address("AAAA"));
        for part in [
            "HTTPS 1 . alpn=",
            "h3",
            "h2",
            &format!("ipv4hint={v4}"),
            &format!("ipv6hint={v6}"),
            &format!("ecs {subnet}/{scope}"),
        ] {
            assert!(told.contains(part), "{part} is in {told}");
        }
    }
    // What is configured wins.
    let (answer, _) = ask(
        &responder(&view(), &Live::default()),
        "www.example.com HTTPS",
    );
    assert!(told(&answer).contains("port=443"));
}
