# Three regions and two POPs on AWS: see README.md.

terraform {
  required_version = ">= 1.11" # secrets that are stored nowhere

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
    }
  }
}

provider "aws" {
  alias  = "virginia"
  region = "us-east-1"
}

provider "aws" {
  alias  = "ireland"
  region = "eu-west-1"
}

provider "aws" {
  alias  = "tokyo"
  region = "ap-northeast-1"
}

# Makes the cluster's secrets: needs no cluster.
provider "edgeway" {
  alias = "machine"
}

# The key and the authority are in the environment (EDGEWAY_ACCESS_KEY_ID, EDGEWAY_SECRET_ACCESS_KEY,
# EDGEWAY_CA_FILE): they are in no state.
provider "edgeway" {
  endpoints = concat(module.virginia.endpoints, module.ireland.endpoints, module.tokyo.endpoints)
  wait_for  = "pops"
}

locals {
  places = {
    us-east-1      = { latitude = 38.9, longitude = -77.4 }
    eu-west-1      = { latitude = 53.3, longitude = -6.3 }
    ap-northeast-1 = { latitude = 35.7, longitude = 139.7 }
  }
  machine = {
    package          = var.package
    management_cidrs = var.management_cidrs
  }
}

# 1. Secrets, before there is a machine. Made once: the version below never changes.

ephemeral "edgeway_cluster_secrets" "this" {
  provider = edgeway.machine
  cluster  = var.cluster
}

resource "aws_secretsmanager_secret" "cluster" {
  provider    = aws.virginia
  name_prefix = "edgeway-${var.cluster}-"
  description = "Authority and first admin key of the cluster: whoever has it is the cluster"
}

resource "aws_secretsmanager_secret_version" "cluster" {
  provider                 = aws.virginia
  secret_id                = aws_secretsmanager_secret.cluster.id
  secret_string_wo         = ephemeral.edgeway_cluster_secrets.this.json
  secret_string_wo_version = 1
}

# 2. The first region. Its first node sets the cluster up.

module "virginia" {
  source    = "../../modules/aws-region"
  providers = { aws = aws.virginia }

  name             = "us-east-1"
  location         = local.places["us-east-1"]
  nodes            = { a = var.networks["us-east-1"].subnet_ids[0] }
  ami_id           = var.networks["us-east-1"].ami_id
  package          = local.machine.package
  management_cidrs = local.machine.management_cidrs

  bootstrap = var.established ? null : {
    # Once the secret has its value.
    secret_arn  = aws_secretsmanager_secret_version.cluster.arn
    base_domain = var.base_domain
    account_id  = var.account_id
  }
  # Later on it joins as all others do: a machine with an empty volume must not make a second cluster.
  join_token_secret_arn = var.established ? aws_secretsmanager_secret.token["region-us-east-1"].arn : null
}

resource "edgeway_cluster_bootstrap" "this" {
  cluster      = var.cluster
  base_domain  = var.base_domain
  account_id   = var.account_id
  instance     = module.virginia.nodes["a"].instance
  wait_timeout = 900
}

# 3. Places, and who may join them. Regions' nodes are few, and come with tokens, which have an end:
# `token_generation` makes others. POPs' machines come and go by themselves, and prove what they are.

resource "edgeway_region" "this" {
  for_each = { for name, place in local.places : name => place if name != "us-east-1" }

  name       = each.key
  latitude   = each.value.latitude
  longitude  = each.value.longitude
  depends_on = [edgeway_cluster_bootstrap.this]
}

resource "edgeway_pop" "this" {
  for_each = var.pops

  name       = each.key
  latitude   = local.places[each.value].latitude
  longitude  = local.places[each.value].longitude
  depends_on = [edgeway_cluster_bootstrap.this]
}

resource "edgeway_enrollment_token" "region" {
  for_each = edgeway_region.this

  role        = "region"
  place       = each.value.name
  max_uses    = 3
  ttl_seconds = 86400
  keepers     = { generation = var.token_generation }
}

resource "edgeway_enrollment_token" "first" {
  role        = "region"
  place       = "us-east-1"
  max_uses    = 3
  ttl_seconds = 86400
  keepers     = { generation = var.token_generation }
  depends_on  = [edgeway_cluster_bootstrap.this]
}

data "aws_caller_identity" "this" {
  provider = aws.virginia
}

resource "edgeway_join_policy" "pop" {
  for_each = var.pops

  name  = "pop-${each.key}"
  role  = "pop"
  place = edgeway_pop.this[each.key].name
  aws_iid = {
    certificates = var.identity_certificates
    account_ids  = [data.aws_caller_identity.this.account_id]
    regions      = [each.value]
    image_ids    = [var.networks[each.value].ami_id]
  }
}

