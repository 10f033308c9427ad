variable "stage" {
  description = "1: the first node, which sets the cluster up. 2: everything."
  type        = number

  validation {
    condition     = contains([1, 2], var.stage)
    error_message = "First 1, then 2."
  }
}

variable "kubeconfig" {
  description = "How to reach Kubernetes."
  type        = string
  default     = "~/.kube/config"
}

variable "context" {
  description = "Which of its contexts."
  type        = string
  default     = null
}

variable "namespace" {
  description = "The namespace, which is made."
  type        = string
  default     = "edgeway"
}

variable "image" {
  description = "The image: deploy/container builds it, your registry has it."
  type        = object({ repository = string, tag = optional(string, "") })
}

variable "base_domain" {
  description = "The domain of default host names."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z0-9-]+$", var.base_domain))
    error_message = "A name such as gw.example.com."
  }
}

variable "endpoint" {
  description = "Where Terraform reaches the management API: the address of service/us-management, known after the first run."
  type        = string
  default     = "https://localhost:7443"

  validation {
    condition     = startswith(var.endpoint, "https://")
    error_message = "An https URL."
  }
}

variable "public_addresses" {
  description = "What DNS answers for the POP: the addresses of service/pop-1."
  type        = list(string)
  default     = []
}
