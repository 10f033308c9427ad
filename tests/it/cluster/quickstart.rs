//! The quick start as a stranger runs it: a cluster of real processes, an API and a name, all by
//! terraform; then what a cluster lives through, put right by plans and applies; then nothing left.

use std::{net::SocketAddr, time::Duration};

use http::{Method, Uri};
use serde_json::{Value, json};
use tests::{
    client,
    configuration::{Changes, Terraform},
    management::Management,
    process, until,
};

/// Addresses that no other run of this machine has.
fn addresses() -> String {
    let pid = std::process::id();
    format!("127.{}.{}", 80 + pid % 100, (pid / 100) % 250)
}

/// The example with a folder and addresses of this run's own; none where there is no terraform.
#[expect(clippy::print_stderr, reason = "says why a test does nothing")]
fn quick_start() -> Option<Terraform> {
    let Some(mut terraform) = Terraform::found("examples/quickstart-local").unwrap() else {
        eprintln!("skipped: there is no terraform on this machine");
        return None;
    };
    let data = terraform.folder().join("data");
    terraform.set("program", tests::cluster::program().to_str().unwrap());
    terraform.set("data_dir", data.to_str().unwrap());
    terraform.set("address_prefix", &addresses());
    terraform.run(&["init", "-no-color"]).unwrap();
    Some(terraform)
}

/// Destroys all of it; nothing of it may be left.
fn destroy(terraform: &Terraform) {
    let nodes = terraform.processes();
    terraform
        .run(&["destroy", "-auto-approve", "-no-color"])
        .unwrap();
    let left = terraform.processes();
    assert!(left.is_empty(), "of {nodes:?} there are left {left:?}");
    let mut files = std::fs::read_dir(terraform.folder().join("data")).unwrap();
    assert!(files.next().is_none());
    assert_eq!(terraform.run(&["state", "list"]).unwrap(), "");
}

fn text<'v>(outputs: &'v Value, path: &str) -> &'v str {
    outputs.pointer(path).and_then(Value::as_str).unwrap()
}

/// What a listener answers at the URL that an output gives.
async fn fetched(outputs: &Value, listener: &str, url: &str) -> Value {
    let listener: SocketAddr = text(outputs, listener).parse().unwrap();
    let authority = text(outputs, "/ca_certificate_pem").as_bytes();
    let url: Uri = text(outputs, url).parse().unwrap();
    let answer = client::get_h2(listener, url.host().unwrap(), url.path(), authority).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200, "{answer:?}");
    serde_json::from_slice(answer.body()).unwrap()
}

/// What the POP says at the API's own name, and at the one that it has by default.
async fn greeting(outputs: &Value) -> String {
    let own = fetched(outputs, "/pop_https", "/url").await;
    let default = fetched(outputs, "/pop_https", "/default_url").await;
    assert_eq!(own, default);
    own["message"].as_str().unwrap().to_owned()
}

fn assert_empty(terraform: &Terraform) {
    let (changes, said) = terraform.plan().unwrap();
    assert_eq!(changes, Changes::None, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_by_terraform_serves_changes_heals_and_goes() {
    let Some(mut terraform) = quick_start() else {
        return;
    };

    // Everything in one run, nodes, API and name; it serves when the run has ended.
    terraform.apply().unwrap();
    let outputs = terraform.outputs().unwrap();
    assert_eq!(greeting(&outputs).await, "hello");
    assert_eq!(terraform.processes().len(), 5);
    assert_empty(&terraform);

    // A change of the API is a deployment in the same run, live at the POP when that ends.
    terraform.set("greeting", "good morning");
    terraform.apply().unwrap();
    assert_eq!(greeting(&outputs).await, "good morning");
    assert_empty(&terraform);

    drift_is_put_right(&terraform, &outputs).await;
    a_dead_node_is_started_again(&terraform, &outputs).await;

    destroy(&terraform);
}

/// Somebody changes things by hand.
async fn drift_is_put_right(terraform: &Terraform, outputs: &Value) {
    let management = Management::new(
        &format!("http://{}.11:7001", addresses()),
        text(outputs, "/access_key_id"),
        text(outputs, "/secret_access_key"),
    );
    let (api, stage) = (text(outputs, "/api_id"), text(outputs, "/stage"));
    let path = format!("/restapis/{api}/stages/{stage}");
    let patch = json!({ "patchOperations": [
        { "op": "replace", "path": "/description", "value": "changed by hand" },
    ] });
    management
        .must(Method::PATCH, &path, Some(patch))
        .await
        .unwrap();
    let moved = json!({ "latitude": 1, "longitude": 2 });
    let pop = "/edgeway/v1/pops/pop-1";
    management
        .must(Method::PUT, pop, Some(moved))
        .await
        .unwrap();

    let (changes, said) = terraform.plan().unwrap();
    assert_eq!(changes, Changes::Some);
    assert!(said.contains("changed by hand"), "{said}");
    terraform.apply().unwrap();
    let stage = management.must(Method::GET, &path, None).await.unwrap();
    assert_eq!(stage["description"], "What clients see.");
    let pop = management.must(Method::GET, pop, None).await.unwrap();
    assert_eq!(pop["latitude"], 40.7);
    assert_empty(terraform);
}

async fn a_dead_node_is_started_again(terraform: &Terraform, outputs: &Value) {
    let before = outputs.pointer("/nodes/region-eu-west-1").unwrap();
    let pid = u32::try_from(before["pid"].as_u64().unwrap()).unwrap();
    process::signal(pid, "KILL").unwrap();
    until("it is dead", Duration::from_secs(10), || async {
        (!process::lives(pid)).then_some(())
    })
    .await;

    let (changes, said) = terraform.plan().unwrap();
    assert_eq!(changes, Changes::Some);
    assert!(said.contains("A local node has died"), "{said}");
    terraform.apply().unwrap();
    let now = terraform.outputs().unwrap();
    let after = now.pointer("/nodes/region-eu-west-1").unwrap();
    assert_eq!(after["id"], before["id"], "the same node");
    assert_ne!(after["pid"], before["pid"], "another process");
    // Its own listener serves what it had: nothing was lost.
    let regional = fetched(&now, "/regions/eu-west-1/https", "/default_url").await;
    assert_eq!(regional["message"], "good morning");
    assert_eq!(greeting(&now).await, "good morning");
    assert_empty(terraform);
}

#[test]
fn the_local_module_makes_what_its_variables_say() {
    let Some(terraform) = Terraform::found("modules/local").unwrap() else {
        eprintln!("skipped: there is no terraform on this machine");
        return;
    };
    terraform.run(&["fmt", "-check", "-recursive"]).unwrap();
    terraform.run(&["init", "-no-color"]).unwrap();
    terraform.run(&["test", "-no-color"]).unwrap();
}
