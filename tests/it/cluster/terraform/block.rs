//! The provider's own block with the real terraform program: authorities, keys, endpoints, and what
//! it says when one of them is wrong.

use std::net::TcpListener;

use tests::{cluster::Cluster, configuration::Terraform};

/// A configuration with this provider block, which reads the cluster and makes a POP.
fn with(block: &str) -> String {
    format!(
        r#"
terraform {{
  required_providers {{
    edgeway = {{ source = "edgeway/edgeway" }}
  }}
}}
provider "edgeway" {{
{block}
}}
data "edgeway_cluster" "it" {{}}
output "cluster" {{
  value = data.edgeway_cluster.it.name
}}
resource "edgeway_pop" "made" {{
  name = "block-test"
}}
"#
    )
}

/// An attribute with a text of several lines.
fn text(name: &str, value: &str) -> String {
    format!("  {name} = <<-EOT\n{value}\n  EOT\n")
}

/// A port where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn authority() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["other.example".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap();
    certificate.self_signed(&key).unwrap().pem()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_block_is_taken_or_explained() {
    let Some(terraform) = Terraform::of(&with("")).unwrap() else {
        return;
    };
    let cluster = Cluster::start_with(1, 1).await.unwrap();
    let ready = &cluster.ready;
    let region = &ready.regions[0];
    let ca = String::from_utf8(cluster.authority_pem().unwrap()).unwrap();
    let key = format!(
        "  access_key_id = \"{}\"\n  secret_access_key = \"{}\"\n",
        ready.access_key_id, ready.secret_access_key
    );
    let endpoints = |all: &[&str]| format!("  endpoints = {all:?}\n");
    let https = endpoints(&[&region.management_https]);
    let trusted = text("ca_pem", &ca);

    // Over TLS with the cluster's own authority; of several endpoints, two are dead.
    let dead = nobody();
    let several = endpoints(&[&dead, &region.management_https, "http://127.0.0.1:1"]);
    terraform
        .write(&with(&[several.as_str(), &key, &trusted].concat()))
        .unwrap();
    terraform.apply().unwrap();
    assert!(terraform.actions().unwrap().is_empty());
    assert!(terraform.outputs().unwrap()["cluster"].is_string());

    let explained = |block: &[&str], words: &[&str]| {
        terraform.write(&with(&block.concat())).unwrap();
        let said = terraform.refused(&["plan", "-no-color"]).unwrap();
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    };
    // Whoever is meant is shown as a line of the configuration.
    explained(
        &[&https, &key, &text("ca_pem", &authority())],
        &["The management API is not trusted", "ca_pem = <<-EOT"],
    );
    explained(
        &[&https, &key],
        &["The management API is not trusted", "endpoints = ["],
    );
    explained(
        &[&https, &key, &text("ca_pem", "no certificate")],
        &[
            "The provider's configuration cannot be used",
            "no certificate in PEM",
            "ca_pem = <<-EOT",
        ],
    );
    let wrong = key.replace(&ready.secret_access_key, "wrong");
    explained(
        &[&https, &wrong, &trusted],
        &["The cluster refuses the access key", "access_key_id = "],
    );
    let unknown = key.replace(&ready.access_key_id, "AKIA0000000000000000");
    explained(
        &[&https, &unknown, &trusted],
        &["The cluster refuses the access key", "access_key_id = "],
    );
    explained(
        &[&endpoints(&["management.example:8443"]), &key],
        &["is not a URL", "endpoints = ["],
    );
    explained(
        &[&key],
        &["The provider is not configured", "EDGEWAY_ENDPOINT"],
    );
    explained(
        &[&https, "  access_key_id = \"A\"\n", &trusted],
        &[
            "The provider is not configured",
            "EDGEWAY_SECRET_ACCESS_KEY",
        ],
    );
    explained(
        &[&endpoints(&[&dead]), &key],
        &["Check the provider's endpoints"],
    );
    terraform
        .write(&with(&[https.as_str(), &key, &trusted].concat()))
        .unwrap();
    terraform
        .run(&["destroy", "-auto-approve", "-no-color"])
        .unwrap();
}
