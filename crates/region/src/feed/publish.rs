//! Projects and encodes each revision once for all subscribers, and keeps the last few steps.
//!
//! A change costs what it changes: the next projection is made from the last one, its digest from
//! the sums of what stayed, and a whole view is only encoded once somebody needs a snapshot.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
    time::Instant,
};

use bytes::Bytes;
use model::{
    Config, EdgeView, FeedFrame, PopName, Revision, Sum, ZoneView,
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
    snapshot: Snapshot,
    /// Oldest first; each one begins where the one before ends, and the last ends here.
    pub(super) steps: VecDeque<Step>,
}

/// A snapshot frame, encoded when the first subscriber needs it.
#[derive(Debug)]
struct Snapshot {
    view: Arc<dyn View>,
    /// Bytes that it takes, nearly.
    bytes: u64,
    frame: OnceLock<Bytes>,
}

/// What leads from one published revision to the next.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) from: Revision,
    pub(super) from_digest: u64,
    /// A delta frame.
    pub(super) frame: Bytes,
}

/// The newest of a view, for most and for POPs where a rollout begins.
#[derive(Clone, Debug)]
pub(super) struct Editions {
    most: Arc<Published>,
    trial: BTreeMap<String, Arc<Published>>,
}

/// The newest of a view; none before the first configuration.
pub(super) type Newest = watch::Receiver<Option<Editions>>;

/// Where subscriptions find what to send.
#[derive(Debug)]
pub(super) struct Publications {
    edge: Newest,
    zone: Newest,
}

/// Where the publisher puts it.
pub(super) struct Publisher {
    edge: watch::Sender<Option<Editions>>,
    zone: watch::Sender<Option<Editions>>,
}

/// What the two kinds of view have in common.
trait View: std::fmt::Debug + Send + Sync {
    fn sum(&self) -> Sum;
    fn encode(&self) -> Result<Vec<u8>, CodecError>;
}

/// What leads from one view to the next.
trait Project: View + Default + 'static {
    /// The projection of `config`; `self` is that of `before`.
    fn next(&self, before: &Config, config: &Config) -> Self;
    /// None when only a snapshot can lead to `new`. Deltas are records of kind `Feed`.
    fn encode_delta(&self, new: &Self) -> Option<Result<Vec<u8>, CodecError>>;
}

/// A view with its publication and what it is of, to make the next one from.
struct Last<V> {
    view: Arc<V>,
    config: Config,
    published: Arc<Published>,
}

impl<V> Clone for Last<V> {
    fn clone(&self) -> Self {
        Self {
            view: Arc::clone(&self.view),
            config: self.config.clone(),
            published: Arc::clone(&self.published),
        }
    }
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

impl Editions {
    /// What nodes of that place get.
    pub(super) fn of(&self, place: &str) -> &Arc<Published> {
        self.trial.get(place).unwrap_or(&self.most)
    }
}

impl Published {
    /// The frames that bring a subscriber here from a revision with that digest, and what kind
    /// they are. A chain that is longer than the snapshot is not worth sending.
    ///
    /// # Errors
    /// The snapshot does not encode.
    pub(super) fn frames_from(
        &self,
        have: Option<(Revision, u64)>,
    ) -> Result<(&'static str, Vec<Bytes>), CodecError> {
        let at = |step: &Step| have == Some((step.from, step.from_digest));
        if let Some(first) = self.steps.iter().position(at) {
            let chain: Vec<Bytes> = self
                .steps
                .iter()
                .skip(first)
                .map(|step| step.frame.clone())
                .collect();
            let bytes: u64 = chain.iter().map(|frame| frame.len() as u64).sum();
            if bytes < self.snapshot.bytes {
                return Ok(("delta", chain));
            }
        }
        Ok(("snapshot", vec![self.snapshot_frame()?]))
    }

