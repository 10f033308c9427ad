# What the module makes of its variables; no process is started.

mock_provider "edgeway" {}

mock_provider "edgeway" {
  alias = "machine"

  mock_data "edgeway_node_config" {
    defaults = { toml = "data_dir = \"/d\"\n" }
  }
}

variables {
  data_dir = "/var/tmp/edgeway-cluster"
}

run "by_default_three_regions_a_pop_and_dns" {
  command = plan

  assert {
    condition     = length(edgeway_local_node.others) == 4
    error_message = "Two further regions, a POP and DNS are processes of their own."
  }
  assert {
    condition     = edgeway_local_node.first.data_dir == "/var/tmp/edgeway-cluster/region-us-east-1"
    error_message = "The first region's node is the first node."
  }
  assert {
    condition     = output.pops["pop-1"].http == "127.77.0.101:8080"
    error_message = "Each node has an address of its own."
  }
  assert {
    condition     = length(output.endpoints) == 3 && startswith(output.endpoints[0], "https://127.77.0.11:")
    error_message = "Every region's management API is an endpoint, the first region's first."
  }
  assert {
    condition     = edgeway_enrollment_token.this["dns"].place == null
    error_message = "A DNS node belongs to no place."
  }
}

run "without_dns_and_pops_there_is_one_process" {
  command = plan

  variables {
    regions = [{ name = "only-1" }]
    pops    = []
    dns     = false
  }

  assert {
    condition     = length(edgeway_local_node.others) == 0 && output.dns == null
    error_message = "One region is one node."
  }
}

run "namespaces_have_addresses_of_a_bridge" {
  command = plan

  variables {
    namespaces     = {}
    address_prefix = "10.77.0"
  }

  assert {
    condition = (
      edgeway_local_node.first.network.namespace == "egw-region-us-east-1"
      && edgeway_local_node.first.network.address == "10.77.0.11/24"
      && edgeway_local_node.first.network.bridge_address == "10.77.0.1/24"
    )
    error_message = "A node's namespace, address and bridge follow from the module's variables."
  }
}

run "loopback_addresses_do_not_go_into_namespaces" {
  command = plan

  variables {
    namespaces = {}
  }

  expect_failures = [var.namespaces]
}

run "a_relative_folder_is_refused" {
  command = plan

  variables {
    data_dir = "data"
  }

  expect_failures = [var.data_dir]
}

run "no_region_twice" {
  command = plan

  variables {
    regions = [{ name = "us-east-1" }, { name = "us-east-1" }]
  }

  expect_failures = [var.regions]
}

run "no_port_twice" {
  command = plan

  variables {
    ports = { http = 8443 }
  }

  expect_failures = [var.ports]
}
