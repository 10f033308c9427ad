variable "name" {
  description = "The region's name in the cluster, which hosts of APIs hold; need not be Google's."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,28}[a-z0-9]$", var.name))
    error_message = "Begin with a letter; 2 to 30 lower-case letters, digits and dashes (names of resources are made of it)."
  }
}

variable "project" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "Google's region."
  type        = string
}

variable "nodes" {
  description = "The region's nodes: the zone of each, by a short name that stays."
  type        = map(string)

  validation {
    condition     = length(var.nodes) >= 1 && length(var.nodes) <= 5
    error_message = "A region has one to five nodes."
  }
  validation {
    condition     = alltrue([for zone in values(var.nodes) : startswith(zone, "${var.region}-")])
    error_message = "Zones are of the region."
  }
  validation {
    condition     = alltrue([for key in keys(var.nodes) : can(regex("^[a-z0-9]{1,8}$", key))])
    error_message = "Short names have one to eight lower-case letters and digits."
  }
}

variable "network" {
  description = "The network, by its self link."
  type        = string
}

variable "subnetwork" {
  description = "The subnetwork of the region, by its self link."
  type        = string
}

variable "image" {
  description = "A Debian image with cloud-init and systemd, with Edgeway, or with `package`."
  type        = string
}

variable "package" {
  description = "The Debian package to install, with its SHA-256; none where the image has it."
  type        = object({ url = string, sha256 = string })
  default     = null
}

variable "machine_type" {
  description = "Kind of machine."
  type        = string
  default     = "c3-highcpu-4"
}

variable "location" {
  description = "Where the region is, in degrees."
  type        = object({ latitude = number, longitude = number })
  default     = null
}

variable "bootstrap" {
  description = "For the cluster's first region: the name of the secret (in this project) with the cluster's secrets, and what is set up."
  type = object({
    secret_id   = string
    base_domain = string
    account_id  = optional(string, "000000000000")
  })
  default = null
}

variable "join_token_secret_id" {
  description = "The name of the secret (in this project) with the enrollment token of role `region`: for all nodes that do not set the cluster up."
  type        = string
  default     = null

  validation {
    condition     = var.join_token_secret_id == null || can(regex("^[A-Za-z0-9_-]{1,255}$", var.join_token_secret_id))
    error_message = "Give the secret's short name, without project and version."
  }
  validation {
    condition     = var.join_token_secret_id != null || var.join_policy != null || (var.bootstrap != null && length(var.nodes) == 1)
    error_message = "All nodes but the cluster's first need a policy or a token to join."
  }
}

variable "join_policy" {
  description = "Instead of a token: the `edgeway_join_policy` of role `region` and this place, with `oidc` for Google's tokens, by which all nodes that do not set the cluster up join."
  type        = object({ name = string, ca_sha256 = string, regions = list(string) })
  default     = null
}

variable "join_audience" {
  description = "With `join_policy`: one of its audiences, for which Google issues the machines' tokens."
  type        = string
  default     = "edgeway"
}

variable "data_disk" {
  description = "The disk of each node's ledger; it outlives the machine."
  type = object({
    gigabytes = optional(number, 20)
    type      = optional(string, "hyperdisk-balanced")
  })
  default = {}

  validation {
    condition     = var.data_disk.gigabytes >= 10
    error_message = "At least 10 gigabytes."
  }
}

variable "client_cidrs" {
  description = "Who may reach HTTP and HTTPS here; nobody where clients come by POPs alone."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = alltrue([for cidr in var.client_cidrs : can(cidrnetmask(cidr))])
    error_message = "Give IPv4 networks such as 198.51.100.0/24."
  }
}

variable "link_cidrs" {
  description = "Who may reach the port of links between nodes (they all prove who they are)."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = alltrue([for cidr in var.link_cidrs : can(cidrnetmask(cidr))])
    error_message = "Give IPv4 networks such as 198.51.100.0/24."
  }
}

variable "management_cidrs" {
  description = "Who may reach the management API: whoever runs Terraform."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.management_cidrs : !endswith(cidr, "/0")])
    error_message = "Name the networks that operate the cluster, not the world."
  }
  validation {
    condition     = alltrue([for cidr in var.management_cidrs : can(cidrnetmask(cidr))])
    error_message = "Give IPv4 networks such as 198.51.100.0/24."
  }
}

variable "log" {
  description = "What nodes log."
  type        = string
  default     = "info"
}

variable "extra_settings" {
  description = "Further sections of the settings file."
  type        = string
  default     = ""
}

variable "labels" {
  description = "Labels of everything that has some."
  type        = map(string)
  default     = {}
}
