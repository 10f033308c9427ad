//! A WebSocket API piece by piece, deployed.

use super::{Case, case};

pub(super) const CASES: &[Case] = &[
    case(
        "edgeway_api_model.order",
        "{api_id}/{id}",
        r#"
resource "edgeway_api_model" "order" {
  api_id      = edgeway_websocket_api.chat.id
  name        = "Order"
  description = "@{a|b}@"
  schema = jsonencode({
    "$schema" = "http://json-schema.org/draft-04/schema#"
    type      = "@{object|array}@"
  })
}
"#,
    )
    .drift(
        "PATCH",
        "/v2/apis/{api_id}/models/{id}",
        r#"{"description":"odd"}"#,
    ),
    case(
        "edgeway_api_integration.chat",
        "{api_id}/{id}",
        r#"
resource "edgeway_api_integration" "chat" {
  api_id                        = edgeway_websocket_api.chat.id
  integration_type              = "MOCK"
  request_templates             = { "@{$default|200}@" = "{\"statusCode\": 200}" }
  template_selection_expression = "@{\\$default|200}@"
  passthrough_behavior          = "@{WHEN_NO_MATCH|NEVER}@"
  content_handling_strategy     = @{"CONVERT_TO_TEXT"|null}@
}
"#,
    ),
    case(
        "edgeway_api_integration_response.chat",
        "{api_id}/{integration_id}/{id}",
        r#"
resource "edgeway_api_integration_response" "chat" {
  api_id                   = edgeway_websocket_api.chat.id
  integration_id           = edgeway_api_integration.chat.id
  integration_response_key = "@{$default|/2../}@"
  response_templates       = { "@{a|b}@" = "ok" }
}
"#,
    )
    .drift(
        "DELETE",
        "/v2/apis/{api_id}/integrations/{integration_id}/integrationresponses/{id}",
        "",
    ),
    case(
        "edgeway_route.chat",
        "{api_id}/{id}",
        r#"
resource "edgeway_route" "chat" {
  api_id                              = edgeway_websocket_api.chat.id
  route_key                           = "@{join|enter}@"
  target                              = "integrations/${edgeway_api_integration.chat.id}"
  route_response_selection_expression = @{"$default"|null}@
  model_selection_expression          = "@{$request.body.kind|order}@"
  request_models                      = { order = edgeway_api_model.order.name }
  request_parameters = {
    "route.request.querystring.@{a|b}@" = {}
    "route.request.querystring.c"       = { required = @{true|false}@ }
  }
}
"#,
    )
    .drift(
        "PATCH",
        "/v2/apis/{api_id}/routes/{id}",
        r#"{"requestParameters":{"route.request.querystring.odd":{"required":true}}}"#,
    ),
    case(
        "edgeway_route_response.chat",
        "{api_id}/{route_id}/{id}",
        r#"
resource "edgeway_route_response" "chat" {
  api_id                     = edgeway_websocket_api.chat.id
  route_id                   = edgeway_route.chat.id
  model_selection_expression = "@{a|b}@"
  response_models            = { a = edgeway_api_model.order.name }
  response_parameters        = { "route.response.header.@{a|b}@" = { required = true } }
}
"#,
    )
    .drift(
        "DELETE",
        "/v2/apis/{api_id}/routes/{route_id}/routeresponses/{id}",
        "",
    ),
    case(
        "edgeway_api_deployment.chat",
        "{api_id}/{id}",
        r#"
resource "edgeway_api_deployment" "chat" {
  api_id = edgeway_websocket_api.chat.id
  components = [
    edgeway_api_model.order.revision,
    edgeway_api_integration.chat.revision,
    edgeway_api_integration_response.chat.revision,
    edgeway_route.chat.revision,
    edgeway_route_response.chat.revision,
  ]
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_api_stage.chat",
        "{api_id}/{name}",
        r#"
resource "edgeway_api_stage" "chat" {
  api_id        = edgeway_websocket_api.chat.id
  name          = "live"
  deployment_id = edgeway_api_deployment.chat.id
  route_settings = {
    "@{join|enter}@" = { logging_level = "@{INFO|ERROR}@", data_trace_enabled = true }
  }
  client_certificate_id = @{edgeway_client_certificate.own.id|null}@
}
data "edgeway_api_stage" "chat" {
  api_id = edgeway_websocket_api.chat.id
  name   = edgeway_api_stage.chat.name
}
"#,
    )
    .unreadable(),
];
