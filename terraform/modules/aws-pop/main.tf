locals {
  full = "edgeway-${var.name}"
  tags = merge({ "edgeway:pop" = var.name }, var.tags)
  hook = "${local.full}-drain"
  # Both kinds of clients' connections go through the balancer alike.
  listeners = { http = 80, https = 443 }
  subnets   = { for at, id in var.subnet_ids : tostring(at) => id }
}

data "aws_partition" "this" {}
data "aws_region" "this" {}
data "aws_caller_identity" "this" {}

data "aws_subnet" "this" {
  for_each = local.subnets
  id       = each.value
}

# The balancer: addresses that stay, TCP as it comes, and who the client is in a PROXY header.

resource "aws_eip" "this" {
  for_each = local.subnets
  domain   = "vpc"
  tags     = merge(local.tags, { Name = "${local.full}-${each.key}" })
}

resource "aws_security_group" "balancer" {
  name_prefix = "${local.full}-lb-"
  description = "Clients of Edgeway's POP ${var.name}"
  vpc_id      = var.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.listeners

  security_group_id = aws_security_group.balancer.id
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  for_each = merge(local.listeners, { ops = 9100 })

  security_group_id            = aws_security_group.balancer.id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  referenced_security_group_id = aws_security_group.node.id
}

resource "aws_lb" "this" {
  name                             = local.full
  load_balancer_type               = "network"
  security_groups                  = [aws_security_group.balancer.id]
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.deletion_protection
  tags                             = local.tags

  dynamic "subnet_mapping" {
    for_each = local.subnets
    content {
      subnet_id     = subnet_mapping.value
      allocation_id = aws_eip.this[subnet_mapping.key].id
    }
  }
}

resource "aws_lb_target_group" "this" {
  for_each = local.listeners

  name_prefix = "${substr(each.key, 0, 5)}-"
  port        = each.value
  protocol    = "TCP"
  vpc_id      = var.vpc_id
  # The header says who the client is; the connection itself then comes from the balancer, whose
  # networks are all that nodes trust. With both, the header could be anybody's.
  proxy_protocol_v2      = true
  preserve_client_ip     = "false"
  deregistration_delay   = var.leave_s
  connection_termination = false
  tags                   = local.tags

  # What the node itself says: it is unready as soon as it is to end.
  health_check {
    protocol            = "HTTP"
    port                = "9100"
    path                = "/ready"
    matcher             = "200"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  # A node that is to end is unready first, and goes on with what it has. By default the balancer
  # would cut all its connections off as soon as two checks have failed.
  target_health_state {
    enable_unhealthy_connection_termination = false
    unhealthy_draining_interval             = var.leave_s + var.drain_s
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "this" {
  for_each = local.listeners

  load_balancer_arn = aws_lb.this.arn
  port              = each.value
  protocol          = "TCP"
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
}

# The machines: reached by the balancer alone, they dial the regions.

resource "aws_security_group" "node" {
  name_prefix = "${local.full}-"
  description = "Nodes of Edgeway's POP ${var.name}"
  vpc_id      = var.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "node" {
  for_each = merge(local.listeners, { ops = 9100 })

  security_group_id            = aws_security_group.node.id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  referenced_security_group_id = aws_security_group.balancer.id
}

resource "aws_vpc_security_group_egress_rule" "node" {
  security_group_id = aws_security_group.node.id
  description       = "Regions, secrets"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_iam_role" "this" {
  name_prefix = "${local.full}-"
  tags        = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "node"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for secret in compact([var.join_token_secret_arn]) : { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = [secret] }],
      [
        {
          Effect = "Allow"
          Action = ["autoscaling:CompleteLifecycleAction"]
          Resource = [join(":", [
            "arn", data.aws_partition.this.partition, "autoscaling", data.aws_region.this.region,
            data.aws_caller_identity.this.account_id, "autoScalingGroup:*:autoScalingGroupName/${local.full}",
          ])]
        },
      ],
      # To open that secret; disks are opened by EC2 itself.
      [
        for key in var.join_token_secret_arn == null ? [] : compact([var.kms_key_arn]) : {
          Effect = "Allow", Action = ["kms:Decrypt"], Resource = [key]
          Condition = {
            StringEquals = { "kms:ViaService" = "secretsmanager.${split(":", var.join_token_secret_arn)[3]}.amazonaws.com" }
          }
        }
      ],
    )
  })
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = "${local.full}-"
  role        = aws_iam_role.this.name
  tags        = local.tags
}

module "node" {
  source = "../node"

  role                   = "pop"
  location               = var.location
  public                 = [for key in sort(keys(local.subnets)) : aws_eip.this[key].public_ip]
  package                = var.package
  ops_address            = "0.0.0.0"
  proxy_protocol_trusted = distinct([for key in sort(keys(local.subnets)) : data.aws_subnet.this[key].cidr_block])
  # PROXY headers are for TCP; UDP past the balancer would lose its clients.
  h3             = false
  cache_bytes    = var.cache_bytes
  leave_s        = var.leave_s
  drain_s        = var.drain_s
  log            = var.log
  extra_settings = var.extra_settings
  join_token     = var.join_policy != null ? null : { aws = var.join_token_secret_arn }
  join_identity = var.join_policy == null ? null : {
    policy    = var.join_policy.name
    ca_sha256 = var.join_policy.ca_sha256
    regions   = var.join_policy.regions
    proof     = "aws"
  }
  lifecycle_hook = { group = local.full, hook = local.hook, region = data.aws_region.this.region }
}

resource "aws_launch_template" "this" {
  name_prefix            = "${local.full}-"
  image_id               = var.ami_id
  instance_type          = var.instance_type
  ebs_optimized          = "true"
  update_default_version = true
  user_data              = base64gzip(module.node.user_data)
  tags                   = local.tags

  iam_instance_profile {
    name = aws_iam_instance_profile.this.name
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  network_interfaces {
    associate_public_ip_address = "true"
    delete_on_termination       = "true"
    security_groups             = [aws_security_group.node.id]
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted   = "true"
      kms_key_id  = var.kms_key_arn
      volume_size = 16
      volume_type = "gp3"
    }
  }

  monitoring {
    enabled = true
  }

  # Bills and policies go by tags.
  dynamic "tag_specifications" {
    for_each = ["instance", "network-interface", "volume"]
    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = local.full })
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_autoscaling_group" "this" {
  name                      = local.full
  min_size                  = var.size.min
  max_size                  = var.size.max
  desired_capacity          = var.size.desired
  vpc_zone_identifier       = var.subnet_ids
  target_group_arns         = [for group in aws_lb_target_group.this : group.arn]
  health_check_type         = "ELB"
  health_check_grace_period = 300
  default_instance_warmup   = 60
  termination_policies      = ["OldestLaunchTemplate", "OldestInstance"]
  # Not "$Latest": a new template has to roll the group.
  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  # Adds before it removes: never fewer machines than desired.
  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 134
      instance_warmup        = "60"
      auto_rollback          = true
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = local.full })
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # What scaling policies decide stays.
    ignore_changes = [desired_capacity]
  }

  depends_on = [aws_iam_role_policy.this, aws_lb_listener.this]
}

# A machine that is to end drains first; should it not say so, it ends after this time.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = local.hook
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = var.leave_s + var.drain_s + 60
  default_result         = "CONTINUE"
}
