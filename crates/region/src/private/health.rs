//! How a connector's upstreams are: checked at intervals, told to regions as a number that rises
//! with every change, which probes carry, and as a list for whoever asks then.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Request, StatusCode, Uri};
use serve::{Body, Drain};

use super::{OfferedUpstream, Upstream, UpstreamHealth, metrics::ConnectorMetrics};
use crate::upstream::Upstreams;

/// How an upstream is watched.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    /// A path that answers 2xx or 3xx while all is well.
    pub path: String,
    /// Between two checks.
    pub interval: Duration,
    /// For the answer's head.
    pub timeout: Duration,
}

/// Failures in a row that make an upstream unhealthy; one success heals it.
const FAILURES_MAX: u32 = 2;

/// What is known of a connector's upstreams.
pub(super) struct Board {
    upstreams: Mutex<BTreeMap<String, OfferedUpstream>>,
    /// Rises with every change.
    revision: AtomicU64,
}

impl Board {
    pub(super) fn new<'a>(upstreams: impl Iterator<Item = &'a Upstream>) -> Self {
        let offers = upstreams.map(|upstream| {
            let offer = OfferedUpstream {
                name: upstream.name.clone(),
                health: UpstreamHealth::Unchecked,
                reason: String::new(),
            };
            (upstream.name.clone(), offer)
        });
        Self {
            upstreams: Mutex::new(offers.collect()),
            revision: AtomicU64::new(1),
        }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    pub(super) fn offers(&self) -> Vec<OfferedUpstream> {
        let upstreams = self
            .upstreams
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        upstreams.values().cloned().collect()
    }

    /// Notes how an upstream is now.
    pub(super) fn note(&self, name: &str, health: UpstreamHealth, reason: &str) {
        let mut upstreams = self
            .upstreams
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(known) = upstreams.get_mut(name) else {
            return;
        };
        if known.health == health && known.reason == reason {
            return;
        }
        if known.health != health {
            tracing::info!(
                upstream = name,
                health = health.as_str(),
                reason,
                "upstream"
            );
        }
        known.health = health;
        reason.clone_into(&mut known.reason);
        drop(upstreams);
        self.revision.fetch_add(1, Ordering::Release);
    }
}

/// Watches one upstream until the drain begins.
pub(super) async fn watch(
    (upstream, check): (Upstream, HealthCheck),
    board: Arc<Board>,
    (client, metrics): (Arc<Upstreams>, Arc<ConnectorMetrics>),
    drain: Drain,
) {
    let mut failures = 0;
    loop {
        let looked = look(&client, &upstream, &check).await;
        let result = looked.as_ref().map_or_else(|reason| &**reason, |()| "ok");
        failures = if looked.is_ok() { 0 } else { failures + 1 };
        if looked.is_ok() {
            board.note(&upstream.name, UpstreamHealth::Healthy, "");
        } else if failures >= FAILURES_MAX {
            board.note(&upstream.name, UpstreamHealth::Unhealthy, result);
        }
        metrics.checked(&upstream.name, result, failures < FAILURES_MAX);
        tokio::select! {
            () = tokio::time::sleep(check.interval) => {}
            () = drain.begun() => return,
        }
    }
}

/// One check.
async fn look(client: &Upstreams, upstream: &Upstream, check: &HealthCheck) -> Result<(), String> {
    let uri: Uri = check.path.parse().map_err(|_| "bad_path".to_owned())?;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    let origin = upstream.origin(None);
    let calling = client.call(&origin, request);
    match tokio::time::timeout(check.timeout, calling).await {
        Err(_) => Err("upstream_timeout".to_owned()),
        Ok(Err(error)) => Err(error.reason().to_owned()),
        Ok(Ok(response)) => match response.status() {
            status if status.is_success() || status.is_redirection() => Ok(()),
            status => Err(word(status)),
        },
    }
}

/// A bounded label.
fn word(status: StatusCode) -> String {
    format!("status_{}xx", status.as_u16() / 100)
}

#[cfg(test)]
mod tests {
    use super::{Board, UpstreamHealth};
    use crate::private::{Upstream, UpstreamTls};

    #[test]
    fn a_change_is_noticed_and_nothing_else() {
        let upstream = Upstream {
            name: "orders".to_owned(),
            host: "::1".to_owned(),
            port: 80,
            tls: UpstreamTls::Asked,
            server_name: None,
            health: None,
        };
        assert_eq!(&*upstream.origin(None).authority, "[::1]");
        assert_eq!(&*upstream.origin(Some("a.test")).authority, "[::1]:80");
        let board = Board::new([upstream].iter());
        assert_eq!(board.offers()[0].health, UpstreamHealth::Unchecked);
        let first = board.revision();
        board.note("orders", UpstreamHealth::Unhealthy, "upstream_timeout");
        assert!(board.revision() > first);
        let second = board.revision();
        board.note("orders", UpstreamHealth::Unhealthy, "upstream_timeout");
        board.note("other", UpstreamHealth::Healthy, "");
        assert_eq!(board.revision(), second);
        assert_eq!(board.offers().len(), 1);
        assert_eq!(board.offers()[0].reason, "upstream_timeout");
    }
}