    fn snapshot_frame(&self) -> Result<Bytes, CodecError> {
        if let Some(frame) = self.snapshot.frame.get() {
            return Ok(frame.clone());
        }
        let frame = FeedFrame::Snapshot {
            revision: self.revision,
            digest: self.digest,
            view: self.snapshot.view.encode()?,
        };
        let frame = Bytes::from(frame.encode()?);
        Ok(self.snapshot.frame.get_or_init(|| frame).clone())
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
    let mut trial: BTreeMap<PopName, Last<EdgeView>> = BTreeMap::new();
    let mut zone: Option<Last<ZoneView>> = None;
    loop {
        let newest = Arc::clone(&config.borrow_and_update());
        if newest.cluster.is_some() {
            let began = Instant::now();
            let (old_edge, old_zone) = (edge.take(), zone.take());
            let old_trial = std::mem::take(&mut trial);
            let projecting = tokio::task::spawn_blocking(move || {
                let trial = advance_trials(old_trial, old_edge.as_ref(), &newest);
                let released = newest.released();
                let (edge, zone) = (advance(old_edge, &released), advance(old_zone, &released));
                (edge, zone, trial)
            });
            match drain.track(projecting).await {
                Ok((next_edge, next_zone, next_trial)) => {
                    send(&publisher.edge, next_edge.as_ref(), &next_trial);
                    send(&publisher.zone, next_zone.as_ref(), &BTreeMap::new());
                    (edge, zone, trial) = (next_edge, next_zone, next_trial);
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

/// Views of POPs where a rollout begins; each goes on from its own last one, or from what the POP
/// had with all others.
fn advance_trials(
    mut old: BTreeMap<PopName, Last<EdgeView>>,
    most: Option<&Last<EdgeView>>,
    config: &Config,
) -> BTreeMap<PopName, Last<EdgeView>> {
    let pops = config.trial_pops().into_iter();
    pops.filter_map(|pop| {
        let last = old.remove(&pop).or_else(|| most.cloned());
        let next = advance(last, &config.seen_by_pop(&pop))?;
        Some((pop, next))
    })
    .collect()
}

fn send<V>(
    to: &watch::Sender<Option<Editions>>,
    last: Option<&Last<V>>,
    trial: &BTreeMap<PopName, Last<V>>,
) {
    if let Some(last) = last {
        to.send_if_modified(|current| {
            let newer = current
                .as_ref()
                .is_none_or(|old| old.most.revision < last.published.revision);
            if newer {
                let trial = trial.iter();
                *current = Some(Editions {
                    most: Arc::clone(&last.published),
                    trial: trial
                        .map(|(pop, last)| (pop.to_string(), Arc::clone(&last.published)))
                        .collect(),
                });
            }
            newer
        });
    }
}

/// The publication of `config`; the one before if it is not newer or does not encode.
fn advance<V: Project>(last: Option<Last<V>>, config: &Config) -> Option<Last<V>> {
    if last
        .as_ref()
        .is_some_and(|last| config.revision <= last.published.revision)
    {
        return last;
    }
    let view = Arc::new(match &last {
        Some(last) => last.view.next(&last.config, config),
        None => V::default().next(&Config::default(), config),
    });
    match published(last.as_ref(), &view, config.revision) {
        Ok(published) => Some(Last {
            view,
            config: config.clone(),
            published: Arc::new(published),
        }),
        Err(error) => {
            tracing::error!(%error, revision = config.revision.0, "view does not encode");
            last
        }
    }
}

fn published<V: Project>(
    last: Option<&Last<V>>,
    view: &Arc<V>,
    revision: Revision,
) -> Result<Published, CodecError> {
    let Sum { digest, bytes } = view.sum();
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
    let view: Arc<dyn View> = Arc::<V>::clone(view);
    Ok(Published {
        revision,
        digest,
        snapshot: Snapshot {
            view,
            bytes,
            frame: OnceLock::new(),
        },
        steps,
    })
}

impl View for EdgeView {
    fn sum(&self) -> Sum {
        Self::sum(self)
    }

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode_at(self.format, Kind::EdgeView, self)
    }
}

impl Project for EdgeView {
    fn next(&self, before: &Config, config: &Config) -> Self {
        Self::next(self, before, config)
    }

    fn encode_delta(&self, new: &Self) -> Option<Result<Vec<u8>, CodecError>> {
        Some(codec::encode_at(new.format, Kind::Feed, &self.delta(new)?))
    }
}

impl View for ZoneView {
    fn sum(&self) -> Sum {
        Self::sum(self)
    }

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode_at(self.format, Kind::ZoneView, self)
    }
}

impl Project for ZoneView {
    fn next(&self, before: &Config, config: &Config) -> Self {
        Self::next(self, before, config)
    }

    fn encode_delta(&self, new: &Self) -> Option<Result<Vec<u8>, CodecError>> {
        Some(codec::encode_at(new.format, Kind::Feed, &self.delta(new)?))
    }
}
