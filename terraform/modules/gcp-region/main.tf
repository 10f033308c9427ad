locals {
  full   = "edgeway-${var.name}"
  first  = sort(keys(var.nodes))[0]
  labels = merge({ edgeway-region = var.name }, var.labels)
  secrets = toset(compact([
    try(var.bootstrap.secret_id, null), var.join_token_secret_id,
  ]))
  open = { for name, rule in {
    clients = { cidrs = var.client_cidrs, tcp = ["80", "443"], udp = ["443"] }
    links   = { cidrs = var.link_cidrs, tcp = ["4433"], udp = ["4433"] }
    # UDP is not needed, but a rule without ports would open all.
    management = { cidrs = var.management_cidrs, tcp = ["7443"], udp = [] }
  } : name => rule if length(rule.cidrs) > 0 }
}

# A machine reads its own secrets, and nothing else.

resource "google_service_account" "this" {
  project      = var.project
  account_id   = substr("egw-${var.name}", 0, 30)
  display_name = "Nodes of Edgeway's region ${var.name}"
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = local.secrets

  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.this.email}"
}

resource "google_compute_firewall" "this" {
  for_each = local.open

  project       = var.project
  name          = "${local.full}-${each.key}"
  network       = var.network
  source_ranges = each.value.cidrs
  target_service_accounts = [
    google_service_account.this.email,
  ]

  allow {
    protocol = "tcp"
    ports    = each.value.tcp
  }

  dynamic "allow" {
    for_each = length(each.value.udp) > 0 ? [each.value.udp] : []
    content {
      protocol = "udp"
      ports    = allow.value
    }
  }
}

# Addresses and disks stay when machines are replaced: a new machine is the same node.

resource "google_compute_address" "this" {
  for_each = var.nodes

  project = var.project
  region  = var.region
  name    = "${local.full}-${each.key}"
  labels  = local.labels
}

resource "google_compute_disk" "this" {
  for_each = var.nodes

  project = var.project
  zone    = each.value
  name    = "${local.full}-${each.key}"
  size    = var.data_disk.gigabytes
  type    = var.data_disk.type
  labels  = local.labels
  # A ledger that is deleted by mistake can be had back.
  create_snapshot_before_destroy = true
}

module "node" {
  source   = "../node"
  for_each = var.nodes

  role           = "region"
  location       = var.location
  advertise      = google_compute_address.this[each.key].address
  public         = [google_compute_address.this[each.key].address]
  package        = var.package
  log            = var.log
  extra_settings = var.extra_settings
  data_device    = "/dev/disk/by-id/google-edgeway-data"

  join_token = (var.bootstrap != null && each.key == local.first) || var.join_policy != null ? null : {
    gcp = "projects/${var.project}/secrets/${coalesce(var.join_token_secret_id, "none")}"
  }
  join_identity = (var.bootstrap != null && each.key == local.first) || var.join_policy == null ? null : {
    policy    = var.join_policy.name
    ca_sha256 = var.join_policy.ca_sha256
    regions   = var.join_policy.regions
    proof     = "gcp"
    audience  = var.join_audience
  }
  bootstrap = var.bootstrap != null && each.key == local.first ? {
    gcp         = "projects/${var.project}/secrets/${var.bootstrap.secret_id}"
    region      = var.name
    base_domain = var.bootstrap.base_domain
    account_id  = var.bootstrap.account_id
  } : null
}

resource "google_compute_instance" "this" {
  for_each = var.nodes

  project      = var.project
  zone         = each.value
  name         = "${local.full}-${each.key}"
  machine_type = var.machine_type
  labels       = local.labels

  boot_disk {
    initialize_params {
      image = var.image
    }
  }

  attached_disk {
    source      = google_compute_disk.this[each.key].self_link
    device_name = "edgeway-data"
  }

  network_interface {
    subnetwork = var.subnetwork
    access_config {
      nat_ip = google_compute_address.this[each.key].address
    }
  }

  metadata = {
    user-data = module.node[each.key].user_data
    # Signing in by accounts of the project, not by keys of its metadata.
    enable-oslogin         = "TRUE"
    block-project-ssh-keys = "TRUE"
  }

  service_account {
    email  = google_service_account.this.email
    scopes = ["cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  lifecycle {
    # Another image would replace all nodes of all regions in one run, and another type stop them all.
    # Replace them one at a time: README.md.
    ignore_changes = [boot_disk[0].initialize_params[0].image, machine_type, metadata["user-data"]]
  }

  depends_on = [google_secret_manager_secret_iam_member.this]
}
