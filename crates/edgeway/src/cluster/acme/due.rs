//! What is to be ordered, and when: pure, so that it can be tested with any clock.

use model::{Certificate, Config};

/// The first pause after a failure. With its doubling, a name fails at most five times an hour,
/// which is what the strictest public authority allows.
const PAUSE_MS: u64 = 120_000;
/// The longest pause.
const PAUSE_MS_MAX: u64 = 6 * 3_600_000;
/// No renewal sooner after an issue, however short the certificate's life.
const RENEW_MS_MIN: u64 = 5_000;

/// A certificate that has been issued.
pub(super) struct Issued {
    pub(super) certificate: Certificate,
    pub(super) not_before_ms: u64,
    pub(super) now_ms: u64,
}

/// The certificate whose turn it is: all its names are custom domains of ours, and its time has
/// come. The one that waits longest first.
pub(super) fn next(config: &Config, now_ms: u64) -> Option<&Certificate> {
    config.acme.settings.as_ref()?;
    let ours = |name: &String| config.domains.contains_key(name.as_str());
    let waiting = config.certificates.values().filter_map(|certificate| {
        let order = certificate.acme.as_ref()?;
        let due = order.next_ms <= now_ms && certificate.names.iter().all(ours);
        due.then_some((order.next_ms, certificate.as_ref()))
    });
    waiting
        .min_by_key(|(next_ms, _)| *next_ms)
        .map(|(_, certificate)| certificate)
}

/// When to renew: after two thirds of the certificate's life, and up to a thirtieth later, so that
/// certificates made together are not renewed together.
pub(super) fn renewal(issued: &Issued, chance: u64) -> u64 {
    let end_ms = issued.certificate.not_after_ms;
    let life_ms = end_ms.saturating_sub(issued.not_before_ms);
    let jitter_ms = chance % (life_ms / 30 + 1);
    let at_ms = issued.not_before_ms + life_ms / 3 * 2 + jitter_ms;
    at_ms.max(issued.now_ms + RENEW_MS_MIN)
}

/// How long to wait after so many failures: doubled each time, up to a fifth longer by chance.
pub(super) fn pause_ms(failures: u32, chance: u64) -> u64 {
    let doubled = PAUSE_MS << failures.saturating_sub(1).min(16);
    let pause_ms = doubled.min(PAUSE_MS_MAX);
    pause_ms + chance % (pause_ms / 5)
}
