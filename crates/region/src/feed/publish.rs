//! Projects and encodes each revision once for all subscribers, and keeps the last few steps.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;
use model::{
    Config, EdgeView, FeedFrame, Revision, ZoneView,
    codec::{self, CodecError, Kind},
};
use serve::Drain;
use tokio::sync::watch;

use crate::metrics::FeedMetrics;

/// Steps kept; a subscriber further behind gets a snapshot.
pub(super) const STEPS_MAX: usize = 16;

/// One view at one revision, ready to send.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) revision: Revision,
    pub(super) digest: u64,
    /// A snapshot frame.
    pub(super) snapshot: Bytes,
    /// Oldest first; each one begins where the one before ends, and the last ends here.
    pub(super) steps: VecDeque<Step>,
}

/// What leads from one published revision to the next.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) from: Revision,
    pub(super) from_digest: u64,
    /// A delta frame.
    pub(super) frame: Bytes,
}

/// The newest of a view; none before the first configuration.
pub(super) type Newest = watch::Receiver<Option<Arc<Published>>>;

/// Where subscriptions find what to send.
#[derive(Debug)]
pub(super) struct Publications {
    edge: Newest,
    zone: Newest,
}

/// Where the publisher puts it.
pub(super) struct Publisher {
    edge: watch::Sender<Option<Arc<Published>>>,
    zone: watch::Sender<Option<Arc<Published>>>,
}

/// What the two kinds of view have in common.
trait View: Sized {
    fn of(config: &Config) -> Self;
    fn encode(&self) -> Result<Vec<u8>, CodecError>;
    /// None when only a snapshot can lead to `new`. Deltas are records of kind `Feed`.
    fn encode_delta(&self, new: &Self) -> Option<Result<Vec<u8>, CodecError>>;
}

/// A view with its publication, to make the next delta from.
struct Last<V> {
    view: V,
    published: Arc<Published>,
}

pub(super) fn channel() -> (Publisher, Publications) {
    let (edge, zone) = (watch::Sender::new(None), watch::Sender::new(None));
    let publications = Publications {
        edge: edge.subscribe(),
        zone: zone.subscribe(),
    };
    (Publisher { edge, zone }, publications)
}

impl Publications {
    pub(super) fn of(&self, zone: bool) -> Newest {
        if zone {
            self.zone.clone()
        } else {
            self.edge.clone()
        }
    }
}

impl Published {
    /// The frames that bring a subscriber here from a revision with that digest, and what kind
    /// they are. A chain that is longer than the snapshot is not worth sending.
    pub(super) fn frames_from(&self, have: Option<(Revision, u64)>) -> (&'static str, Vec<Bytes>) {
        let at = |step: &Step| have == Some((step.from, step.from_digest));
        if let Some(first) = self.steps.iter().position(at) {
            let chain: Vec<Bytes> = self
                .steps
                .iter()
                .skip(first)
                .map(|step| step.frame.clone())
                .collect();
            if chain.iter().map(Bytes::len).sum::<usize>() < self.snapshot.len() {
                return ("delta", chain);
            }
        }
        ("snapshot", vec![self.snapshot.clone()])
    }
}

/// Publishes the newest configuration whenever there is a new one, until the drain begins.
pub(super) async fn publish(
    publisher: Publisher,
    mut config: watch::Receiver<Arc<Config>>,
    metrics: Arc<FeedMetrics>,
    drain: Drain,
) {
    let mut edge: Option<Last<EdgeView>> = None;
    let mut zone: Option<Last<ZoneView>> = None;
    loop {
        let newest = Arc::clone(&config.borrow_and_update());
        if newest.cluster.is_some() {
            let began = Instant::now();
            let (old_edge, old_zone) = (edge.take(), zone.take());
            let projecting = tokio::task::spawn_blocking(move || {
                (advance(old_edge, &newest), advance(old_zone, &newest))
            });
            match drain.track(projecting).await {
                Ok((next_edge, next_zone)) => {
                    send(&publisher.edge, next_edge.as_ref());
                    send(&publisher.zone, next_zone.as_ref());
                    (edge, zone) = (next_edge, next_zone);
                }
                Err(error) => tracing::error!(%error, "configuration could not be projected"),
            }
            metrics
                .project_seconds
                .observe(began.elapsed().as_secs_f64());
        }
        tokio::select! {
            biased;
            () = drain.begun() => return,
            changed = config.changed() => if changed.is_err() { return },
        }
    }
}

fn send<V>(to: &watch::Sender<Option<Arc<Published>>>, last: Option<&Last<V>>) {
    if let Some(last) = last {
        to.send_if_modified(|current| {
            let newer = current
                .as_ref()
                .is_none_or(|old| old.revision < last.published.revision);
            if newer {
                *current = Some(Arc::clone(&last.published));
            }
            newer
        });
    }
}

/// The publication of `config`; the one before if it is not newer or does not encode.
fn advance<V: View>(last: Option<Last<V>>, config: &Config) -> Option<Last<V>> {
    if last
        .as_ref()
        .is_some_and(|last| config.revision <= last.published.revision)
    {
        return last;
    }
    let view = V::of(config);
    match encode(last.as_ref(), &view, config.revision) {
        Ok(published) => Some(Last {
            view,
            published: Arc::new(published),
        }),
        Err(error) => {
            tracing::error!(%error, revision = config.revision.0, "view does not encode");
            last
        }
    }
}

fn encode<V: View>(
    last: Option<&Last<V>>,
    view: &V,
    revision: Revision,
) -> Result<Published, CodecError> {
    let encoded = view.encode()?;
    let digest = codec::digest(&encoded);
    let mut steps = VecDeque::new();
    if let Some(last) = last
        && let Some(delta) = last.view.encode_delta(view)
    {
        let from = last.published.revision;
        let delta = FeedFrame::Delta {
            from,
            to: revision,
            digest,
            delta: delta?,
        };
        let frame = delta.encode()?.into();
        steps.extend(last.published.steps.iter().cloned());
        steps.push_back(Step {
            from,
            from_digest: last.published.digest,
            frame,
        });
    }
    while steps.len() > STEPS_MAX {
        steps.pop_front();
    }
    let snapshot = FeedFrame::Snapshot {
        revision,
        digest,
        view: encoded,
    }
    .encode()?
    .into();
    Ok(Published {
        revision,
        digest,
        snapshot,
        steps,
    })
}

impl View for EdgeView {
    fn of(config: &Config) -> Self {
        Self::of(config)
    }

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(Kind::EdgeView, self)
    }

    fn encode_delta(&self, new: &Self) -> Option<Result<Vec<u8>, CodecError>> {
        Some(codec::encode(Kind::Feed, &self.delta(new)?))
    }
}

impl View for ZoneView {
    fn of(config: &Config) -> Self {
        Self::of(config)
    }

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(Kind::ZoneView, self)
    }

    fn encode_delta(&self, new: &Self) -> Option<Result<Vec<u8>, CodecError>> {
        Some(codec::encode(Kind::Feed, &self.delta(new)?))
    }
}
