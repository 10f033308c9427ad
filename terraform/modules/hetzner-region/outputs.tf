output "nodes" {
  description = "Each node's address and machine."
  value = {
    for key in var.nodes : key => {
      address  = hcloud_primary_ip.this[key].ip_address
      link     = "${hcloud_primary_ip.this[key].ip_address}:4433"
      instance = hcloud_server.this[key].id
    }
  }
  depends_on = [hcloud_volume_attachment.this]
}

output "endpoints" {
  description = "The management API, for the provider's `endpoints`."
  value       = [for key in sort(var.nodes) : "https://${hcloud_primary_ip.this[key].ip_address}:7443"]
}

output "public_addresses" {
  description = "Where clients of regional endpoints come to."
  value       = [for key in sort(var.nodes) : hcloud_primary_ip.this[key].ip_address]
}

output "settings" {
  description = "The settings file of each node; it holds no secret."
  value       = { for key, node in module.node : key => nonsensitive(node.settings) }
}
