output "addresses" {
  description = "The POP's addresses, one a zone: what DNS answers."
  value       = [for key in sort(keys(local.subnets)) : aws_eip.this[key].public_ip]
}

output "dns_name" {
  description = "The balancer's name."
  value       = aws_lb.this.dns_name
}

output "autoscaling_group" {
  description = "The group, for scaling policies."
  value       = aws_autoscaling_group.this.name
}

output "security_group_id" {
  description = "The nodes' security group."
  value       = aws_security_group.node.id
}

output "role_name" {
  description = "The machines' role."
  value       = aws_iam_role.this.name
}

output "settings" {
  description = "The nodes' settings file."
  value       = module.node.settings
}
