//! The first line on standard output, and what Terraform says in the environment.
//!
//! Nothing else may ever be written to standard output: before the line it is fatal, after it
//! nobody reads it.

use std::{
    env,
    io::{self, Write as _},
    path::PathBuf,
    process,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::json;

use super::{PluginError, listen::Listening, tls::Mutual};

/// Tells a plugin that it was Terraform who started it; no secret.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// The address by which configurations name this provider.
const ADDRESS: &str = "registry.terraform.io/edgeway/edgeway";

/// How the plugin was started.
pub(crate) struct Start {
    /// Started by a person, for Terraform to attach to.
    pub(crate) attached: bool,
    pub(crate) client_certificate: Option<String>,
    pub(crate) folder: Option<PathBuf>,
    multiplex: bool,
}

impl Start {
    pub(crate) fn read(attached: bool) -> Result<Self, PluginError> {
        let start = Self {
            attached,
            client_certificate: env::var("PLUGIN_CLIENT_CERT")
                .ok()
                .filter(|pem| !pem.is_empty() && !attached),
            folder: env::var_os("PLUGIN_UNIX_SOCKET_DIR")
                .filter(|folder| !folder.is_empty())
                .map(PathBuf::from),
            multiplex: env::var_os("PLUGIN_MULTIPLEX_GRPC").is_some(),
        };
        if attached {
            return Ok(start);
        }
        if env::var(COOKIE.0).as_deref() != Ok(COOKIE.1) {
            return Err(PluginError::NotTerraform);
        }
        let offered = env::var("PLUGIN_PROTOCOL_VERSIONS").unwrap_or_default();
        let known = offered.split(',').any(|version| version.trim() == "6");
        // Very old runners say nothing and mean 5 or less; there is nothing to fall back to.
        if !known {
            return Err(PluginError::Protocol(offered));
        }
        Ok(start)
    }
}

/// Says where to connect to.
pub(crate) fn write(
    start: &Start,
    listening: &Listening,
    tls: Option<&Mutual>,
) -> Result<(), io::Error> {
    let path = listening.path().display().to_string();
    let line = if start.attached {
        let providers = json!({ ADDRESS: {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": process::id(),
            "Test": true,
            "Addr": { "Network": "unix", "String": path },
        }});
        format!("TF_REATTACH_PROVIDERS='{providers}'")
    } else {
        line(
            &path,
            tls.map(|tls| tls.own_der.as_slice()),
            start.multiplex,
        )
    };
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

fn line(path: &str, certificate: Option<&[u8]>, multiplex: bool) -> String {
    let certificate = certificate.map_or_else(String::new, |der| STANDARD_NO_PAD.encode(der));
    // Version of the runner's own protocol, version of the provider's.
    let line = format!("1|6|unix|{path}|grpc|{certificate}");
    if multiplex { line + "|false" } else { line }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_has_as_many_fields_as_asked_for() {
        assert_eq!(line("/s", None, false), "1|6|unix|/s|grpc|");
        assert_eq!(
            line("/s", Some(&[255, 0]), true),
            "1|6|unix|/s|grpc|/wA|false"
        );
    }
}
