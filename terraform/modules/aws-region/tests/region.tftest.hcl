mock_provider "aws" {
  mock_data "aws_subnet" {
    defaults = { vpc_id = "vpc-1", availability_zone = "eu-west-1a" }
  }
  mock_resource "aws_eip" {
    defaults = { public_ip = "192.0.2.10" }
  }
}

variables {
  name                  = "eu-west-1"
  nodes                 = { a = "subnet-a", b = "subnet-b" }
  ami_id                = "ami-0123456789abcdef0"
  join_token_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-AbCdEf"
}

run "a_further_region" {
  assert {
    condition     = alltrue([for one in aws_instance.this : one.metadata_options[0].http_tokens == "required"])
    error_message = "Metadata are for those who ask by IMDSv2."
  }
  assert {
    condition     = alltrue([for one in aws_ebs_volume.this : one.encrypted])
    error_message = "Ledgers are encrypted."
  }
  assert {
    condition     = !strcontains(module.node["a"].user_data, "edgeway init")
    error_message = "A further region's nodes join."
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.secrets.policy).Statement[0].Resource == [var.join_token_secret_arn]
    error_message = "A machine may read its token, and nothing else."
  }
  assert {
    condition     = alltrue([for one in aws_instance.this : one.disable_api_termination && one.force_destroy])
    error_message = "A machine is ended by Terraform, and by no slip."
  }
  assert {
    condition     = alltrue([for one in aws_ebs_volume.this : one.final_snapshot])
    error_message = "What is left of a ledger that is deleted."
  }
  assert {
    condition = alltrue([
      for key, one in aws_eip_association.this : one.network_interface_id == aws_instance.this[key].primary_network_interface[0].network_interface_id
    ])
    error_message = "A machine has its address from its first moment."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.too_large.ip_protocol == "icmp" && aws_vpc_security_group_ingress_rule.too_large.to_port == 4
    error_message = "Senders hear that a packet was too large."
  }
  assert {
    condition = toset([for rule in aws_vpc_security_group_ingress_rule.this : "${rule.ip_protocol} ${rule.from_port}"]) == toset([
      "tcp 80", "tcp 443", "udp 443", "tcp 4433", "udp 4433",
    ])
    error_message = "HTTP/3 and links want UDP, and both have a way without it."
  }
  assert {
    condition     = output.endpoints == ["https://192.0.2.10:7443", "https://192.0.2.10:7443"]
    error_message = "Every node's management API is an endpoint."
  }
  assert {
    condition     = length([for key in keys(aws_vpc_security_group_ingress_rule.this) : key if startswith(key, "management")]) == 0
    error_message = "Nobody reaches the management API unless told."
  }
}

run "another_type_stops_no_machine" {
  command = plan

  variables {
    instance_type = "c7i.2xlarge"
  }

  assert {
    condition     = alltrue([for one in aws_instance.this : one.instance_type == "c7i.large"])
    error_message = "All nodes of all regions would be stopped in one run."
  }
}

run "a_key_opens_the_secrets_alone" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.secrets.policy).Statement[1].Condition.StringEquals["kms:ViaService"]
      == ["secretsmanager.eu-west-1.amazonaws.com"]
    )
    error_message = "The key may be used by way of the store of secrets, for nothing else."
  }
}

run "networks_are_networks" {
  command = plan

  variables {
    client_cidrs     = ["198.51.100.7"]
    link_cidrs       = ["everybody"]
    management_cidrs = ["198.51.100.0"]
  }

  expect_failures = [var.client_cidrs, var.link_cidrs, var.management_cidrs]
}

run "the_first_region" {
  variables {
    bootstrap = {
      secret_arn  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:cluster-AbCdEf"
      base_domain = "gw.example.com"
    }
    management_cidrs = ["198.51.100.0/24"]
  }

  assert {
    condition = (
      strcontains(module.node["a"].user_data, "edgeway init")
      && !strcontains(module.node["b"].user_data, "edgeway init")
    )
    error_message = "The first node sets the cluster up, the second one joins."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.this["management 198.51.100.0/24"].from_port == 7443
    error_message = "The operators' network reaches the management API."
  }
}

run "nobody_joins_without_a_token" {
  command = plan

  variables {
    join_token_secret_arn = null
  }

  expect_failures = [var.join_token_secret_arn]
}

run "secrets_are_named_by_arn" {
  command = plan

  variables {
    join_token_secret_arn = "the token itself"
  }

  expect_failures = [var.join_token_secret_arn]
}

run "the_management_api_is_not_for_the_world" {
  command = plan

  variables {
    management_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.management_cidrs]
}

run "a_region_has_nodes" {
  command = plan

  variables {
    nodes = {}
  }

  expect_failures = [var.nodes]
}
