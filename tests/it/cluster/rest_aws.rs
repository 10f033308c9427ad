//! REST APIs in front of functions and AWS services, through POPs: boto3 imports the definitions,
//! a Python server runs the functions, moto is the services and the user pools, and another Python
//! server issues tokens.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use tests::cluster::Cluster;

use super::clients::{folder, python};

/// The servers that stand in for AWS; they end with the test.
struct Backends {
    child: Child,
    addresses: BTreeMap<String, String>,
}

impl Backends {
    fn start() -> Self {
        let mut child = Command::new(python())
            .arg("aws_backends.py")
            .current_dir(folder())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let addresses = serde_json::from_str(&line).unwrap();
        Self { child, addresses }
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_services_answer_through_pops() {
    let backends = Backends::start();
    let (services, functions) = (
        backends.addresses["services"].as_str(),
        backends.addresses["functions"].as_str(),
    );
    let variables = [
        ("AWS_ENDPOINT_URL", services),
        ("AWS_ENDPOINT_URL_LAMBDA", functions),
        ("AWS_ACCESS_KEY_ID", "AKIDNODE"),
        ("AWS_SECRET_ACCESS_KEY", "secret-of-the-node"),
        // The nodes trust what vouches for the issuer of tokens.
        ("SSL_CERT_FILE", backends.addresses["issuer_ca"].as_str()),
    ];
    let cluster = Cluster::start_among(1, 1, &variables).await.unwrap();
    let output = Command::new(python())
        .args(["-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"])
        .args(["rest_aws.py", "rest_tokens.py"])
        .current_dir(folder())
        .env("EDGEWAY_READY_FILE", cluster.ready_file())
        .env("SERVICES_URL", services)
        .env("FUNCTIONS_URL", functions)
        .env("ISSUER_URL", &backends.addresses["issuer"])
        .env("ISSUER_CA", &backends.addresses["issuer_ca"])
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
