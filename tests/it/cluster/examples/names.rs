//! `modules/api` and `modules/edge-domain`: APIs of both kinds at the paths of one name, with its
//! certificate, in a zone of the cluster.

use tests::issuer::TestIssuer;

use super::{Door, World, apply, assert_done, destroy};

/// What the READMEs of both modules show.
const CONFIGURATION: &str = r#"
terraform {
  required_providers {
    edgeway = { source = "edgeway/edgeway" }
  }
}

provider "edgeway" {
  wait_for = "pops"
}

variable "chain" {}
variable "private_key" { ephemeral = true }
variable "generation" {}
variable "backend" {}

locals {
  integration = {
    type = "http_proxy", httpMethod = "GET", payloadFormatVersion = "1.0"
    uri  = "${var.backend}/${var.generation}"
  }
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "shop", version = "1" }
    paths = { "/all" = { get = {
      responses                         = { 200 = { description = "all" } }
      "x-amazon-apigateway-integration" = local.integration
    } } }
  })
}

resource "edgeway_dns_zone" "shop" {
  name = "shop.example"
}

module "pets" {
  source = "../../modules/api"
  body   = local.body
}

module "orders" {
  source = "../../modules/api"
  kind   = "http"
  stage  = "$default"
  body   = local.body
}

module "domain" {
  source              = "../../modules/edge-domain"
  domain_name         = "api.shop.example"
  certificate         = var.chain
  private_key         = var.private_key
  certificate_version = var.generation
  zone                = edgeway_dns_zone.shop.name
  apis = {
    ""       = { api_id = module.pets.api_id, stage = module.pets.stage }
    "orders" = { api_id = module.orders.api_id, stage = module.orders.stage }
  }
}

# Without quotes, as people write it.
resource "edgeway_dns_record" "text" {
  zone   = edgeway_dns_zone.shop.name
  name   = edgeway_dns_zone.shop.name
  type   = "TXT"
  values = ["v=spf1 -all"]
}

variable "address" { default = "192.0.2.7" }

resource "edgeway_dns_record" "address" {
  zone   = edgeway_dns_zone.shop.name
  name   = edgeway_dns_zone.shop.name
  type   = "A"
  values = [var.address]
}
"#;

const NAME: &str = "api.shop.example";

pub(super) async fn certificates_names_and_paths(world: &World) {
    let terraform = world.terraform.beside("examples/names").unwrap();
    std::fs::write(terraform.main().join("main.tf"), CONFIGURATION).unwrap();
    let mut terraform = world.configuration("names");
    terraform.set("backend", &world.backend);
    for generation in ["1", "2"] {
        // Another authority each time, so that an old certificate is not trusted.
        let issuer = TestIssuer::new("shop").unwrap();
        let issued = issuer.issue(&[NAME]).unwrap();
        terraform.set("chain", &issued.chain);
        terraform.set("private_key", &issued.key);
        terraform.set("generation", generation);
        apply(&terraform);
        let pop = Door {
            addr: world.cluster.ready.pops[0].https,
            authority: issuer.root_pem().to_vec(),
        };
        let seen = format!("/{generation}");
        for path in ["/all", "/orders/all"] {
            let got = pop.get(&format!("https://{NAME}{path}"), &[]).await;
            assert_eq!(got.seen()["path"], seen.as_str(), "{path}: {got:?}");
        }
        assert_done(&terraform);
    }
    // The name leads to what DNS answers for the POP.
    let address = world.cluster.ready.pops[0].public.to_string();
    let found = world.dig(world.cluster.ready.dns, NAME);
    assert!(found.lines().any(|line| line == address), "{found}");

    // What is refused is shown where it is written.
    terraform.set("address", "999.0.2.7");
    let refused = terraform.apply().unwrap_err().to_string();
    for words in ["values = [var.address]", "999.0.2.7 is no value"] {
        assert!(refused.contains(words), "{refused}");
    }

    destroy(&terraform);
    world.resolves(NAME, false).await;
}