locals {
  tokens = merge(
    { region-us-east-1 = edgeway_enrollment_token.first.token },
    { for name, token in edgeway_enrollment_token.region : "region-${name}" => token.token },
  )
}

# All in one AWS region: machines ask the region that the ARN names.
resource "aws_secretsmanager_secret" "token" {
  for_each = toset([for name in keys(local.places) : "region-${name}"])

  provider    = aws.virginia
  name_prefix = "edgeway-${var.cluster}-${each.key}-"
  description = "Enrollment token"
  # A token is worth nothing once it has been replaced.
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "token" {
  for_each = aws_secretsmanager_secret.token

  provider      = aws.virginia
  secret_id     = each.value.id
  secret_string = local.tokens[each.key]
}

# 4. The other regions, and POPs.

module "ireland" {
  source    = "../../modules/aws-region"
  providers = { aws = aws.ireland }

  name                  = "eu-west-1"
  location              = local.places["eu-west-1"]
  nodes                 = { a = var.networks["eu-west-1"].subnet_ids[0] }
  ami_id                = var.networks["eu-west-1"].ami_id
  package               = local.machine.package
  management_cidrs      = local.machine.management_cidrs
  join_token_secret_arn = aws_secretsmanager_secret.token["region-eu-west-1"].arn
}

module "tokyo" {
  source    = "../../modules/aws-region"
  providers = { aws = aws.tokyo }

  name                  = "ap-northeast-1"
  location              = local.places["ap-northeast-1"]
  nodes                 = { a = var.networks["ap-northeast-1"].subnet_ids[0] }
  ami_id                = var.networks["ap-northeast-1"].ami_id
  package               = local.machine.package
  management_cidrs      = local.machine.management_cidrs
  join_token_secret_arn = aws_secretsmanager_secret.token["region-ap-northeast-1"].arn
}

module "pop_virginia" {
  source    = "../../modules/aws-pop"
  providers = { aws = aws.virginia }
  for_each  = toset([for name, region in var.pops : name if region == "us-east-1"])

  name                = each.key
  location            = local.places["us-east-1"]
  vpc_id              = var.networks["us-east-1"].vpc_id
  subnet_ids          = var.networks["us-east-1"].subnet_ids
  ami_id              = var.networks["us-east-1"].ami_id
  package             = var.package
  join_policy         = edgeway_join_policy.pop[each.key]
  deletion_protection = var.deletion_protection
}

module "pop_ireland" {
  source    = "../../modules/aws-pop"
  providers = { aws = aws.ireland }
  for_each  = toset([for name, region in var.pops : name if region == "eu-west-1"])

  name                = each.key
  location            = local.places["eu-west-1"]
  vpc_id              = var.networks["eu-west-1"].vpc_id
  subnet_ids          = var.networks["eu-west-1"].subnet_ids
  ami_id              = var.networks["eu-west-1"].ami_id
  package             = var.package
  join_policy         = edgeway_join_policy.pop[each.key]
  deletion_protection = var.deletion_protection
}

module "pop_tokyo" {
  source    = "../../modules/aws-pop"
  providers = { aws = aws.tokyo }
  for_each  = toset([for name, region in var.pops : name if region == "ap-northeast-1"])

  name                = each.key
  location            = local.places["ap-northeast-1"]
  vpc_id              = var.networks["ap-northeast-1"].vpc_id
  subnet_ids          = var.networks["ap-northeast-1"].subnet_ids
  ami_id              = var.networks["ap-northeast-1"].ami_id
  package             = var.package
  join_policy         = edgeway_join_policy.pop[each.key]
  deletion_protection = var.deletion_protection
}

# 5. Between machines and what needs them: made once nodes are members that serve, destroyed before
# the machines, so that they leave Raft first.

resource "edgeway_node" "ireland" {
  role         = "region"
  place        = edgeway_region.this["eu-west-1"].name
  link         = module.ireland.nodes["a"].link
  instance     = module.ireland.nodes["a"].instance
  wait_timeout = 900
  depends_on   = [aws_secretsmanager_secret_version.token]
}

resource "edgeway_node" "tokyo" {
  role         = "region"
  place        = edgeway_region.this["ap-northeast-1"].name
  link         = module.tokyo.nodes["a"].link
  instance     = module.tokyo.nodes["a"].instance
  wait_timeout = 900
  depends_on   = [aws_secretsmanager_secret_version.token]
}
