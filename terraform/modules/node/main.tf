locals {
  dns = var.role == "dns"
  # Replaced by the machine's own address when it starts.
  own = "@ADDRESS@"

  settings = templatefile("${path.module}/templates/edgeway.toml.tftpl", {
    role           = var.role
    link           = "0.0.0.0:${var.ports.link}"
    advertise      = "${coalesce(var.advertise, local.own)}:${var.ports.link}"
    ops            = "${var.ops_address}:${var.ports.ops}"
    http           = local.dns || var.ports.http == null ? [] : ["0.0.0.0:${var.ports.http}"]
    https          = local.dns || var.ports.https == null ? [] : ["0.0.0.0:${var.ports.https}"]
    management_url = "https://${coalesce(var.advertise, local.own)}:${var.ports.management_https}"
    management     = "0.0.0.0:${var.ports.management_https}"
    dns            = "${local.own}:${var.ports.dns}"
    public         = var.public
    location       = var.location
    trusted        = var.proxy_protocol_trusted
    h3             = var.h3
    relay          = var.relay
    cache_bytes    = var.cache_bytes
    leave_s        = var.leave_s
    drain_s        = var.drain_s
    log            = var.log
    extra          = var.extra_settings
    identity       = var.join_identity
  })

  prepare = templatefile("${path.module}/templates/prepare.sh.tftpl", {
    device    = var.data_device
    package   = var.package
    token     = var.join_token
    bootstrap = var.bootstrap
    port      = var.ports.link
    ops       = var.ports.ops
    advertise = coalesce(var.advertise, local.own)
    hook      = var.lifecycle_hook
  })

  secret = templatefile("${path.module}/templates/secret.sh.tftpl", {})
  needs_aws = anytrue([
    try(var.join_token.aws, null) != null, try(var.bootstrap.aws, null) != null, var.lifecycle_hook != null,
  ])

  files = concat(
    [
      { path = "/etc/edgeway/edgeway.toml", permissions = "0644", content = local.settings },
      { path = "/usr/local/sbin/edgeway-secret", permissions = "0755", content = local.secret },
      { path = "/usr/local/sbin/edgeway-prepare", permissions = "0755", content = local.prepare },
    ],
    var.lifecycle_hook == null ? [] : [
      {
        path        = "/usr/local/sbin/edgeway-leaving"
        permissions = "0755"
        content     = templatefile("${path.module}/templates/leaving.sh.tftpl", var.lifecycle_hook)
      },
      {
        path        = "/etc/systemd/system/edgeway-leaving.service"
        permissions = "0644"
        content     = file("${path.module}/templates/edgeway-leaving.service")
      },
    ],
  )

  # Only where something is asked of AWS.
  user_data = merge(
    { write_files = local.files, runcmd = [["/usr/local/sbin/edgeway-prepare"]] },
    { for key, value in { package_update = true, packages = ["awscli"] } : key => value if local.needs_aws },
  )
}
