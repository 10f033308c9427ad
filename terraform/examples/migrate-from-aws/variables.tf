variable "export" {
  description = "The export of the API, with Amazon's extensions: a file beside this one."
  type        = string
  default     = "export.json"

  validation {
    condition     = can(jsondecode(file("${path.module}/${var.export}")).paths)
    error_message = "The file is no export: JSON with paths."
  }
  validation {
    condition     = strcontains(try(file("${path.module}/${var.export}"), ""), "x-amazon-apigateway-integration")
    error_message = "The export has no integrations: ask for it with the extensions integrations and authorizers, as README.md does."
  }
}

variable "stage" {
  description = "The stage's name, as it was."
  type        = string
  default     = "prod"
}

variable "stage_variables" {
  description = "Its variables."
  type        = map(string)
  default     = {}
}

variable "method_settings" {
  description = "Its limits, by PATH/VERB without the first slash; `*/*` is all methods."
  type = map(object({
    throttling_rate_limit  = optional(number)
    throttling_burst_limit = optional(number)
  }))
  default = null
}

variable "policy" {
  description = "The resource policy, if there was one."
  type        = string
  default     = null
}

variable "domain_name" {
  description = "The custom domain name that clients know."
  type        = string
}

variable "base_path" {
  description = "Under which path; empty is all."
  type        = string
  default     = ""
}

variable "certificate_file" {
  description = "A chain for that name, PEM. Amazon's certificates cannot be taken along: it keeps their keys."
  type        = string
}

variable "private_key" {
  description = "Its key, PEM (PKCS #8); in no plan and no state."
  type        = string
  ephemeral   = true
}

variable "plans" {
  description = "Usage plans by name."
  type = map(object({
    throttle = optional(object({ rate_limit = optional(number), burst_limit = optional(number) }))
    quota    = optional(object({ limit = number, period = string }))
  }))
  default = {}
}

variable "keys" {
  description = "Names of API keys, and the plan of each."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for plan in values(var.keys) : contains(keys(var.plans), plan)])
    error_message = "A key's plan is not among the plans."
  }
}

variable "key_values" {
  description = "What clients send, by the name of the key; in no plan and no state."
  type        = map(string)
  default     = {}
  ephemeral   = true
}
