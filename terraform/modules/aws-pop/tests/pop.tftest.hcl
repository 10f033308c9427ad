mock_provider "aws" {
  mock_data "aws_subnet" {
    defaults = { cidr_block = "10.0.0.0/24" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }
  mock_resource "aws_eip" {
    defaults = { public_ip = "192.0.2.10" }
  }
  mock_resource "aws_launch_template" {
    defaults = { latest_version = 7 }
  }
}

variables {
  name       = "dublin"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-a", "subnet-b"]
  ami_id     = "ami-0123456789abcdef0"
  join_policy = {
    name      = "dublin"
    ca_sha256 = "5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c"
    regions   = ["192.0.2.1:4433"]
  }
}

run "a_group_behind_a_balancer" {
  assert {
    condition = alltrue([
      for group in aws_lb_target_group.this : group.proxy_protocol_v2 && group.preserve_client_ip == "false"
    ])
    error_message = "The header tells the client; the connection is the balancer's."
  }
  assert {
    condition     = strcontains(output.settings, "proxy_protocol = { trusted = [\"10.0.0.0/24\"] }")
    error_message = "Nodes trust the balancer's networks, and nobody else."
  }
  assert {
    condition = alltrue([
      for group in aws_lb_target_group.this : (
        group.target_health_state[0].enable_unhealthy_connection_termination == false
        && group.target_health_state[0].unhealthy_draining_interval == 60
      )
    ])
    error_message = "A node that is to end keeps its connections until they are done."
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.this : group.health_check[0].matcher == "200"])
    error_message = "Ready is 200, and nothing else."
  }
  assert {
    condition     = aws_lb.this.enable_deletion_protection
    error_message = "The addresses of the POP are the balancer's."
  }
  assert {
    condition = toset([for one in aws_launch_template.this.tag_specifications : one.resource_type]) == toset([
      "instance", "network-interface", "volume",
    ])
    error_message = "Whatever costs has tags."
  }
  assert {
    condition     = strcontains(output.settings, "h3 = false")
    error_message = "There is no HTTP/3 behind this balancer."
  }
  assert {
    condition = (
      aws_autoscaling_group.this.instance_refresh[0].preferences[0].min_healthy_percentage == 100
      && aws_autoscaling_group.this.instance_refresh[0].preferences[0].max_healthy_percentage == 134
    )
    error_message = "A refresh adds before it removes."
  }
  assert {
    condition     = aws_autoscaling_group.this.launch_template[0].version == "7"
    error_message = "A new template rolls the group."
  }
  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required"
    error_message = "Metadata are for those who ask by IMDSv2."
  }
  assert {
    condition = (
      strcontains(output.settings, "policy = \"dublin\"") && strcontains(output.settings, "identity = { aws = {} }")
      && !strcontains(module.node.user_data, "EDGEWAY_JOIN_TOKEN")
      && !strcontains(aws_iam_role_policy.this.policy, "secretsmanager")
    )
    error_message = "Machines join by what they are, and read no secret."
  }
  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_ingress_rule.node : rule.referenced_security_group_id == aws_security_group.balancer.id
    ])
    error_message = "Only the balancer reaches the nodes."
  }
  assert {
    condition     = aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout == 120
    error_message = "A machine has time to drain."
  }
}

run "a_key_opens_the_secret_alone" {
  command = plan

  variables {
    join_policy           = null
    join_token_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pop-AbCdEf"
    kms_key_arn           = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = strcontains(
      aws_iam_role_policy.this.policy, "{\"StringEquals\":{\"kms:ViaService\":\"secretsmanager.eu-west-1.amazonaws.com\"}}"
    )
    error_message = "The key may be used by way of the store of secrets, for nothing else."
  }
}

run "a_token_instead" {
  variables {
    join_policy           = null
    join_token_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pop-AbCdEf"
  }

  assert {
    condition = (
      strcontains(module.node.user_data, var.join_token_secret_arn)
      && strcontains(aws_iam_role_policy.this.policy, var.join_token_secret_arn)
      && !strcontains(output.settings, "[join]")
    )
    error_message = "User data has the secret's ARN, which the role may read."
  }
}

run "one_way_to_join" {
  command = plan

  variables {
    join_token_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pop-AbCdEf"
  }

  expect_failures = [var.join_policy]
}

run "secrets_are_named_by_arn" {
  command = plan

  variables {
    join_policy           = null
    join_token_secret_arn = "the token itself"
  }

  expect_failures = [var.join_token_secret_arn]
}

run "sizes_fit" {
  command = plan

  variables {
    size = { min = 3, desired = 2 }
  }

  expect_failures = [var.size]
}

run "a_refresh_needs_room" {
  command = plan

  variables {
    size = { min = 1, desired = 1, max = 1 }
  }

  expect_failures = [var.size]
}

run "balancers_need_time_to_notice" {
  command = plan

  variables {
    leave_s = 5
  }

  expect_failures = [var.leave_s]
}

run "names_are_short" {
  command = plan

  variables {
    name = "a-point-of-presence-far-away"
  }

  expect_failures = [var.name]
}
