//! What counts as a round trip.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Rtt, Timed};

#[tokio::test]
async fn the_time_between_our_bytes_and_the_next_of_theirs_is_measured() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let mut timed = Timed::new(ours);
    let client = tokio::spawn(async move {
        theirs.write_all(b"hello").await.unwrap();
        let mut flight = [0; 6];
        theirs.read_exact(&mut flight).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        theirs.write_all(b"finished").await.unwrap();
    });
    let mut bytes = [0; 8];
    timed.read_exact(&mut bytes[..5]).await.unwrap();
    timed.write_all(b"flight").await.unwrap();
    timed.read_exact(&mut bytes).await.unwrap();
    let rtt = timed.finish().time().unwrap();
    assert!(rtt >= Duration::from_millis(30), "{rtt:?}");
    client.await.unwrap();
}

#[test]
fn a_connection_is_one_sample() {
    let rtt = Rtt::of(Duration::from_millis(3));
    let clone = rtt.clone();
    assert_eq!((rtt.take_us(), clone.take_us()), (Some(3_000), None));
    assert_eq!(rtt.time(), Some(Duration::from_millis(3)));
    assert_eq!(Rtt::default().take_us(), None);
}
