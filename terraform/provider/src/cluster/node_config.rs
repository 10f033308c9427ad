//! A node's settings file and user data, from attributes.

use async_trait::async_trait;

use super::{location, render};
use crate::{
    cty::Value,
    framework::{Attribute, Call, Check, DataSource, Failure, Nesting, Note, Path, Schema},
};

pub(super) struct NodeConfig;

/// What every role has.
fn common() -> [Attribute; 12] {
    [
        Attribute::text("role", "What the node is.")
            .required()
            .check(Check::OneOf(&["region", "pop", "dns"])),
        Attribute::text(
            "data_dir",
            "Identity, ledger, last configuration; `/var/lib/edgeway` unless given.",
        ),
        Attribute::text("link", "Address and port for links between nodes.").required(),
        Attribute::text(
            "link_advertise",
            "What others are told, where `link` is a wildcard.",
        ),
        Attribute::text(
            "ops",
            "Address and port of `/metrics`, `/ready` and `/live`.",
        ),
        Attribute::text_list("public", "Addresses that DNS answers for this node."),
        Attribute::text("join_token_file", "A file with the enrollment token."),
        Attribute::number("workers", "Data-plane threads; one per core unless given."),
        Attribute::text("log", "A filter such as `info,access=off`."),
        Attribute::text("log_format", "`json` or `text`.").check(Check::OneOf(&["json", "text"])),
        Attribute::number(
            "drain_s",
            "Seconds that requests have to finish at the end.",
        ),
        Attribute::number(
            "leave_s",
            "Seconds between leaving DNS and closing listeners.",
        ),
    ]
}

/// Of regions and POPs.
fn places() -> [Attribute; 14] {
    [
        Attribute::text_list("http", "HTTP listeners for clients."),
        Attribute::text_list("https", "HTTPS listeners for clients."),
        Attribute::flag("h3", "HTTP/3 on the UDP ports of `https`."),
        Attribute::text(
            "management",
            "The management API over plain HTTP (regions).",
        ),
        Attribute::text("management_https", "The management API over TLS (regions)."),
        Attribute::text(
            "management_url",
            "How others reach the management API (regions).",
        ),
        Attribute::flag(
            "management_http_anywhere",
            "Plain HTTP beyond loopback (regions).",
        ),
        Attribute::text("raft", "`wide`, or `local` for one machine (regions).")
            .check(Check::OneOf(&["wide", "local"])),
        Attribute::number(
            "latency_epoch_s",
            "Seconds between two latency maps (regions).",
        ),
        Attribute::text(
            "backend_ca_file",
            "Authorities trusted for backends (regions).",
        ),
        Attribute::number("cache_bytes", "Bytes of answers kept in memory (POPs)."),
        Attribute::flag("debug_headers", "Answers tell POP and region (POPs)."),
        Attribute::text("relay", "`off`, or `auto`: POPs forward for each other.")
            .check(Check::OneOf(&["off", "auto"])),
        Attribute::nested(
            "bootstrap",
            Nesting::Single,
            "For the cluster's first node: what user data sets it up from.",
            [
                Attribute::text(
                    "secrets_file",
                    "A file with the secrets' JSON, there before the \
                                 first start.",
                )
                .required(),
                Attribute::text("base_domain", "The domain of default host names.").required(),
                Attribute::text("account_id", "Twelve digits that appear in ARNs."),
                Attribute::text("region", "The first region.").required(),
            ],
        ),
    ]
}

#[async_trait]
impl DataSource for NodeConfig {
    fn name(&self) -> &'static str {
        "edgeway_node_config"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "A node's settings file, and cloud-init user data that writes it and starts the node. \
             What is left out keeps the node's default.",
        )
        .all(common())
        .all(places())
        .with(Attribute::text_list(
            "dns",
            "UDP and TCP addresses to answer DNS on.",
        ))
        .with(Attribute::text_list(
            "dns_tls",
            "Addresses of DNS over TLS and QUIC.",
        ))
        .with(Attribute::text_list(
            "dns_https",
            "Addresses of DNS over HTTPS.",
        ))
        .all(location())
        .with(Attribute::text("toml", "The settings file.").computed())
        .with(
            Attribute::text(
                "cloud_init",
                "User data for a machine on which Edgeway is installed.",
            )
            .computed(),
        )
    }

    fn validate(&self, config: &Value) -> Vec<Note> {
        let missing = |name: &str, role: &str| {
            let detail = format!("A node with role {role:?} needs {name:?}.");
            let absent = config.attribute(name).is_null();
            absent.then(|| Note::error("Missing value", detail).at(Path::of(name)))
        };
        let note = match config.text("role") {
            Some("region") => missing("management", "region"),
            Some("dns") => missing("dns", "dns"),
            _ => None,
        };
        note.into_iter().collect()
    }

    async fn read(&self, _: &mut Call<'_>, config: &Value) -> Result<Value, Failure> {
        let toml = render::settings(config);
        let user_data = render::cloud_init(config, &toml);
        Ok(config
            .clone()
            .with("toml", toml)
            .with("cloud_init", user_data))
    }
}
