//! What Terraform says of a local node, and what is known of it.

use super::{READY_S, STOP_S};
use crate::{
    cty::Type,
    framework::{Attribute, Check, Nesting, Schema},
};

fn absolute(text: &str) -> Result<(), String> {
    let good = text.starts_with('/') && text.len() > 1 && !text.contains("..");
    good.then_some(())
        .ok_or_else(|| "Give an absolute path, such as abspath(\"data/n1\").".to_owned())
}

fn bootstrap() -> Attribute {
    Attribute::nested(
        "bootstrap",
        Nesting::Single,
        "Makes this the first node of a new cluster. Of no effect once there is a node.",
        [
            Attribute::text("secrets", "`json` of `edgeway_cluster_secrets`.")
                .required()
                .sensitive(),
            Attribute::text("base_domain", "The domain of default host names.").required(),
            Attribute::text("account_id", "Twelve digits that appear in ARNs."),
            Attribute::text("region", "The first region.").required(),
            Attribute::text("link", "Where other nodes reach this one.").required(),
            Attribute::text_list(
                "others",
                "`ops` of the cluster's other region nodes. If one of them lives, there is a \
                 cluster already: a node that has lost its folder then needs a join token, \
                 instead of setting up a second cluster with the same secrets.",
            ),
        ],
    )
}

fn network() -> Attribute {
    Attribute::nested(
        "network",
        Nesting::Single,
        "Runs the node in a network namespace of its own, joined to a bridge. Needs root.",
        [
            Attribute::text("namespace", "Its name; made and removed with the node.").required(),
            Attribute::text("address", "The node's, such as `10.77.0.11/24`.").required(),
            Attribute::text(
                "bridge",
                "Of this machine; made when it is not there, removed with \
                             the last node.",
            )
            .required(),
            Attribute::text("bridge_address", "This machine's, such as `10.77.0.1/24`.").required(),
        ],
    )
    .replaces()
}

/// What Terraform says.
fn given() -> [Attribute; 13] {
    [
        Attribute::text(
            "data_dir",
            "The node's folder: settings, identity, ledger, log.",
        )
        .required()
        .replaces()
        .check(Check::Text(absolute)),
        Attribute::text(
            "config",
            "The settings file, such as `toml` of `edgeway_node_config`.",
        )
        .required(),
        Attribute::text(
            "program",
            "The program `edgeway`; the one in the PATH unless given.",
        ),
        Attribute::text(
            "ops",
            "Where `/ready` is asked for; without it, being alive is enough.",
        ),
        Attribute::text(
            "join_token",
            "Lets the node join, once. Not needed after that.",
        )
        .sensitive(),
        Attribute::text("join_token_wo", "The same from an ephemeral; never stored.")
            .sensitive()
            .write_only(),
        bootstrap(),
        network(),
        Attribute::new(
            "environment",
            Type::map(Type::String),
            "Variables of the process; it inherits PATH alone.",
        ),
        Attribute::number("ready_timeout", "Seconds until it must be ready.")
            .or(READY_S)
            .check(Check::Range(1, 3_600)),
        Attribute::number(
            "stop_timeout",
            "Seconds that it has to drain before it is killed.",
        )
        .or(STOP_S)
        .check(Check::Range(1, 3_600)),
        Attribute::flag("remove_data", "Whether destroying it removes its folder.").or(false),
        Attribute::texts_by_name(
            "keepers",
            "Any texts; when one changes, the process is restarted.",
        ),
    ]
}

pub(super) fn schema() -> Schema {
    let made = |attribute: Attribute| attribute.computed();
    Schema::new(
        "A node as a process on this machine. It outlives Terraform's run. When it has died, \
         the plan shows `running` as changing, and the apply starts it again from its folder, \
         as the same node with the same data; when its folder is gone, another node is made. \
         Several that have to restart do so one after the other. Destroying it ends it with \
         SIGTERM, which drains it.",
    )
    .with(Attribute::id("The folder."))
    .all(given())
    .with(made(Attribute::text("log_file", "Its log.")).stable())
    .with(made(Attribute::number("node_id", "Its number in the cluster.")).stable())
    .with(made(Attribute::text("role", "What it is.")).stable())
    .with(
        made(Attribute::text(
            "place",
            "Its region or POP; `dns` for DNS nodes.",
        ))
        .stable(),
    )
    .with(made(Attribute::number("pid", "The process.")))
    .with(made(Attribute::text(
        "started",
        "Clock ticks between boot and its start.",
    )))
    .with(made(Attribute::text(
        "instance",
        "Another one for each process.",
    )))
    .with(made(Attribute::flag(
        "running",
        "Whether the process lives.",
    )))
}
