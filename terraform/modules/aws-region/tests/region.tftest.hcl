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
    condition     = output.endpoints == ["https://192.0.2.10:7443", "https://192.0.2.10:7443"]
    error_message = "Every node's management API is an endpoint."
  }
  assert {
    condition     = length([for key in keys(aws_vpc_security_group_ingress_rule.this) : key if startswith(key, "management")]) == 0
    error_message = "Nobody reaches the management API unless told."
  }
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
