variable "kind" {
  description = "`rest` (API Gateway v1) or `http` (v2)."
  type        = string
  default     = "rest"

  validation {
    condition     = contains(["rest", "http"], var.kind)
    error_message = "A kind is rest or http."
  }
}

variable "name" {
  description = "A name for people; the document's title unless given."
  type        = string
  default     = null
}

variable "body" {
  description = "The API as an OpenAPI document, JSON or YAML, with Amazon's extensions."
  type        = string

  validation {
    condition     = can(yamldecode(var.body).paths)
    error_message = "Give an OpenAPI document with paths (YAML or JSON)."
  }
  validation {
    condition     = can(yamldecode(var.body).openapi) || can(yamldecode(var.body).swagger)
    error_message = "A document says which OpenAPI it is written in: openapi or swagger."
  }
}

variable "stage" {
  description = "The stage's name."
  type        = string
  default     = "live"

  validation {
    condition     = can(regex("^([A-Za-z0-9_-]{1,128}|\\$default)$", var.stage))
    error_message = "A stage's name has letters, digits, dashes and underscores, or is $default."
  }
  validation {
    condition     = var.stage != "$default" || var.kind == "http"
    error_message = "Only HTTP APIs have $default."
  }
}

variable "stage_variables" {
  description = "Stage variables by their names."
  type        = map(string)
  default     = {}
}

variable "endpoint_type" {
  description = "Where clients reach a REST API."
  type        = string
  default     = "EDGE"

  validation {
    condition     = contains(["EDGE", "REGIONAL", "PRIVATE"], var.endpoint_type)
    error_message = "EDGE, REGIONAL or PRIVATE."
  }
  validation {
    condition     = var.endpoint_type == "EDGE" || var.kind == "rest"
    error_message = "Only REST APIs have a type of endpoint."
  }
}

variable "vpc_endpoint_ids" {
  description = "The private endpoints that lead to a private API by a name of their own."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.vpc_endpoint_ids) == 0 || var.endpoint_type == "PRIVATE"
    error_message = "Only private APIs have private endpoints."
  }
}

variable "policy" {
  description = "A REST API's resource policy, JSON. A private API without one lets nobody in."
  type        = string
  default     = null

  validation {
    condition     = var.policy == null || can(jsondecode(var.policy).Statement)
    error_message = "A policy is JSON with statements."
  }
  validation {
    condition     = var.policy != null || var.endpoint_type != "PRIVATE"
    error_message = "A private API needs a policy that says who gets in."
  }
}

variable "throttle" {
  description = "Requests a second, and at once, of the whole stage."
  type        = object({ rate = number, burst = number })
  default     = null

  validation {
    condition     = try(var.throttle.rate > 0 && var.throttle.burst > 0, var.throttle == null)
    error_message = "Rate and burst are above 0."
  }
}

variable "keys" {
  description = "Holders of API keys of a REST API: how much each may use."
  type = map(object({
    rate   = optional(number)
    burst  = optional(number)
    limit  = optional(number)
    period = optional(string, "DAY")
  }))
  default = {}

  validation {
    condition     = length(var.keys) == 0 || var.kind == "rest"
    error_message = "Only REST APIs have keys."
  }
  validation {
    condition     = alltrue([for one in values(var.keys) : contains(["DAY", "WEEK", "MONTH"], one.period)])
    error_message = "A period is DAY, WEEK or MONTH."
  }
}

variable "tags" {
  description = "Tags of API, stage, plans and keys."
  type        = map(string)
  default     = {}
}
