//! Debian's `pebble`, an ACME server for tests, as a process of its own.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::{client, issuer::TestIssuer};

/// How pebble is to validate, and what it is to issue.
#[derive(Clone, Copy, Debug)]
pub struct PebbleSettings {
    /// Whom it asks for names.
    pub dns: SocketAddr,
    /// Where it looks for files (it takes any port for 80).
    pub http_port: u16,
    /// Where it shakes hands (for 443).
    pub tls_port: u16,
    /// Life of what it issues.
    pub life: Duration,
}

/// An ACME server that ends with the test.
pub struct Pebble {
    process: Child,
    folder: TempDir,
    authority: TestIssuer,
    api: SocketAddr,
    management: SocketAddr,
}

fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Pebble {
    /// Starts one.
    ///
    /// # Errors
    /// When it is not installed (`cargo xtask setup` does) or does not serve.
    pub async fn start(settings: PebbleSettings) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = TestIssuer::new("directory")?;
        let (api, management) = (free()?, free()?);
        let own = authority.issue(&["localhost"])?;
        let file = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
            let path = folder.path().join(name);
            std::fs::write(&path, text)?;
            Ok(path)
        };
        let config = json!({"pebble": {
            "listenAddress": api.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": file("own.pem", &own.chain)?,
            "privateKey": file("own.key", &own.key)?,
            "httpPort": settings.http_port,
            "tlsPort": settings.tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": settings.life.as_secs(),
        }});
        let config = file("config.json", &config.to_string())?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let process = Command::new("pebble")
            .args(["-strict", "-config"])
            .arg(config)
            .args(["-dnsserver", &settings.dns.to_string()])
            // Names are validated anew each time, and at once.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("pebble is missing: run `cargo xtask setup`")?;
        let mut pebble = Self {
            process,
            folder,
            authority,
            api,
            management,
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while pebble.root_pem().await.is_err() {
            ensure!(pebble.process.try_wait()?.is_none(), "{}", pebble.log());
            ensure!(Instant::now() < deadline, "{}", pebble.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(pebble)
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.api.port())
    }

    /// The root that its own HTTPS is trusted by.
    #[must_use]
    pub fn directory_root(&self) -> String {
        String::from_utf8_lossy(self.authority.root_pem()).into_owned()
    }

    /// The root of what it issues, made anew at each start.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn root_pem(&self) -> anyhow::Result<Vec<u8>> {
        let host = format!("localhost:{}", self.management.port());
        let trusted = self.authority.root_pem();
        let stream = client::tls(self.management, "localhost", trusted, "http/1.1").await?;
        let answer = client::get_on(stream, &host, "/roots/0").await?;
        ensure!(answer.status() == 200, "{answer:?}");
        Ok(answer.into_body().to_vec())
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
