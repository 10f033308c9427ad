output "url" {
  description = "The name as a URL."
  value       = "https://${edgeway_domain_name.this.domain_name}"
}

output "target" {
  description = "What a CNAME of the name points to, where the zone is elsewhere."
  value       = edgeway_domain_name.this.target
}

output "arn" {
  description = "The domain name's ARN."
  value       = edgeway_domain_name.this.arn
}

output "not_after" {
  description = "When the certificate ends."
  value       = edgeway_certificate.this.not_after
}
