//! The resources of the acceptance test, one each, and how they change.

mod private;
mod settings;
mod sockets;

/// A resource and its life. In `hcl`, `@{made|altered|replaced}@` is what it is at each step.
pub(super) struct Case {
    pub(super) address: &'static str,
    pub(super) hcl: &'static str,
    /// What it is imported by, with attributes in braces.
    pub(super) import: &'static str,
    /// Whether something of it cannot be read, or hangs on such a thing, so that importing it
    /// leaves a change.
    pub(super) unreadable: bool,
    /// Whether the last step makes a new one.
    pub(super) replaced: bool,
    /// A call that alters or removes it behind Terraform's back: method, path, body.
    pub(super) drift: Option<(&'static str, &'static str, &'static str)>,
}

const fn case(address: &'static str, import: &'static str, hcl: &'static str) -> Case {
    Case {
        address,
        hcl,
        import,
        unreadable: false,
        replaced: false,
        drift: None,
    }
}

impl Case {
    const fn unreadable(mut self) -> Self {
        self.unreadable = true;
        self
    }

    const fn replaced(mut self) -> Self {
        self.replaced = true;
        self
    }

    const fn drift(mut self, method: &'static str, path: &'static str, body: &'static str) -> Self {
        self.drift = Some((method, path, body));
        self
    }
}

/// All of them, in no order that matters.
pub(super) fn all() -> impl Iterator<Item = &'static Case> {
    let families = [CASES, private::CASES, sockets::CASES, settings::CASES];
    families.into_iter().flatten()
}

