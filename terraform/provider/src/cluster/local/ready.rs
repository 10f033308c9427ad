//! Waits until a node says that it serves.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{files::Folder, process::Daemon};
use crate::framework::Note;

const LOOK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Until `/ready` at `ops` says yes; without an address, until the node has its identity.
pub(super) async fn wait(
    daemon: &Daemon,
    ops: Option<&str>,
    folder: &Folder,
    limit: Duration,
) -> Result<(), Note> {
    let begun = Instant::now();
    loop {
        let ready = match ops {
            Some(ops) => is_ready(ops).await,
            None => folder.identity().is_ok(),
        };
        // Somebody else may listen where this one could not.
        let lives = daemon.lives();
        if ready && lives {
            return Ok(());
        }
        let (seconds, log) = (limit.as_secs(), folder.log_tail());
        if !lives {
            let detail = format!("Its log ends with:\n{log}");
            return Err(Note::error("The node ended while it started", detail));
        }
        if begun.elapsed() >= limit {
            let detail = format!("Not within {seconds} s. Its log ends with:\n{log}");
            return Err(Note::error("The node does not become ready", detail));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The first of these addresses where a node says that it lives.
pub(super) async fn first_alive(all: &[String]) -> Option<String> {
    for ops in all {
        if says_yes(ops, "/live").await {
            return Some(ops.clone());
        }
    }
    None
}

async fn is_ready(ops: &str) -> bool {
    says_yes(ops, "/ready").await
}

async fn says_yes(ops: &str, path: &str) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(ops).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {ops}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.ok()?;
        Some(status == *b"HTTP/1.1 200")
    };
    matches!(
        tokio::time::timeout(ANSWER_WITHIN, asked).await,
        Ok(Some(true))
    )
}
