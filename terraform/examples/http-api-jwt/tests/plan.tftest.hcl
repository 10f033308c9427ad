mock_provider "edgeway" {
  mock_resource "edgeway_http_api" {
    defaults = { id = "h1b2c3d4e5", revision = "r1", api_endpoint = "https://h1b2c3d4e5.execute-api.us-east-1.gw.example.com" }
  }
}

variables {
  issuer   = "https://id.example.com/"
  audience = ["orders"]
}

run "every_route_needs_a_token" {
  assert {
    condition = alltrue([
      for route in edgeway_route.orders : route.authorization_type == "JWT" && length(route.authorization_scopes) == 1
    ])
    error_message = "A route without a scope is open to all tokens."
  }
  assert {
    condition     = toset(keys(edgeway_route.orders)) == toset(["GET /{proxy+}", "POST /{proxy+}"])
    error_message = "The function writes route keys."
  }
  assert {
    condition     = length(edgeway_api_deployment.orders.components) == 5
    error_message = "Whatever changes is deployed."
  }
}

run "tokens_are_for_somebody" {
  command = plan

  variables {
    audience = []
  }

  expect_failures = [var.audience]
}

run "issuers_have_tls" {
  command = plan

  variables {
    issuer = "http://id.example.com/"
  }

  expect_failures = [var.issuer]
}

run "origins_are_named" {
  command = plan

  variables {
    origins = ["*"]
  }

  expect_failures = [var.origins]
}
