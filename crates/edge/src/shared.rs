//! What all workers of a POP share. Everything in it is read without waiting.

use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;
use plan::edge::EdgePlan;
use serve::Drain;
use tokio::sync::Semaphore;

use crate::cache::{Cache, StatusLine};
use crate::clock::{Clock, millis};
use crate::heads::HeadTimes;
use crate::lane::Lanes;
use crate::latency::Latency;
use crate::metrics::Metrics;
use crate::ranged::WHOLE_FILLS_MAX;
use crate::settings::EdgeSettings;
use crate::steering::Steering;

/// The shared part of a POP.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: EdgeSettings,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) steering: Steering,
    pub(crate) lanes: Lanes,
    pub(crate) cache: Cache,
    pub(crate) latency: Latency,
    pub(crate) plan: ArcSwap<EdgePlan>,
    pub(crate) status_line: StatusLine,
    pub(crate) heads: HeadTimes,
    /// Answers that may be fetched whole for clients that want parts.
    pub(crate) whole_fills: Arc<Semaphore>,
    /// For fills that outlive the request that began them.
    pub(crate) drain: Drain,
    /// `Via`, both ways. What a POP and a region speak is not HTTP on the wire, but means 1.1.
    pub(crate) via: HeaderValue,
    /// `X-Amz-Cf-Pop`.
    pub(crate) pop_name: HeaderValue,
}

impl Shared {
    /// None if the POP's name cannot stand in a header.
    pub(crate) fn new(settings: EdgeSettings, metrics: Arc<Metrics>, drain: Drain) -> Option<Self> {
        let name = &settings.pop;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || !name.bytes().all(plain) {
            return None;
        }
        let (bytes, object_bytes) = (settings.cache_bytes, settings.object_bytes_max);
        let via = HeaderValue::from_str(&format!("1.1 {name}.edgeway (edgeway)")).ok();
        Some(Self {
            clock: Clock::start(),
            cache: Cache::new(bytes, object_bytes, settings.compress, Arc::clone(&metrics)),
            metrics,
            steering: Steering::new(),
            lanes: Lanes::default(),
            latency: Latency::default(),
            plan: ArcSwap::default(),
            status_line: StatusLine::new(name),
            heads: HeadTimes::default(),
            whole_fills: Arc::new(Semaphore::new(WHOLE_FILLS_MAX)),
            drain,
            via: via?,
            pop_name: HeaderValue::from_str(name).ok()?,
            settings,
        })
    }

    pub(crate) fn head_timeout_ms(&self) -> u64 {
        millis(self.settings.head_timeout)
    }

    pub(crate) fn stale_ms_max(&self) -> u64 {
        millis(self.settings.stale_max)
    }
}
