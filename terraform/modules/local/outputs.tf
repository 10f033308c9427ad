output "endpoints" {
  description = "The management API, for the provider's `endpoints`."
  value = [
    for region in var.regions :
    "https://${local.addresses["region-${region.name}"]}:${local.ports.management_https}"
  ]
}

output "access_key_id" {
  description = "The first admin key."
  value       = edgeway_cluster_secrets.this.access_key_id
}

output "secret_access_key" {
  description = "Its secret."
  value       = edgeway_cluster_secrets.this.secret_access_key
  sensitive   = true
}

output "ca_certificate_pem" {
  description = "The cluster's authority: for the provider's `ca_pem`, and for clients."
  value       = edgeway_cluster_secrets.this.ca_certificate_pem
}

output "ca_private_key_pem" {
  description = "The authority's key: whoever has it is the cluster."
  value       = edgeway_cluster_secrets.this.ca_private_key_pem
  sensitive   = true
}

output "base_domain" {
  description = "The domain of default host names."
  value       = edgeway_cluster_bootstrap.this.base_domain
}

output "regions" {
  description = "Where each region listens for clients."
  value = {
    for region in var.regions : region.name => {
      address = local.addresses["region-${region.name}"]
      http    = "${local.addresses["region-${region.name}"]}:${local.ports.http}"
      https   = "${local.addresses["region-${region.name}"]}:${local.ports.https}"
    }
  }
}

output "pops" {
  description = "Where each POP listens for clients."
  value = {
    for pop in var.pops : pop.name => {
      address = local.addresses["pop-${pop.name}"]
      http    = "${local.addresses["pop-${pop.name}"]}:${local.ports.http}"
      https   = "${local.addresses["pop-${pop.name}"]}:${local.ports.https}"
    }
  }
}

output "dns" {
  description = "Where the DNS node answers; null without one."
  value       = var.dns ? "${local.addresses["dns"]}:${local.ports.dns}" : null
}

output "nodes" {
  description = "Every node's number, process, folder and log."
  value = {
    for key, node in merge({ (local.first_key) = edgeway_local_node.first }, edgeway_local_node.others) : key => {
      id       = node.node_id
      pid      = node.pid
      data_dir = node.data_dir
      log      = node.log_file
    }
  }
}

output "ready" {
  description = "Known once every node is healthy: let what is in the cluster depend on the module, or on this."
  value       = join(",", concat([edgeway_cluster_bootstrap.this.id], [for node in edgeway_node.others : node.id]))
}
