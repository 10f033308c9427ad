locals {
  region = "us-east-1"
  pop    = module.cluster.pops["pop-1"]
  host   = "${edgeway_rest_api.hello.id}.execute-api.${local.region}.${module.cluster.base_domain}"
  path   = "/${edgeway_rest_stage.live.stage_name}/greeting"

  # The API answers by itself; put an `http_proxy` integration there for a backend of yours.
  description = {
    openapi = "3.0.1"
    info    = { title = "hello", version = "1" }
    paths = {
      "/greeting" = {
        get = {
          responses = { "200" = { description = "The greeting." } }
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
  }
}
