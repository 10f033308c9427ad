# An API of Amazon API Gateway, moved with its clients: see README.md.

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
  wait_for = "pops"
}

locals {
  export = jsondecode(file("${path.module}/${var.export}"))
  # What only Amazon knows is left out: where the API was, and its old name.
  body = jsonencode({ for key, value in local.export : key => value if !contains(["servers", "host", "basePath", "schemes"], key) })
}

resource "edgeway_rest_api" "moved" {
  body   = local.body
  policy = var.policy
  # Methods that want a key take those that clients have already.
  api_key_source = "HEADER"
}

resource "edgeway_deployment" "moved" {
  rest_api_id = edgeway_rest_api.moved.id
  components  = [edgeway_rest_api.moved.revision]
}

resource "edgeway_stage" "moved" {
  rest_api_id   = edgeway_rest_api.moved.id
  stage_name    = var.stage
  deployment_id = edgeway_deployment.moved.id
  variables     = var.stage_variables

  method_settings = var.method_settings
}

# Clients go on with their keys: same values, same limits.

resource "edgeway_usage_plan" "moved" {
  for_each = var.plans

  name       = each.key
  api_stages = [{ api_id = edgeway_rest_api.moved.id, stage = edgeway_stage.moved.stage_name }]
  throttle   = each.value.throttle
  quota      = each.value.quota
}

resource "edgeway_api_key" "moved" {
  for_each = var.keys

  name             = each.key
  value_wo         = var.key_values[each.key]
  value_wo_version = 1
}

resource "edgeway_usage_plan_key" "moved" {
  for_each = var.keys

  usage_plan_id = edgeway_usage_plan.moved[each.value].id
  key_id        = edgeway_api_key.moved[each.key].id
}

# And with the name that they know.
module "domain" {
  source = "../../modules/edge-domain"

  domain_name         = var.domain_name
  certificate         = file(var.certificate_file)
  private_key         = var.private_key
  certificate_version = 1
  apis                = { (var.base_path) = { api_id = edgeway_rest_api.moved.id, stage = edgeway_stage.moved.stage_name } }
}
