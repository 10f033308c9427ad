output "endpoints" {
  description = "The management API of every region."
  value       = concat(module.virginia.endpoints, module.ireland.endpoints, module.tokyo.endpoints)
}

output "cluster_secret_arn" {
  description = "The secret with the authority and the first admin key."
  value       = aws_secretsmanager_secret.cluster.arn
}

output "pops" {
  description = "The addresses of each POP."
  value = {
    for name, pop in merge(module.pop_virginia, module.pop_ireland, module.pop_tokyo) : name => pop.addresses
  }
}

output "regions" {
  description = "The addresses of each region."
  value = {
    us-east-1      = module.virginia.public_addresses
    eu-west-1      = module.ireland.public_addresses
    ap-northeast-1 = module.tokyo.public_addresses
  }
}
