mock_provider "edgeway" {
  mock_resource "edgeway_rest_api" {
    defaults = { id = "a1b2c3d4e5", revision = "r1" }
  }
  mock_resource "edgeway_http_api" {
    defaults = { id = "h1b2c3d4e5", revision = "r2" }
  }
  mock_data "edgeway_cluster" {
    defaults = { region = "us-east-1", base_domain = "gw.example.com" }
  }
}

variables {
  body = "{\"openapi\":\"3.0.1\",\"paths\":{}}"
}

run "a_rest_api_with_keys" {
  variables {
    name     = "pets"
    throttle = { rate = 100, burst = 200 }
    keys     = { alice = { rate = 10, limit = 1000 }, bob = {} }
  }

  assert {
    condition     = output.url == "https://a1b2c3d4e5.execute-api.us-east-1.gw.example.com/live"
    error_message = "The URL has API, region and stage."
  }
  assert {
    condition     = edgeway_deployment.this["this"].components[0] == "r1"
    error_message = "Another content is another deployment."
  }
  assert {
    condition     = edgeway_stage.this["this"].method_settings["*/*"].throttling_rate_limit == 100
    error_message = "The stage is throttled."
  }
  assert {
    condition     = edgeway_usage_plan.this["alice"].quota.limit == 1000 && edgeway_usage_plan.this["bob"].quota == null
    error_message = "Each holder of a key has a plan."
  }
  assert {
    condition     = length(edgeway_http_api.this) == 0
    error_message = "There is one API."
  }
}

run "an_http_api" {
  variables {
    kind  = "http"
    stage = "$default"
  }

  assert {
    condition     = output.url == "https://h1b2c3d4e5.execute-api.us-east-1.gw.example.com"
    error_message = "$default is no part of the path."
  }
  assert {
    condition     = length(edgeway_rest_api.this) == 0 && edgeway_api_stage.this["this"].name == "$default"
    error_message = "There is one API."
  }
}

run "private_apis_say_who_gets_in" {
  command = plan

  variables {
    endpoint_type = "PRIVATE"
  }

  expect_failures = [var.policy]
}

run "http_apis_have_no_keys" {
  command = plan

  variables {
    kind = "http"
    keys = { alice = {} }
  }

  expect_failures = [var.keys]
}

run "rest_apis_have_no_default_stage" {
  command = plan

  variables {
    stage = "$default"
  }

  expect_failures = [var.stage]
}

run "a_body_is_openapi" {
  command = plan

  variables {
    body = "hello"
  }

  expect_failures = [var.body]
}

run "public_apis_have_no_private_endpoints" {
  command = plan

  variables {
    vpc_endpoint_ids = ["vpce-0123456789abcdef0"]
  }

  expect_failures = [var.vpc_endpoint_ids]
}
