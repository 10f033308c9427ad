//! The connector role: what it offers to regions, and to which it connects.

use std::{path::PathBuf, time::Duration};

use region::{ConnectorSettings, HealthCheck, UpstreamTls};
use serde::{Deserialize, Serialize};

use super::{SettingsError, check::bad};

/// Upstreams of one connector.
const UPSTREAMS_MAX: usize = 1_000;

/// The connector role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Regions to connect to; the nearest unless given.
    #[serde(default)]
    pub regions: Vec<String>,
    /// How many of the nearest.
    #[serde(default = "default_region_count")]
    pub region_count: usize,
    /// Calls in progress; one more goes to another connector.
    #[serde(default = "default_in_flight_max")]
    pub in_flight_max: u32,
    /// A PEM file of certificate authorities trusted for upstreams, besides the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_ca_file: Option<PathBuf>,
    /// All that can be reached.
    #[serde(default)]
    pub upstreams: Vec<Upstream>,
}

/// A backend that regions may reach by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// What VPC links and integrations name.
    pub name: String,
    /// `HOST:PORT`; an IPv6 address in brackets.
    pub address: String,
    /// When it is spoken to over TLS.
    #[serde(default)]
    pub tls: TlsUse,
    /// The name that its certificate must have, whatever an integration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// How it is watched; never unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// When an upstream is spoken to over TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsUse {
    /// When the integration says so.
    #[default]
    Asked,
    /// Always.
    Always,
}

/// How an upstream is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Answers 2xx or 3xx while all is well.
    pub path: String,
    /// Between two checks.
    #[serde(default = "default_interval_ms")]
    pub interval_ms: u64,
    /// For the answer's head.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

impl Connector {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.region_count == 0 {
            return Err(bad("connector.region_count", "at least 1; 2 survive one"));
        }
        if self.upstreams.is_empty() || self.upstreams.len() > UPSTREAMS_MAX {
            let reason = format!("give 1 to {UPSTREAMS_MAX} upstreams");
            return Err(bad("connector.upstreams", &reason));
        }
        for (at, upstream) in self.upstreams.iter().enumerate() {
            let key = |field: &str| format!("connector.upstreams[{at}].{field}");
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            let named =
                (1..=255).contains(&upstream.name.len()) && upstream.name.chars().all(plain);
            if !named {
                return Err(bad(&key("name"), "1 to 255 letters, digits, dots, _ and -"));
            }
            let earlier = self.upstreams.iter().take(at);
            if earlier.into_iter().any(|one| one.name == upstream.name) {
                return Err(bad(&key("name"), "another upstream has this name"));
            }
            if upstream.host_and_port().is_none() {
                return Err(bad(&key("address"), "write HOST:PORT"));
            }
            if let Some(health) = &upstream.health {
                if !health.path.starts_with('/') || health.path.parse::<http::Uri>().is_err() {
                    return Err(bad(&key("health.path"), "a path that begins with /"));
                }
                if health.interval_ms < 100 || health.timeout_ms == 0 {
                    return Err(bad(&key("health.interval_ms"), "at least 100 milliseconds"));
                }
            }
        }
        Ok(())
    }

    /// As the role takes them. Reads the file of authorities.
    pub(crate) fn offer(&self) -> std::io::Result<ConnectorSettings> {
        let file = self.backend_ca_file.as_ref();
        let upstreams = self.upstreams.iter().filter_map(Upstream::offer);
        Ok(ConnectorSettings {
            upstreams: upstreams.collect(),
            in_flight_max: self.in_flight_max,
            extra_ca_pem: file.map(std::fs::read).transpose()?,
        })
    }
}

impl Upstream {
    fn host_and_port(&self) -> Option<(&str, u16)> {
        let (host, port) = self.address.rsplit_once(':')?;
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match inner {
            Some(inner) => inner
                .parse::<std::net::Ipv6Addr>()
                .is_ok()
                .then_some(inner)?,
            None => host,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let good = inner.is_some() || host.chars().all(plain);
        let port = port.parse().ok().filter(|port| *port > 0)?;
        (good && !host.is_empty()).then_some((host, port))
    }

    /// Settings have been checked.
    fn offer(&self) -> Option<region::Upstream> {
        let (host, port) = self.host_and_port()?;
        Some(region::Upstream {
            name: self.name.clone(),
            host: host.to_owned(),
            port,
            tls: match self.tls {
                TlsUse::Asked => UpstreamTls::Asked,
                TlsUse::Always => UpstreamTls::Always,
            },
            server_name: self.server_name.clone(),
            health: self.health.as_ref().map(|health| HealthCheck {
                path: health.path.clone(),
                interval: Duration::from_millis(health.interval_ms),
                timeout: Duration::from_millis(health.timeout_ms),
            }),
        })
    }
}

const fn default_region_count() -> usize {
    2
}

const fn default_in_flight_max() -> u32 {
    10_000
}

const fn default_interval_ms() -> u64 {
    2_000
}

const fn default_timeout_ms() -> u64 {
    1_000
}

#[cfg(test)]
mod tests {
    //! What a connector's settings must be.

    use std::path::Path;

    use crate::settings::Settings;

    #[track_caller]
    fn check(upstreams: &str, expected: Result<&str, &str>) {
        let text =
            format!("data_dir = \"x\"\n[link]\nbind = \"0.0.0.0:0\"\n[connector]\n{upstreams}");
        let read = Settings::read(Path::new("x"), &text);
        match (read, expected) {
            (Ok(settings), Ok(expected)) => {
                let offer = settings.connector.unwrap().offer().unwrap();
                let offers = offer.upstreams.iter();
                let texts = offers.map(|one| format!("{} {} {}", one.name, one.host, one.port));
                assert_eq!(texts.collect::<Vec<_>>().join(", "), expected);
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            (read, _) => panic!("{read:?}"),
        }
    }

    #[test]
    fn upstreams_are_named_addresses() {
        let one = |address: &str| {
            format!("[[connector.upstreams]]\nname = \"a\"\naddress = \"{address}\"\n")
        };
        check(&one("10.0.0.5:80"), Ok("a 10.0.0.5 80"));
        check(&one("[::1]:8080"), Ok("a ::1 8080"));
        check(&one("db.internal:443"), Ok("a db.internal 443"));
        for wrong in [
            "x",
            ":80",
            "x:0",
            "[x]:80",
            "http://x:80",
            "::1:80",
            "x:70000",
        ] {
            check(&one(wrong), Err("connector.upstreams[0].address"));
        }
        check("", Err("connector.upstreams"));
        check(&(one("a:1") + &one("b:1")), Err("[1].name"));
        let health = one("a:1") + "health = { path = \"x\" }\n";
        check(&health, Err("health.path"));
        check(
            &format!("region_count = 0\n{}", one("a:1")),
            Err("region_count"),
        );
    }
}
