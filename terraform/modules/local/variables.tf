variable "name" {
  description = "The cluster's name."
  type        = string
  default     = "local"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "Use 1 to 63 lower-case letters, digits and dashes."
  }
}

variable "data_dir" {
  description = "The folder of the nodes' folders, absolute."
  type        = string

  validation {
    condition     = startswith(var.data_dir, "/")
    error_message = "Give an absolute path, such as abspath(\"data\")."
  }
}

variable "program" {
  description = "The program `edgeway`."
  type        = string
  default     = "edgeway"
}

variable "base_domain" {
  description = "The domain of default host names."
  type        = string
  default     = "edgeway.test"

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)*$", var.base_domain))
    error_message = "Give a domain name in lower case, without a final dot."
  }
}

variable "account_id" {
  description = "Twelve digits that appear in ARNs."
  type        = string
  default     = "000000000000"

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "Give twelve digits."
  }
}

variable "regions" {
  description = "Regions, the first one first; each has one node. Odd numbers survive more."
  type = list(object({
    name      = string
    latitude  = optional(number)
    longitude = optional(number)
  }))
  default = [
    { name = "us-east-1", latitude = 38.9, longitude = -77.4 },
    { name = "eu-west-1", latitude = 53.3, longitude = -6.3 },
    { name = "ap-northeast-1", latitude = 35.7, longitude = 139.7 },
  ]

  validation {
    condition     = length(var.regions) >= 1 && length(var.regions) <= 80
    error_message = "Give 1 to 80 regions."
  }
  validation {
    condition     = length(distinct(var.regions[*].name)) == length(var.regions)
    error_message = "Two regions have the same name."
  }
  validation {
    condition     = alltrue([for region in var.regions : can(regex("^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", region.name))])
    error_message = "Names of regions have lower-case letters, digits and dashes."
  }
}

variable "pops" {
  description = "POPs; each has one node."
  type = list(object({
    name      = string
    latitude  = optional(number)
    longitude = optional(number)
  }))
  default = [{ name = "pop-1", latitude = 40.7, longitude = -74.0 }]

  validation {
    condition     = length(var.pops) <= 80
    error_message = "Give at most 80 POPs."
  }
  validation {
    condition     = length(distinct(var.pops[*].name)) == length(var.pops)
    error_message = "Two POPs have the same name."
  }
  validation {
    condition     = alltrue([for pop in var.pops : can(regex("^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", pop.name))])
    error_message = "Names of POPs have lower-case letters, digits and dashes."
  }
}

variable "dns" {
  description = "Whether there is a DNS node."
  type        = bool
  default     = true
}

variable "address_prefix" {
  description = "The first three numbers of the nodes' addresses: each node has one of its own, with the same ports."
  type        = string
  default     = "127.77.0"

  validation {
    condition     = can(cidrhost("${var.address_prefix}.0/24", 1))
    error_message = "Give three numbers such as 127.77.0."
  }
}

variable "namespaces" {
  description = "Gives each node a network namespace of its own, joined to a bridge; needs root."
  type = object({
    prefix = optional(string, "egw-")
    bridge = optional(string, "egw0")
  })
  default = null

  validation {
    condition     = var.namespaces == null || !startswith(var.address_prefix, "127.")
    error_message = "Addresses in namespaces cannot be loopback ones: set address_prefix, such as 10.77.0."
  }
  validation {
    condition     = try(length(var.namespaces.bridge), 0) <= 15
    error_message = "A bridge's name has at most 15 characters."
  }
}

variable "ports" {
  description = "Ports of every node's listeners."
  type = object({
    link             = optional(number, 4433)
    ops              = optional(number, 9100)
    http             = optional(number, 8080)
    https            = optional(number, 8443)
    management       = optional(number, 7001)
    management_https = optional(number, 7443)
    dns              = optional(number, 8053)
    dns_tls          = optional(number, 8853)
    dns_https        = optional(number, 8943)
  })
  default = {}

  validation {
    condition     = length(distinct(values(var.ports))) == length(values(var.ports))
    error_message = "Two listeners have the same port."
  }
}

variable "workers" {
  description = "Data-plane threads of each node."
  type        = number
  default     = 1

  validation {
    condition     = var.workers >= 1
    error_message = "At least one."
  }
}

variable "log" {
  description = "What nodes log."
  type        = string
  default     = "info,openraft=warn,access=off"
}

variable "remove_data" {
  description = "Whether a destroyed node's folder is removed."
  type        = bool
  default     = true
}

variable "first_join_token" {
  description = "Lets the first region's node join again after it has lost its folder while other regions live (`edgeway token`)."
  type        = string
  default     = null
  sensitive   = true
}
