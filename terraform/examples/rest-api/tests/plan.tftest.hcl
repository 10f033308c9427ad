mock_provider "edgeway" {
  mock_resource "edgeway_rest_api" {
    defaults = { id = "a1b2c3d4e5" }
  }
  mock_data "edgeway_cluster" {
    defaults = { region = "us-east-1", base_domain = "gw.example.com" }
  }
}

run "an_api_of_a_document" {
  assert {
    condition     = output.url == "https://a1b2c3d4e5.execute-api.us-east-1.gw.example.com/v1"
    error_message = "The stage is served below the base domain."
  }
  assert {
    condition     = keys(nonsensitive(output.keys)) == ["shop"]
    error_message = "Each holder has a key."
  }
}

run "backends_are_urls" {
  command = plan

  variables {
    backend = "pets.example.com/"
  }

  expect_failures = [var.backend]
}
