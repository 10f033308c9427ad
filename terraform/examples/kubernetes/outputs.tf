output "ca_certificate_pem" {
  description = "The cluster's authority."
  value       = edgeway_cluster_secrets.this.ca_certificate_pem
}

output "services" {
  description = "Where clients come in."
  value       = concat([module.region.service], module.pop[*].service)
}
