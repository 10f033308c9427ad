//! The thread that writes the log.
//!
//! All writes pass through it in order. It takes what has queued up, makes it durable with one
//! sync, and only then answers: so whatever a caller was told has been written survives a power
//! loss. The committed position is a hint for the next start; it waits for a write to travel with,
//! but not for long.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Instant,
};

use tokio::sync::oneshot;

use super::file::{LogFile, Write};
use crate::{limits, metrics::Metrics, types::LogId};

/// What a caller is told: done, or why not.
pub(super) type Answer = Result<(), io::Error>;

struct Job {
    write: Write,
    /// None when nobody waits for it.
    answer: Option<oneshot::Sender<Answer>>,
}

/// Hands writes to the thread. When the last copy is dropped the thread writes what is left and
/// ends. Its queue is short: openraft waits for each of its writes.
#[derive(Clone)]
pub(super) struct Writer(Sender<Job>);

impl Writer {
    /// Starts the thread.
    pub(super) fn start(file: Arc<LogFile>, metrics: Arc<Metrics>) -> io::Result<Self> {
        let (sender, jobs) = channel();
        thread::Builder::new()
            .name("ledger-log".to_owned())
            .spawn(move || run(&file, &jobs, &metrics))?;
        Ok(Self(sender))
    }

    /// Writes and waits until it is durable.
    pub(super) async fn write(&self, write: Write) -> Answer {
        let (answer, done) = oneshot::channel();
        let job = Job {
            write,
            answer: Some(answer),
        };
        self.0.send(job).map_err(|_| stopped())?;
        done.await.map_err(|_| stopped())?
    }

    /// Remembers the committed position soon, and does not wait for it.
    pub(super) fn committed(&self, committed: Option<LogId>) -> Answer {
        let job = Job {
            write: Write::Committed(committed),
            answer: None,
        };
        self.0.send(job).map_err(|_| stopped())
    }
}

fn stopped() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the log's writer has ended")
}

fn run(file: &LogFile, jobs: &Receiver<Job>, metrics: &Metrics) {
    while let Ok(first) = jobs.recv() {
        let mut queued = vec![first];
        drain(jobs, &mut queued);
        if queued.iter().all(|job| job.answer.is_none()) {
            match jobs.recv_timeout(limits::COMMITTED_LAZINESS) {
                Ok(job) => {
                    queued.push(job);
                    drain(jobs, &mut queued);
                }
                // Disconnected: write it now, the next `recv` ends the loop.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        let begun = Instant::now();
        let result = file.write(queued.iter().map(|job| &job.write));
        metrics.append_fsync.observe(begun.elapsed().as_secs_f64());
        answer(queued, result.map_err(|fault| fault.to_string()));
    }
}

fn drain(jobs: &Receiver<Job>, queued: &mut Vec<Job>) {
    while queued.len() < limits::WRITES_PER_SYNC_MAX {
        let Ok(job) = jobs.try_recv() else { return };
        queued.push(job);
    }
}

fn answer(queued: Vec<Job>, result: Result<(), String>) {
    if let Err(what) = &result {
        tracing::error!(%what, "the ledger's log cannot be written");
    }
    for job in queued {
        if let Some(answer) = job.answer {
            // The caller may have gone away: then nobody needs to know.
            drop(answer.send(result.clone().map_err(io::Error::other)));
        }
    }
}
