# A REST API from an OpenAPI document: see README.md.

terraform {
  required_version = ">= 1.11"

  required_providers {
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
    }
  }
}

# Where and who: EDGEWAY_ENDPOINT, EDGEWAY_CA_FILE, EDGEWAY_ACCESS_KEY_ID, EDGEWAY_SECRET_ACCESS_KEY.
provider "edgeway" {
  wait_for = "pops" # a finished apply is served by every live node
}

module "pets" {
  source = "../../modules/api"

  # The document has ${backend}; everything else in it is as it was written.
  body     = templatefile("${path.module}/pets.json.tftpl", { backend = var.backend })
  stage    = "v1"
  throttle = { rate = 500, burst = 1000 }
  keys     = var.keys
  tags     = { team = "pets" }
}
