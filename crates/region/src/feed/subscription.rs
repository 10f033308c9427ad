//! One subscriber: sends what is new, a manifest each second, and listens to what it says.
//!
//! Memory is bounded by what the subscriber has not read of one push: frames are shared bytes, the
//! next push begins after the last one has left, and it begins from the newest publication.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use link::{FrameError, FrameReceiver, FrameSender, Frames};
use model::{FeedFrame, FeedHello, Revision};
use serve::Drain;
use tokio::{sync::watch, time::MissedTickBehavior};

use super::{
    LiveNodes,
    acks::Place,
    publish::{Newest, Published},
};
use crate::metrics::FeedMetrics;

/// A manifest at least this often; also how soon anything lost is healed.
const MANIFEST_EVERY: Duration = Duration::from_secs(1);
/// Time a subscriber may take for one push; then it is let go, to come back with a snapshot.
const PUSH_MAX: Duration = Duration::from_secs(30);

/// What one subscription works with.
pub(super) struct Subscription {
    pub(super) published: Newest,
    /// The subscriber's POP.
    pub(super) at: String,
    pub(super) live: Arc<dyn LiveNodes>,
    pub(super) place: Place,
    pub(super) metrics: Arc<FeedMetrics>,
    pub(super) drain: Drain,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The subscriber or its connection is gone.
    Gone,
    /// The subscriber did not read.
    Slow,
    /// The subscriber sent something that is no frame of it.
    Malformed,
    /// The view is not for nodes of its role.
    Forbidden,
    /// What it should get is over the link's limit.
    TooLarge,
    /// What it should get cannot be encoded.
    Unspeakable,
    /// This node is going away.
    Drained,
}

/// What the subscriber has, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    /// This revision with this digest, or frames that lead to it are on their way.
    Revision(Revision, u64),
    /// It could not take this revision: only a newer one is worth sending, as a snapshot.
    Refused(Revision),
    /// Nothing that a delta could start from.
    Nothing,
}

impl Ended {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Slow => "slow",
            Self::Malformed => "malformed",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::Unspeakable => "unspeakable",
            Self::Drained => "drained",
        }
    }
}

impl Subscription {
    /// Serves the subscriber until one side ends it.
    pub(super) async fn run(self, hello: FeedHello, frames: Frames) -> Ended {
        let (mut sender, mut receiver) = frames.split();
        let mut has = match hello.have {
            Revision(0) => Has::Nothing,
            have => Has::Revision(have, hello.digest),
        };
        let mut published = self.published.clone();
        let mut live = self.live.changed();
        let mut second = tokio::time::interval(MANIFEST_EVERY);
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let drain = self.drain.clone();
        loop {
            if let Err(ended) = self.push(&mut sender, &mut published, &mut has).await {
                return ended;
            }
            let due = tokio::select! {
                biased;
                () = drain.begun() => {
                    // The subscriber reads the clean end and goes to another region.
                    let _ = tokio::time::timeout(MANIFEST_EVERY, sender.finish()).await;
                    return Ended::Drained;
                }
                heard = self.hear(&mut receiver, &mut has) => match heard {
                    Ok(()) => false,
                    Err(ended) => return ended,
                },
                () = changed(&mut published) => false,
                () = changed(&mut live) => true,
                _ = second.tick() => true,
            };
            if due && let Err(ended) = self.send_manifest(&mut sender).await {
                return ended;
            }
        }
    }

    /// What nodes of the subscriber's POP get now.
    fn newest(&self, published: &Newest) -> Option<Arc<Published>> {
        let editions = published.borrow();
        let newest = editions.as_ref()?.of(&self.at);
        Some(Arc::clone(newest))
    }

    /// Brings the subscriber to the newest publication, if it is behind.
    async fn push(
        &self,
        sender: &mut FrameSender,
        published: &mut Newest,
        has: &mut Has,
    ) -> Result<(), Ended> {
        published.mark_unchanged();
        let Some(newest) = self.newest(published) else {
            return Ok(());
        };
        let from = match *has {
            Has::Revision(revision, digest) => {
                // An older configuration never replaces a newer one: a subscriber that is ahead
                // of this region keeps what it has until the region has caught up.
                let same = revision == newest.revision && digest == newest.digest;
                if same || revision > newest.revision {
                    return Ok(());
                }
                Some((revision, digest))
            }
            Has::Refused(revision) if revision >= newest.revision => return Ok(()),
            Has::Refused(_) | Has::Nothing => None,
        };
        let (wanted, digest) = (newest.revision, newest.digest);
        // A whole view may take its time to encode.
        let making = tokio::task::spawn_blocking(move || newest.frames_from(from));
        let made = self.drain.track(making).await;
        let (kind, frames) = made.ok().and_then(Result::ok).ok_or_else(|| {
            tracing::error!(revision = wanted.0, "a view does not encode");
            Ended::Unspeakable
        })?;
        for frame in frames {
            self.send(sender, kind, frame).await?;
        }
        *has = Has::Revision(wanted, digest);
        Ok(())
    }

    async fn send_manifest(&self, sender: &mut FrameSender) -> Result<(), Ended> {
        let Some(newest) = self.newest(&self.published) else {
            return Ok(());
        };
        let manifest = FeedFrame::Manifest {
            revision: newest.revision,
            digest: newest.digest,
            live: self.live.live(),
        };
        match manifest.encode() {
            Ok(frame) => self.send(sender, "manifest", frame.into()).await,
            Err(error) => {
                tracing::error!(%error, "manifest does not encode");
                Ok(())
            }
        }
    }

    async fn send(
        &self,
        sender: &mut FrameSender,
        kind: &'static str,
        frame: Bytes,
    ) -> Result<(), Ended> {
        let bytes = frame.len();
        self.metrics.sent(kind, bytes);
        match tokio::time::timeout(PUSH_MAX, sender.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(FrameError::TooLarge)) => {
                // Nobody can be told this configuration any more.
                tracing::error!(kind, bytes, "feed frame is over the link's limit");
                Err(Ended::TooLarge)
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, node = self.place.node(), "feed frame cannot be sent");
                Err(Ended::Gone)
            }
            Err(_) => Err(Ended::Slow),
        }
    }

    /// Waits for one frame of the subscriber. Cancel safe: nothing happens before it is there.
    async fn hear(&self, receiver: &mut FrameReceiver, has: &mut Has) -> Result<(), Ended> {
        let Ok(Some(frame)) = receiver.recv().await else {
            return Err(Ended::Gone);
        };
        match FeedFrame::decode(&frame) {
            Ok(FeedFrame::Ack { revision, apply_us }) => self.place.ack(revision, apply_us),
            Ok(FeedFrame::Refused { revision, reason }) => {
                self.metrics.refused();
                let node = self.place.node();
                tracing::warn!(node, revision = revision.0, %reason, "subscriber refused");
                self.place.refused(revision, &reason);
                *has = Has::Refused(revision);
            }
            Ok(FeedFrame::Resync) => *has = Has::Nothing,
            Ok(
                FeedFrame::Snapshot { .. } | FeedFrame::Delta { .. } | FeedFrame::Manifest { .. },
            ) => return Err(Ended::Malformed),
            Err(error) => {
                tracing::warn!(%error, node = self.place.node(), "feed frame does not decode");
                return Err(Ended::Malformed);
            }
        }
        Ok(())
    }
}

/// Waits for a change; forever once there can be no more.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending().await
    }
}
