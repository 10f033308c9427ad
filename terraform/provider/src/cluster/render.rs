//! A node's settings file and its first boot, as texts.
//!
//! The keys are those of `docs/operations/settings.md`. What the file may hold is decided by the
//! node, which checks it (`edgeway start --check`); here it is only written.

use serde_json::json;

use crate::cty::{Value, to_json};

/// Where a packaged node keeps its things.
const ETC: &str = "/etc/edgeway";
pub(super) const DATA_DIR: &str = "/var/lib/edgeway";

/// Keys of the role's own section, by the attributes they come from.
const PLACE_KEYS: &[&str] = &[
    "http",
    "https",
    "h3",
    "public",
    "management",
    "management_https",
    "management_url",
    "management_http_anywhere",
    "raft",
    "latency_epoch_s",
    "backend_ca_file",
    "cache_bytes",
    "debug_headers",
    "relay",
];

/// `edgeway.toml` of the attributes of `edgeway_node_config`.
pub(super) fn settings(config: &Value) -> String {
    let mut text = String::new();
    let data_dir = config.text("data_dir").unwrap_or(DATA_DIR);
    line(&mut text, "data_dir", &data_dir.into());
    for name in ["workers", "log", "log_format", "drain_s", "leave_s"] {
        line(&mut text, name, config.attribute(name));
    }
    text.push_str("\n[link]\n");
    line(&mut text, "bind", config.attribute("link"));
    line(&mut text, "advertise", config.attribute("link_advertise"));
    if config.attribute("ops").is_set() {
        text.push_str("\n[ops]\n");
        line(&mut text, "bind", config.attribute("ops"));
    }
    if config.attribute("join_token_file").is_set() {
        text.push_str("\n[join]\n");
        line(&mut text, "token_file", config.attribute("join_token_file"));
    }
    let role = config.text("role").unwrap_or("pop");
    text.extend(["\n[", role, "]\n"]);
    if role == "dns" {
        line(&mut text, "bind", config.attribute("dns"));
        line(&mut text, "tls", config.attribute("dns_tls"));
        line(&mut text, "https", config.attribute("dns_https"));
        line(&mut text, "public", config.attribute("public"));
    } else {
        for name in PLACE_KEYS {
            line(&mut text, name, config.attribute(name));
        }
        let (latitude, longitude) = (config.attribute("latitude"), config.attribute("longitude"));
        if latitude.is_set() && longitude.is_set() {
            let (latitude, longitude) = (degrees(latitude), degrees(longitude));
            let words = [
                "location = { latitude = ",
                &latitude,
                ", longitude = ",
                &longitude,
            ];
            text.extend(words);
            text.push_str(" }\n");
        }
    }
    text
}

/// One key; what is not set is left to the node's default.
fn line(text: &mut String, name: &str, value: &Value) {
    if value.is_set() && !value.is_empty() {
        // A basic string, an array of them, a number and a flag are in TOML what they are in JSON.
        text.extend([name, " = ", &to_json(value).to_string(), "\n"]);
    }
}

/// With a point, as TOML wants a real number.
fn degrees(value: &Value) -> String {
    let text = to_json(value).to_string();
    if text.contains(['.', 'e']) {
        text
    } else {
        format!("{text}.0")
    }
}

/// The first node's part in a new cluster.
pub(super) struct First<'v> {
    pub(super) secrets_file: &'v str,
    pub(super) base_domain: &'v str,
    pub(super) account_id: Option<&'v str>,
    pub(super) region: &'v str,
    pub(super) link: &'v str,
}

/// The words after `edgeway init`; safe to run again.
pub(super) fn init(data_dir: &str, config: &str, first: &First<'_>) -> Vec<String> {
    let mut words = vec!["--data-dir", data_dir, "--config", config];
    words.extend(["--secrets", first.secrets_file]);
    words.extend(["--base-domain", first.base_domain]);
    words.extend(["--region", first.region, "--link", first.link]);
    if let Some(account) = first.account_id {
        words.extend(["--account-id", account]);
    }
    words.into_iter().map(str::to_owned).collect()
}

/// User data for a machine on which Edgeway is installed: the settings, and the first start.
pub(super) fn cloud_init(config: &Value, settings: &str) -> String {
    let file = format!("{ETC}/edgeway.toml");
    let mut run: Vec<Vec<String>> = Vec::new();
    if let Some(first) = first(config) {
        let data_dir = config.text("data_dir").unwrap_or(DATA_DIR);
        let words = ["edgeway".to_owned(), "init".to_owned()].into_iter();
        run.push(words.chain(init(data_dir, &file, &first)).collect());
    }
    let enable = ["systemctl", "enable", "--now", "edgeway"];
    run.push(enable.into_iter().map(str::to_owned).collect());
    let document = json!({
        "write_files": [{ "path": file, "permissions": "0640", "content": settings }],
        "runcmd": run,
    });
    // JSON is YAML.
    format!("#cloud-config\n{document:#}\n")
}

fn first(config: &Value) -> Option<First<'_>> {
    let bootstrap = config.attribute("bootstrap");
    Some(First {
        secrets_file: bootstrap.text("secrets_file")?,
        base_domain: bootstrap.text("base_domain")?,
        account_id: bootstrap.text("account_id"),
        region: bootstrap.text("region")?,
        link: config
            .text("link_advertise")
            .or_else(|| config.text("link"))?,
    })
}

#[cfg(test)]
mod tests;
