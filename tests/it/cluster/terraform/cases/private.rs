//! What leads into private networks and out of them, and domain names with rules and policies.

use super::{Case, case};

pub(super) const CASES: &[Case] = &[
    case(
        "edgeway_vpc_link.nlb",
        "{id}",
        r#"
resource "edgeway_vpc_link" "nlb" {
  name        = "@{a|b}@"
  description = "@{a|b}@"
  target_arns = [join(":", [
    "arn:aws:elasticloadbalancing:us-east-1:123456789012",
    "loadbalancer/net/office/@{orders|orders|pay}@",
  ])]
  tags = { @{a|c}@ = "b" }
}
data "edgeway_vpc_link" "nlb" {
  id = edgeway_vpc_link.nlb.id
}
"#,
    )
    .replaced()
    .drift(
        "PATCH",
        "/vpclinks/{id}",
        r#"{"patchOperations":[{"op":"replace","path":"/name","value":"odd"}]}"#,
    ),
    case(
        "edgeway_api_vpc_link.office",
        "{id}",
        r#"
resource "edgeway_api_vpc_link" "office" {
  name       = "@{a|b}@"
  subnet_ids = ["office", "@{cellar|cellar|attic}@"]
  tags       = { @{a|c}@ = "b" }
}
resource "edgeway_api_vpc_link" "used" {
  name       = "used"
  subnet_ids = ["office"]
}
resource "edgeway_api_integration" "office" {
  api_id             = edgeway_http_api.pieces.id
  integration_type   = "HTTP_PROXY"
  integration_uri    = "arn:aws:elasticloadbalancing:r:1:listener/app/office/orders/80"
  integration_method = "GET"
  connection_type    = "VPC_LINK"
  connection_id      = edgeway_api_vpc_link.used.id
}
data "edgeway_api_vpc_link" "office" {
  id = edgeway_api_vpc_link.office.id
}
"#,
    )
    .replaced()
    .drift("PATCH", "/v2/vpclinks/{id}", r#"{"name":"odd"}"#),
    case(
        "edgeway_private_endpoint.chosen",
        "{id}",
        r#"
resource "edgeway_private_endpoint" "chosen" {
  id        = "vpce-0aaaaaaaaaaaaaa@{1|1|2}@"
  addresses = ["10.9.0.1", "10.9.0.@{2|3}@"]
  vpc_id    = @{"vpc-0a1b"|null}@
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "execute-api:@{*|Invoke}@"
      Resource  = "*"
    }]
  })
}
data "edgeway_private_endpoint" "chosen" {
  id = edgeway_private_endpoint.chosen.id
}
"#,
    )
    .replaced()
    .drift(
        "PUT",
        "/edgeway/v1/private-endpoints/{id}",
        r#"{"addresses":["10.9.0.9"]}"#,
    ),
    case(
        "edgeway_private_endpoint.given",
        "{id}",
        r#"
resource "edgeway_private_endpoint" "given" {
  addresses = ["10.9.1.@{1|2}@"]
}
"#,
    )
    .drift("DELETE", "/edgeway/v1/private-endpoints/{id}", ""),
    case(
        "edgeway_domain_name.inside",
        "{domain_name}",
        r#"
resource "edgeway_domain_name" "inside" {
  domain_name     = "inside.terraform.example"
  certificate_arn = edgeway_certificate.own.arn
  endpoint_type   = "PRIVATE"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "execute-api:Invoke"
      Resource  = "@{*|execute-api:/*}@"
    }]
  })
  @{|management_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "apigateway:CreateAccessAssociation"
      Resource  = "*"
    }]
  })}@
}
data "edgeway_domain_name" "inside" {
  domain_name = edgeway_domain_name.inside.domain_name
}
"#,
    ),
    case(
        "edgeway_domain_name_access_association.inside",
        "{domain_name}/{vpc_endpoint_id}",
        r#"
resource "edgeway_domain_name_access_association" "inside" {
  domain_name_arn = edgeway_domain_name.inside.arn
  vpc_endpoint_id = edgeway_private_endpoint.chosen.id
  tags            = { a = "@{b|c}@" }
}
"#,
    )
    .replaced()
    .drift("DELETE", "/domainnameaccessassociations/{arn}", ""),
    case(
        "edgeway_domain_name.ruled",
        "{domain_name}",
        r#"
resource "edgeway_domain_name" "ruled" {
  domain_name     = "ruled.terraform.example"
  certificate_arn = edgeway_certificate.own.arn
  routing_mode    = "@{ROUTING_RULE_ONLY|ROUTING_RULE_THEN_BASE_PATH_MAPPING}@"
}
"#,
    ),
    case(
        "edgeway_routing_rule.beta",
        "{domain_name}/{id}",
        r#"
resource "edgeway_routing_rule" "beta" {
  domain_name = edgeway_domain_name.ruled.domain_name
  priority    = @{10|20}@
  api_id      = edgeway_rest_api.document.id
  stage       = edgeway_stage.prod.stage_name
  conditions = [
    { match_base_paths = { any_of = ["v1", "@{v2|v3}@"] } },
    { match_headers = { any_of = [{ header = "x-beta", value_glob = "@{yes|y*}@" }] } },
  ]
}
"#,
    )
    .drift(
        "DELETE",
        "/v2/domainnames/{domain_name}/routingrules/{id}",
        "",
    ),
    case(
        "edgeway_location_prior.office",
        "{prefix}",
        r#"
resource "edgeway_location_prior" "office" {
  prefix    = "2001:db8:@{1|1|2}@::/48"
  latitude  = @{59.9|60}@
  longitude = 10.7
}
"#,
    )
    .replaced()
    .drift("DELETE", "/edgeway/v1/priors/{prefix}", ""),
    case(
        "edgeway_enrollment_token.office",
        "{id}",
        r#"
resource "edgeway_enrollment_token" "office" {
  role  = "connector"
  place = "office-@{1|1|2}@"
}
"#,
    )
    .replaced()
    .drift("DELETE", "/edgeway/v1/tokens/{id}", ""),
];
