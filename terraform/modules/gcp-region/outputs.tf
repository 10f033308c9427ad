output "nodes" {
  description = "Each node's address and machine."
  value = {
    for key in keys(var.nodes) : key => {
      address  = google_compute_address.this[key].address
      link     = "${google_compute_address.this[key].address}:4433"
      instance = google_compute_instance.this[key].instance_id
    }
  }
}

output "endpoints" {
  description = "The management API, for the provider's `endpoints`."
  value       = [for key in sort(keys(var.nodes)) : "https://${google_compute_address.this[key].address}:7443"]
}

output "public_addresses" {
  description = "Where clients of regional endpoints come to."
  value       = [for key in sort(keys(var.nodes)) : google_compute_address.this[key].address]
}

output "service_account" {
  description = "The machines' account."
  value       = google_service_account.this.email
}

output "settings" {
  description = "The settings file of each node."
  value       = { for key, node in module.node : key => node.settings }
}
