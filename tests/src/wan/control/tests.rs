//! Lines that a person may write, and lines that make no sense.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{Links, apply};
use crate::wan::link::{Lane, Link};

const HOSTS: [&str; 3] = ["paris", "seoul", "client"];

fn links() -> Links {
    let lane = || Lane::new(Link::clean(Duration::from_millis(1)), 1);
    Links {
        lanes: Arc::new(Mutex::new((0..9).map(|_| lane()).collect())),
        hosts: 3,
    }
}

#[test]
fn a_line_changes_what_it_names() {
    let links = links();
    apply("paris seoul latency=80 loss=3", &links, &HOSTS).unwrap();
    for (from, to) in [(0, 1), (1, 0)] {
        let link = links.link(from, to).unwrap();
        assert_eq!(link.latency, Duration::from_millis(80));
        assert!((link.loss - 0.03).abs() < 1e-9);
    }
    apply("all client cut", &links, &HOSTS).unwrap();
    assert!(links.link(0, 2).unwrap().cut && links.link(2, 1).unwrap().cut);
    apply("client -> paris mend rate=20", &links, &HOSTS).unwrap();
    assert!(!links.link(2, 0).unwrap().cut && links.link(0, 2).unwrap().cut);
    assert_eq!(links.link(2, 0).unwrap().rate_bits, 20_000_000);
}

#[test]
fn a_line_without_sense_changes_nothing() {
    let links = links();
    for line in [
        "",
        "paris",
        "paris seoul",
        "paris rome cut",
        "paris seoul cut loss=101",
        "paris seoul latency=-1",
        "paris seoul latency=NaN",
        "paris seoul speed=1",
    ] {
        assert!(apply(line, &links, &HOSTS).is_err(), "{line:?}");
        assert!(!links.link(0, 1).unwrap().cut, "{line:?}");
    }
}
