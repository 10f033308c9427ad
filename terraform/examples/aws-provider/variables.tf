variable "endpoint" {
  description = "The management API of a region."
  type        = string

  validation {
    condition     = can(regex("^https://[^/]+$", var.endpoint))
    error_message = "An https URL without a path."
  }
}

variable "region" {
  description = "That region's name, also if Amazon has none of that name."
  type        = string
  default     = "us-east-1"
}

variable "base_domain" {
  description = "The cluster's domain of default host names."
  type        = string
}

variable "ca_file" {
  description = "The cluster's authority, unless the endpoint's certificate is of a public one."
  type        = string
  default     = null
}

variable "access_key_id" {
  description = "An admin key."
  type        = string
}

variable "secret_access_key" {
  description = "Its secret."
  type        = string
  sensitive   = true
}

variable "backend" {
  description = "The backend's URL, without a final slash."
  type        = string
  default     = "https://pets.example.com"
}
