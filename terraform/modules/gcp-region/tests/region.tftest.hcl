mock_provider "google" {
  mock_resource "google_compute_address" {
    defaults = { address = "192.0.2.10" }
  }
  mock_resource "google_service_account" {
    defaults = { email = "egw@p.iam.gserviceaccount.com" }
  }
}

variables {
  name                 = "eu-west-1"
  project              = "p"
  region               = "europe-west1"
  nodes                = { b = "europe-west1-b", c = "europe-west1-c" }
  network              = "projects/p/global/networks/n"
  subnetwork           = "projects/p/regions/europe-west1/subnetworks/s"
  image                = "debian-cloud/debian-12"
  join_token_secret_id = "edgeway-token"
}

run "a_further_region" {
  assert {
    condition     = strcontains(module.node["b"].user_data, "edgeway-secret gcp 'projects/p/secrets/edgeway-token'")
    error_message = "Nodes fetch their token as the machine's account."
  }
  assert {
    condition     = keys(google_secret_manager_secret_iam_member.this) == ["edgeway-token"]
    error_message = "The account reads the token, and nothing else."
  }
  assert {
    condition     = !contains(keys(google_compute_firewall.this), "management")
    error_message = "Nobody reaches the management API unless told."
  }
  assert {
    condition     = alltrue([for disk in google_compute_disk.this : disk.create_snapshot_before_destroy])
    error_message = "What is left of a ledger that is deleted."
  }
  assert {
    condition = toset(flatten([for rule in google_compute_firewall.this : [
      for allow in rule.allow : [for port in allow.ports : "${allow.protocol} ${port}"]
    ]])) == toset(["tcp 80", "tcp 443", "udp 443", "tcp 4433", "udp 4433"])
    error_message = "HTTP/3 and links want UDP, and both have a way without it."
  }
  assert {
    condition     = output.nodes["c"].link == "192.0.2.10:4433"
    error_message = "Nodes are reached at their own addresses."
  }
}

run "another_type_stops_no_machine" {
  command = plan

  variables {
    machine_type = "c3-highcpu-8"
  }

  assert {
    condition     = alltrue([for one in google_compute_instance.this : one.machine_type == "c3-highcpu-4"])
    error_message = "All nodes of all regions would be stopped in one run."
  }
}

run "networks_are_networks" {
  command = plan

  variables {
    client_cidrs     = ["198.51.100.7"]
    link_cidrs       = ["everybody"]
    management_cidrs = ["198.51.100.0"]
  }

  expect_failures = [var.client_cidrs, var.link_cidrs, var.management_cidrs]
}

run "the_first_region" {
  variables {
    bootstrap        = { secret_id = "edgeway-cluster", base_domain = "gw.example.com" }
    management_cidrs = ["198.51.100.0/24"]
  }

  assert {
    condition = (
      strcontains(module.node["b"].user_data, "edgeway init")
      && !strcontains(module.node["c"].user_data, "edgeway init")
    )
    error_message = "The first node sets the cluster up, the second one joins."
  }
  assert {
    condition     = length(google_compute_firewall.this["management"].allow) == 1
    error_message = "The management API is TCP alone."
  }
}

run "nobody_joins_without_a_token" {
  command = plan

  variables {
    join_token_secret_id = null
  }

  expect_failures = [var.join_token_secret_id]
}

run "machines_prove_what_they_are" {
  variables {
    join_token_secret_id = null
    join_policy = {
      name      = "europe"
      ca_sha256 = "5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c"
      regions   = ["192.0.2.1:4433"]
    }
  }

  assert {
    condition = alltrue([
      for node in module.node :
      strcontains(node.settings, "identity = { gcp = { audience = \"edgeway\" } }") && !strcontains(node.user_data, "projects/p/secrets")
    ])
    error_message = "Nodes show Google's token, and fetch no secret."
  }
}

run "zones_are_of_the_region" {
  command = plan

  variables {
    nodes = { a = "us-central1-a" }
  }

  expect_failures = [var.nodes]
}

run "the_management_api_is_not_for_the_world" {
  command = plan

  variables {
    management_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.management_cidrs]
}

run "secrets_have_short_names" {
  command = plan

  variables {
    join_token_secret_id = "projects/p/secrets/s"
  }

  expect_failures = [var.join_token_secret_id]
}
