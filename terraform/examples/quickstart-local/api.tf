# What is in the cluster depends on the module: made when the nodes are healthy, destroyed while they live.

resource "edgeway_rest_api" "hello" {
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "hello", version = "1" }
    paths = {
      "/greeting" = {
        get = {
          responses = { "200" = { description = "The greeting." } }
          # The API answers by itself; an `http_proxy` integration calls a backend of yours.
          "x-amazon-apigateway-integration" = {
            type             = "mock"
            requestTemplates = { "application/json" = jsonencode({ statusCode = 200 }) }
            responses = {
              default = {
                statusCode        = "200"
                responseTemplates = { "application/json" = jsonencode({ message = var.greeting }) }
              }
            }
          }
        }
      }
    }
  })

  depends_on = [module.cluster]
}

resource "edgeway_deployment" "hello" {
  rest_api_id = edgeway_rest_api.hello.id
  # Another description is another deployment, in the same run.
  components = [edgeway_rest_api.hello.revision]
}

resource "edgeway_stage" "live" {
  rest_api_id   = edgeway_rest_api.hello.id
  stage_name    = "live"
  deployment_id = edgeway_deployment.hello.id
  description   = "What clients see."
}

# A name of its own, with a certificate of the cluster's authority.

resource "edgeway_issued_certificate" "hello" {
  provider = edgeway.machine

  ca_certificate_pem = module.cluster.ca_certificate_pem
  ca_private_key_pem = module.cluster.ca_private_key_pem
  names              = [var.domain_name]
}

resource "edgeway_certificate" "hello" {
  certificate            = edgeway_issued_certificate.hello.certificate
  private_key_wo         = edgeway_issued_certificate.hello.private_key
  private_key_wo_version = edgeway_issued_certificate.hello.issued_at

  depends_on = [module.cluster]
}

resource "edgeway_domain_name" "hello" {
  domain_name     = var.domain_name
  certificate_arn = edgeway_certificate.hello.arn
}

resource "edgeway_base_path_mapping" "hello" {
  domain_name = edgeway_domain_name.hello.domain_name
  rest_api_id = edgeway_rest_api.hello.id
  stage       = edgeway_stage.live.stage_name
}

locals {
  pop = module.cluster.pops["pop-1"]
  # The domain name, and the name that every API has below the base domain.
  url         = "https://${var.domain_name}/greeting"
  default_url = "https://${edgeway_rest_api.hello.id}.execute-api.us-east-1.${module.cluster.base_domain}/${edgeway_stage.live.stage_name}/greeting"
}
