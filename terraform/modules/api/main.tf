locals {
  rest = var.kind == "rest" ? toset(["this"]) : toset([])
  http = var.kind == "http" ? toset(["this"]) : toset([])
  keys = toset(keys(var.keys))
}

# A REST API. Another content is another deployment, in the same run.

resource "edgeway_rest_api" "this" {
  for_each = local.rest

  name             = var.name
  body             = var.body
  endpoint_type    = var.endpoint_type
  vpc_endpoint_ids = length(var.vpc_endpoint_ids) > 0 ? var.vpc_endpoint_ids : null
  policy           = var.policy
  tags             = var.tags
}

resource "edgeway_deployment" "this" {
  for_each = local.rest

  rest_api_id = edgeway_rest_api.this[each.key].id
  # A policy takes effect by a deployment, too.
  components = [edgeway_rest_api.this[each.key].revision, sha256(coalesce(var.policy, "none"))]
}

resource "edgeway_stage" "this" {
  for_each = local.rest

  rest_api_id   = edgeway_rest_api.this[each.key].id
  stage_name    = var.stage
  deployment_id = edgeway_deployment.this[each.key].id
  variables     = var.stage_variables
  tags          = var.tags

  method_settings = var.throttle == null ? null : {
    "*/*" = { throttling_rate_limit = var.throttle.rate, throttling_burst_limit = var.throttle.burst }
  }
}

resource "edgeway_usage_plan" "this" {
  for_each = local.keys

  name = "${coalesce(var.name, "api")} ${each.key}"
  tags = var.tags

  api_stages = [{ api_id = edgeway_rest_api.this["this"].id, stage = edgeway_stage.this["this"].stage_name }]
  throttle = var.keys[each.key].rate == null && var.keys[each.key].burst == null ? null : {
    rate_limit  = var.keys[each.key].rate
    burst_limit = var.keys[each.key].burst
  }
  quota = var.keys[each.key].limit == null ? null : {
    limit  = var.keys[each.key].limit
    period = var.keys[each.key].period
  }
}

resource "edgeway_api_key" "this" {
  for_each = local.keys

  name = each.key
  tags = var.tags
}

resource "edgeway_usage_plan_key" "this" {
  for_each = local.keys

  usage_plan_id = edgeway_usage_plan.this[each.key].id
  key_id        = edgeway_api_key.this[each.key].id
}

# An HTTP API.

resource "edgeway_http_api" "this" {
  for_each = local.http

  name = var.name
  body = var.body
  tags = var.tags
}

resource "edgeway_api_deployment" "this" {
  for_each = local.http

  api_id     = edgeway_http_api.this[each.key].id
  components = [edgeway_http_api.this[each.key].revision]
}

resource "edgeway_api_stage" "this" {
  for_each = local.http

  api_id          = edgeway_http_api.this[each.key].id
  name            = var.stage
  deployment_id   = edgeway_api_deployment.this[each.key].id
  stage_variables = var.stage_variables
  tags            = var.tags

  default_route_settings = var.throttle == null ? null : {
    throttling_rate_limit  = var.throttle.rate
    throttling_burst_limit = var.throttle.burst
  }
}

data "edgeway_cluster" "this" {}

locals {
  id   = var.kind == "rest" ? edgeway_rest_api.this["this"].id : edgeway_http_api.this["this"].id
  made = var.kind == "rest" ? edgeway_stage.this["this"].stage_name : edgeway_api_stage.this["this"].name
  host = "${local.id}.execute-api.${data.edgeway_cluster.this.region}.${data.edgeway_cluster.this.base_domain}"
}
