//! A network namespace for a local node: a pair of interfaces between it and a bridge.
//!
//! Made with `ip` of iproute2. Nothing is made twice, and what is there already is left alone, so
//! that a run that was cut short is finished by the next.

use std::process::{Command, Stdio};

use tokio::sync::Mutex;

use super::process;
use crate::{cty::Value, framework::Note};

/// The bridge is shared: one node at a time makes or removes it.
static BRIDGES: Mutex<()> = Mutex::const_new(());
const INSIDE: &str = "eth0";

pub(super) struct Network {
    namespace: String,
    address: String,
    bridge: String,
    bridge_address: String,
}

impl Network {
    pub(super) fn of(value: &Value) -> Self {
        let text = |name: &str| value.text(name).unwrap_or_default().to_owned();
        Self {
            namespace: text("namespace"),
            address: text("address"),
            bridge: text("bridge"),
            bridge_address: text("bridge_address"),
        }
    }

    /// The words before a command that is to run inside.
    pub(super) fn prefix(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.namespace]
            .map(str::to_owned)
            .to_vec()
    }

    /// This machine's end of the pair; names of interfaces have at most 15 characters.
    fn outside(&self) -> String {
        let hash = self
            .namespace
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        format!("egw{:010x}", hash & 0xff_ffff_ffff)
    }

    pub(super) async fn make(&self) -> Result<(), Note> {
        let _alone = BRIDGES.lock().await;
        let (bridge, outside) = (self.bridge.as_str(), self.outside());
        if !works(&["link", "show", "dev", bridge]).await {
            ip(&["link", "add", bridge, "type", "bridge"]).await?;
            ip(&["addr", "add", &self.bridge_address, "dev", bridge]).await?;
        }
        ip(&["link", "set", bridge, "up"]).await?;
        if !works(&["netns", "exec", &self.namespace, "true"]).await {
            ip(&["netns", "add", &self.namespace]).await?;
        }
        if !works(&["-n", &self.namespace, "link", "show", "dev", INSIDE]).await {
            let inside = ["peer", "name", INSIDE, "netns", &self.namespace];
            let pair = ["link", "add", &outside, "type", "veth"];
            ip(&[pair.as_slice(), &inside].concat()).await?;
        }
        ip(&["link", "set", &outside, "master", bridge, "up"]).await?;
        let within = ["-n", self.namespace.as_str()];
        let gateway = self.bridge_address.split('/').next().unwrap_or_default();
        for words in [
            ["addr", "replace", &self.address, "dev", INSIDE].as_slice(),
            &["link", "set", "lo", "up"],
            &["link", "set", INSIDE, "up"],
            &["route", "replace", "default", "via", gateway],
        ] {
            ip(&[within.as_slice(), words].concat()).await?;
        }
        Ok(())
    }

    /// The namespace takes its interfaces along; the last one also the bridge.
    pub(super) async fn remove(&self) -> Result<(), Note> {
        let _alone = BRIDGES.lock().await;
        if works(&["netns", "exec", &self.namespace, "true"]).await {
            // The kernel frees the namespace later than its name: the pair goes now.
            drop(ip(&["link", "del", &self.outside()]).await);
            ip(&["netns", "del", &self.namespace]).await?;
        }
        let ports = format!("/sys/class/net/{}/brif", self.bridge);
        let used = std::fs::read_dir(ports).is_ok_and(|mut ports| ports.next().is_some());
        if !used && works(&["link", "show", "dev", &self.bridge]).await {
            ip(&["link", "del", &self.bridge]).await?;
        }
        Ok(())
    }
}

async fn ip(words: &[&str]) -> Result<(), Note> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    process::run(
        "ip",
        &words,
        &format!("set the node's network up (ip {})", words.join(" ")),
    )
    .await
}

/// Whether `ip` succeeds; says nothing if not.
async fn works(words: &[&str]) -> bool {
    let mut command = Command::new("ip");
    command
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = tokio::task::spawn_blocking(move || command.status()).await;
    matches!(status, Ok(Ok(status)) if status.success())
}
