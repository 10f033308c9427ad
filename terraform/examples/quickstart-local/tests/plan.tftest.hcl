# What the quick start makes; starts nothing. The acceptance tests apply it for real.

mock_provider "edgeway" {}

mock_provider "edgeway" {
  alias = "machine"

  mock_data "edgeway_node_config" {
    defaults = { toml = "data_dir = \"/d\"\n" }
  }
}

run "a_cluster_an_api_and_its_name" {
  assert {
    condition     = length(output.nodes) == 5
    error_message = "Three regions, a POP and a DNS node."
  }
  assert {
    condition     = output.url == "https://hello.example.test/greeting" && output.stage == "live"
    error_message = "The API is at its own name."
  }
  assert {
    condition     = edgeway_deployment.hello.components == tolist([edgeway_rest_api.hello.revision])
    error_message = "Another content is another deployment."
  }
}

run "greetings_have_no_quotes" {
  command = plan

  variables {
    greeting = "say \"hello\""
  }

  expect_failures = [var.greeting]
}

run "names_are_in_lower_case" {
  command = plan

  variables {
    domain_name = "Hello"
  }

  expect_failures = [var.domain_name]
}
