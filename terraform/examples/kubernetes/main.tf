# A region with three nodes and a POP with two, in one Kubernetes cluster: see README.md.

terraform {
  required_version = ">= 1.9"

  required_providers {
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
    }
    helm = {
      source  = "hashicorp/helm"
      version = ">= 3.0"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.30"
    }
  }
}

provider "kubernetes" {
  config_path    = var.kubeconfig
  config_context = var.context
}

provider "helm" {
  kubernetes = {
    config_path    = var.kubeconfig
    config_context = var.context
  }
}

# Secrets: needs no cluster.
provider "edgeway" {
  alias = "machine"
}

provider "edgeway" {
  endpoints         = [var.endpoint]
  access_key_id     = edgeway_cluster_secrets.this.access_key_id
  secret_access_key = edgeway_cluster_secrets.this.secret_access_key
  ca_pem            = edgeway_cluster_secrets.this.ca_certificate_pem
  wait_for          = "pops"
}

resource "edgeway_cluster_secrets" "this" {
  provider = edgeway.machine
  cluster  = "edgeway"
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name   = var.namespace
    labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
  }
}

resource "kubernetes_secret_v1" "cluster" {
  metadata {
    name      = "cluster"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }
  data = { "secrets.json" = edgeway_cluster_secrets.this.json }
}

# The first node sets the cluster up; with `stage = 2` the release no longer does, and has three.
module "region" {
  source = "../../modules/kubernetes"

  name             = "us"
  namespace        = kubernetes_namespace_v1.this.metadata[0].name
  create_namespace = false
  role             = "region"
  place            = "us-east-1"
  location         = { latitude = 38.9, longitude = -77.4 }
  image            = var.image
  replicas         = var.stage == 1 ? 1 : 3
  join_token       = var.stage == 1 ? null : edgeway_enrollment_token.region[0].token
  bootstrap = var.stage == 1 ? {
    secret      = kubernetes_secret_v1.cluster.metadata[0].name
    base_domain = var.base_domain
  } : null
  # Terraform is outside.
  values = { management = { type = "LoadBalancer" } }
}

resource "edgeway_enrollment_token" "region" {
  count = var.stage == 1 ? 0 : 1

  role        = "region"
  place       = "us-east-1"
  max_uses    = 4
  ttl_seconds = 86400
}

resource "edgeway_pop" "this" {
  count = var.stage == 1 ? 0 : 1

  name       = "pop-1"
  latitude   = 40.7
  longitude  = -74.0
  depends_on = [module.region]
}

resource "edgeway_enrollment_token" "pop" {
  count = var.stage == 1 ? 0 : 1

  role        = "pop"
  place       = edgeway_pop.this[0].name
  max_uses    = 4
  ttl_seconds = 86400
}

module "pop" {
  source = "../../modules/kubernetes"
  count  = var.stage == 1 ? 0 : 1

  name             = "pop-1"
  namespace        = kubernetes_namespace_v1.this.metadata[0].name
  create_namespace = false
  role             = "pop"
  place            = edgeway_pop.this[0].name
  image            = var.image
  replicas         = 2
  join_token       = edgeway_enrollment_token.pop[0].token
  public_addresses = var.public_addresses
}
