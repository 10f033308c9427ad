locals {
  first = var.regions[0]
  ports = var.ports

  # All nodes but the first, by a name that tells the role.
  others = merge(
    {
      for at, region in var.regions : "region-${region.name}" => {
        role = "region", place = region, host = 11 + at
      } if at > 0
    },
    {
      for at, pop in var.pops : "pop-${pop.name}" => {
        role = "pop", place = pop, host = 101 + at
      }
    },
    var.dns ? { dns = { role = "dns", place = { name = null, latitude = null, longitude = null }, host = 201 } } : {},
  )
  nodes     = merge({ "region-${local.first.name}" = { role = "region", place = local.first, host = 11 } }, local.others)
  addresses = { for key, node in local.nodes : key => "${var.address_prefix}.${node.host}" }

  first_key = "region-${local.first.name}"
  # Plain HTTP is for loopback alone; in a namespace, that is the namespace's own.
  plain = { for key, address in local.addresses : key => var.namespaces == null ? address : "127.0.0.1" }
}

resource "edgeway_cluster_secrets" "this" {
  provider = edgeway.machine
  cluster  = var.name
}

data "edgeway_node_config" "this" {
  provider = edgeway.machine
  for_each = local.nodes

  role     = each.value.role
  data_dir = "${var.data_dir}/${each.key}"
  workers  = var.workers
  log      = var.log
  drain_s  = 5
  link     = "${local.addresses[each.key]}:${local.ports.link}"
  ops      = "${local.addresses[each.key]}:${local.ports.ops}"
  public   = [local.addresses[each.key]]

  latitude  = each.value.place.latitude
  longitude = each.value.place.longitude

  http  = each.value.role == "dns" ? null : ["${local.addresses[each.key]}:${local.ports.http}"]
  https = each.value.role == "dns" ? null : ["${local.addresses[each.key]}:${local.ports.https}"]

  management       = each.value.role == "region" ? "${local.plain[each.key]}:${local.ports.management}" : null
  management_https = each.value.role == "region" ? "${local.addresses[each.key]}:${local.ports.management_https}" : null
  raft             = each.value.role == "region" ? "local" : null
  latency_epoch_s  = each.value.role == "region" ? 2 : null
  debug_headers    = each.value.role == "pop" ? true : null

  dns       = each.value.role == "dns" ? ["${local.addresses[each.key]}:${local.ports.dns}"] : null
  dns_tls   = each.value.role == "dns" ? ["${local.addresses[each.key]}:${local.ports.dns_tls}"] : null
  dns_https = each.value.role == "dns" ? ["${local.addresses[each.key]}:${local.ports.dns_https}"] : null
}

locals {
  networks = {
    for key, address in local.addresses : key => var.namespaces == null ? null : {
      namespace      = "${var.namespaces.prefix}${key}"
      address        = "${address}/24"
      bridge         = var.namespaces.bridge
      bridge_address = "${var.address_prefix}.1/24"
    }
  }
}

resource "edgeway_local_node" "first" {
  provider = edgeway.machine

  data_dir    = "${var.data_dir}/${local.first_key}"
  config      = data.edgeway_node_config.this[local.first_key].toml
  program     = var.program
  ops         = "${local.addresses[local.first_key]}:${local.ports.ops}"
  network     = local.networks[local.first_key]
  remove_data = var.remove_data

  bootstrap = {
    secrets     = edgeway_cluster_secrets.this.json
    base_domain = var.base_domain
    account_id  = var.account_id
    region      = local.first.name
    link        = "${local.addresses[local.first_key]}:${local.ports.link}"
    # Whoever lives among them says that there is a cluster already.
    others = [
      for region in slice(var.regions, 1, length(var.regions)) :
      "${local.addresses["region-${region.name}"]}:${local.ports.ops}"
    ]
  }

  # Only for a first node that has lost its folder while the others live.
  join_token = var.first_join_token
}

resource "edgeway_cluster_bootstrap" "this" {
  cluster     = var.name
  base_domain = var.base_domain
  account_id  = var.account_id
  instance    = edgeway_local_node.first.instance
}

resource "edgeway_region" "others" {
  for_each = { for region in slice(var.regions, 1, length(var.regions)) : region.name => region }

  name       = each.key
  latitude   = each.value.latitude
  longitude  = each.value.longitude
  depends_on = [edgeway_cluster_bootstrap.this]
}

resource "edgeway_pop" "this" {
  for_each = { for pop in var.pops : pop.name => pop }

  name       = each.key
  latitude   = each.value.latitude
  longitude  = each.value.longitude
  depends_on = [edgeway_cluster_bootstrap.this]
}

resource "edgeway_enrollment_token" "this" {
  for_each = local.others

  role  = each.value.role
  place = each.value.place.name
  # For a node that is made again after it has lost its folder. The state, which has the token, has
  # the authority's key as well.
  max_uses    = 100
  ttl_seconds = 604800
  depends_on  = [edgeway_cluster_bootstrap.this, edgeway_region.others, edgeway_pop.this]
}

resource "edgeway_local_node" "others" {
  provider = edgeway.machine
  for_each = local.others

  data_dir    = "${var.data_dir}/${each.key}"
  config      = data.edgeway_node_config.this[each.key].toml
  program     = var.program
  ops         = "${local.addresses[each.key]}:${local.ports.ops}"
  network     = local.networks[each.key]
  join_token  = edgeway_enrollment_token.this[each.key].token
  remove_data = var.remove_data
}

# Between a node and everything that needs it: made once it is healthy, destroyed before it ends.
resource "edgeway_node" "others" {
  for_each = local.others

  node_id       = edgeway_local_node.others[each.key].node_id
  instance      = edgeway_local_node.others[each.key].instance
  drain_seconds = 1
}
