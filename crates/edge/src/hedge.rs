//! A second call when the first is late: the first answer wins, the other call is cancelled.
//!
//! "Late" is the region's own 95th percentile of the last seconds, as this POP saw it. Only for
//! requests that are safe and have no body, within a budget of 5 % of all requests: a slow region
//! must not double the load of the others.

use std::pin::pin;
use std::sync::Arc;

use http::Method;
use link::CallError;
use model::NodeId;
use serve::{Lender, Response};

use crate::forward::{Forwarder, Outgoing, Place};
use crate::metrics::Hedge;
use crate::paths::Path;

/// What came of one call, or of two.
pub(crate) struct Outcome {
    pub(crate) result: Result<Response, CallError>,
    /// Who answered, or failed last.
    pub(crate) path: Arc<Path>,
    pub(crate) hedge: Option<Hedge>,
    /// The call went by way of another POP, and there was no second one.
    pub(crate) relayed: bool,
}

/// Whether a second call may be made for a request.
pub(crate) fn may_hedge(method: &Method, lender: &Lender) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && matches!(lender, Lender::Empty)
}

impl Forwarder {
    /// Calls `place`, and another one too if that takes too long. Nodes that failed are added to
    /// `passed`.
    pub(crate) async fn call_hedged(
        &self,
        outgoing: Outgoing<'_>,
        place: Place,
        left_ms: u64,
        passed: &mut Vec<NodeId>,
    ) -> Outcome {
        let (path, relayed) = (Arc::clone(&place.path), place.via.is_some());
        let late_after = path.lane.late_after();
        let mut first = pin!(self.call(outgoing, serve::Body::empty(), place, left_ms));
        let alone = |result| Outcome {
            result,
            path: Arc::clone(&path),
            hedge: None,
            relayed,
        };
        let Some(late_after) = late_after else {
            return alone(first.await);
        };
        tokio::select! {
            biased;
            result = &mut first => return alone(result),
            () = tokio::time::sleep(late_after) => {}
        }
        passed.push(path.node.id);
        let second = match self.second(&path, passed) {
            Ok(place) => place,
            Err(why) => {
                self.core.metrics.hedge(why);
                return alone(first.await);
            }
        };
        let other = Arc::clone(&second.path);
        let left_ms = left_ms.saturating_sub(crate::clock::millis(late_after));
        let mut second = Box::pin(self.call(outgoing, serve::Body::empty(), second, left_ms));
        // The future that is left behind is dropped on return, which resets its stream.
        let (result, path, won) = tokio::select! {
            biased;
            result = &mut first => match result {
                Ok(response) => (Ok(response), path, Hedge::Lost),
                Err(_) => (second.await, other, Hedge::Won),
            },
            result = &mut second => match result {
                Ok(response) => (Ok(response), other, Hedge::Won),
                Err(_) => {
                    passed.push(other.node.id);
                    (first.await, path, Hedge::Lost)
                }
            },
        };
        let hedge = if result.is_ok() { won } else { Hedge::Failed };
        self.core.metrics.hedge(hedge);
        Outcome {
            result,
            path,
            hedge: Some(hedge),
            relayed: false,
        }
    }

    /// A place for a second call: in another region, for what makes one node slow often makes its
    /// neighbours slow; not where it would meet a queue.
    fn second(&self, first: &Path, passed: &[NodeId]) -> Result<Place, Hedge> {
        let order = self.core.steering.order();
        let candidate = order.besides(&first.region, passed).ok_or(Hedge::NoNode)?;
        let path = self.paths.find(candidate.node).ok_or(Hedge::NoNode)?;
        if path.lane.is_hot() {
            return Err(Hedge::NoNode);
        }
        let now_ms = self.core.clock.now_ms();
        if !self.core.steering.withdraw_hedge(now_ms) {
            return Err(Hedge::Budget);
        }
        let ride = path.lane.enter().ok_or(Hedge::NoNode)?;
        let via = self.via(&order, candidate.node);
        Ok(Place { path, ride, via })
    }
}
