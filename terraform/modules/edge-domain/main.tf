resource "edgeway_certificate" "this" {
  certificate            = var.certificate
  private_key_wo         = var.private_key
  private_key_wo_version = var.certificate_version
}

resource "edgeway_domain_name" "this" {
  domain_name     = var.domain_name
  certificate_arn = edgeway_certificate.this.arn
  endpoint_type   = var.endpoint_type
  security_policy = var.security_policy
  tags            = var.tags
}

resource "edgeway_api_mapping" "this" {
  for_each = var.apis

  domain_name     = edgeway_domain_name.this.domain_name
  api_id          = each.value.api_id
  stage           = each.value.stage
  api_mapping_key = each.key == "" ? null : each.key
}

resource "edgeway_dns_record" "this" {
  count = var.zone == null ? 0 : 1

  zone   = var.zone
  name   = var.domain_name
  type   = "CNAME"
  values = ["${trimsuffix(edgeway_domain_name.this.target, ".")}."]
  ttl    = var.ttl
}
