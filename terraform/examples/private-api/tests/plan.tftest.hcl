mock_provider "edgeway" {
  mock_resource "edgeway_rest_api" {
    defaults = { id = "a1b2c3d4e5" }
  }
  mock_data "edgeway_cluster" {
    defaults = { region = "us-east-1", base_domain = "gw.example.com" }
  }
}

variables {
  vpc_endpoint_ids = ["vpce-0123456789abcdef0"]
}

run "names_and_policy" {
  assert {
    condition     = output.endpoint_urls == ["https://a1b2c3d4e5-vpce-0123456789abcdef0.execute-api.us-east-1.gw.example.com/live"]
    error_message = "Each endpoint has a name of its own for the API."
  }
  assert {
    condition     = jsondecode(local.policy).Statement[0].Condition.StringEquals["aws:SourceVpce"] == ["vpce-0123456789abcdef0"]
    error_message = "Who comes by another endpoint is not let in."
  }
  assert {
    condition     = endswith(edgeway_vpc_link.backend.target_arns[0], "loadbalancer/net/office/ledger")
    error_message = "The link names connector and upstream."
  }
}

run "endpoints_have_ids" {
  command = plan

  variables {
    vpc_endpoint_ids = ["everybody"]
  }

  expect_failures = [var.vpc_endpoint_ids]
}

run "clients_are_somewhere" {
  command = plan

  variables {
    client_cidrs = []
  }

  expect_failures = [var.client_cidrs]
}
