//! Who may use whom: the table of `docs/architecture.md`, as data.
//!
//! Development dependencies are free: a test may need anything. A new edge, or a new owner of
//! an external crate, is an architecture decision: change the table together with an ADR.

use serde_json::Value;

use super::Finding;

/// Our crates, and which of ours each may use.
const MAY_USE: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("lang", &[]),
    ("steer", &["model"]),
    ("plan", &["model", "lang"]),
    ("serve", &[]),
    ("link", &["serve"]),
    ("ledger", &["model", "link"]),
    (
        "region",
        &["model", "lang", "plan", "steer", "serve", "link"],
    ),
    ("edge", &["model", "plan", "steer", "serve", "link"]),
    ("dns", &["model", "plan", "steer"]),
    ("admin", &["model", "lang", "plan", "serve", "ledger"]),
    (
        "edgeway",
        &[
            "model", "lang", "plan", "steer", "serve", "link", "ledger", "region", "edge", "dns",
            "admin",
        ],
    ),
    // A program of its own: it signs calls and makes a cluster's authority, and sees no node.
    (PROVIDER, &["lang", "link"]),
];

/// They check or measure the others, so they may use all; nothing may use them.
const OUTSIDE: [&str; 3] = ["tests", "benches", "xtask"];

/// The program that Terraform starts.
const PROVIDER: &str = "terraform-provider-edgeway";

/// External crates with owners: nobody else may depend on them.
const OWNED: &[(&str, &[&str])] = &[
    ("bincode", &["model", "link"]),
    // `region` and `edgeway` have HTTP clients; `sources` checks where the code of those is.
    ("hyper", &["serve", "region", "edgeway", PROVIDER]),
    ("hyper-util", &["serve", "region", "edgeway", PROVIDER]),
    ("tokio-rustls", &["serve", "region", PROVIDER]),
    ("quinn", &["link", "serve"]),
    ("h2", &["serve"]),
    ("quinn-proto", &["serve"]),
    ("h3", &["serve"]),
    // The load generator of `benches`, which may use all; `serve` has its own adapter.
    ("h3-quinn", &[]),
    ("openraft", &["ledger"]),
    ("redb", &["ledger"]),
    ("moka", &["edge"]),
    ("brotli", &["edge"]),
    ("flate2", &["edge", "region"]),
    ("instant-acme", &["edgeway"]),
    ("hyper-rustls", &["edgeway", PROVIDER]),
    ("hickory-proto", &["dns"]),
    ("jsonschema", &["lang"]),
    ("fancy-regex", &["lang"]),
    ("crc32fast", &["lang"]),
    ("clap", &["edgeway"]),
    ("toml", &["edgeway"]),
    ("tracing-subscriber", &["edgeway"]),
    ("maxminddb", &["edgeway"]),
    ("mimalloc", &["edgeway"]),
    // Of the WAN lab in `tests`, which may use all.
    ("tappers", &[]),
    ("rustix", &[PROVIDER]),
    ("tonic", &[PROVIDER]),
    ("tonic-prost", &[PROVIDER]),
    ("prost", &[PROVIDER]),
    ("rmpv", &[PROVIDER]),
    ("anyhow", &["edgeway"]),
];

const PURE: [&str; 4] = ["model", "lang", "plan", "steer"];

/// What a pure crate cannot have without being able to wait, talk or roll dice.
const IMPURE: [&str; 10] = [
    "tokio",
    "tokio-util",
    "futures-util",
    "socket2",
    "libc",
    "rand",
    "rustls",
    "tracing",
    "prometheus",
    "tempfile",
];

pub(super) struct Package {
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) features: Vec<String>,
}

pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) ours: bool,
    pub(super) development: bool,
}

/// Reads the packages from `cargo metadata`.
pub(super) fn packages(metadata: &Value) -> Vec<Package> {
    list(metadata, "packages").iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    Package {
        name: text(value, "name"),
        dependencies: list(value, "dependencies").iter().map(dependency).collect(),
        features: value["features"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|f| f.0.clone())
            .collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: text(value, "name"),
        ours: value["source"].is_null(),
        development: value["kind"] == "dev",
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key]
        .as_array()
        .unwrap_or_else(|| panic!("cargo metadata has no list {key:?}"))
}

fn text(value: &Value, key: &str) -> String {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("cargo metadata has no {key:?}"))
        .to_owned()
}

