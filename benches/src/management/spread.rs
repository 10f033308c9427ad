//! How long a change to one API takes to a POP, among how many APIs, and what each of them weighs.
//!
//! The change turns the API's default endpoint off and on; a client of the POP asks without a pause
//! until the answer is another one. Time runs from the answer to the writer (the change is
//! committed, and applied where it was written) to the first new answer. A change that has arrived
//! before its writer was answered counts as nothing.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    SIZES,
    cluster::{Cluster, Process},
    quantile, sorted, table,
};

/// Changes of which the median is shown.
const CHANGES: usize = 40;
const SERVED_MAX: Duration = Duration::from_secs(30);
/// Time for allocators to give back what they do not need.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) fn measure(cluster: &Cluster) -> Result<String> {
    let (leader, _) = cluster.leader_and_follower()?;
    let (mut rows, mut weights) = (Vec::new(), Vec::new());
    let (mut there, mut first) = (0, None);
    let before = [Process::Region, Process::Pop].map(|process| cluster.resident(process));
    for size in SIZES {
        let made = cluster.make_apis(leader, size - there)?;
        there = size;
        let api = first.get_or_insert_with(|| made.first().cloned().unwrap_or_default());
        thread::sleep(SETTLE);
        let (write, spread) = changes(cluster, leader, api)?;
        rows.push(vec![
            size.to_string(),
            format!("{:.1}", quantile(&write, 0.5)),
            format!("{:.1}", quantile(&spread, 0.5)),
            format!("{:.1}", quantile(&spread, 0.9)),
        ]);
    }
    thread::sleep(SETTLE);
    for (process, before) in [Process::Region, Process::Pop].into_iter().zip(before) {
        let grown = cluster.resident(process)?.saturating_sub(before?);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let (all, each) = (grown as f64 / 1e6, grown as f64 / there as f64);
        weights.push(vec![
            format!("{process:?}"),
            format!("{all:.1}"),
            format!("{each:.0}"),
        ]);
    }
    let head = ["APIs", "write ms", "commit to POP ms", "90 % ms"];
    let spread = table("a change to one API", &head, &rows);
    let head = ["process", "MB for 10,000 APIs", "bytes per API"];
    Ok(spread + &table("memory", &head, &weights))
}

/// Milliseconds of each write, and from its answer to the POP's, both sorted.
fn changes(cluster: &Cluster, region: usize, api: &str) -> Result<(Vec<f64>, Vec<f64>)> {
    let key = cluster.key()?;
    let (mut writer, host) = (cluster.management(region)?, cluster.host(api)?);
    let mut client = cluster.pop()?;
    let status = client.get(&host, "/")?.status;
    if status != 200 {
        bail!("{host} answers {status} at the pop");
    }
    let (mut write, mut spread) = (Vec::new(), Vec::new());
    for change in 0..CHANGES {
        let off = change % 2 == 0;
        let body = format!("{{\"disableExecuteApiEndpoint\":{off}}}");
        let (sent, served) = thread::scope(|scope| -> Result<_> {
            let watching = scope.spawn(|| wait_until(&mut client, &host, !off));
            let sent = Instant::now();
            writer.must(&key, "PATCH", &format!("/v2/apis/{api}"), body.as_bytes())?;
            let answered = Instant::now();
            let served = watching.join();
            let served = served.unwrap_or_else(|_| bail!("a client panicked"))?;
            write.push((answered - sent).as_secs_f64() * 1e3);
            Ok((answered, served))
        })?;
        spread.push(served.saturating_duration_since(sent).as_secs_f64() * 1e3);
    }
    Ok((sorted(write), sorted(spread)))
}

/// When the first answer came that was as asked for: with a body of the backend, or not.
fn wait_until(
    client: &mut super::connection::Connection,
    host: &str,
    serves: bool,
) -> Result<Instant> {
    let deadline = Instant::now() + SERVED_MAX;
    loop {
        let answer = client.get(host, "/").context("the pop does not answer")?;
        let now = Instant::now();
        if (answer.status == 200) == serves {
            return Ok(now);
        }
        if now > deadline {
            bail!("{host} still answers {} at the pop", answer.status);
        }
        // Enough for a tenth of a millisecond, and not a core's worth of requests.
        thread::sleep(Duration::from_micros(100));
    }
}
