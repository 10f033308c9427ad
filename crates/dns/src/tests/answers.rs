//! Questions and the answers to them, byte for byte through the codec.

use model::NodeId;
use steer::place::Health;

use super::{Live, ask, responder, told, view};

const SOA: &str = "edgeway.test. 60 SOA ns1.edgeway.test. hostmaster.edgeway.test. \
    7 3600 600 1209600 60";

/// `expected` is told line by line; indentation does not matter.
fn check(question: &str, expected: &str) {
    check_live(question, &[], expected);
}

fn check_live(question: &str, live: &[(u64, Health)], expected: &str) {
    let live: Live = live
        .iter()
        .map(|(node, health)| (NodeId(*node), *health))
        .collect();
    let (answer, verdict) = ask(&responder(&view(), &live), question);
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let expected = expected.join("\n").replace("{SOA}", SOA);
    let expected = expected.replace("{COM}", &SOA.replacen("edgeway.test", "example.com", 1));
    assert_eq!(told(&answer), expected, "{question}");
    assert_eq!(verdict.malformed, None, "{question}");
}

/// The code and the first address, for questions where only the place matters.
fn check_place(question: &str, live: &[(u64, Health)], address: &str, opt: &str) {
    let live: Live = live
        .iter()
        .map(|(node, health)| (NodeId(*node), *health))
        .collect();
    let (answer, _) = ask(&responder(&view(), &live), question);
    let told = told(&answer);
    let record = told
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().last());
    let found = told.lines().find_map(|line| line.strip_prefix("opt 1232"));
    assert_eq!(
        (record, found.map(str::trim)),
        (Some(address), Some(opt)),
        "{question}: {told}"
    );
}

#[test]
fn zones_tell_their_authority_and_servers() {
    check(
        "edgeway.test SOA",
        &format!("NOERROR aa\nan {}", SOA.replacen(" 60 ", " 300 ", 1)),
    );
    check(
        "example.com NS +rd +cd",
        "NOERROR aa rd cd
         an example.com. 3600 NS ns1.edgeway.test.
         an example.com. 3600 NS ns2.edgeway.test.
         ad ns1.edgeway.test. 3600 A 192.0.2.1
         ad ns1.edgeway.test. 3600 AAAA 2001:db8::1
         ad ns2.edgeway.test. 3600 A 192.0.2.2",
    );
    check(
        "ns1.edgeway.test AAAA",
        "NOERROR aa\nan ns1.edgeway.test. 3600 AAAA 2001:db8::1",
    );
}

#[test]
fn what_is_not_there_is_denied_with_the_soa() {
    let hosts = "execute-api.us-east-1.edgeway.test";
    check("none.edgeway.test A", "NXDOMAIN aa\nau {SOA}");
    check("none.example.com A", "NXDOMAIN aa\nau {COM}");
    check(&format!("unknown001.{hosts} A"), "NXDOMAIN aa\nau {SOA}");
    check(&format!("private001.{hosts} A"), "NXDOMAIN aa\nau {SOA}");
    check(&format!("{hosts} A"), "NOERROR aa\nau {SOA}");
    check("us-east-1.edgeway.test ANY", "NOERROR aa\nau {SOA}");
    check("www.example.com MX", "NOERROR aa\nau {COM}");
    check(&format!("edge000001.{hosts} TXT"), "NOERROR aa\nau {SOA}");
    check(&format!("edge000001.{hosts} AAAA"), "NOERROR aa\nau {SOA}");
    check(&format!("edge000001.{hosts} SOA"), "NOERROR aa\nau {SOA}");
}

#[test]
fn others_names_are_refused() {
    for question in [
        "example.net A",
        ". NS",
        "version.bind TXT +ch",
        "id.server TXT +ch",
        "edgeway.test SOA +ch",
        "edgeway.test AXFR",
        "edgeway.test IXFR",
    ] {
        check(question, "REFUSED");
    }
}

#[test]
fn fixed_records_keep_the_case_of_the_question() {
    check(
        "wWw.eXample.COM A",
        "NOERROR aa
         an wWw.eXample.COM. 30 A 192.0.2.80
         an wWw.eXample.COM. 30 A 192.0.2.81",
    );
    let (answer, _) = ask(&responder(&view(), &Live::default()), "wWw.eXample.COM A");
    assert!(answer[12..].starts_with(b"\x03wWw\x07eXample\x03COM\x00"));
}

#[test]
fn anything_is_answered_as_rfc_8482_says() {
    check(
        "www.example.com ANY",
        "NOERROR aa\nan www.example.com. 3600 HINFO RFC8482",
    );
    check(
        "alias.example.com ANY",
        "NOERROR aa\nan alias.example.com. 30 CNAME www.example.com.",
    );
}

