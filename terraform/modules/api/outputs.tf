output "api_id" {
  description = "The API."
  value       = local.id
}

output "stage" {
  description = "Its stage, once it is served."
  value       = local.made
}

output "url" {
  description = "Where the stage is, below the base domain."
  value       = local.made == "$default" ? "https://${local.host}" : "https://${local.host}/${local.made}"
}

output "keys" {
  description = "What holders of keys send in `x-api-key`."
  value       = { for name, key in edgeway_api_key.this : name => key.value }
  sensitive   = true
}
