//! A lane's arithmetic, without time and sockets.

use std::time::Duration;

use super::{Fate, Lane, Link};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_clean_link_delays_and_keeps_the_order() {
    let mut link = Link::clean(ms(40));
    link.rate_bits = 0;
    link.jitter = ms(10);
    let mut lane = Lane::new(link, 1);
    let mut last = Duration::ZERO;
    for at in 0..1_000 {
        let Fate::Arrives(due) = lane.send(ms(at), 1_200) else {
            panic!("nothing is lost");
        };
        assert!(
            due >= ms(at + 40) && due <= ms(at + 50).max(last),
            "{due:?}"
        );
        assert!(due >= last);
        last = due;
    }
    assert_eq!(lane.counts.passed, 1_000);
}

#[test]
fn the_same_seed_loses_the_same_packets() {
    let run = |seed| {
        let mut lane = Lane::new(Link::clean(ms(1)).with_loss(0.03), seed);
        (0..10_000)
            .map(|at| lane.send(ms(at), 100) == Fate::Lost)
            .collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    let lost = run(7).into_iter().filter(|lost| *lost).count();
    assert!((250..350).contains(&lost), "{lost} of 10,000 at 3 %");
}

#[test]
fn a_bottleneck_queues_and_then_drops_the_tail() {
    let mut link = Link::clean(ms(0));
    // 1,000 bytes take 1 ms; ten of them fit.
    link.rate_bits = 8_000_000;
    link.queue_bytes = 10_000;
    let mut lane = Lane::new(link, 1);
    for packet in 1..=10 {
        assert_eq!(lane.send(ms(0), 1_000), Fate::Arrives(ms(packet)));
    }
    assert_eq!(lane.send(ms(0), 1_000), Fate::Overflow);
    assert_eq!(lane.send(ms(1), 1_000), Fate::Arrives(ms(11)));
    assert_eq!(lane.counts.overflow, 1);
}

#[test]
fn a_late_packet_is_overtaken() {
    let mut link = Link::clean(ms(20));
    link.rate_bits = 0;
    link.reorder = 0.2;
    let mut lane = Lane::new(link, 3);
    let due: Vec<Duration> = (0..200)
        .filter_map(|at| match lane.send(ms(at), 100) {
            Fate::Arrives(due) => Some(due),
            _ => None,
        })
        .collect();
    assert_eq!(due.len(), 200);
    let overtaken = due.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert!((15..60).contains(&overtaken), "{overtaken}");
}

#[test]
fn a_cut_link_passes_nothing_until_it_is_mended() {
    let mut lane = Lane::new(Link::clean(ms(5)).with_cut(true), 1);
    assert_eq!(lane.send(ms(0), 100), Fate::Cut);
    lane.link.cut = false;
    assert!(matches!(lane.send(ms(0), 100), Fate::Arrives(_)));
}
