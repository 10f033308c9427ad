//! Processes that outlive what started them: known again, ended, and never mistaken.

use std::{fs::File, time::Duration};

use super::{Daemon, spawn};

fn sleeper(script: &str) -> Daemon {
    let words = ["setsid", "sh", "-c", script].map(str::to_owned);
    let log = File::options().write(true).open("/dev/null").unwrap();
    spawn(&words, &[], log).unwrap()
}

#[tokio::test]
async fn a_daemon_is_ended_once_and_never_taken_for_another() {
    let daemon = sleeper("sleep 600");
    assert!(daemon.lives());
    let stranger = Daemon {
        started: daemon.started + 1,
        ..daemon
    };
    assert!(!stranger.lives());
    stranger.stop(Duration::from_secs(5)).await.unwrap();
    assert!(daemon.lives());
    for _ in 0..2 {
        daemon.stop(Duration::from_secs(30)).await.unwrap();
        assert!(!daemon.lives());
    }
}

#[tokio::test]
async fn one_that_does_not_listen_is_killed() {
    let daemon = sleeper("trap '' TERM; while :; do sleep 1; done");
    daemon.stop(Duration::from_millis(100)).await.unwrap();
    assert!(!daemon.lives());
}
