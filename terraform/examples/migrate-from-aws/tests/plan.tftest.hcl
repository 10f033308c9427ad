mock_provider "edgeway" {}

variables {
  domain_name      = "parcels.example.com"
  certificate_file = "tests/chain.pem"
  private_key      = "the key"
  plans            = { gold = { throttle = { rate_limit = 50 }, quota = { limit = 100000, period = "MONTH" } } }
  keys             = { acme = "gold" }
  key_values       = { acme = "0123456789abcdef0123456789abcdef" }
}

run "an_export_with_its_clients" {
  assert {
    condition     = !can(jsondecode(edgeway_rest_api.moved.body).servers) && can(jsondecode(edgeway_rest_api.moved.body).paths["/parcels/{id}"])
    error_message = "The document is what it was, without its old place."
  }
  assert {
    condition     = edgeway_api_key.moved["acme"].value_wo == null
    error_message = "Keys are in no state."
  }
  assert {
    condition     = edgeway_usage_plan.moved["gold"].quota.period == "MONTH"
    error_message = "Limits stay."
  }
  assert {
    condition     = output.url == "https://parcels.example.com"
    error_message = "The name stays."
  }
}

run "keys_have_plans" {
  command = plan

  variables {
    keys = { acme = "silver" }
  }

  expect_failures = [var.keys]
}

run "an_export_is_a_file" {
  command = plan

  variables {
    export = "none.json"
  }

  expect_failures = [var.export]
}
