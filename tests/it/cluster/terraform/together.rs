//! Two runs of terraform at the same time on one DNS zone: neither undoes what the other does.

use http::Method;
use serde_json::json;
use tests::{
    cluster::Cluster,
    terraform::{Provider, Workspace, installed},
};

const RECORDS: usize = 12;

/// Records of one run in the shared zone.
fn records(run: &str) -> String {
    format!(
        r#"
resource "edgeway_dns_record" "own" {{
  count  = {RECORDS}
  zone   = "shared.example"
  name   = "{run}${{count.index}}.shared.example"
  type   = "A"
  values = ["192.0.2.${{count.index}}"]
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_alter_one_zone_without_undoing_each_other() {
    let Some(terraform) = installed() else { return };
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let management = cluster.management(0);
    let zone = "/edgeway/v1/zones/shared.example";
    let empty = json!({ "records": [] });
    management
        .must(Method::PUT, zone, Some(empty))
        .await
        .unwrap();
    // A provider each, as on two machines.
    let providers = [(); 2].map(|()| Provider::of(&cluster).unwrap());
    let workspaces: Vec<Workspace<'_>> = ["a", "b"]
        .iter()
        .zip(&providers)
        .map(|(run, provider)| Workspace::new(&terraform, provider, &records(run)).unwrap())
        .collect();
    let at_once = |arguments: &'static [&'static str]| {
        std::thread::scope(|scope| {
            let runs: Vec<_> = workspaces
                .iter()
                .map(|workspace| scope.spawn(|| workspace.must(arguments).unwrap()))
                .collect();
            for run in runs {
                run.join().unwrap();
            }
        });
    };
    at_once(&["apply", "-no-color", "-auto-approve"]);
    let found = management.must(Method::GET, zone, None).await.unwrap();
    assert_eq!(found["records"].as_array().unwrap().len(), 2 * RECORDS);
    assert!(found["etag"].is_string(), "{found}");
    for workspace in &workspaces {
        assert!(workspace.plan().unwrap().is_empty());
    }
    at_once(&["destroy", "-no-color", "-auto-approve"]);
    let found = management.must(Method::GET, zone, None).await.unwrap();
    assert_eq!(found["records"], json!([]));
}
