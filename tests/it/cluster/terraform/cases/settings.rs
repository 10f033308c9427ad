//! What belongs to no API or to the papers of one: settings, keys, certificates, documentation.

use super::{Case, case};

pub(super) const CASES: &[Case] = &[
    case(
        "edgeway_client_certificate.own",
        "{id}",
        r#"
resource "edgeway_client_certificate" "own" {
  description = "@{a|b}@"
  tags        = { @{a|c}@ = "b" }
}
"#,
    )
    .drift(
        "PATCH",
        "/clientcertificates/{id}",
        r#"{"patchOperations":[{"op":"replace","path":"/description","value":"odd"}]}"#,
    ),
    case(
        "edgeway_documentation_part.dogs",
        "{rest_api_id}/{id}",
        r#"
resource "edgeway_documentation_part" "dogs" {
  rest_api_id = edgeway_rest_api.pieces.id
  location    = { type = "METHOD", path = "/dogs", method = "@{GET|GET|POST}@" }
  properties  = jsonencode({ description = "@{a|b}@" })
}
"#,
    )
    .replaced()
    .drift(
        "DELETE",
        "/restapis/{rest_api_id}/documentation/parts/{id}",
        "",
    ),
    case(
        "edgeway_documentation_version.one",
        "{rest_api_id}/{version}",
        r#"
resource "edgeway_documentation_version" "one" {
  rest_api_id = edgeway_rest_api.pieces.id
  version     = "@{1|1|2}@"
  description = "@{a|b}@"
  depends_on  = [edgeway_documentation_part.dogs]
}
"#,
    )
    .replaced(),
    case(
        "edgeway_stage.pieces",
        "{rest_api_id}/{stage_name}",
        r#"
resource "edgeway_stage" "pieces" {
  rest_api_id           = edgeway_rest_api.pieces.id
  stage_name            = "test"
  deployment_id         = edgeway_deployment.pieces.id
  client_certificate_id = @{edgeway_client_certificate.own.id|null}@
  tracing_enabled       = @{true|false}@
  cache_cluster_enabled = @{false|true}@
  cache_cluster_size    = "@{0.5|1.6}@"
  access_log_settings = @{null|{
    destination_arn = "arn:aws:logs:us-east-1:123456789012:log-group:l"
    format          = "$context.requestId"
  }|null}@
  canary_settings = {
    deployment_id            = edgeway_deployment.pieces.id
    percent_traffic          = @{10.5|20}@
    stage_variable_overrides = { @{a|b}@ = "x" }
  }
}
data "edgeway_stage" "pieces" {
  rest_api_id = edgeway_rest_api.pieces.id
  stage_name  = edgeway_stage.pieces.stage_name
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_account.all",
        "account",
        r#"
resource "edgeway_account" "all" {
  cloudwatch_role_arn = "arn:aws:iam::123456789012:role/@{a|b}@"
}
"#,
    )
    .drift(
        "PATCH",
        "/account",
        r#"{"patchOperations":[{"op":"replace","path":"/cloudwatchRoleArn"}]}"#,
    ),
    case(
        "edgeway_rollout_policy.all",
        "rollout-policy",
        r#"
resource "edgeway_rollout_policy" "all" {
  soak_ms = @{700|800}@
}
"#,
    )
    .drift("PUT", "/edgeway/v1/rollout-policy", r#"{"soakMs":900}"#),
    case(
        "edgeway_acme.all",
        "acme",
        r#"
resource "edgeway_acme" "all" {
  directory = "https://127.0.0.1:9/@{a|b}@"
  contact   = ["mailto:@{a|b}@@terraform.example"]
}
"#,
    ),
    case(
        "edgeway_certificate.ordered",
        "{id}",
        r#"
resource "edgeway_certificate" "ordered" {
  acme       = { names = ["ordered@{1|1|2}@.terraform.example"] }
  depends_on = [edgeway_acme.all]
}
data "edgeway_certificate" "ordered" {
  id = edgeway_certificate.ordered.id
}
"#,
    )
    .replaced()
    .drift("DELETE", "/edgeway/v1/certificates/{id}", ""),
    case(
        "edgeway_access_key.bot",
        "{id}",
        r#"
resource "edgeway_access_key" "bot" {
  name    = "@{bot|bot|robot}@"
  enabled = @{false|true}@
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "apigateway:@{GET|*}@", Resource = "*" }]
  })
}
"#,
    )
    .replaced()
    .drift("POST", "/edgeway/v1/access-keys/{id}/disable", ""),
    case(
        "edgeway_access_key.turned",
        "{id}",
        r#"
resource "edgeway_access_key" "turned" {
  name          = "turned"
  rotation      = @{1|2}@
  grace_seconds = 0
  @{|policy = jsonencode({
    Version   = "2012-10-17"
    Statement = { Effect = "Allow", Action = "*", Resource = "*" }
  })}@
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_authorizer.jwt",
        "{rest_api_id}/{id}",
        r#"
resource "edgeway_authorizer" "jwt" {
  rest_api_id     = edgeway_rest_api.pieces.id
  name            = "jwt @{a|b}@"
  type            = "JWT"
  identity_source = "method.request.header.Authorization"
  jwt_configuration = {
    default_algorithms = ["RS256"]
    issuers = [{
      issuer            = "https://@{a|a|b}@.example"
      audiences         = ["x", "y"]
      additional_claims = [{ claim_name = "tier", expected_values = ["gold"] }]
    }]
  }
}
"#,
    )
    .replaced(),
    case(
        "edgeway_integration.http",
        "{rest_api_id}/{resource_id}/{http_method}",
        r#"
resource "edgeway_method" "http" {
  rest_api_id = edgeway_rest_api.pieces.id
  resource_id = edgeway_rest_api.pieces.root_resource_id
  http_method = "ANY"
}
resource "edgeway_integration" "http" {
  rest_api_id                    = edgeway_rest_api.pieces.id
  resource_id                    = edgeway_rest_api.pieces.root_resource_id
  http_method                    = edgeway_method.http.http_method
  type                           = "HTTP_PROXY"
  integration_http_method        = "@{GET|POST}@"
  uri                            = "https://@{a|b}@.example/"
  connection_type                = "@{INTERNET|VPC_LINK}@"
  connection_id                  = @{null|edgeway_vpc_link.used.id}@
  tls_insecure_skip_verification = @{true|false}@
  request_parameters             = { "integration.request.header.@{a|b}@" = "'@{x|y}@'" }
}
"#,
    )
    .drift(
        "PATCH",
        "/restapis/{rest_api_id}/resources/{resource_id}/methods/ANY/integration",
        r#"{"patchOperations":[{"op":"replace","path":"/uri","value":"https://odd.example/"}]}"#,
    ),
    case(
        "edgeway_vpc_link.used",
        "{id}",
        r#"
resource "edgeway_vpc_link" "used" {
  name        = "used"
  target_arns = ["arn:aws:elasticloadbalancing:r:1:loadbalancer/net/office/orders"]
}
"#,
    ),
];
