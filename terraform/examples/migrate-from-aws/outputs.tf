output "url" {
  description = "Where the API is, for a try before clients come."
  value       = module.domain.url
}

output "target" {
  description = "Where a CNAME of the domain name is to lead, when it is time."
  value       = module.domain.target
}

output "api_id" {
  description = "The API."
  value       = edgeway_rest_api.moved.id
}
