//! What stages of REST APIs have besides a deployment and variables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::word::words;
use crate::{ClientCertificateId, DeploymentId};

/// A number of the management API that may have decimals, in millionths, so that equal numbers are
/// equal everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Millionths(pub u64);

/// Settings of a REST API's stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSettings {
    /// Whether it has a cache.
    pub cache_cluster: bool,
    /// The cache's size in GB, as Amazon writes it.
    pub cache_size: Option<String>,
    /// Settings by `PATH/VERB`, where the path has no first slash and `*/*` stands for the rest.
    pub method_settings: BTreeMap<String, MethodSetting>,
    /// A documentation version of the API.
    pub documentation_version: Option<String>,
    /// Where requests are recorded.
    pub access_log: Option<AccessLog>,
    /// A second deployment that gets some of the requests.
    pub canary: Option<Canary>,
    /// Requests are traced.
    pub tracing: bool,
    /// Shown to backends.
    pub client_certificate: Option<ClientCertificateId>,
    /// How often its cache has been emptied; part of what is served.
    pub cache_flushes: u64,
    /// How often its authorizers' decisions have been forgotten.
    pub authorizer_flushes: u64,
}

/// Where requests are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLog {
    /// An ARN.
    pub destination: Option<String>,
    /// A line with `$context` variables.
    pub format: Option<String>,
}

/// A second deployment that gets some of the requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// How many of a hundred requests it gets.
    pub percent: Millionths,
    /// The deployment.
    pub deployment: Option<DeploymentId>,
    /// Variables that it sees instead of the stage's.
    pub variables: BTreeMap<String, String>,
    /// Whether it shares the stage's cache.
    pub use_stage_cache: bool,
}

words! {
    /// How much of a request is logged.
    LogLevel {
        /// Nothing.
        Off = "OFF",
        /// What went wrong.
        Error = "ERROR",
        /// Everything.
        Info = "INFO",
    }
}

words! {
    /// What happens to a request that wants a fresh answer but may not.
    CacheControlStrategy {
        /// It is refused.
        Fail = "FAIL_WITH_403",
        /// It is answered from the cache with a warning.
        Warn = "SUCCEED_WITH_RESPONSE_HEADER",
        /// It is answered from the cache.
        Ignore = "SUCCEED_WITHOUT_RESPONSE_HEADER",
    }
}

/// Settings of a method, or of all methods, at a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodSetting {
    /// Detailed metrics.
    pub metrics: bool,
    /// How much is logged, once set.
    pub log_level: Option<LogLevel>,
    /// Whole requests are logged.
    pub data_trace: bool,
    /// Requests at once.
    pub burst_limit: u32,
    /// Requests a second.
    pub rate_limit: Millionths,
    /// Answers are cached.
    pub caching: bool,
    /// Seconds for which an answer is cached.
    pub cache_ttl_s: u32,
    /// Cached answers are encrypted.
    pub cache_encrypted: bool,
    /// Only authorized requests may ask for a fresh answer.
    pub cache_control_authorized: bool,
    /// What happens to others.
    pub unauthorized_cache_control: CacheControlStrategy,
}

impl Default for MethodSetting {
    fn default() -> Self {
        Self {
            metrics: false,
            log_level: None,
            data_trace: false,
            burst_limit: 5_000,
            rate_limit: Millionths(10_000_000_000),
            caching: false,
            cache_ttl_s: 300,
            cache_encrypted: false,
            cache_control_authorized: true,
            unauthorized_cache_control: CacheControlStrategy::Warn,
        }
    }
}

impl Millionths {
    /// The nearest number that can be kept; none for what is negative, too large or no number.
    #[must_use]
    pub fn of(number: f64) -> Option<Self> {
        let scaled = (number * 1e6).round();
        // Whole numbers up to 2^53 are exact.
        if !(0.0..=9_007_199_254_740_992.0).contains(&scaled) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a whole number within u64, as checked above"
        )]
        Some(Self(scaled as u64))
    }

    /// The number.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a number made by `of` is below 2^53, and a larger one only loses decimals"
    )]
    pub fn number(self) -> f64 {
        self.0 as f64 / 1e6
    }
}
