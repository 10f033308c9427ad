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
      # To open these secrets; volumes are opened by EC2 itself.
      [
        for key in compact([var.kms_key_arn]) : {
          Effect = "Allow", Action = ["kms:Decrypt"], Resource = [key]
          Condition = {
            StringEquals = {
              "kms:ViaService" = distinct([for arn in local.secrets : "secretsmanager.${split(":", arn)[3]}.amazonaws.com"])
            }
          }
        }
      ],
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

# Packets that are too large for the way are told of; without it, connections hang on such ways.
resource "aws_vpc_security_group_ingress_rule" "too_large" {
  security_group_id = aws_security_group.this.id
  description       = "fragmentation needed"
  ip_protocol       = "icmp"
  from_port         = 3
  to_port           = 4
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id = aws_security_group.this.id
  description       = "Backends, nodes, secrets"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

# Addresses and volumes stay when machines are replaced: a new machine is the same node. A machine
# has its address from its first moment, since the address belongs to the interface.

resource "aws_eip" "this" {
  for_each = var.nodes
  domain   = "vpc"
  tags     = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}" })
}

resource "aws_network_interface" "this" {
  for_each = var.nodes

  subnet_id       = each.value
  security_groups = [aws_security_group.this.id]
  description     = "Edgeway ${var.name} ${each.key}"
  tags            = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}" })
}

resource "aws_eip_association" "this" {
  for_each = var.nodes

  allocation_id        = aws_eip.this[each.key].id
  network_interface_id = aws_network_interface.this[each.key].id
}

resource "aws_ebs_volume" "this" {
  for_each = var.nodes

  availability_zone = data.aws_subnet.this[each.key].availability_zone
  size              = var.data_volume.gigabytes
  type              = var.data_volume.type
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  # A ledger that is deleted by mistake can be had back.
  final_snapshot = true
  tags           = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}" })
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

  ami                  = var.ami_id
  instance_type        = var.instance_type
  iam_instance_profile = aws_iam_instance_profile.this.name
  user_data_base64     = base64gzip(module.node[each.key].user_data)
  ebs_optimized        = true
  monitoring           = true
  # Not by a slip in a console; Terraform may.
  disable_api_termination = true
  force_destroy           = true
  tags                    = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}" })

  primary_network_interface {
    network_interface_id = aws_network_interface.this[each.key].id
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    kms_key_id  = var.kms_key_arn
    volume_type = "gp3"
    tags        = merge(local.tags, { Name = "edgeway-${var.name}-${each.key}-root" })
  }

  lifecycle {
    # Another image or other settings would replace all nodes of all regions in one run, and another
    # type would stop them all. Replace them one at a time: README.md.
    ignore_changes = [ami, instance_type, user_data_base64]
  }

  depends_on = [aws_eip_association.this, aws_iam_role_policy.secrets]
}

resource "aws_volume_attachment" "this" {
  for_each = var.nodes

  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.this[each.key].id
  instance_id = aws_instance.this[each.key].id
  # The node ends, the ledger is closed, and then the volume goes.
  stop_instance_before_detaching = true
}
