//! Management writes per second through three regions: each writer alters an API of its own, as
//! fast as it is answered.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{cluster::Cluster, quantile, sorted, table};

pub(super) fn measure(cluster: &Cluster, seconds: u32) -> Result<String> {
    let (leader, follower) = cluster.leader_and_follower()?;
    let apis = cluster.make_apis(leader, 16)?;
    let mut rows = Vec::new();
    for (place, region) in [("leader", leader), ("follower", follower)] {
        for writers in [1, 16] {
            let own = apis.get(..writers).context("as many apis as writers")?;
            let (took, ms) = run(cluster, region, own, seconds)?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let rate = ms.len() as f64 / took;
            rows.push(vec![
                place.to_owned(),
                writers.to_string(),
                format!("{rate:.0}"),
                format!("{:.1}", quantile(&ms, 0.5)),
                format!("{:.1}", quantile(&ms, 0.99)),
            ]);
        }
    }
    let head = ["at", "writers", "writes/s", "median ms", "99 % ms"];
    Ok(table("writes through three regions", &head, &rows))
}

/// Seconds that it took, and milliseconds of each write, sorted.
fn run(cluster: &Cluster, region: usize, apis: &[String], seconds: u32) -> Result<(f64, Vec<f64>)> {
    let key = cluster.key()?;
    let (began, limit) = (Instant::now(), Duration::from_secs(seconds.into()));
    let write = |api: &str| -> Result<Vec<f64>> {
        let (mut there, mut ms) = (cluster.management(region)?, Vec::new());
        let path = format!("/v2/apis/{api}");
        while began.elapsed() < limit {
            let body = format!("{{\"description\":\"number {}\"}}", ms.len());
            let sent = Instant::now();
            there.must(&key, "PATCH", &path, body.as_bytes())?;
            ms.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        Ok(ms)
    };
    let all = thread::scope(|scope| {
        let write = &write;
        let writers: Vec<_> = apis
            .iter()
            .map(|api| scope.spawn(move || write(api)))
            .collect();
        let joined = writers.into_iter().map(|writer| {
            let ms = writer.join();
            ms.unwrap_or_else(|_| bail!("a writer panicked"))
        });
        joined.collect::<Result<Vec<_>>>()
    });
    let took = began.elapsed().as_secs_f64();
    Ok((took, sorted(all?.concat())))
}
