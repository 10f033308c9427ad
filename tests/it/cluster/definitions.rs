//! `edgeway import` and `edgeway export`: a file makes an API, and its export makes the same again.

use std::{path::Path, process::Output};

use serde_json::Value;
use tests::cluster::{Cluster, program};
use tokio::process::Command;

const FILE: &str = r##"
openapi: 3.0.1
info: { title: pets, version: "1" }
paths:
  /pets/{id}:
    get:
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses: { 200: { description: A pet } }
      x-amazon-apigateway-integration:
        type: http
        httpMethod: GET
        uri: http://backend.example/{id}
        requestParameters: { integration.request.path.id: method.request.path.id }
        responses: { default: { statusCode: 200 } }
"##;

async fn edgeway(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).arg("--ready-file");
    command.arg(cluster.ready_file()).output().await.unwrap()
}

async fn must(cluster: &Cluster, arguments: &[&str]) -> String {
    let output = edgeway(cluster, arguments).await;
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {problem}");
    String::from_utf8(output.stdout).unwrap()
}

/// Imports and deploys a file; the answer is the API's id.
async fn imported(cluster: &Cluster, file: &Path, more: &[&str]) -> String {
    let file = file.to_str().unwrap();
    let arguments = [&["import", file, "--stage", "prod"], more].concat();
    let shown = must(cluster, &arguments).await;
    assert!(shown.contains("deployed to prod"), "{shown}");
    let id = shown.split_whitespace().next().unwrap();
    id.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_makes_an_api_and_its_export_the_same_again() {
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (given, written) = (folder.path().join("a.yaml"), folder.path().join("b.json"));
    std::fs::write(&given, FILE).unwrap();
    let first = imported(&cluster, &given, &[]).await;
    let output = written.to_str().unwrap();
    must(
        &cluster,
        &["export", &first, "--stage", "prod", "--output", output],
    )
    .await;
    let second = imported(&cluster, &written, &[]).await;
    assert_ne!(first, second);
    let again = must(&cluster, &["export", &second, "--stage", "prod"]).await;
    let text = std::fs::read_to_string(&written).unwrap();
    let (text, again): (Value, Value) = (
        serde_json::from_str(&text.replace(&first, "API")).unwrap(),
        serde_json::from_str(&again.replace(&second, "API")).unwrap(),
    );
    assert_eq!(again, text);

    // Over what is there, with something left out.
    let changed = FILE.replace("/pets/{id}", "/dogs/{id}");
    std::fs::write(&given, changed).unwrap();
    let same = imported(&cluster, &given, &["--api", &first, "--overwrite"]).await;
    assert_eq!(same, first);
    let yaml = must(&cluster, &["export", &first, "--stage", "prod", "--yaml"]).await;
    assert!(
        yaml.contains("/dogs/{id}:") && !yaml.contains("/pets"),
        "{yaml}"
    );

    std::fs::write(
        &given,
        "openapi: 3.0.1\ninfo: { title: x }\npaths: { /: { fly: {} } }\n",
    )
    .unwrap();
    let refused = edgeway(&cluster, &["import", given.to_str().unwrap()]).await;
    let problem = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && problem.contains("(at /paths/~1/fly)"),
        "{problem}"
    );
}
