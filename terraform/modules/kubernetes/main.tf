locals {
  chart     = coalesce(var.chart, "${path.module}/../../../deploy/helm/edgeway")
  namespace = var.create_namespace ? kubernetes_namespace_v1.this[0].metadata[0].name : var.namespace
  # Not of the token: that may be made in the same run.
  joins = var.bootstrap == null && var.join_policy == null

  values = {
    role            = var.role
    place           = var.place
    replicas        = var.replicas
    image           = { for key, value in var.image : key => value if value != "" }
    link            = var.link
    publicAddresses = var.public_addresses
    extraSettings   = var.extra_settings
    location        = { for key, value in coalesce(var.location, { latitude = null, longitude = null }) : key => value if value != null }
    joinToken       = { for key, value in { existingSecret = local.joins ? kubernetes_secret_v1.token[0].metadata[0].name : "" } : key => value if value != "" }
    joinPolicy = {
      name     = try(var.join_policy.name, "")
      caSha256 = try(var.join_policy.ca_sha256, "")
      regions  = try(var.join_policy.regions, [])
      audience = var.join_policy == null ? "" : var.join_audience
    }
    bootstrap = {
      enabled        = var.bootstrap != null
      existingSecret = try(var.bootstrap.secret, "")
      baseDomain     = try(var.bootstrap.base_domain, "")
      accountId      = try(var.bootstrap.account_id, "000000000000")
    }
  }
}

resource "kubernetes_namespace_v1" "this" {
  count = var.create_namespace ? 1 : 0

  metadata {
    name = var.namespace
    labels = {
      # Host ports are more than the baseline allows.
      "pod-security.kubernetes.io/enforce" = var.link.mode == "host" ? "privileged" : "restricted"
    }
  }
}

resource "kubernetes_secret_v1" "token" {
  count = local.joins ? 1 : 0

  metadata {
    name      = "${var.name}-join"
    namespace = local.namespace
  }
  data = { token = var.join_token }
}

resource "helm_release" "this" {
  name      = var.name
  namespace = local.namespace
  chart     = local.chart
  timeout   = var.timeout_seconds
  wait      = true
  # A node that does not get ready is to be looked at, not to be rolled back.
  atomic = false
  # Each former release is a secret of its own; without a bound there are ever more of them.
  max_history = 10
  values      = [yamlencode(local.values), yamlencode(var.values)]
}
