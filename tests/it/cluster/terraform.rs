//! Every resource of the Terraform provider through its life, by the real terraform program: made,
//! found unchanged, altered, imported, altered behind Terraform's back, replaced, destroyed.
//!
//! All live in one configuration on one cluster, so that a step is a few runs of terraform for all
//! of them. Where terraform is not installed, the tests say so and check nothing.

mod cases;

use std::{collections::BTreeMap, time::Duration, time::Instant};

use http::Method;
use serde_json::Value;
use tests::{
    client,
    cluster::Cluster,
    terraform::{Provider, Workspace, installed},
};

use cases::{CASES, Case};

/// The configuration of all cases at a step of their life.
fn configuration(step: usize, substitutes: &[(&str, &str)]) -> String {
    let mut text = String::from("provider \"edgeway\" {\n  wait_for = \"pops\"\n}\n");
    for case in CASES {
        text.push_str(&at(case.hcl, step));
    }
    for (name, value) in substitutes {
        text = text.replace(name, value);
    }
    text
}

/// A text in which `@{a|b|c}` is what it is at a step; the last holds for all further ones.
fn at(text: &str, step: usize) -> String {
    let mut parts = text.split("@{");
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (choice, rest) = part.split_once("}@").unwrap();
        let choices: Vec<&str> = choice.split('|').collect();
        whole.push_str(choices[step.min(choices.len() - 1)]);
        whole.push_str(rest);
    }
    whole
}

/// `{name}` by the attributes of a resource.
fn filled(pattern: &str, attributes: &Value) -> String {
    let mut parts = pattern.split('{');
    let mut whole = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        let value = attributes[name].as_str();
        whole.push_str(value.unwrap_or_else(|| panic!("{name} of {attributes}")));
        whole.push_str(rest);
    }
    whole
}

fn attributes<'r>(resources: &'r BTreeMap<String, Value>, case: &Case) -> &'r Value {
    let found = resources.get(case.address);
    found.unwrap_or_else(|| panic!("{} is not in the state", case.address))
}

