output "url" {
  description = "The API, once the base domain is delegated to the cluster's DNS."
  value       = "https://${local.host}${local.path}"
}

output "host" {
  description = "The API's name."
  value       = local.host
}

output "path" {
  description = "Stage and resource."
  value       = local.path
}

output "curl" {
  description = "How to ask the POP without DNS."
  value       = "curl --cacert ca.pem --connect-to '${local.host}:443:${local.pop.https}' 'https://${local.host}${local.path}'"
}

output "dig" {
  description = "How to ask the cluster's DNS where the API is."
  value       = "dig +short -p ${split(":", module.cluster.dns)[1]} @${split(":", module.cluster.dns)[0]} ${local.host}"
}

output "pop_https" {
  description = "Where the POP listens."
  value       = local.pop.https
}

output "pop_http" {
  description = "The same without TLS."
  value       = local.pop.http
}

output "regions" {
  description = "Where the regions listen."
  value       = module.cluster.regions
}

output "nodes" {
  description = "Every node's number, process, folder and log."
  value       = module.cluster.nodes
}

output "endpoints" {
  description = "The management API."
  value       = module.cluster.endpoints
}

output "access_key_id" {
  description = "The admin key."
  value       = module.cluster.access_key_id
}

output "secret_access_key" {
  description = "Its secret."
  value       = module.cluster.secret_access_key
  sensitive   = true
}

output "ca_certificate_pem" {
  description = "The cluster's authority: `terraform output -raw ca_certificate_pem > ca.pem`."
  value       = module.cluster.ca_certificate_pem
}
