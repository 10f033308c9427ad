mock_provider "hcloud" {
  mock_resource "hcloud_primary_ip" {
    defaults = { id = "11", ip_address = "192.0.2.10" }
  }
  mock_resource "hcloud_volume" {
    defaults = { id = "12" }
  }
  mock_resource "hcloud_server" {
    defaults = { id = "13" }
  }
  mock_resource "hcloud_placement_group" {
    defaults = { id = "14" }
  }
  mock_resource "hcloud_firewall" {
    defaults = { id = "15" }
  }
}

variables {
  name       = "eu-central"
  site       = "fsn1"
  package    = { url = "https://example.com/edgeway.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  join_token = "egwt-1"
}

run "a_further_region" {
  assert {
    condition     = strcontains(nonsensitive(module.node["a"].user_data), "egwt-1")
    error_message = "There is no store of secrets: the token is in user data."
  }
  assert {
    condition     = strcontains(nonsensitive(module.node["a"].user_data), "/dev/disk/by-id/scsi-0HC_Volume_12")
    error_message = "Data are on the volume."
  }
  assert {
    condition     = length(hcloud_firewall.this.rule) == 5
    error_message = "Nobody reaches the management API unless told."
  }
  assert {
    condition     = hcloud_volume.this["a"].delete_protection && hcloud_primary_ip.this["a"].delete_protection
    error_message = "Ledgers and addresses are not deleted by a slip."
  }
  assert {
    condition     = output.endpoints == ["https://192.0.2.10:7443"]
    error_message = "Every node's management API is an endpoint."
  }
}

run "another_type_stops_no_machine" {
  command = plan

  variables {
    server_type = "ccx33"
  }

  assert {
    condition     = hcloud_server.this["a"].server_type == "ccx13"
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
    nodes     = ["a", "b"]
    bootstrap = { secrets = "{}", base_domain = "gw.example.com" }
  }

  assert {
    condition = (
      strcontains(nonsensitive(module.node["a"].user_data), "edgeway init")
      && !strcontains(nonsensitive(module.node["b"].user_data), "edgeway init")
    )
    error_message = "The first node sets the cluster up, the second one joins."
  }
}

run "nobody_joins_without_a_token" {
  command = plan

  variables {
    join_token = null
  }

  expect_failures = [var.join_token]
}

run "bare_images_need_the_package" {
  command = plan

  variables {
    package = null
  }

  expect_failures = [var.package]
}

run "nodes_have_names_of_their_own" {
  command = plan

  variables {
    nodes = ["a", "a"]
  }

  expect_failures = [var.nodes]
}

run "volumes_have_a_least_size" {
  command = plan

  variables {
    data_volume_gigabytes = 5
  }

  expect_failures = [var.data_volume_gigabytes]
}

run "the_management_api_is_not_for_the_world" {
  command = plan

  variables {
    management_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.management_cidrs]
}
