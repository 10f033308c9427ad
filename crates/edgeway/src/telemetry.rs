//! Logging: one subscriber for the process, JSON for collectors or text for people.
//!
//! Spans and events are made where things happen; here they only get a destination. Secrets and
//! bodies are never logged by anyone.

mod bounded;

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use self::bounded::Bounded;
pub(crate) use self::bounded::left_out;
use crate::settings::LogFormat;

/// Installs the process's subscriber; the first call wins.
///
/// # Errors
/// A filter that does not parse, named with the settings key it came from.
pub(crate) fn install(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("settings key 'log': {error}"))?;
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(Bounded::new());
    let installed = match format {
        LogFormat::Json => {
            let layer = fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
        LogFormat::Text => {
            // Colours are for a person's eyes; in a file or a journal they are noise.
            let colours = std::io::stderr().is_terminal();
            let layer = fmt::layer().with_ansi(colours);
            registry.with(layer.with_writer(std::io::stderr)).try_init()
        }
    };
    // A second node in the same process (tests) shares the first one's subscriber.
    drop(installed);
    Ok(())
}