/// Applies all rules about packages.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = MAY_USE
        .iter()
        .filter(|(name, _)| !packages.iter().any(|package| package.name == *name))
        .map(|(name, _)| Finding::new(*name, "is in the table but not in the tree", "remove it"))
        .collect();
    findings.extend(packages.iter().flat_map(check_package));
    findings
}

fn check_package(package: &Package) -> Vec<Finding> {
    let name = package.name.as_str();
    let mut findings = Vec::new();
    if !package.features.is_empty() {
        let fix = format!(
            "remove the features {:?}; settings decide at run time",
            package.features
        );
        findings.push(Finding::new(
            name,
            "crates of ours have no cargo features",
            fix,
        ));
    }
    if OUTSIDE.contains(&name) {
        return findings;
    }
    let Some((_, may_use)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
        let fix = "write an ADR, and add it to MAY_USE here and to docs/architecture.md";
        findings.push(Finding::new(
            name,
            "a new crate is an architecture decision",
            fix,
        ));
        return findings;
    };
    for dependency in package
        .dependencies
        .iter()
        .filter(|dependency| !dependency.development)
    {
        findings.extend(if dependency.ours {
            internal(name, may_use, &dependency.name)
        } else {
            external(name, &dependency.name)
        });
    }
    findings
}

fn internal(name: &str, may_use: &[&str], used: &str) -> Option<Finding> {
    if may_use.contains(&used) {
        return None;
    }
    let fix = format!(
        "{name} may use only {may_use:?}: pass what it needs from `edgeway` as a watch, a channel \
         or a trait object"
    );
    Some(Finding::new(
        format!("{name} -> {used}"),
        "this edge is not in the table",
        fix,
    ))
}

fn external(name: &str, used: &str) -> Option<Finding> {
    let place = format!("{name} -> {used}");
    if PURE.contains(&name) && IMPURE.contains(&used) {
        let fix = "take time, randomness and I/O results as arguments";
        return Some(Finding::new(place, "a pure crate cannot use this", fix));
    }
    let (_, owners) = OWNED.iter().find(|(known, _)| *known == used)?;
    if owners.contains(&name) {
        return None;
    }
    let fix = format!("only {owners:?} may name {used}: go through its public items");
    Some(Finding::new(place, "this crate has another owner", fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings' places for one package with the given normal dependencies; a leading `+`
    /// marks one of ours, a leading `?` one for development.
    fn check(name: &str, dependencies: &[&str], expected: &[&str]) {
        let dependencies = dependencies
            .iter()
            .map(|word| Dependency {
                name: word.trim_start_matches(['+', '?']).to_owned(),
                ours: word.contains('+'),
                development: word.contains('?'),
            })
            .collect();
        let package = Package {
            name: name.to_owned(),
            dependencies,
            features: vec![],
        };
        let found: Vec<String> = check_package(&package)
            .into_iter()
            .map(|f| f.place)
            .collect();
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn edges_outside_the_table_are_found() {
        check("plan", &["+model", "+lang"], &[]);
        check("plan", &["+steer"], &["plan -> steer"]);
        check("edge", &["+region", "+model"], &["edge -> region"]);
        check("edge", &["?+region"], &[]);
        check("edgeway", &["+edge", "+region"], &[]);
        check("edgeway", &["+tests"], &["edgeway -> tests"]);
        check("tests", &["+edge", "hyper", "quinn"], &[]);
        check("helpers", &[], &["helpers"]);
    }

    #[test]
    fn owned_and_impure_crates_are_found() {
        check("link", &["quinn", "bincode"], &[]);
        check("edge", &["quinn"], &["edge -> quinn"]);
        check("edge", &["?quinn"], &[]);
        check(
            "admin",
            &["openraft", "anyhow"],
            &["admin -> openraft", "admin -> anyhow"],
        );
        check("steer", &["tokio"], &["steer -> tokio"]);
        check("dns", &["tokio"], &[]);
    }

    #[test]
    fn features_and_missing_crates_are_found() {
        let features = vec!["fast".to_owned()];
        let package = Package {
            name: "model".to_owned(),
            dependencies: vec![],
            features,
        };
        let findings = super::check(&[package]);
        assert_eq!(
            findings.len(),
            MAY_USE.len(),
            "one with a feature, all others missing"
        );
    }
}
