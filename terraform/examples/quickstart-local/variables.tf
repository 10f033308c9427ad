variable "data_dir" {
  description = "Where the nodes keep their folders."
  type        = string
  default     = "data"
}

variable "program" {
  description = "The program `edgeway`."
  type        = string
  default     = "edgeway"
}

variable "address_prefix" {
  description = "The first three numbers of the nodes' addresses."
  type        = string
  default     = "127.77.0"
}

variable "namespaces" {
  description = "Gives each node a network namespace of its own; needs root, and address_prefix such as 10.77.0."
  type = object({
    prefix = optional(string, "egw-")
    bridge = optional(string, "egw0")
  })
  default = null
}

variable "greeting" {
  description = "What the API answers. Change it and apply: that is a deployment."
  type        = string
  default     = "hello"

  validation {
    condition     = length(var.greeting) > 0 && !strcontains(var.greeting, "\"")
    error_message = "Some text without quotes."
  }
}

variable "domain_name" {
  description = "The API's own name."
  type        = string
  default     = "hello.example.test"

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain_name))
    error_message = "Give a domain name in lower case, without a final dot."
  }
}
