//! Settings of rates and quotas of REST APIs. The limits themselves are configuration.

use serde::{Deserialize, Serialize};
use steer::limits::Mode;

/// How limits are kept; the same on all region nodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Throttling {
    /// How nodes keep limits together.
    pub mode: Mode,
    /// Answers under a usage plan say what is left (`RateLimit`), refusals when to come again
    /// (`Retry-After`).
    pub headers: bool,
    /// Requests a second of all REST APIs together; 0: no such limit.
    pub account_rate: f64,
    /// Requests at once of all REST APIs together.
    pub account_burst: u32,
}

impl Default for Throttling {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            headers: true,
            account_rate: 0.0,
            account_burst: 5_000,
        }
    }
}

impl Throttling {
    /// As the region takes them; none when the rate is no number that can be kept.
    pub(crate) fn limits(self) -> Option<region::LimitSettings> {
        let rate = model::rest::Millionths::of(self.account_rate)?;
        Some(region::LimitSettings {
            mode: self.mode,
            headers: self.headers,
            account: (rate.0 > 0).then_some((rate.0, self.account_burst)),
        })
    }
}
