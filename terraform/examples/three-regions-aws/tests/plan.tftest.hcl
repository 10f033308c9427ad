mock_provider "aws" {
  alias = "virginia"

  mock_data "aws_subnet" {
    defaults = { vpc_id = "vpc-1", availability_zone = "us-east-1a", cidr_block = "10.1.0.0/24" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:one-AbCdEf" }
  }
  mock_resource "aws_secretsmanager_secret_version" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:one-AbCdEf" }
  }
  mock_resource "aws_eip" {
    defaults = { public_ip = "192.0.2.1" }
  }
}

mock_provider "aws" {
  alias = "ireland"

  mock_data "aws_subnet" {
    defaults = { vpc_id = "vpc-2", availability_zone = "eu-west-1a", cidr_block = "10.2.0.0/24" }
  }
  mock_resource "aws_eip" {
    defaults = { public_ip = "192.0.2.2" }
  }
}

mock_provider "aws" {
  alias = "tokyo"

  mock_data "aws_subnet" {
    defaults = { vpc_id = "vpc-3", availability_zone = "ap-northeast-1a", cidr_block = "10.3.0.0/24" }
  }
  mock_resource "aws_eip" {
    defaults = { public_ip = "192.0.2.3" }
  }
}

mock_provider "edgeway" {
  mock_resource "edgeway_join_policy" {
    defaults = {
      ca_sha256 = "5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c"
      regions   = ["192.0.2.1:4433"]
    }
  }
}

# The real one: it makes secrets, for which it needs no cluster.
provider "edgeway" {
  alias = "machine"
}

variables {
  base_domain      = "gw.example.com"
  management_cidrs = ["198.51.100.0/24"]
  # Mocks read none of it.
  identity_certificates = "-----BEGIN CERTIFICATE-----"
  networks = {
    us-east-1      = { vpc_id = "vpc-1", subnet_ids = ["subnet-1a", "subnet-1b"], ami_id = "ami-01" }
    eu-west-1      = { vpc_id = "vpc-2", subnet_ids = ["subnet-2a", "subnet-2b"], ami_id = "ami-02" }
    ap-northeast-1 = { vpc_id = "vpc-3", subnet_ids = ["subnet-3a", "subnet-3b"], ami_id = "ami-03" }
  }
}

run "three_regions_two_pops" {
  assert {
    condition     = output.endpoints == ["https://192.0.2.1:7443", "https://192.0.2.2:7443", "https://192.0.2.3:7443"]
    error_message = "Each region's management API is an endpoint."
  }
  assert {
    condition     = toset(keys(output.pops)) == toset(["virginia", "dublin"])
    error_message = "A POP where each is wanted."
  }
  assert {
    condition     = aws_secretsmanager_secret_version.cluster.secret_string_wo == null
    error_message = "The cluster's secrets are in no state."
  }
  assert {
    condition = (
      edgeway_join_policy.pop["dublin"].place == "dublin"
      && edgeway_join_policy.pop["dublin"].aws_iid.regions == toset(["eu-west-1"])
      && edgeway_join_policy.pop["dublin"].aws_iid.image_ids == toset(["ami-02"])
    )
    error_message = "A POP's machines are of its region, and of its image."
  }
  assert {
    condition     = module.virginia.first_run.sets_up && one(module.virginia.first_run.reads) == aws_secretsmanager_secret_version.cluster.arn
    error_message = "The first region sets the cluster up, with its secrets."
  }
  assert {
    condition     = edgeway_node.ireland.link == "192.0.2.2:4433"
    error_message = "What waits for a node knows which."
  }
}

run "an_established_cluster_is_not_set_up_again" {
  command = plan

  variables {
    established = true
  }

  assert {
    condition     = !module.virginia.first_run.sets_up
    error_message = "A machine with an empty volume would make a second cluster."
  }
}

run "pops_are_where_regions_are" {
  command = plan

  variables {
    pops = { mars = "mars-north-1" }
  }

  expect_failures = [var.pops]
}

run "documents_need_certificates" {
  command = plan

  variables {
    identity_certificates = "eu-west-1.pem"
  }

  expect_failures = [var.identity_certificates]
}

run "no_region_is_left_out" {
  command = plan

  variables {
    networks = {}
  }

  expect_failures = [var.networks]
}