const CASES: &[Case] = &[
    case(
        "edgeway_rest_api.document",
        "{id}",
        r#"
resource "edgeway_rest_api" "document" {
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "pets", version = "1" }
    paths = {
      "/pets" = {
        get = {
          responses = { 200 = { description = "all" } }
          "x-amazon-apigateway-integration" = {
            type             = "mock"
            requestTemplates = { "application/json" = "{\"statusCode\": 200}" }
            responses = {
              default = {
                statusCode        = "200"
                responseTemplates = { "application/json" = "\"@{cats|dogs}@\"" }
              }
            }
          }
        }
      }
    }
  })
  description = "animals"
  tags        = { kind = "@{small|large}@" }
}
"#,
    )
    .unreadable()
    .drift(
        "PATCH",
        "/restapis/{id}",
        r#"{"patchOperations":[{"op":"add","path":"/binaryMediaTypes/image~1png"}]}"#,
    ),
    case(
        "edgeway_deployment.document",
        "{rest_api_id}/{id}",
        r#"
resource "edgeway_deployment" "document" {
  rest_api_id = edgeway_rest_api.document.id
  components  = [edgeway_rest_api.document.revision]
  description = "@{first|second}@"
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_stage.prod",
        "{rest_api_id}/{stage_name}",
        r#"
resource "edgeway_stage" "prod" {
  rest_api_id   = edgeway_rest_api.document.id
  stage_name    = "prod"
  deployment_id = edgeway_deployment.document.id
  description   = "@{live|really live}@"
  variables     = { colour = "@{red|blue}@", @{only|other}@ = "x" }
  method_settings = {
    "*/*"      = { throttling_rate_limit = @{50|60.5}@ }
    "pets/GET" = { throttling_burst_limit = 7, metrics_enabled = true }
  }
  tags = { a = "b" }
}
"#,
    )
    .unreadable()
    .drift(
        "PATCH",
        "/restapis/{rest_api_id}/stages/prod",
        r#"{"patchOperations":[{"op":"replace","path":"/variables/colour","value":"odd"}]}"#,
    ),
    case(
        "edgeway_rest_api.pieces",
        "{id}",
        r#"
resource "edgeway_rest_api" "pieces" {
  name               = "pieces"
  description        = "@{one|two}@"
  version            = "@{1|2}@"
  binary_media_types = ["image/png", "@{image/gif|image/jpeg}@"]
}
"#,
    )
    .drift(
        "PATCH",
        "/restapis/{id}",
        r#"{"patchOperations":[{"op":"replace","path":"/name","value":"odd"}]}"#,
    ),
    case(
        "edgeway_resource.dogs",
        "{rest_api_id}/{id}",
        r#"
resource "edgeway_resource" "dogs" {
  rest_api_id = edgeway_rest_api.pieces.id
  parent_id   = edgeway_rest_api.pieces.root_resource_id
  path_part   = "@{dogs|hounds}@"
}
"#,
    ),
    case(
        "edgeway_method.get",
        "{rest_api_id}/{resource_id}/{http_method}",
        r#"
resource "edgeway_method" "get" {
  rest_api_id        = edgeway_rest_api.pieces.id
  resource_id        = edgeway_resource.dogs.id
  http_method        = "@{GET|GET|POST}@"
  api_key_required   = @{false|true}@
  request_parameters = { "method.request.querystring.@{a|b}@" = true }
}
"#,
    )
    .replaced(),
    case(
        "edgeway_method_response.ok",
        "{rest_api_id}/{resource_id}/{http_method}/{status_code}",
        r#"
resource "edgeway_method_response" "ok" {
  rest_api_id         = edgeway_rest_api.pieces.id
  resource_id         = edgeway_resource.dogs.id
  http_method         = edgeway_method.get.http_method
  status_code         = "200"
  response_parameters = { "method.response.header.X-A" = @{true|false}@ }
}
"#,
    )
    .replaced(),
    case(
        "edgeway_integration.get",
        "{rest_api_id}/{resource_id}/{http_method}",
        r#"
resource "edgeway_integration" "get" {
  rest_api_id       = edgeway_rest_api.pieces.id
  resource_id       = edgeway_resource.dogs.id
  http_method       = edgeway_method.get.http_method
  type              = "MOCK"
  request_templates = { "application/json" = "{\"statusCode\": @{200|201}@}" }
  timeout_in_millis = @{1000|2000}@
}
"#,
    )
    .replaced()
    .drift(
        "PATCH",
        "/restapis/{rest_api_id}/resources/{resource_id}/methods/GET/integration",
        r#"{"patchOperations":[{"op":"replace","path":"/timeoutInMillis","value":"77"}]}"#,
    ),
    case(
        "edgeway_integration_response.ok",
        "{rest_api_id}/{resource_id}/{http_method}/{status_code}",
        r#"
resource "edgeway_integration_response" "ok" {
  rest_api_id         = edgeway_rest_api.pieces.id
  resource_id         = edgeway_resource.dogs.id
  http_method         = edgeway_integration.get.http_method
  status_code         = edgeway_method_response.ok.status_code
  response_parameters = { "method.response.header.X-A" = "'@{a|b}@'" }
}
"#,
    )
    .replaced(),
    case(
        "edgeway_deployment.pieces",
        "{rest_api_id}/{id}",
        r#"
resource "edgeway_deployment" "pieces" {
  rest_api_id = edgeway_rest_api.pieces.id
  components = [
    edgeway_rest_api.pieces.revision,
    edgeway_resource.dogs.revision,
    edgeway_method.get.revision,
    edgeway_method_response.ok.revision,
    edgeway_integration.get.revision,
    edgeway_integration_response.ok.revision,
  ]
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_api_key.made",
        "{id}",
        r#"
resource "edgeway_api_key" "made" {
  name    = "@{a|b}@"
  enabled = @{true|false}@
  tags    = { @{a|c}@ = "b" }
}
"#,
    )
    .drift("DELETE", "/apikeys/{id}", ""),
    case(
        "edgeway_api_key.given",
        "{id}",
        r#"
resource "edgeway_api_key" "given" {
  name             = "given"
  value_wo         = "@{first|first|second}@-value-of-the-key"
  value_wo_version = @{1|1|2}@
  description      = "@{a|b}@"
}
"#,
    )
    .unreadable()
    .replaced(),
    case(
        "edgeway_usage_plan.gold",
        "{id}",
        r#"
resource "edgeway_usage_plan" "gold" {
  name = "@{gold|silver}@"
  api_stages = [{
    api_id   = edgeway_rest_api.document.id
    stage    = edgeway_stage.prod.stage_name
    throttle = { "/pets/GET" = { rate_limit = @{2.5|3}@ } }
  }]
  throttle = { burst_limit = @{5|6}@, rate_limit = 2 }
  @{quota = { limit = 100, period = "DAY" }|}@
  tags = { "edgeway:limit-mode" = "@{local|exact}@" }
}
"#,
    )
    .drift(
        "PATCH",
        "/usageplans/{id}",
        r#"{"patchOperations":[{"op":"replace","path":"/throttle/burstLimit","value":"1"}]}"#,
    ),
    case(
        "edgeway_usage_plan_key.gold",
        "{usage_plan_id}/{key_id}",
        r#"
resource "edgeway_usage_plan_key" "gold" {
  usage_plan_id = edgeway_usage_plan.gold.id
  key_id        = edgeway_api_key.given.id
}
"#,
    )
    .unreadable()
    .replaced(),
    case(
        "edgeway_http_api.document",
        "{id}",
        r#"
resource "edgeway_http_api" "document" {
  body = jsonencode({
    openapi = "3.0.1"
    info    = { title = "h", version = "1" }
    paths = {
      "/@{x|y}@" = {
        get = {
          "x-amazon-apigateway-integration" = {
            type                 = "http_proxy"
            httpMethod           = "GET"
            uri                  = "http://127.0.0.1:9/"
            payloadFormatVersion = "1.0"
          }
        }
      }
    }
  })
  cors_configuration = { allow_origins = ["https://b.example", "https://a.example"] }
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_http_api.pieces",
        "{id}",
        r#"
resource "edgeway_http_api" "pieces" {
  name        = "@{a|b}@"
  description = "@{a|b}@"
  tags        = { a = "@{a|b}@" }
  @{cors_configuration = { allow_origins = ["*"], max_age = 5 }|}@
}
"#,
    )
    .drift("PATCH", "/v2/apis/{id}", r#"{"name":"odd"}"#),
    case(
        "edgeway_websocket_api.chat",
        "{id}",
        r#"
resource "edgeway_websocket_api" "chat" {
  name                       = "@{a|b}@"
  route_selection_expression = "$request.body.@{action|verb}@"
  disable_schema_validation  = @{true|false}@
}
"#,
    ),
    case(
        "edgeway_api_deployment.document",
        "{api_id}/{id}",
        r#"
resource "edgeway_api_deployment" "document" {
  api_id      = edgeway_http_api.document.id
  components  = [edgeway_http_api.document.revision]
  description = "@{a|b}@"
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_api_stage.auto",
        "{api_id}/{name}",
        r#"
resource "edgeway_api_stage" "auto" {
  api_id                 = edgeway_http_api.document.id
  name                   = "$default"
  auto_deploy            = true
  stage_variables        = { @{a|b}@ = "b" }
  default_route_settings = { throttling_rate_limit = @{10.5|11}@, throttling_burst_limit = 3 }
  route_settings = {
    "GET /@{x|y}@" = { throttling_burst_limit = 2 }
  }
  @{access_log_settings = { destination_arn = "arn:aws:logs:r:1:log-group:l", format = "f" }|}@
}
"#,
    )
    .drift(
        "PATCH",
        "/v2/apis/{api_id}/stages/$default",
        r#"{"description":"odd"}"#,
    ),
    case(
        "edgeway_api_stage.fixed",
        "{api_id}/{name}",
        r#"
resource "edgeway_api_stage" "fixed" {
  api_id        = edgeway_http_api.document.id
  name          = "@{fixed|fixed|other}@"
  deployment_id = edgeway_api_deployment.document.id
  description   = "@{a|b}@"
}
"#,
    )
    .unreadable()
    .replaced(),
    case(
        "edgeway_certificate.own",
        "{id}",
        r#"
resource "edgeway_certificate" "own" {
  certificate            = "CERTIFICATE"
  private_key_wo         = "PRIVATE_KEY"
  private_key_wo_version = @{1|2}@
}
"#,
    )
    .unreadable(),
    case(
        "edgeway_domain_name.own",
        "{domain_name}",
        r#"
resource "edgeway_domain_name" "own" {
  domain_name     = "@{api|api|www}@.terraform.example"
  certificate_arn = edgeway_certificate.own.arn
  endpoint_type   = "@{EDGE|REGIONAL}@"
  tags            = { a = "@{b|c}@" }
}
"#,
    )
    .replaced(),
    case(
        "edgeway_base_path_mapping.own",
        "{domain_name}/{base_path}",
        r#"
resource "edgeway_base_path_mapping" "own" {
  domain_name = edgeway_domain_name.own.domain_name
  base_path   = "pets"
  rest_api_id = edgeway_rest_api.document.id
  stage       = @{null|edgeway_stage.prod.stage_name}@
}
"#,
    )
    .replaced()
    .drift(
        "DELETE",
        "/domainnames/{domain_name}/basepathmappings/pets",
        "",
    ),
    case(
        "edgeway_api_mapping.own",
        "{domain_name}/{id}",
        r#"
resource "edgeway_api_mapping" "own" {
  domain_name     = edgeway_domain_name.own.domain_name
  api_id          = edgeway_http_api.document.id
  stage           = edgeway_api_stage.auto.name
  api_mapping_key = "@{x|y}@"
}
"#,
    )
    .replaced(),
    case(
        "edgeway_model.dog",
        "{rest_api_id}/{name}",
        r#"
resource "edgeway_model" "dog" {
  rest_api_id = edgeway_rest_api.pieces.id
  name        = "@{Dog|Dog|Hound}@"
  description = "@{a|b}@"
  schema = jsonencode({
    "$schema" = "http://json-schema.org/draft-04/schema#"
    type      = "@{object|array}@"
  })
}
"#,
    )
    .replaced(),
    case(
        "edgeway_request_validator.all",
        "{rest_api_id}/{id}",
        r#"
resource "edgeway_request_validator" "all" {
  rest_api_id           = edgeway_rest_api.pieces.id
  name                  = "@{a|b}@"
  validate_request_body = @{true|false}@
}
"#,
    )
    .drift(
        "DELETE",
        "/restapis/{rest_api_id}/requestvalidators/{id}",
        "",
    ),
    case(
        "edgeway_gateway_response.throttled",
        "{rest_api_id}/{response_type}",
        r#"
resource "edgeway_gateway_response" "throttled" {
  rest_api_id         = edgeway_rest_api.pieces.id
  response_type       = "@{THROTTLED|THROTTLED|QUOTA_EXCEEDED}@"
  status_code         = "@{429|430}@"
  response_parameters = { "gatewayresponse.header.X-A" = "'@{a|b}@'" }
  response_templates  = { "application/json" = "{}" }
}
"#,
    )
    .replaced()
    .drift(
        "DELETE",
        "/restapis/{rest_api_id}/gatewayresponses/{response_type}",
        "",
    ),
    case(
        "edgeway_authorizer.token",
        "{rest_api_id}/{id}",
        r#"
resource "edgeway_authorizer" "token" {
  rest_api_id     = edgeway_rest_api.pieces.id
  name            = "@{a|b}@"
  type            = "TOKEN"
  authorizer_uri = join("", [
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/",
    "arn:aws:lambda:us-east-1:123456789012:function:f/invocations",
  ])
  identity_source = "method.request.header.@{A|B}@"
}
"#,
    ),
    case(
        "edgeway_api_integration.backend",
        "{api_id}/{id}",
        r#"
resource "edgeway_api_integration" "backend" {
  api_id             = edgeway_http_api.pieces.id
  integration_type   = "HTTP_PROXY"
  integration_uri    = "http://127.0.0.1:9/@{a|b}@"
  integration_method = "GET"
  timeout_in_millis  = @{1000|2000}@
  request_parameters = { "append:header.@{a|b}@" = "x" }
  response_parameters = {
    "200"         = { "append:header.x" = "1", "append:header.@{a|b}@" = "2" }
    "40@{3|4}@" = { "overwrite:statuscode" = "200" }
  }
  @{tls_config = { server_name_to_verify = "a.example" }|}@
}
"#,
    )
    .drift(
        "PATCH",
        "/v2/apis/{api_id}/integrations/{id}",
        r#"{"timeoutInMillis":77}"#,
    ),
    case(
        "edgeway_api_authorizer.jwt",
        "{api_id}/{id}",
        r#"
resource "edgeway_api_authorizer" "jwt" {
  api_id            = edgeway_http_api.pieces.id
  name              = "@{a|b}@"
  authorizer_type   = "JWT"
  identity_sources  = ["$request.header.Authorization"]
  jwt_configuration = { issuer = "https://issuer.example", audience = ["@{a|b}@", "c"] }
}
"#,
    ),
    case(
        "edgeway_route.get",
        "{api_id}/{id}",
        r#"
resource "edgeway_route" "get" {
  api_id             = edgeway_http_api.pieces.id
  route_key          = provider::edgeway::route_key("get", "/@{a|b}@/{id}")
  target             = "integrations/${edgeway_api_integration.backend.id}"
  authorization_type = "@{NONE|JWT}@"
  authorizer_id      = @{null|edgeway_api_authorizer.jwt.id}@
}
"#,
    )
    .drift("DELETE", "/v2/apis/{api_id}/routes/{id}", ""),
    case(
        "edgeway_region.north",
        "{name}",
        r#"
resource "edgeway_region" "north" {
  name      = "eu-north-@{1|1|2}@"
  latitude  = @{59.3|60}@
  longitude = 18.1
}
"#,
    )
    .replaced()
    .drift(
        "PUT",
        "/edgeway/v1/regions/{name}",
        r#"{"latitude":1,"longitude":2.5}"#,
    ),
    case(
        "edgeway_pop.oslo",
        "{name}",
        r#"
resource "edgeway_pop" "oslo" {
  name      = "oslo-@{1|1|2}@"
  latitude  = @{59|59.9}@
  longitude = -10.7
}
"#,
    )
    .replaced()
    .drift("DELETE", "/edgeway/v1/pops/{name}", ""),
    case(
        "edgeway_enrollment_token.oslo",
        "{id}",
        r#"
resource "edgeway_enrollment_token" "oslo" {
  role     = "pop"
  place    = edgeway_pop.oslo.name
  max_uses = 3
}
"#,
    )
    .replaced()
    .drift("DELETE", "/edgeway/v1/tokens/{id}", ""),
    case(
        "edgeway_join_policy.aws",
        "{name}",
        r#"
resource "edgeway_join_policy" "aws" {
  name  = "aws-@{1|1|2}@"
  role  = "pop"
  place = edgeway_pop.oslo.name
  aws_iid = {
    # In two parts, since the test has a certificate of its own for the word.
    certificates = <<-EOT
      -----BEGIN ${"CERTI"}FICATE-----
      MIIC+zCCAeOgAwIBAgIUeYAXEbUV8qI0YnOhPAHKnGLpdb0wDQYJKoZIhvcNAQEL
      BQAwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjEyMTI1NThaGA8yMTI2MTAyODIxMjU1
      OFowDDEKMAgGA1UEAwwBeDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEB
      AKCFAgQW5xVaW3zCzA0Bsuy/Qokoqd02/YrCnbRof3wqjzvknGNhi68JlkI5zXUQ
      0bZujSeP8llF+XWf2LEJDXgwDi+3fNPE0bxedrl0WwUypEWDK73S4r204gynl0Kb
      k0QDti9no8Q9j1fYwv4BYVyAzmDjbs3iarj9gHCKqICx/nr6g2MEEDLMglG8Ip2C
      y06Ngqc3DWdCFAmxh0o04s7lxjwhb6UP2IKicBh1mVE8JmY0Pc3zBvac5QpkxnGp
      KaqxPrq6ezUWyscCIKlk4ozkIQwLftHOuf9OjyCR7FnOZsEKepzAy6hdMD0JBpkM
      4YgtuX1BjVn72+ksVEwLM88CAwEAAaNTMFEwHQYDVR0OBBYEFK9eiBq/Ni+wU1us
      c0W2G2bPjnHQMB8GA1UdIwQYMBaAFK9eiBq/Ni+wU1usc0W2G2bPjnHQMA8GA1Ud
      EwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAJ7TOgmf/iBHyeBH0hli2qno
      8mroUs6q+7njMv6UZsySuJy80An7cbHGyyWHJ8MIzGhSAo9CYk0+xg6vD7Y/dQbH
      LW4VD4vsELtr3BZB5qZbaZTuV0aJ6Sv8Rth6GE3WZL9b1bWNQNf79lyRD27JFz6f
      p9KOJnrm9sDou0LuueAFmq6tjP9TV60uYtC1iXlPrCdH73aQFHXzN62P/GIPe9uR
      fpGiLzJSeZatq9iElwB9vvu5/o6FypixIaGSXDTqrZfwHwXeaDdMCOm/2ldawIm7
      kEMvu/XAqWqdPNfLEDI5OhPUncBVPPVbrP2mzTMzt2TCmfwGAzncX8B8iffrGmY=
      -----END ${"CERTI"}FICATE-----
    EOT
    account_ids     = ["111122223333", "44445555666@{6|7}@"]
    regions         = @{null|["eu-north-1"]}@
    max_age_seconds = @{900|600}@
  }
}
"#,
    )
    .replaced()
    .drift("DELETE", "/edgeway/v1/join-policies/{name}", ""),
    case(
        "edgeway_join_policy.pods",
        "{name}",
        r#"
resource "edgeway_join_policy" "pods" {
  name  = "pods"
  role  = "pop"
  place = edgeway_pop.oslo.name
  oidc = {
    issuer = "https://kubernetes.default.svc"
    claims = { sub = ["system:serviceaccount:edge:@{pop|other}@"] }
    jwks = jsonencode({ keys = [{
      kty = "EC", crv = "P-256", kid = "k"
      x   = "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY"
      y   = "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"
    }] })
    once_by = @{null|"/kubernetes.io/pod/uid"}@
  }
}
"#,
    )
    .drift("DELETE", "/edgeway/v1/join-policies/{name}", ""),
    case(
        "edgeway_dns_zone.own",
        "{id}",
        r#"
resource "edgeway_dns_zone" "own" {
  name = "@{one|one|two}@.terraform.example"
}
"#,
    )
    .replaced(),
    case(
        "edgeway_dns_record.www",
        "{zone}/{name}/{type}",
        r#"
resource "edgeway_dns_record" "www" {
  zone   = edgeway_dns_zone.own.name
  name   = "www.${edgeway_dns_zone.own.name}"
  type   = "A"
  ttl    = @{60|30}@
  values = ["192.0.2.7", "192.0.2.@{1|9}@"]
}
"#,
    )
    .replaced(),
    case(
        "edgeway_dns_record.text",
        "{zone}/{name}/{type}",
        r#"
resource "edgeway_dns_record" "text" {
  zone   = edgeway_dns_zone.own.name
  name   = "www.${edgeway_dns_zone.own.name}"
  type   = "CAA"
  values = ["0 issue \"@{a|b}@.example\""]
}
"#,
    )
    .replaced(),
];
