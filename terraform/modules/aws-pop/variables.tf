variable "name" {
  description = "The POP's name in the cluster."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,22}[a-z0-9]$", var.name))
    error_message = "A POP's name has 2 to 24 lower-case letters, digits and dashes (balancers' names are short)."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets, one a zone: of the balancer and of the machines."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 1 && length(distinct(var.subnet_ids)) == length(var.subnet_ids)
    error_message = "Give each subnet once, at least one."
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

variable "size" {
  description = "How many machines."
  type = object({
    min     = optional(number, 2)
    desired = optional(number, 2)
    max     = optional(number, 6)
  })
  default = {}

  validation {
    condition     = var.size.min >= 1 && var.size.min <= var.size.desired && var.size.desired <= var.size.max
    error_message = "1 <= min <= desired <= max."
  }
  validation {
    condition     = var.size.max > var.size.desired || var.size.max >= 2
    error_message = "A refresh adds a machine before it removes one: max needs room."
  }
}

variable "join_policy" {
  description = "The `edgeway_join_policy` by which machines become nodes, of role `pop` and this place, with `aws_iid`: README.md."
  type        = object({ name = string, ca_sha256 = string, regions = list(string) })
  default     = null

  validation {
    condition     = (var.join_policy == null) != (var.join_token_secret_arn == null)
    error_message = "Machines join by what they are (join_policy), or by a token (join_token_secret_arn)."
  }
}

variable "join_token_secret_arn" {
  description = "Instead of `join_policy`: the secret with an enrollment token of role `pop` for this place, with many uses, renewed before it expires."
  type        = string
  default     = null

  validation {
    condition     = var.join_token_secret_arn == null || can(regex("^arn:[a-z-]+:secretsmanager:", var.join_token_secret_arn))
    error_message = "Name the secret by its ARN."
  }
}

variable "kms_key_arn" {
  description = "The key that the secret and the disks are encrypted with; Amazon's own unless given."
  type        = string
  default     = null
}

variable "location" {
  description = "Where the POP is, in degrees."
  type        = object({ latitude = number, longitude = number })
  default     = null
}

variable "cache_bytes" {
  description = "Bytes of answers that each node keeps in memory."
  type        = number
  default     = null
}

variable "leave_s" {
  description = "Seconds between the first failed health check and no longer accepting clients."
  type        = number
  default     = 40

  validation {
    condition     = var.leave_s >= 20 && var.leave_s <= 60
    error_message = "20 to 60: balancers need two failed checks, and the unit gives 80 with drain_s."
  }
}

variable "drain_s" {
  description = "Seconds that requests have to finish at the end."
  type        = number
  default     = 20
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
  description = "Whether nobody can delete the balancer; `false`, applied, before the POP is to go."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
