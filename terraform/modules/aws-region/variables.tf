variable "name" {
  description = "The region's name in the cluster, which hosts of APIs hold; need not be AWS's."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$", var.name))
    error_message = "A region's name has lower-case letters, digits and dashes."
  }
}

variable "nodes" {
  description = "The region's nodes: the subnet of each, by a short name that stays (such as the zone's letter)."
  type        = map(string)

  validation {
    condition     = length(var.nodes) >= 1 && length(var.nodes) <= 5
    error_message = "A region has one to five nodes."
  }
  validation {
    condition     = alltrue([for key in keys(var.nodes) : can(regex("^[a-z0-9]{1,8}$", key))])
    error_message = "Short names have one to eight lower-case letters and digits."
  }
}

variable "ami_id" {
  description = "A Debian image (cloud-init, systemd), with Edgeway, or with `package`."
  type        = string

  validation {
    condition     = can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "An image is ami-..."
  }
}

variable "package" {
  description = "The Debian package to install, with its SHA-256; none where the image has it."
  type        = object({ url = string, sha256 = string })
  default     = null
}

variable "instance_type" {
  description = "Kind of machine."
  type        = string
  default     = "c7i.large"
}

variable "location" {
  description = "Where the region is, in degrees."
  type        = object({ latitude = number, longitude = number })
  default     = null
}

variable "bootstrap" {
  description = "For the cluster's first region: the ARN of the secret with the cluster's secrets, and what is set up. The first node (by name) does it."
  type = object({
    secret_arn  = string
    base_domain = string
    account_id  = optional(string, "000000000000")
  })
  default = null

  validation {
    condition     = var.bootstrap == null || can(regex("^arn:[a-z-]+:secretsmanager:", var.bootstrap.secret_arn))
    error_message = "Name the secret by its ARN."
  }
}

variable "join_token_secret_arn" {
  description = "The secret with the enrollment token of role `region` for this place: for all nodes that do not set the cluster up."
  type        = string
  default     = null

  validation {
    condition     = var.join_token_secret_arn == null || can(regex("^arn:[a-z-]+:secretsmanager:", var.join_token_secret_arn))
    error_message = "Name the secret by its ARN."
  }
  validation {
    condition     = var.join_token_secret_arn != null || (var.bootstrap != null && length(var.nodes) == 1)
    error_message = "All nodes but the cluster's first need a token to join."
  }
}

variable "kms_key_arn" {
  description = "The key that secrets and volumes are encrypted with; Amazon's own unless given."
  type        = string
  default     = null
}

variable "data_volume" {
  description = "The volume of each node's ledger; it outlives the machine."
  type = object({
    gigabytes = optional(number, 20)
    type      = optional(string, "gp3")
  })
  default = {}

  validation {
    condition     = var.data_volume.gigabytes >= 8
    error_message = "At least 8 gigabytes."
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
  description = "Further sections of the settings file, such as `[aws.endpoints]`."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
