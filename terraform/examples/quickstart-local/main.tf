# A cluster on this machine and a REST API on it, in one apply: see README.md.

terraform {
  required_version = ">= 1.9"

  required_providers {
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
    }
  }
}

# Secrets and processes: needs no cluster.
provider "edgeway" {
  alias = "machine"
}

provider "edgeway" {
  endpoints         = module.cluster.endpoints
  access_key_id     = module.cluster.access_key_id
  secret_access_key = module.cluster.secret_access_key
  ca_pem            = module.cluster.ca_certificate_pem

  # A finished apply is live at every node.
  wait_for = "pops"
}

module "cluster" {
  source    = "../../modules/local"
  providers = { edgeway = edgeway, edgeway.machine = edgeway.machine }

  data_dir       = abspath(var.data_dir)
  program        = var.program
  address_prefix = var.address_prefix
  namespaces     = var.namespaces
}
