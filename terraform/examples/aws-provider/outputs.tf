# `invoke_url` would be a name of Amazon's: the provider makes it up.

output "pets_url" {
  description = "Where the REST API is."
  value       = "https://${aws_api_gateway_rest_api.pets.id}.execute-api.${var.region}.${var.base_domain}/${aws_api_gateway_stage.live.stage_name}/pets"
}

output "orders_url" {
  description = "Where the HTTP API is; Edgeway says so itself."
  value       = "${aws_apigatewayv2_api.orders.api_endpoint}/orders"
}
