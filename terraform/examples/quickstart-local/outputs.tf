output "url" {
  description = "The API at its own name."
  value       = local.url
}

output "default_url" {
  description = "The API at the name that it has below the base domain."
  value       = local.default_url
}

output "curl" {
  description = "How to ask the POP without DNS."
  value       = "curl --cacert ca.pem --connect-to '::${local.pop.https}' '${local.url}'"
}

output "dig" {
  description = "How to ask the cluster's DNS where clients are to go; a CNAME of the domain name belongs there."
  value       = "dig +short -p ${split(":", module.cluster.dns)[1]} @${split(":", module.cluster.dns)[0]} ${split("/", local.default_url)[2]}"
}

output "api_id" {
  description = "The REST API."
  value       = edgeway_rest_api.hello.id
}

output "stage" {
  description = "Its stage."
  value       = edgeway_stage.live.stage_name
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
