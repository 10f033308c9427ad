//! The clients that people have: boto3 and the AWS CLI, pinned, run by pytest in `tests/clients`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tests::cluster::{Cluster, program};

/// The virtual environment that `cargo xtask setup` makes, beside the build.
pub(super) fn python() -> PathBuf {
    let profile = program();
    let target = profile.parent().and_then(Path::parent).unwrap();
    let python = target.join("venv").join("bin").join("python");
    assert!(
        python.exists(),
        "{} is missing: run `cargo xtask setup`",
        python.display()
    );
    python
}

/// Runs pytest against a cluster of its own.
async fn run(arguments: &[&str]) {
    let cluster = Cluster::start().await.unwrap();
    let output = Command::new(python())
        .args(["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"])
        .args(arguments)
        .current_dir(folder())
        .env("EDGEWAY_READY_FILE", cluster.ready_file())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(super) fn folder() -> PathBuf {
    tests::folder().join("clients")
}

/// Sends hundreds of requests.
const ROUTES: &str = "rest_routes.py";

/// Those with many calls have a cluster of their own, so that no run takes long.
const OWN_CLUSTER: [&str; 4] = [
    "aws_provider.py",
    "v2_apis.py",
    "rest_platform.py",
    "rest_private.py",
];

#[tokio::test(flavor = "multi_thread")]
async fn boto3_and_the_aws_cli_work() {
    run(&[
        "--ignore-glob=rest_*.py",
        "--ignore=v2_apis.py",
        "--ignore=aws_provider.py",
        ".",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_team_does_works() {
    run(&OWN_CLUSTER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_large_descriptions_are_routed() {
    run(&[ROUTES]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_apis_work_with_boto3_and_the_aws_cli() {
    let names = std::fs::read_dir(folder()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with("rest_") && name.ends_with(".py"))
        .filter(|name| name != ROUTES && !OWN_CLUSTER.contains(&name.as_str()))
        // They need backends beside the cluster.
        .filter(|name| !["rest_aws.py", "rest_tokens.py"].contains(&name.as_str()))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    run(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
