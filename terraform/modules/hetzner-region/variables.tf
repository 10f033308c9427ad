variable "name" {
  description = "The region's name in the cluster, which hosts of APIs hold."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,52}[a-z0-9]$", var.name))
    error_message = "A region's name has 2 to 54 lower-case letters, digits and dashes."
  }
}

variable "site" {
  description = "Hetzner's location, such as fsn1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{3}[0-9]?$", var.site))
    error_message = "A location such as fsn1, nbg1, hel1, ash or hil."
  }
}

variable "nodes" {
  description = "Short names of the region's nodes; each stays itself."
  type        = list(string)
  default     = ["a"]

  validation {
    condition     = length(var.nodes) >= 1 && length(var.nodes) <= 5 && length(distinct(var.nodes)) == length(var.nodes)
    error_message = "A region has one to five nodes, each with a name of its own."
  }
  validation {
    condition     = alltrue([for name in var.nodes : can(regex("^[a-z0-9]{1,8}$", name))])
    error_message = "Short names have one to eight lower-case letters and digits."
  }
}

variable "image" {
  description = "An image: Debian with `package`, or a snapshot with Edgeway."
  type        = string
  default     = "debian-12"
}

variable "package" {
  description = "The Debian package to install, with its SHA-256; none where the image has it."
  type        = object({ url = string, sha256 = string })
  default     = null

  validation {
    condition     = var.package != null || !startswith(var.image, "debian-")
    error_message = "Hetzner's own images have no Edgeway: give the package."
  }
}

variable "server_type" {
  description = "Kind of machine."
  type        = string
  default     = "ccx13"
}

variable "location" {
  description = "Where the region is, in degrees."
  type        = object({ latitude = number, longitude = number })
  default     = null
}

variable "bootstrap" {
  description = "For the cluster's first region: the cluster's secrets (`edgeway_cluster_secrets.x.json`), and what is set up."
  type = object({
    secrets     = string
    base_domain = string
    account_id  = optional(string, "000000000000")
  })
  default   = null
  sensitive = true
}

variable "join_token" {
  description = "An enrollment token of role `region`, short-lived, with as many uses as nodes join: it is in user data."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.join_token != null || (var.bootstrap != null && length(var.nodes) == 1)
    error_message = "All nodes but the cluster's first need a token to join."
  }
}

variable "ssh_keys" {
  description = "Names of keys for operators; with none, Hetzner sends a password by mail."
  type        = list(string)
  default     = []
}

variable "data_volume_gigabytes" {
  description = "The volume of each node's ledger; it outlives the machine."
  type        = number
  default     = 20

  validation {
    condition     = var.data_volume_gigabytes >= 10
    error_message = "Hetzner's volumes have at least 10 gigabytes."
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

variable "deletion_protection" {
  description = "Whether nobody can delete addresses and volumes; `false`, applied, before the region is to go."
  type        = bool
  default     = true
}

variable "labels" {
  description = "Labels of everything."
  type        = map(string)
  default     = {}
}
