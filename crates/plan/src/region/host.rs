//! Hosts as requests name them, and what those of default endpoints end in.

use std::{borrow::Cow, collections::HashSet};

use model::Config;

use super::private;

pub(super) fn suffixes(config: &Config, middle: &str) -> HashSet<Box<str>> {
    let suffixes = private::suffixes(config, middle);
    suffixes.into_iter().map(Into::into).collect()
}

/// The host without port and final dot, in lower case. Borrows when it is so already.
pub(super) fn bare_host(host: &str) -> Cow<'_, str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