#[test]
fn aliases_are_followed_within_our_zones() {
    check(
        "alias.example.com A",
        "NOERROR aa
         an alias.example.com. 30 CNAME www.example.com.
         an www.example.com. 30 A 192.0.2.80
         an www.example.com. 30 A 192.0.2.81",
    );
    check(
        "api.example.com A +ecs=198.19.0.0/24",
        "NOERROR aa
         an api.example.com. 30 CNAME d-1.execute-api.us-east-1.edgeway.test.
         an d-1.execute-api.us-east-1.edgeway.test. 60 A 203.0.113.13
         opt 1232 ecs 198.19.0.0/24/16",
    );
    check(
        "away.example.com A",
        "NOERROR aa\nan away.example.com. 30 CNAME www.example.net.",
    );
    check(
        "broken.example.com A",
        "NXDOMAIN aa\nan broken.example.com. 30 CNAME none.example.com.\nau {COM}",
    );
    check(
        "alias.example.com CNAME",
        "NOERROR aa\nan alias.example.com. 30 CNAME www.example.com.",
    );
    check(
        "alias.example.com MX",
        "NOERROR aa\nan alias.example.com. 30 CNAME www.example.com.\nau {COM}",
    );
    let (answer, _) = ask(&responder(&view(), &Live::default()), "loop1.example.com A");
    assert_eq!(
        told(&answer)
            .lines()
            .filter(|line| line.contains("CNAME"))
            .count(),
        9
    );
}

#[test]
fn parts_are_referred_to_others() {
    for name in [
        "part.example.com A",
        "www.part.example.com AAAA",
        "ns.part.example.com A",
    ] {
        check(
            name,
            "NOERROR
             au part.example.com. 30 NS ns.part.example.com.
             ad ns.part.example.com. 30 A 192.0.2.53",
        );
    }
    check("part.example.com DS", "NOERROR aa\nau {COM}");
}

#[test]
fn edge_apis_are_answered_with_the_nearest_pop() {
    let api = "edge000001.execute-api.us-east-1.edgeway.test A";
    check(
        &format!("{api} from=198.18.1.1"),
        "NOERROR aa
         an edge000001.execute-api.us-east-1.edgeway.test. 60 A 203.0.113.11
         an edge000001.execute-api.us-east-1.edgeway.test. 60 A 203.0.113.12",
    );
    for (ecs, address, scope) in [
        ("198.18.1.0/24", "203.0.113.11", 22),
        ("198.18.7.0/24", "203.0.113.14", 24),
        ("198.19.7.0/24", "203.0.113.13", 16),
        ("198.18.0.0/16", "203.0.113.11", 16),
        ("2001:db8:a::/56", "203.0.113.13", 48),
    ] {
        let opt = format!("ecs {ecs}/{scope}");
        check_place(&format!("{api} +ecs={ecs}"), &[], address, &opt);
    }
    // The subnet counts, not who asks; unless it says that nothing may be used.
    let asks = format!("{api} +edns=1232 from=198.18.7.1");
    check_place(
        &format!("{asks} +ecs=198.19.7.0/24"),
        &[],
        "203.0.113.13",
        "ecs 198.19.7.0/24/16",
    );
    check_place(
        &format!("{asks} +ecs=0.0.0.0/0"),
        &[],
        "203.0.113.14",
        "ecs 0.0.0.0/0/0",
    );
    check_place(&asks, &[], "203.0.113.14", "");
    check_place(
        &format!("{api} +edns=1232 from=::ffff:198.18.7.1"),
        &[],
        "203.0.113.14",
        "",
    );
}

#[test]
fn unhealthy_places_are_passed_over_but_never_all() {
    use Health::{Down, Draining, Up};
    let api = "edge000001.execute-api.eu-west-1.edgeway.test A +ecs=198.18.0.0/24";
    let ecs = "ecs 198.18.0.0/24/22";
    check_place(api, &[(11, Down)], "203.0.113.12", ecs);
    check_place(api, &[(11, Draining), (12, Down)], "203.0.113.13", ecs);
    check_place(
        api,
        &[(11, Draining), (12, Down), (13, Down), (14, Down)],
        "203.0.113.11",
        ecs,
    );
    check_place(
        api,
        &[(11, Down), (12, Down), (14, Up)],
        "203.0.113.13",
        ecs,
    );
    let all: Vec<_> = (11..=14).map(|node| (node, Down)).collect();
    check_place(api, &all, "203.0.113.11", ecs);
    let live: Live = all
        .iter()
        .map(|(node, health)| (NodeId(*node), *health))
        .collect();
    assert!(ask(&responder(&view(), &live), api).1.fallback);
    assert!(!ask(&responder(&view(), &Live::default()), api).1.fallback);
}

