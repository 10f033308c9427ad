# A private API: reached from named private networks, by nobody else. See README.md.

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

locals {
  # Only what comes by these endpoints, and from these addresses.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow", Principal = "*", Action = "execute-api:Invoke", Resource = "execute-api:/*"
        Condition = { StringEquals = { "aws:SourceVpce" = sort(var.vpc_endpoint_ids) } }
      },
      {
        Effect    = "Deny", Principal = "*", Action = "execute-api:Invoke", Resource = "execute-api:/*"
        Condition = { NotIpAddress = { "aws:VpcSourceIp" = sort(var.client_cidrs) } }
      },
    ]
  })
}

module "ledger" {
  source = "../../modules/api"

  endpoint_type    = "PRIVATE"
  vpc_endpoint_ids = var.vpc_endpoint_ids
  policy           = local.policy
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "ledger", version = "1" }
    paths = {
      "/{proxy+}" = {
        "x-amazon-apigateway-any-method" = {
          parameters = [{ name = "proxy", in = "path", required = true, schema = { type = "string" } }]
          responses  = { 200 = { description = "What the backend says." } }
          # By the connector in the backend's own network; nothing there has an open port.
          "x-amazon-apigateway-integration" = {
            type              = "http_proxy"
            httpMethod        = "ANY"
            uri               = "http://${var.upstream}/{proxy}"
            connectionType    = "VPC_LINK"
            connectionId      = edgeway_vpc_link.backend.id
            requestParameters = { "integration.request.path.proxy" = "method.request.path.proxy" }
          }
        }
      }
    }
  })
}

# `.../loadbalancer/net/CONNECTOR/UPSTREAM`: which connector, and which of its upstreams.
resource "edgeway_vpc_link" "backend" {
  name        = "ledger"
  target_arns = ["arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/${var.connector}/${var.upstream}"]
}
