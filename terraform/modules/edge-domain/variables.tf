variable "domain_name" {
  description = "The name."
  type        = string

  validation {
    condition     = can(regex("^(\\*\\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9-]+$", var.domain_name))
    error_message = "Give a domain name in lower case, without a final dot."
  }
}

variable "certificate" {
  description = "The chain, PEM, its own certificate first."
  type        = string

  validation {
    condition     = startswith(trimspace(var.certificate), "-----BEGIN CERTIFICATE-----")
    error_message = "A chain in PEM begins with -----BEGIN CERTIFICATE-----."
  }
}

variable "private_key" {
  description = "The key, PEM (PKCS #8). It is in no plan and no state."
  type        = string
  ephemeral   = true
}

variable "certificate_version" {
  description = "Another number when chain or key are others."
  type        = number
}

variable "endpoint_type" {
  description = "Where clients reach it."
  type        = string
  default     = "EDGE"

  validation {
    condition     = contains(["EDGE", "REGIONAL", "PRIVATE"], var.endpoint_type)
    error_message = "EDGE, REGIONAL or PRIVATE."
  }
}

variable "security_policy" {
  description = "The policy of TLS."
  type        = string
  default     = "TLS_1_2"
}

variable "apis" {
  description = "What is where: API and stage by the first segments of the path; an empty key is all the rest."
  type        = map(object({ api_id = string, stage = string }))

  validation {
    condition     = alltrue([for path in keys(var.apis) : can(regex("^([A-Za-z0-9$_.+!*'()-]+(/[A-Za-z0-9$_.+!*'()-]+)*)?$", path))])
    error_message = "Paths have no slash at either end."
  }
}

variable "zone" {
  description = "The cluster's DNS zone in which the name is to be, if it is one of the cluster's."
  type        = string
  default     = null

  validation {
    condition     = var.zone == null || endswith(var.domain_name, ".${coalesce(var.zone, "none")}")
    error_message = "The name is not in that zone."
  }
}

variable "ttl" {
  description = "How long resolvers keep the record, seconds."
  type        = number
  default     = 300
}

variable "tags" {
  description = "Tags of the domain name."
  type        = map(string)
  default     = {}
}