#[test]
fn other_endpoints_have_their_own_addresses() {
    check(
        "regional01.execute-api.us-east-1.edgeway.test A +ecs=198.19.7.0/24",
        "NOERROR aa
         an regional01.execute-api.us-east-1.edgeway.test. 60 A 203.0.113.4
         opt 1232 ecs 198.19.7.0/24/0",
    );
    // Only one place has an address of this family.
    check(
        "dual000001.execute-api.us-east-1.edgeway.test AAAA +ecs=198.18.7.0/24",
        "NOERROR aa
         an dual000001.execute-api.us-east-1.edgeway.test. 60 AAAA 2001:db8::13
         opt 1232 ecs 198.18.7.0/24/0",
    );
    let ecs = "+ecs=198.19.7.0/24";
    let place = |question: &str| check_place(question, &[], "203.0.113.13", "ecs 198.19.7.0/24/16");
    place(&format!("example.com A {ecs}"));
    place(&format!("any.shop.example.com A {ecs}"));
    check("a.any.shop.example.com A", "NXDOMAIN aa\nau {COM}");
}

#[test]
fn edns_is_answered_with_edns() {
    check(
        "none.edgeway.test A +do",
        "NXDOMAIN aa\nau {SOA}\nopt 1232 do",
    );
    check(
        "none.edgeway.test A +ecs=198.18.7.0/24",
        "NXDOMAIN aa\nau {SOA}\nopt 1232 ecs 198.18.7.0/24/0",
    );
    check(
        "edge000001.execute-api.us-east-1.edgeway.test AAAA +ecs=2001:db8:a:b::/64",
        "NOERROR aa\nau {SOA}\nopt 1232 ecs 2001:db8:a:b::/64/0",
    );
    check(
        "example.net A +ecs=198.18.7.0/24",
        "REFUSED\nopt 1232 ecs 198.18.7.0/24/0",
    );
}

#[test]
fn answers_that_do_not_fit_end_behind_the_question() {
    check("many.example.com A +rd", "NOERROR aa tc rd");
    check(
        "many.example.com A +edns=100 +do",
        "NOERROR aa tc\nopt 1232 do",
    );
    check(
        "many.example.com A +ecs=198.18.7.0/24 +edns=600",
        "NOERROR aa tc\nopt 1232 ecs 198.18.7.0/24/0",
    );
    let (answer, verdict) = ask(&responder(&view(), &Live::default()), "many.example.com A");
    assert_eq!((answer.len(), verdict.truncated), (12 + 18 + 4, true));
    for enough in ["+edns=4096", "+tcp"] {
        let question = format!("many.example.com A {enough}");
        let (answer, verdict) = ask(&responder(&view(), &Live::default()), &question);
        assert_eq!(
            told(&answer)
                .lines()
                .filter(|line| line.starts_with("an"))
                .count(),
            40
        );
        assert!(!verdict.truncated);
    }
}

#[test]
fn an_empty_responder_refuses() {
    let (answer, _) = ask(&crate::Responder::default(), "edgeway.test SOA");
    assert_eq!(told(&answer), "REFUSED");
}

#[test]
fn acme_challenges_are_answered_while_they_last() {
    let mut view = view();
    let texts = vec!["one".to_owned(), "two".to_owned()];
    let name = "_acme-challenge.example.com".to_owned();
    view.challenges.insert(name, texts);
    let responder = responder(&view, &Live::default());
    let (answer, verdict) = ask(&responder, "_acme-challenge.example.com TXT");
    assert_eq!(verdict.code, Some(0));
    assert_eq!(
        told(&answer),
        "NOERROR aa\n\
         an _acme-challenge.example.com. 1 TXT one\n\
         an _acme-challenge.example.com. 1 TXT two"
    );
    // The name is there for other types too (RFC 8020).
    let (answer, _) = ask(&responder, "_acme-challenge.example.com A");
    assert!(told(&answer).starts_with("NOERROR aa\nau example.com."));
}

#[test]
fn challenges_stand_beside_configured_texts() {
    let mut view = view();
    let texts = vec!["proof".to_owned()];
    view.challenges.insert("example.com".to_owned(), texts);
    let responder = responder(&view, &Live::default());
    let (answer, _) = ask(&responder, "example.com TXT");
    assert_eq!(
        told(&answer),
        "NOERROR aa\n\
         an example.com. 1 TXT v=spf1-all\n\
         an example.com. 1 TXT proof"
    );
}
