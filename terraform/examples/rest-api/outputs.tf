output "url" {
  description = "Where the API is."
  value       = module.pets.url
}

output "keys" {
  description = "What each sends in `x-api-key`: `terraform output -json keys`."
  value       = module.pets.keys
  sensitive   = true
}