/// A key and a certificate for the domain of the cases, as text within HCL.
fn certificate() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["*.terraform.example".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let text = |pem: String| pem.replace('\n', "\\n");
    (text(certificate.pem()), text(key.serialize_pem()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resource_is_made_altered_imported_repaired_replaced_and_destroyed() {
    let Some(terraform) = installed() else { return };
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let provider = Provider::of(&cluster).unwrap();
    let (certificate, key) = certificate();
    let substitutes = [("CERTIFICATE", certificate.as_str()), ("PRIVATE_KEY", &key)];
    let text = |step| configuration(step, &substitutes);

    // Made, and found to be what was asked for.
    let workspace = Workspace::new(&terraform, &provider, &text(0)).unwrap();
    workspace.apply().unwrap();
    assert_eq!(workspace.plan().unwrap(), BTreeMap::new(), "after making");
    let region = cluster.ready.regions[0].http;
    let resources = workspace.resources().unwrap();
    let host = cluster.host(
        resources["edgeway_rest_api.document"]["id"]
            .as_str()
            .unwrap(),
    );
    let answer = client::get(region, &host, "/prod/pets").await.unwrap();
    assert_eq!(answer.body(), "\"cats\"", "{answer:?}");

    // Altered in place; what is deployed is deployed again in the same run.
    workspace.write(&text(1)).unwrap();
    let actions = workspace.plan().unwrap();
    for case in CASES.iter().filter(|case| case.hcl.contains("@{")) {
        let found = actions.get(case.address).map(Vec::as_slice);
        assert_eq!(found, Some(&["update".to_owned()][..]), "{}", case.address);
    }
    workspace.apply().unwrap();
    assert_eq!(workspace.plan().unwrap(), BTreeMap::new(), "after altering");
    let answer = client::get(region, &host, "/prod/pets").await.unwrap();
    assert_eq!(answer.body(), "\"dogs\"", "{answer:?}");

    imported(&workspace, &terraform, &provider, &text(1));
    repaired(&cluster, &workspace).await;

    // Replaced where nothing else will do.
    workspace.write(&text(2)).unwrap();
    let actions = workspace.plan().unwrap();
    for case in CASES.iter().filter(|case| case.replaced) {
        let found = actions.get(case.address).map(Vec::as_slice);
        let wanted = ["delete".to_owned(), "create".to_owned()];
        assert_eq!(found, Some(&wanted[..]), "{}", case.address);
    }
    workspace.apply().unwrap();
    assert_eq!(
        workspace.plan().unwrap(),
        BTreeMap::new(),
        "after replacing"
    );

    // And nothing is left.
    workspace.must(&["destroy", "-auto-approve"]).unwrap();
    let management = cluster.management(0);
    for list in [
        "/restapis",
        "/v2/apis",
        "/apikeys",
        "/usageplans",
        "/domainnames",
    ] {
        let left = management.must(Method::GET, list, None).await.unwrap();
        let left = left["item"]
            .as_array()
            .or(left["items"].as_array())
            .unwrap();
        let ours = left.iter().filter(|one| one["name"] != "sample");
        assert_eq!(ours.count(), 0, "{list}: {left:?}");
    }
}

/// Every resource is read back by its id as it is in the state.
fn imported(
    workspace: &Workspace<'_>,
    terraform: &std::path::Path,
    provider: &Provider,
    configuration: &str,
) {
    let resources = workspace.resources().unwrap();
    let mut text = configuration.to_owned();
    for case in CASES {
        let id = filled(case.import, attributes(&resources, case));
        let (address, block) = (case.address, "import");
        text.push_str(&format!(
            "{block} {{\n  to = {address}\n  id = \"{id}\"\n}}\n"
        ));
    }
    let other = Workspace::new(terraform, provider, &text).unwrap();
    let actions = other.plan().unwrap();
    for case in CASES {
        let found = actions.get(case.address);
        assert_eq!(
            found.is_some(),
            case.unreadable,
            "{}: {found:?}",
            case.address
        );
    }
}

/// What somebody else alters or removes is put right.
async fn repaired(cluster: &Cluster, workspace: &Workspace<'_>) {
    let resources = workspace.resources().unwrap();
    let management = cluster.management(0);
    for case in CASES {
        let Some((method, path, body)) = case.drift else {
            continue;
        };
        let path = filled(path, attributes(&resources, case));
        let method: Method = method.parse().unwrap();
        let body = (!body.is_empty()).then(|| serde_json::from_str(body).unwrap());
        let answer = management.call(method, &path, body).await.unwrap();
        assert!(answer.status.is_success(), "{}: {answer:?}", case.address);
    }
    let actions = workspace.plan().unwrap();
    for case in CASES {
        let Some((method, ..)) = case.drift else {
            continue;
        };
        let wanted = if method == "DELETE" {
            "create"
        } else {
            "update"
        };
        let found = actions.get(case.address).map(Vec::as_slice);
        assert_eq!(found, Some(&[wanted.to_owned()][..]), "{}", case.address);
    }
    workspace.apply().unwrap();
    assert_eq!(
        workspace.plan().unwrap(),
        BTreeMap::new(),
        "after repairing"
    );
}

/// Calls of the management API so far, as the cluster counts them.
async fn calls(cluster: &Cluster) -> f64 {
    let url = &cluster.ready.regions[0].metrics;
    let addr = url.trim_start_matches("http://").split('/').next().unwrap();
    let answer = client::get(addr.parse().unwrap(), addr, "/metrics")
        .await
        .unwrap();
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let lines = text.lines();
    let counts = lines.filter(|line| line.starts_with("edgeway_admin_requests_total"));
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// 1,000 resources, made behind Terraform's back and imported, are refreshed by few calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_resources_are_refreshed_by_few_calls() {
    const COUNT: usize = 1_000;
    let Some(terraform) = installed() else { return };
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let provider = Provider::of(&cluster).unwrap();
    let text = format!(
        "resource \"edgeway_rest_api\" \"many\" {{\n  name = \"many\"\n}}\n\
         resource \"edgeway_resource\" \"many\" {{\n  count = {COUNT}\n  \
         rest_api_id = edgeway_rest_api.many.id\n  \
         parent_id = edgeway_rest_api.many.root_resource_id\n  \
         path_part = \"r${{count.index}}\"\n}}\n"
    );
    let workspace = Workspace::new(&terraform, &provider, &text).unwrap();
    let begun = Instant::now();
    workspace
        .must(&["apply", "-no-color", "-auto-approve", "-parallelism=32"])
        .unwrap();
    println!("apply of {COUNT} resources: {:?}", begun.elapsed());
    let before = calls(&cluster).await;
    let begun = Instant::now();
    workspace
        .must(&["plan", "-no-color", "-detailed-exitcode"])
        .unwrap();
    let took = begun.elapsed();
    let made = calls(&cluster).await - before;
    println!("plan of {COUNT} resources: {took:?}, {made} calls of the management API");
    // One list of APIs and a few pages of resources.
    assert!(made <= 10.0, "{made} calls");
    assert!(took < Duration::from_secs(60), "{took:?}");
}
