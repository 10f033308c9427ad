output "namespace" {
  description = "The namespace."
  value       = local.namespace
}

output "service" {
  description = "The clients' service."
  value       = "${var.name}.${local.namespace}.svc"
  depends_on  = [helm_release.this]
}

output "endpoints" {
  description = "The management API within the Kubernetes cluster, for regions."
  value       = var.role == "region" ? ["https://${var.name}-management.${local.namespace}.svc:7443"] : []
  depends_on  = [helm_release.this]
}

output "values" {
  description = "The chart's values."
  value       = local.values
}

output "revision" {
  description = "Another one after each change: for `instance` of `edgeway_node` and `edgeway_cluster_bootstrap`."
  value       = sha256(jsonencode(helm_release.this.values))
}
