//! Rules around certificates by ACME.

use super::*;
use crate::{AcmeChange, AcmeOrder, AcmeSettings, ChallengeAnswer, ChallengeKind, DomainPatch};

fn pending(id: &str, name: &str) -> Certificate {
    Certificate {
        chain_der: vec![],
        key_der: vec![],
        acme: Some(AcmeOrder {
            challenge: ChallengeKind::Http01,
            attempt: 0,
            next_ms: 0,
            running: false,
            error: None,
        }),
        ..certificate(id, &[name])
    }
}

fn acme(change: AcmeChange) -> Op {
    Op::Acme(Box::new(change))
}

fn begin(attempt: u32) -> Op {
    acme(AcmeChange::Begin {
        certificate: "c1".into(),
        attempt,
        lost_ms: 5_000,
    })
}

fn answers() -> Op {
    let name = "a.test".to_owned();
    let answers = vec![
        ChallengeAnswer::Http {
            name: name.clone(),
            token: "t".into(),
            content: "t.k".into(),
        },
        ChallengeAnswer::Dns {
            name,
            text: "x".into(),
        },
    ];
    acme(AcmeChange::Answer {
        certificate: "c1".into(),
        answers,
    })
}

fn issue() -> Op {
    acme(AcmeChange::Issue {
        certificate: certificate("c1", &["evil.test"]),
        next_ms: 9_000,
    })
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.must(Op::PutCertificate(pending("c1", "a.test")));
    bench.must(Op::CreateDomain(Box::new(domain("a.test"))));
    bench
}

#[test]
fn two_leaders_begin_one_order() {
    let mut bench = bench();
    bench.must(begin(0));
    assert!(matches!(
        bench.refused(begin(0)),
        Rejection::Conflict { .. }
    ));
    // Not even one who has seen the first, before it counts as lost.
    bench.refused(begin(1));
    let mut late = bench.change(begin(1));
    late.at_ms = 5_000;
    bench.machine.apply(late).expect("the order was lost");
}

#[test]
fn answers_reach_who_serves_the_name_and_end_with_the_order() {
    let mut bench = bench();
    bench.must(begin(0));
    bench.must(answers());
    let config = bench.machine.config().clone();
    let edge = EdgeView::of(&config);
    let answers_of = |view: &EdgeView| view.challenges.values().map(Vec::len).sum::<usize>();
    assert_eq!(answers_of(&edge), 1, "the TXT record is none of a POP's");
    let zone = ZoneView::of(&config);
    assert_eq!(zone.challenges["_acme-challenge.a.test"], ["x"]);
    assert!(edge.certificates.is_empty(), "nothing is issued yet");
    // The same by way of deltas.
    let before = EdgeView::default();
    let before = EdgeView {
        cluster: edge.cluster.clone(),
        base_domain: edge.base_domain.clone(),
        ..before
    };
    assert_eq!(before.after(before.delta(&edge).unwrap()), edge);

    bench.must(issue());
    let config = bench.machine.config();
    let edge = EdgeView::of(config);
    assert_eq!((answers_of(&edge), edge.certificates.len()), (0, 1));
    assert!(ZoneView::of(config).challenges.is_empty());
    // What is issued cannot alter what was asked for.
    assert_eq!(config.certificates["c1"].names, ["a.test"]);
    assert_eq!(edge.certificates["c1"].names, ["a.test"]);
}

#[test]
fn answers_stay_in_the_regions_for_a_regional_domain() {
    let mut bench = bench();
    let patch = DomainPatch {
        endpoint: Some(EndpointType::Regional),
        ..DomainPatch::default()
    };
    bench.must(Op::UpdateDomain("a.test".into(), patch));
    bench.must(begin(0));
    bench.must(answers());
    bench.must(issue());
    let edge = EdgeView::of(bench.machine.config());
    assert!(edge.challenges.is_empty() && edge.certificates.is_empty());
}

#[test]
fn a_failure_withdraws_answers_and_is_kept() {
    let mut bench = bench();
    bench.must(begin(0));
    bench.must(answers());
    bench.must(acme(AcmeChange::Fail {
        certificate: "c1".into(),
        error: "no".into(),
        next_ms: 4_000,
    }));
    let config = bench.machine.config();
    assert!(config.acme.answers.is_empty());
    let order = config.certificates["c1"].acme.clone().unwrap();
    assert_eq!((order.attempt, order.running), (1, false));
    assert_eq!((order.next_ms, order.error.as_deref()), (4_000, Some("no")));
    bench.refused(begin(1));
}

#[test]
fn a_domain_keeps_its_certificate_until_the_next_is_issued() {
    let mut bench = bench();
    bench.must(begin(0));
    bench.must(issue());
    bench.must(Op::PutCertificate(pending("c2", "a.test")));
    let to_pending = || {
        let patch = DomainPatch {
            certificate: Some("c2".into()),
            ..DomainPatch::default()
        };
        Op::UpdateDomain("a.test".into(), patch)
    };
    assert!(matches!(
        bench.refused(to_pending()),
        Rejection::Conflict { .. }
    ));
    bench.must(Op::PutCertificate(certificate("c2", &["a.test"])));
    bench.must(to_pending());
}

#[test]
fn another_authority_means_another_account() {
    let mut bench = Bench::new();
    let settings = |directory: &str| {
        acme(AcmeChange::Configure(AcmeSettings {
            directory: directory.into(),
            contact: vec![],
            roots_pem: None,
        }))
    };
    bench.must(settings("https://one/"));
    bench.must(acme(AcmeChange::KeepAccount(crate::AcmeAccount {
        directory: "https://one/".into(),
        credentials: "secret".into(),
    })));
    bench.must(settings("https://one/"));
    assert!(bench.machine.config().acme.account.is_some());
    assert!(!format!("{:?}", bench.machine.config()).contains("secret"));
    bench.must(settings("https://two/"));
    assert!(bench.machine.config().acme.account.is_none());
}
