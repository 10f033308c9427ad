variable "vpc_endpoint_ids" {
  description = "The private endpoints: registered, with listeners at region nodes."
  type        = set(string)

  validation {
    condition     = length(var.vpc_endpoint_ids) > 0 && alltrue([for id in var.vpc_endpoint_ids : can(regex("^vpce-[0-9a-f]{8,17}$", id))])
    error_message = "Endpoints are vpce- and 8 to 17 of 0-9a-f, at least one."
  }
}

variable "client_cidrs" {
  description = "Addresses of clients in the private networks."
  type        = set(string)
  default     = ["10.0.0.0/8"]

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Give networks such as 10.1.0.0/16, at least one."
  }
}

variable "connector" {
  description = "The connector in the backend's network."
  type        = string
  default     = "office"
}

variable "upstream" {
  description = "The connector's name for the backend."
  type        = string
  default     = "ledger"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+$", var.upstream))
    error_message = "Letters, digits, dot, underscore and dash."
  }
}
