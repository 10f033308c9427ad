//! Keeps what calls to AWS are made with as the node's settings say, also when secrets in files are
//! exchanged, as temporary credentials are.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use region::AwsSettings;

use super::common::Common;
use crate::settings::{Aws, Settings, SettingsError};

/// How long an exchanged file may go unseen.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Reads the settings, and goes on reading the files that they name.
pub(super) fn follow(
    settings: &Settings,
    common: &Common,
) -> Result<Arc<ArcSwap<AwsSettings>>, SettingsError> {
    let section = settings.aws.clone().unwrap_or_default();
    let current = Arc::new(ArcSwap::from_pointee(section.resolve(&variable)?));
    if section.has_files() {
        common.keep(reread(section, Arc::clone(&current)));
    }
    Ok(current)
}

async fn reread(section: Aws, current: Arc<ArcSwap<AwsSettings>>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let own = section.clone();
        let read = tokio::task::spawn_blocking(move || own.resolve(&variable)).await;
        if let Ok(read) = read {
            exchange(read, &current);
        }
    }
}

/// Takes what was read, or keeps what is there.
fn exchange(read: Result<AwsSettings, SettingsError>, current: &ArcSwap<AwsSettings>) {
    match read {
        Ok(settings) if settings == **current.load() => {}
        Ok(settings) => {
            current.store(Arc::new(settings));
            tracing::info!("credentials for calls to AWS have been exchanged");
        }
        Err(error) => tracing::warn!(%error, "credentials for calls to AWS stay as they are"),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
