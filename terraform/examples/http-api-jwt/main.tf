# An HTTP API whose callers bring tokens: see README.md.

terraform {
  required_version = ">= 1.11"

  required_providers {
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
    }
  }
}

# Where and who: EDGEWAY_ENDPOINT, EDGEWAY_CA_FILE, EDGEWAY_ACCESS_KEY_ID, EDGEWAY_SECRET_ACCESS_KEY.
provider "edgeway" {
  wait_for = "pops" # a finished apply is served by every live node
}

resource "edgeway_http_api" "orders" {
  name = "orders"

  cors_configuration = {
    allow_origins = var.origins
    allow_methods = ["GET", "POST"]
    allow_headers = ["authorization", "content-type"]
    max_age       = 600
  }
}

resource "edgeway_api_authorizer" "jwt" {
  api_id           = edgeway_http_api.orders.id
  name             = "tokens"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration = {
    issuer   = var.issuer
    audience = var.audience
  }
}

resource "edgeway_api_integration" "backend" {
  api_id                 = edgeway_http_api.orders.id
  integration_type       = "HTTP_PROXY"
  integration_method     = "ANY"
  integration_uri        = "${var.backend}/{proxy}"
  payload_format_version = "1.0"
}

# Who may do what: a scope of the token for each route.
resource "edgeway_route" "orders" {
  for_each = {
    (provider::edgeway::route_key("GET", "/{proxy+}"))  = ["orders.read"]
    (provider::edgeway::route_key("POST", "/{proxy+}")) = ["orders.write"]
  }

  api_id               = edgeway_http_api.orders.id
  route_key            = each.key
  target               = "integrations/${edgeway_api_integration.backend.id}"
  authorization_type   = "JWT"
  authorizer_id        = edgeway_api_authorizer.jwt.id
  authorization_scopes = each.value
}

# One deployment of all of it, exactly when one of it has changed.
resource "edgeway_api_deployment" "orders" {
  api_id = edgeway_http_api.orders.id
  components = concat(
    [edgeway_http_api.orders.revision, edgeway_api_authorizer.jwt.revision, edgeway_api_integration.backend.revision],
    [for route in edgeway_route.orders : route.revision],
  )
}

resource "edgeway_api_stage" "live" {
  api_id        = edgeway_http_api.orders.id
  name          = "$default"
  deployment_id = edgeway_api_deployment.orders.id

  default_route_settings = { throttling_rate_limit = 1000, throttling_burst_limit = 2000 }
}
