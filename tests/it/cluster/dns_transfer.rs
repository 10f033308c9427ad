//! Copies of zones by secondaries' programs: `dig`, `kdig` and dnspython, over TCP and TLS, with
//! right keys and wrong ones.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use http::Method;
use serde_json::{Value, json};
use tests::cluster::{Cluster, program};

const ZONE: &str = "/edgeway/v1/zones/edgeway.test";
/// Enough for several messages.
const HOSTS: usize = 1_500;

/// The virtual environment that `cargo xtask setup` makes, beside the build.
fn python() -> PathBuf {
    let profile = program();
    let target = profile.parent().and_then(Path::parent).unwrap();
    target.join("venv").join("bin").join("python")
}

/// All that a program prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_of_a_key_copy_zones_and_nobody_else() {
    let cluster = Cluster::start().await.unwrap();
    let management = cluster.management(0);
    let mut records: Vec<Value> = (0..HOSTS)
        .map(|n| {
            let (name, value) = (
                format!("h{n}.edgeway.test"),
                format!("10.0.{}.{}", n >> 8, n & 255),
            );
            json!({"name": name, "type": "A", "ttl": 60, "value": value})
        })
        .collect();
    records.push(
        json!({"name": "edgeway.test", "type": "MX", "ttl": 60, "value": "10 mx.example.net"}),
    );
    let body = json!({ "records": records });
    let made = management
        .call(Method::PUT, ZONE, Some(body))
        .await
        .unwrap();
    assert!(made.status.is_success(), "{}", made.body);
    let revision = made.headers.get("x-edgeway-revision").unwrap();
    let revision = revision.to_str().unwrap().parse().unwrap();
    management.wait(revision).await.unwrap();

    let ready = &cluster.ready;
    let key = ready.transfer_key.as_str();
    let (algorithm, rest) = key.split_once(':').unwrap();
    let wrong_secret = format!("{algorithm}:dev:c29tZSBvdGhlciBzZWNyZXQgYWx0b2dldGhlcg==");
    let (_, secret) = rest.split_once(':').unwrap();
    let wrong_name = format!("{algorithm}:nobody:{secret}");
    let other_algorithm = format!("hmac-sha512:dev:{secret}");
    let ask = |program: &str, port: u16, args: &[&str]| {
        run(Command::new(program)
            .arg(format!("@{}", ready.dns.ip()))
            .args(["-p", &port.to_string()])
            .args(args))
    };
    let copied = |told: &str| {
        let hosts = told
            .lines()
            .filter(|line| line.starts_with('h') && line.contains("10.0."));
        let soas = told.lines().filter(|line| line.contains("SOA"));
        let soas = soas.filter(|line| line.contains("ns1.edgeway.test."));
        (
            hosts.count(),
            soas.count(),
            told.contains("mx.example.net."),
        )
    };
    let whole = (HOSTS, 2, true);
    let tcp = ready.dns.port();
    let told = ask("dig", tcp, &["-y", key, "edgeway.test", "AXFR"]);
    assert_eq!(copied(&told), whole, "{told}");
    // A request for changes since a revision that is long gone.
    let told = ask("dig", tcp, &["-y", key, "+tcp", "edgeway.test", "IXFR=1"]);
    assert_eq!(copied(&told), whole, "{told}");
    let told = ask("kdig", tcp, &["-y", key, "edgeway.test", "AXFR"]);
    assert_eq!(copied(&told), whole, "{told}");
    let authority = format!("+tls-ca={}", ready.ca_file.display());
    let name = "+tls-hostname=ns1.edgeway.test";
    let args = ["-y", key, authority.as_str(), name, "edgeway.test", "AXFR"];
    let told = ask("kdig", ready.dns_tls.port(), &args);
    assert_eq!(copied(&told), whole, "{told}");

    let told = ask("dig", tcp, &["edgeway.test", "AXFR"]);
    assert!(told.contains("Transfer failed"), "{told}");
    for (wrong, reason) in [
        (&wrong_secret, "BADSIG"),
        (&wrong_name, "BADKEY"),
        (&other_algorithm, "BADKEY"),
    ] {
        let told = ask("dig", tcp, &["-y", wrong, "edgeway.test", "AXFR"]);
        assert!(told.contains("failed"), "{told}");
        let told = ask("dig", tcp, &["-y", wrong, "+tcp", "edgeway.test", "SOA"]);
        assert!(told.contains("NOTAUTH") && told.contains(reason), "{told}");
    }
    let told = ask("dig", tcp, &["-y", key, "edgeway.test", "SOA"]);
    assert!(told.contains("NOERROR") && told.contains("TSIG"), "{told}");
    assert!(!told.contains("Couldn't verify"), "{told}");

    let script = tests::folder().join("clients/dns_transfer.py");
    let told = run(Command::new(python()).arg(script).arg(cluster.ready_file()));
    assert!(told.ends_with("all ok\n"), "{told}");
    println!("{told}");
}
