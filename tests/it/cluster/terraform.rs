//! Every resource of the Terraform provider through its life, by the real terraform program: made,
//! found unchanged, altered, imported, altered behind Terraform's back, replaced, destroyed.
//!
//! All live in one configuration on one cluster, so that a step is a few runs of terraform for all
//! of them. Where terraform is not installed, the tests say so and check nothing.

mod block;
mod cases;
mod content;
mod local;
mod lost;
mod ordered;
mod parts;
mod refused;
mod together;

use std::{collections::BTreeMap, time::Instant};

use http::Method;
use serde_json::{Value, json};
use tests::{
    client,
    cluster::Cluster,
    terraform::{Provider, Workspace, installed},
};

use cases::Case;

/// The configuration of all cases at a step of their life.
fn configuration(step: usize, substitutes: &[(&str, &str)]) -> String {
    let mut text = String::from("provider \"edgeway\" {\n  wait_for = \"pops\"\n}\n");
    for case in cases::all() {
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
    looked_up(&resources);

    // Altered in place; what is deployed is deployed again in the same run.
    workspace.write(&text(1)).unwrap();
    let actions = workspace.plan().unwrap();
    let alters = |case: &&Case| at(case.hcl, 0) != at(case.hcl, 1);
    for case in cases::all().filter(alters) {
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
    for case in cases::all().filter(|case| case.replaced) {
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
        "/vpclinks",
        "/v2/vpclinks",
        "/clientcertificates",
        "/domainnameaccessassociations",
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

/// What is looked up is what was made.
fn looked_up(resources: &BTreeMap<String, Value>) {
    let mut sources = 0;
    for (address, told) in resources {
        let Some(made) = address.strip_prefix("data.") else {
            continue;
        };
        let (told, made) = (told.as_object().unwrap(), &resources[made]);
        let said = told.iter().filter(|(_, value)| !value.is_null());
        for (name, value) in said {
            // What nobody has configured may be shown although the resource says nothing of it.
            let silent = made[name].is_null();
            assert!(silent || made[name] == *value, "{address}.{name}: {value}");
        }
        sources += 1;
    }
    assert!(sources > 5, "{sources} data sources");
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
    for case in cases::all() {
        let id = filled(case.import, attributes(&resources, case));
        let (address, block) = (case.address, "import");
        text.push_str(&format!(
            "{block} {{\n  to = {address}\n  id = \"{id}\"\n}}\n"
        ));
    }
    let other = Workspace::new(terraform, provider, &text).unwrap();
    let actions = other.plan().unwrap();
    for case in cases::all() {
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
    for case in cases::all() {
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
    for case in cases::all() {
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

/// An API of so many resources below its root, made by one document; its id and its resources.
async fn api_of(cluster: &Cluster, count: usize) -> (String, Vec<Value>) {
    let management = cluster.management(0);
    let paths = (0..count).map(|at| (format!("/r{at}"), json!({})));
    let document = json!({
        "openapi": "3.0.1",
        "info": { "title": "many", "version": "1" },
        "paths": paths.collect::<serde_json::Map<_, _>>(),
    });
    let path = "/restapis?mode=import";
    let api = management.must(Method::POST, path, Some(document)).await;
    let id = api.unwrap()["id"].as_str().unwrap().to_owned();
    let mut resources = Vec::new();
    let mut from = String::new();
    loop {
        let path = format!("/restapis/{id}/resources?limit=500{from}");
        let page = management.must(Method::GET, &path, None).await.unwrap();
        resources.extend(page["item"].as_array().unwrap().iter().cloned());
        match page["position"].as_str() {
            Some(position) => from = format!("&position={position}"),
            None => return (id, resources),
        }
    }
}

/// A state as terraform keeps it, as if it had made the resources.
fn state(api: &str, root: &str, resources: &[Value]) -> Value {
    let below = resources.iter().filter(|one| one["parentId"] == root);
    let instances = below.map(|one| {
        let part = one["pathPart"].as_str().unwrap();
        let attributes = json!({
            "id": one["id"], "rest_api_id": api, "parent_id": root,
            "path_part": part, "path": one["path"], "revision": null,
        });
        let index: usize = part[1..].parse().unwrap();
        json!({ "index_key": index, "schema_version": 0, "attributes": attributes })
    });
    json!({
        "version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": "many", "outputs": {},
        "resources": [{
            "mode": "managed", "type": "edgeway_resource", "name": "many",
            "provider": "provider[\"registry.terraform.io/edgeway/edgeway\"]",
            "instances": instances.collect::<Vec<_>>(),
        }],
    })
}

/// A plan of 1,000 resources looks at each, by a few calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_resources_are_refreshed_by_few_calls() {
    const COUNT: usize = 1_000;
    let Some(terraform) = installed() else { return };
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let provider = Provider::of(&cluster).unwrap();
    let (api, resources) = api_of(&cluster, COUNT).await;
    let root = resources.iter().find(|one| one["path"] == "/").unwrap();
    let root = root["id"].as_str().unwrap();
    let text = format!(
        "resource \"edgeway_resource\" \"many\" {{\n  \
         count = {COUNT}\n  \
         rest_api_id = \"{api}\"\n  parent_id = \"{root}\"\n  \
         path_part = \"r${{count.index}}\"\n}}\n"
    );
    let workspace = Workspace::new(&terraform, &provider, &text).unwrap();
    workspace.keep(&state(&api, root, &resources)).unwrap();
    let before = calls(&cluster).await;
    let begun = Instant::now();
    // Fails if anything is to be changed.
    workspace
        .must(&["plan", "-no-color", "-detailed-exitcode"])
        .unwrap();
    let took = begun.elapsed();
    let made = calls(&cluster).await - before;
    println!("plan of {COUNT} resources: {took:?}, {made} calls of the management API");
    // A list is read again when it is a minute old.
    let minutes = took.as_secs_f64() / 60.0;
    assert!(made <= 10.0 + 4.0 * minutes, "{made} calls");

    // It was looked at each of them: one that is gone is seen.
    let one = resources.iter().find(|one| one["path"] == "/r77").unwrap();
    let path = format!("/restapis/{api}/resources/{}", one["id"].as_str().unwrap());
    let gone = cluster
        .management(0)
        .call(Method::DELETE, &path, None)
        .await;
    assert!(gone.unwrap().status.is_success());
    let actions = workspace.plan().unwrap();
    let wanted = (
        "edgeway_resource.many[77]".to_owned(),
        vec!["create".to_owned()],
    );
    assert_eq!(actions, BTreeMap::from([wanted]));
}
