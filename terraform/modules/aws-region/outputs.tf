output "nodes" {
  description = "Each node's address, machine and volume."
  value = {
    for key in keys(var.nodes) : key => {
      address   = aws_eip.this[key].public_ip
      link      = "${aws_eip.this[key].public_ip}:4433"
      instance  = aws_instance.this[key].id
      volume_id = aws_ebs_volume.this[key].id
    }
  }
  # Whoever waits for the nodes waits until they have their volumes.
  depends_on = [aws_volume_attachment.this]
}

output "endpoints" {
  description = "The management API, for the provider's `endpoints`."
  value       = [for key in sort(keys(var.nodes)) : "https://${aws_eip.this[key].public_ip}:7443"]
}

output "public_addresses" {
  description = "Where clients of regional endpoints come to."
  value       = [for key in sort(keys(var.nodes)) : aws_eip.this[key].public_ip]
}

output "security_group_id" {
  description = "The nodes' security group: let backends take what comes from it."
  value       = aws_security_group.this.id
}

output "role_name" {
  description = "The machines' role: attach what integrations with AWS services need."
  value       = aws_iam_role.this.name
}

output "first_run" {
  description = "What a machine with an empty volume does: whether the first node sets a cluster up, and the ARNs of secrets that machines can read."
  value       = { sets_up = var.bootstrap != null, reads = local.secrets }
}

output "settings" {
  description = "The settings file of each node."
  value       = { for key, node in module.node : key => node.settings }
}
