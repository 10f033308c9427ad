output "url" {
  description = "Where the API is."
  value       = edgeway_http_api.orders.api_endpoint
  depends_on  = [edgeway_api_stage.live]
}
