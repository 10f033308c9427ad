mock_provider "aws" {
  mock_resource "aws_api_gateway_rest_api" {
    defaults = { id = "a1b2c3d4e5" }
  }
  mock_resource "aws_apigatewayv2_api" {
    defaults = { api_endpoint = "https://h1b2c3d4e5.execute-api.us-east-1.gw.example.com" }
  }
}

variables {
  endpoint          = "https://203.0.113.10:7443"
  base_domain       = "gw.example.com"
  access_key_id     = "AKIAEXAMPLE"
  secret_access_key = "secret"
}

run "urls_are_ours" {
  assert {
    condition     = output.pets_url == "https://a1b2c3d4e5.execute-api.us-east-1.gw.example.com/live/pets"
    error_message = "Names are below the base domain."
  }
  assert {
    condition     = output.orders_url == "https://h1b2c3d4e5.execute-api.us-east-1.gw.example.com/orders"
    error_message = "HTTP APIs know their names."
  }
}

run "endpoints_have_tls" {
  command = plan

  variables {
    endpoint = "http://203.0.113.10:7001"
  }

  expect_failures = [var.endpoint]
}
