//! What settings must satisfy beyond their types, and how refusals name the key.

use std::path::PathBuf;

use super::{Aws, Connector, Join, Place, Private, Region, Settings, Tls};

const WORKERS_MAX: usize = 256;

/// Why settings cannot be used. Each message names the key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("settings file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what is expected; the message shows line and key.
    #[error("settings file {path}:\n{message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and key.
        message: String,
    },
    /// A value makes no sense.
    #[error("settings key '{key}': {reason}")]
    Value {
        /// The key, dotted.
        key: String,
        /// What to write instead.
        reason: String,
    },
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let roles = usize::from(self.region.is_some())
            + usize::from(self.pop.is_some())
            + usize::from(self.dns.is_some())
            + usize::from(self.connector.is_some());
        if roles != 1 {
            return Err(bad(
                "region | pop | dns | connector",
                "exactly one of these sections is needed",
            ));
        }
        if self.workers > WORKERS_MAX {
            return Err(bad("workers", &format!("at most {WORKERS_MAX}")));
        }
        let location = self.region.as_ref().and_then(|region| region.location);
        check_place("region.location", location)?;
        check_place(
            "pop.location",
            self.pop.as_ref().and_then(|pop| pop.location),
        )?;
        if self
            .region
            .as_ref()
            .is_some_and(|r| r.http.is_empty() && r.https.is_empty())
        {
            return Err(bad(
                "region.http",
                "give at least one address in http or https",
            ));
        }
        if self
            .pop
            .as_ref()
            .is_some_and(|pop| pop.http.is_empty() && pop.https.is_empty())
        {
            return Err(bad(
                "pop.http",
                "give at least one address in http or https",
            ));
        }
        self.region.as_ref().map_or(Ok(()), check_management)?;
        self.region.as_ref().map_or(Ok(()), check_throttle)?;
        if self.aws.is_some() && self.region.is_none() {
            return Err(bad("aws", "only region nodes call AWS"));
        }
        self.aws.as_ref().map_or(Ok(()), Aws::check)?;
        self.join.as_ref().map_or(Ok(()), Join::check)?;
        self.check_private()?;
        if self.dns.as_ref().is_some_and(|dns| dns.bind.is_empty()) {
            return Err(bad("dns.bind", "give at least one address"));
        }
        let tls = [
            ("region.tls", self.region.as_ref().map(|region| region.tls)),
            ("pop.tls", self.pop.as_ref().map(|pop| pop.tls)),
        ];
        for (key, tls) in tls {
            if tls.is_some_and(|tls| !Tls::LIFE_S.contains(&tls.ticket_key_life_s)) {
                let key = format!("{key}.ticket_key_life_s");
                return Err(bad(&key, "seconds from 60 to 21600"));
            }
        }
        self.connector.as_ref().map_or(Ok(()), Connector::check)?;
        // Nobody dials a connector.
        let dialled = self.connector.is_none();
        if dialled && self.link.bind.ip().is_unspecified() && self.link.advertise.is_none() {
            return Err(bad(
                "link.advertise",
                "needed when link.bind is a wildcard address: the address other nodes reach",
            ));
        }
        Ok(())
    }
}

impl Settings {
    fn check_private(&self) -> Result<(), SettingsError> {
        if !self.private.is_empty() && self.region.is_none() {
            let reason = "only region nodes have listeners for private networks";
            return Err(bad("private", reason));
        }
        let region = self.region.as_ref();
        let pop = self.pop.as_ref();
        let balanced = [
            (
                "region",
                region.and_then(|region| region.proxy_protocol.as_ref()),
            ),
            ("pop", pop.and_then(|pop| pop.proxy_protocol.as_ref())),
        ];
        for (key, proxy) in balanced {
            let key = format!("{key}.proxy_protocol");
            proxy.map_or(Ok(()), |proxy| proxy.check_public(&key))?;
        }
        Private::check_all(&self.private)
    }
}

fn check_throttle(region: &Region) -> Result<(), SettingsError> {
    let limits = region.throttle.limits();
    let wrong = || bad("region.throttle.account_rate", "a rate from 0 on");
    limits.map(drop).ok_or_else(wrong)
}

fn check_management(region: &Region) -> Result<(), SettingsError> {
    if !region.management.ip().is_loopback() && !region.management_http_anywhere {
        return Err(bad(
            "region.management",
            "plain HTTP is for loopback: use region.management_https for other machines, or set \
             region.management_http_anywhere where the network itself is trusted",
        ));
    }
    let files = (
        &region.management_certificate_file,
        &region.management_key_file,
    );
    match files {
        (Some(_), None) | (None, Some(_)) => Err(bad(
            "region.management_certificate_file | region.management_key_file",
            "give both or neither",
        )),
        (Some(_), Some(_)) if region.management_https.is_none() => Err(bad(
            "region.management_https",
            "needed where a certificate for it is given",
        )),
        _ => Ok(()),
    }
}

fn check_place(key: &str, place: Option<Place>) -> Result<(), SettingsError> {
    match place {
        Some(place) if !(-90.0..=90.0).contains(&place.latitude) => {
            Err(bad(&format!("{key}.latitude"), "degrees from -90 to 90"))
        }
        Some(place) if !(-180.0..=180.0).contains(&place.longitude) => {
            Err(bad(&format!("{key}.longitude"), "degrees from -180 to 180"))
        }
        _ => Ok(()),
    }
}

pub(super) fn bad(key: &str, reason: &str) -> SettingsError {
    SettingsError::Value {
        key: key.to_owned(),
        reason: reason.to_owned(),
    }
}
