locals {
  tags  = merge({ "edgeway:region" = var.name }, var.tags)
  first = sort(keys(var.nodes))[0]
  secrets = compact([
    try(var.bootstrap.secret_arn, null), var.join_token_secret_arn,
  ])
  vpc_id = data.aws_subnet.this[local.first].vpc_id
  # What is open, to whom.
  open = merge(
    { for cidr in var.client_cidrs : "http ${cidr}" => { protocol = "tcp", port = 80, cidr = cidr } },
    { for cidr in var.client_cidrs : "https ${cidr}" => { protocol = "tcp", port = 443, cidr = cidr } },
    { for cidr in var.client_cidrs : "http/3 ${cidr}" => { protocol = "udp", port = 443, cidr = cidr } },
    { for cidr in var.link_cidrs : "links ${cidr}" => { protocol = "udp", port = 4433, cidr = cidr } },
    { for cidr in var.link_cidrs : "links without UDP ${cidr}" => { protocol = "tcp", port = 4433, cidr = cidr } },
    { for cidr in var.management_cidrs : "management ${cidr}" => { protocol = "tcp", port = 7443, cidr = cidr } },
  )
}

data "aws_subnet" "this" {
  for_each = var.nodes
  id       = each.value
}

# A machine reads its own secrets, and nothing else.

resource "aws_iam_role" "this" {
  name_prefix = "edgeway-${substr(var.name, 0, 24)}-"
  tags        = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "secrets" {
  name = "secrets"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = local.secrets }],
      [for key in compact([var.kms_key_arn]) : { Effect = "Allow", Action = ["kms:Decrypt"], Resource = [key] }],
    )
  })
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "edgeway-${substr(var.name, 0, 24)}-"
  role        = aws_iam_role.this.name
  tags        = local.tags
}

resource "aws_security_group" "this" {
  name_prefix = "edgeway-${var.name}-"
  description = "Nodes of Edgeway's region ${var.name}"
  vpc_id      = local.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.open

  security_group_id = aws_security_group.this.id
  description       = split(" ", each.key)[0]
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr
}

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id = aws_security_group.this.id
  description       = "Backends, nodes, secrets"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

# Addresses and volumes stay when machines are replaced: a new machine is the same node.

resource "aws_eip" "this" {
  for_each = var.nodes
  domain   = "vpc"
  tags     = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}" })
}

resource "aws_ebs_volume" "this" {
  for_each = var.nodes

  availability_zone = data.aws_subnet.this[each.key].availability_zone
  size              = var.data_volume.gigabytes
  type              = var.data_volume.type
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  tags              = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}" })
}

module "node" {
  source   = "../node"
  for_each = var.nodes

  role           = "region"
  location       = var.location
  advertise      = aws_eip.this[each.key].public_ip
  public         = [aws_eip.this[each.key].public_ip]
  package        = var.package
  log            = var.log
  extra_settings = var.extra_settings
  data_device    = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${replace(aws_ebs_volume.this[each.key].id, "-", "")}"

  join_token = var.bootstrap != null && each.key == local.first ? null : { aws = var.join_token_secret_arn }
  bootstrap = var.bootstrap != null && each.key == local.first ? {
    aws         = var.bootstrap.secret_arn
    region      = var.name
    base_domain = var.bootstrap.base_domain
    account_id  = var.bootstrap.account_id
  } : null
}

resource "aws_instance" "this" {
  for_each = var.nodes

  ami                    = var.ami_id
  instance_type          = var.instance_type
  subnet_id              = each.value
  vpc_security_group_ids = [aws_security_group.this.id]
  iam_instance_profile   = aws_iam_instance_profile.this.name
  user_data_base64       = base64gzip(module.node[each.key].user_data)
  ebs_optimized          = true
  monitoring             = true
  # Before it has its own address it needs one to fetch with.
  associate_public_ip_address = true
  tags                        = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}" })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted  = true
    kms_key_id = var.kms_key_arn
  }

  lifecycle {
    # Another image or other settings would replace all nodes of all regions in one run. Replace them
    # one at a time: README.md.
    ignore_changes = [ami, user_data_base64, associate_public_ip_address]
  }

  depends_on = [aws_iam_role_policy.secrets]
}

resource "aws_volume_attachment" "this" {
  for_each = var.nodes

  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.this[each.key].id
  instance_id = aws_instance.this[each.key].id
  # The node ends, the ledger is closed, and then the volume goes.
  stop_instance_before_detaching = true
}

resource "aws_eip_association" "this" {
  for_each = var.nodes

  allocation_id = aws_eip.this[each.key].id
  instance_id   = aws_instance.this[each.key].id
}
