output "url" {
  description = "Where the API is, from inside."
  value       = module.ledger.url
}

output "endpoint_urls" {
  description = "The same by the names of the endpoints."
  value = [
    for id in sort(var.vpc_endpoint_ids) :
    replace(module.ledger.url, "${module.ledger.api_id}.execute-api", "${module.ledger.api_id}-${id}.execute-api")
  ]
}
