//! `ready`: whether the node of a settings file serves clients, for health checks in images that
//! hold no other program. It asks that node alone, and nothing of the cluster.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, bail};

use super::say;
use crate::{client, settings::Settings};

/// Options of `ready`.
#[derive(clap::Args)]
pub struct Options {
    /// The node's settings.
    #[arg(long)]
    config: PathBuf,
}

pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let addr = reachable(Settings::load(&options.config)?.ops.bind);
    let status = client::status_of(&addr.to_string(), "/ready").await;
    let status = status.context("the node does not run")?;
    if !status.is_success() {
        bail!("the node is not ready");
    }
    say("ready")
}

/// A wildcard is listened on, and nothing to connect to.
fn reachable(mut bind: SocketAddr) -> SocketAddr {
    if bind.ip().is_unspecified() {
        bind.set_ip(match bind {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    bind
}

#[cfg(test)]
mod tests {
    //! Where a node is asked.

    #[test]
    fn a_wildcard_is_asked_at_loopback() {
        let check = |bind: &str, expected: &str| {
            assert_eq!(
                super::reachable(bind.parse().unwrap()),
                expected.parse().unwrap()
            );
        };
        check("0.0.0.0:9100", "127.0.0.1:9100");
        check("[::]:9100", "[::1]:9100");
        check("10.0.0.1:9100", "10.0.0.1:9100");
    }
}
