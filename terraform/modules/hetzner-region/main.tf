locals {
  full   = "edgeway-${var.name}"
  first  = sort(var.nodes)[0]
  labels = merge({ "edgeway/region" = var.name }, var.labels)
  # Whether there is one is no secret.
  bootstraps = nonsensitive(var.bootstrap != null)
  rules = { for name, rule in {
    http       = { protocol = "tcp", port = "80", cidrs = var.client_cidrs }
    https      = { protocol = "tcp", port = "443", cidrs = var.client_cidrs }
    h3         = { protocol = "udp", port = "443", cidrs = var.client_cidrs }
    link       = { protocol = "udp", port = "4433", cidrs = var.link_cidrs }
    link-tcp   = { protocol = "tcp", port = "4433", cidrs = var.link_cidrs }
    management = { protocol = "tcp", port = "7443", cidrs = var.management_cidrs }
  } : name => rule if length(rule.cidrs) > 0 }
}

resource "hcloud_firewall" "this" {
  name   = local.full
  labels = local.labels

  dynamic "rule" {
    for_each = local.rules
    content {
      description = rule.key
      direction   = "in"
      protocol    = rule.value.protocol
      port        = rule.value.port
      source_ips  = rule.value.cidrs
    }
  }
}

# Not two nodes on one host.
resource "hcloud_placement_group" "this" {
  name   = local.full
  type   = "spread"
  labels = local.labels
}

# Addresses and volumes stay when machines are replaced: a new machine is the same node.

resource "hcloud_primary_ip" "this" {
  for_each = toset(var.nodes)

  name          = "${local.full}-${each.key}"
  type          = "ipv4"
  assignee_type = "server"
  location      = var.site
  auto_delete   = false
  labels        = local.labels
  # Names lead to it.
  delete_protection = var.deletion_protection
}

resource "hcloud_volume" "this" {
  for_each = toset(var.nodes)

  name     = "${local.full}-${each.key}"
  size     = var.data_volume_gigabytes
  location = var.site
  labels   = local.labels
  # Volumes have no snapshots here: what is deleted is gone.
  delete_protection = var.deletion_protection
}

module "node" {
  source   = "../node"
  for_each = toset(var.nodes)

  role           = "region"
  location       = var.location
  advertise      = hcloud_primary_ip.this[each.key].ip_address
  public         = [hcloud_primary_ip.this[each.key].ip_address]
  package        = var.package
  log            = var.log
  extra_settings = var.extra_settings
  data_device    = "/dev/disk/by-id/scsi-0HC_Volume_${hcloud_volume.this[each.key].id}"

  join_token = local.bootstraps && each.key == local.first ? null : { inline = var.join_token }
  bootstrap = local.bootstraps && each.key == local.first ? {
    inline      = var.bootstrap.secrets
    region      = var.name
    base_domain = var.bootstrap.base_domain
    account_id  = var.bootstrap.account_id
  } : null
}

resource "hcloud_server" "this" {
  for_each = toset(var.nodes)

  name                     = "${local.full}-${each.key}"
  server_type              = var.server_type
  image                    = var.image
  location                 = var.site
  user_data                = module.node[each.key].user_data
  ssh_keys                 = var.ssh_keys
  firewall_ids             = [hcloud_firewall.this.id]
  placement_group_id       = hcloud_placement_group.this.id
  shutdown_before_deletion = true
  labels                   = local.labels

  public_net {
    ipv4_enabled = true
    ipv4         = hcloud_primary_ip.this[each.key].id
    ipv6_enabled = false
  }

  lifecycle {
    # A used token, another image: no reason to replace all nodes in one run, nor another type to stop
    # them all. README.md.
    ignore_changes = [user_data, image, server_type, ssh_keys]
  }
}

resource "hcloud_volume_attachment" "this" {
  for_each = toset(var.nodes)

  volume_id = hcloud_volume.this[each.key].id
  server_id = hcloud_server.this[each.key].id
  # The node mounts it itself, where the service has its folder.
  automount = false
}
