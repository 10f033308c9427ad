//! The ready file, an interface that tools rely on (architecture, section 6), and what a person is
//! told.

use std::path::Path;

use anyhow::Context as _;
use model::AccessKey;
use serde_json::{Value, json};

use super::{
    children::Children,
    layout::{Layout, Member, MemberRole},
};
use crate::cluster::store;

/// The ready file's content.
pub(super) fn describe(
    data_dir: &Path,
    layout: &Layout,
    key: &AccessKey,
    children: &Children,
) -> anyhow::Result<Value> {
    let data_dir = std::fs::canonicalize(data_dir).context("--data-dir")?;
    let pid = |member: &Member| children.pid(&member.name);
    let metrics = |member: &Member| format!("http://{}/metrics", member.ops);
    let config = |member: &Member| data_dir.join(&member.name).join("edgeway.toml");
    let regions = layout.regions().enumerate().map(|(at, member)| {
        json!({
            "name": member.name, "node_id": node_id(&data_dir, member).unwrap_or(at + 1),
            "pid": pid(member), "management": member.management_url(),
            "management_https": member.management_https_url(),
            "http": member.first, "https": member.second, "metrics": metrics(member),
            "private": private(member), "config": config(member),
        })
    });
    let pops = layout.pops().map(|member| {
        json!({
            "name": member.name, "pid": pid(member), "http": member.first,
            "https": member.second, "h3": member.second, "metrics": metrics(member),
            "public": member.public, "config": config(member),
        })
    });
    // As the `-y` options of `dig` and `kdig` want it.
    let transfer = layout.transfer_key();
    let dns = layout.dns().context("the layout has no DNS node")?;
    Ok(json!({
        "base_domain": layout.base_domain,
        "access_key_id": key.id.as_str(),
        "secret_access_key": key.secret,
        "account_id": "000000000000",
        "ca_file": data_dir.join("ca.pem"),
        "dns": dns.first, "dns_tls": dns.second, "dns_https": dns.third,
        "transfer_key": format!("{}:{}:{}", transfer.algorithm, transfer.name, transfer.secret),
        "dns_node": { "pid": pid(dns), "metrics": metrics(dns), "config": config(dns) },
        "sample_backend": layout.backend,
        "regions": regions.collect::<Vec<_>>(),
        "pops": pops.collect::<Vec<_>>(),
    }))
}

fn private(member: &Member) -> Value {
    let entries = member.private.iter().map(|entry| {
        json!({
            "endpoint_id": entry.endpoint_id, "http": entry.http, "https": entry.https,
            "dns": entry.dns,
        })
    });
    entries.collect()
}

/// A node's number, from its own certificate.
fn node_id(data_dir: &Path, member: &Member) -> Option<usize> {
    let folder = data_dir.join(&member.name).join("identity");
    let credentials = link::Credentials::load(&folder).ok()?;
    matches!(member.role, MemberRole::Region { .. })
        .then_some(credentials.identity().node)
        .and_then(|node| usize::try_from(node).ok())
}

/// Appears whole or not at all.
pub(super) fn write(file: &Path, ready: &Value) -> anyhow::Result<()> {
    store::write_atomically(file, &serde_json::to_vec_pretty(ready)?)
        .with_context(|| format!("--ready-file {}", file.display()))
}

/// What to try first.
pub(super) fn instructions(data_dir: &Path, file: &Path, ready: &Value, api: &str) -> String {
    let text = |pointer: &str| {
        ready.pointer(pointer).map_or_else(String::new, |value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
    };
    let base = text("/base_domain");
    let region = text("/regions/0/name");
    let host = format!("{api}.execute-api.{region}.{base}");
    let (dns_host, dns_port) = text("/dns")
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .unwrap_or_default();
    let program = std::env::current_exe()
        .map_or_else(|_| "edgeway".to_owned(), |path| path.display().to_string());
    let lines = [
        format!(
            "Edgeway serves: {} regions, {} POPs, DNS. Ctrl-C ends it.",
            { ready["regions"].as_array().map_or(0, Vec::len) },
            { ready["pops"].as_array().map_or(0, Vec::len) }
        ),
        format!("  ready file  {}", file.display()),
        format!("  logs        {}/*/log", data_dir.display()),
        String::new(),
        "Request the sample API through a POP (HTTP/1.1), then over TLS with HTTP/2:".to_owned(),
        format!(
            "  curl -i -H 'Host: {host}' http://{}/hello",
            text("/pops/0/http")
        ),
        format!(
            "  curl -i --cacert {} --connect-to ::{} https://{host}/hello",
            text("/ca_file"),
            text("/pops/0/https"),
        ),
        String::new(),
        "Ask the DNS responder as two clients would (New York, Paris):".to_owned(),
        format!("  dig @{dns_host} -p {dns_port} {host} +subnet=198.51.100.0/24 +short"),
        format!("  dig @{dns_host} -p {dns_port} {host} +subnet=203.0.113.0/24 +short"),
        String::new(),
        "Use the AWS CLI against any region:".to_owned(),
        format!(
            "  export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} AWS_DEFAULT_REGION={region}",
            text("/access_key_id"),
            text("/secret_access_key"),
        ),
        format!(
            "  aws --endpoint-url {} apigatewayv2 get-apis",
            text("/regions/0/management")
        ),
        String::new(),
        "See the cluster; kill a region and see nothing fail:".to_owned(),
        format!("  {program} status --ready-file {}", file.display()),
        format!("  kill -9 {}    # {region}", text("/regions/0/pid")),
        format!(
            "  {program} start --config {}    # and back",
            text("/regions/0/config")
        ),
    ];
    lines.join("\n")
}
