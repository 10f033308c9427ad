variable "role" {
  description = "What the node is."
  type        = string

  validation {
    condition     = contains(["region", "pop", "dns"], var.role)
    error_message = "A role is region, pop or dns."
  }
}

variable "location" {
  description = "Where the machine is, in degrees."
  type        = object({ latitude = number, longitude = number })
  default     = null

  validation {
    condition     = try(abs(var.location.latitude) <= 90 && abs(var.location.longitude) <= 180, var.location == null)
    error_message = "Latitudes go from -90 to 90, longitudes from -180 to 180."
  }
}

variable "advertise" {
  description = "The address at which other nodes reach this one; the machine's own unless given."
  type        = string
  default     = null

  validation {
    condition     = var.advertise == null || can(cidrhost("${var.advertise}/32", 0))
    error_message = "Give an IPv4 address."
  }
}

variable "public" {
  description = "Addresses that DNS answers for this node."
  type        = list(string)
  default     = []
}

variable "ports" {
  description = "Ports of the listeners; null for those that are not to be."
  type = object({
    link             = optional(number, 4433)
    ops              = optional(number, 9100)
    http             = optional(number, 80)
    https            = optional(number, 443)
    management_https = optional(number, 7443)
    dns              = optional(number, 53)
  })
  default = {}
}

variable "ops_address" {
  description = "Where `/ready` and `/metrics` are answered; 0.0.0.0 where a balancer asks and a firewall keeps others away."
  type        = string
  default     = "127.0.0.1"
}

variable "proxy_protocol_trusted" {
  description = "Networks of a balancer that puts a PROXY header (version 2) before each connection; empty without one."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.proxy_protocol_trusted : can(cidrhost(cidr, 0))])
    error_message = "Give networks such as 10.0.0.0/24."
  }
}

variable "h3" {
  description = "HTTP/3 on the UDP port of `https`."
  type        = bool
  default     = true
}

variable "relay" {
  description = "Whether POPs help each other: each then takes calls of others on its link port."
  type        = bool
  default     = false
}

variable "cache_bytes" {
  description = "Bytes of answers that a POP keeps in memory; the node's default unless given."
  type        = number
  default     = null
}

variable "leave_s" {
  description = "Seconds between leaving DNS and balancers, and no longer accepting clients."
  type        = number
  default     = 20
}

variable "drain_s" {
  description = "Seconds that requests have to finish at the end."
  type        = number
  default     = 30

  validation {
    # What deploy/systemd/edgeway.service gives a node that ends, less a margin.
    condition     = var.leave_s >= 0 && var.drain_s >= 0 && var.leave_s + var.drain_s <= 80
    error_message = "leave_s and drain_s are 80 together at most: the unit kills after 90."
  }
}

variable "log" {
  description = "What the node logs."
  type        = string
  default     = "info"
}

variable "extra_settings" {
  description = "Further lines of the settings file, at its end: whole sections, such as `[aws.endpoints]`."
  type        = string
  default     = ""
}

variable "join_token" {
  description = "Where the node finds its enrollment token. One of: a secret's ARN (`aws`), `projects/P/secrets/S` (`gcp`), or the token itself (`inline`), which everybody on the machine can read."
  type        = object({ aws = optional(string), gcp = optional(string), inline = optional(string) })
  default     = null

  validation {
    condition = var.join_token == null || length([
      for value in [try(var.join_token.aws, null), try(var.join_token.gcp, null), try(var.join_token.inline, null)] : value if value != null
    ]) == 1
    error_message = "Give one of aws, gcp and inline."
  }
}

variable "join_identity" {
  description = "How the machine proves what it is, instead of showing a token: a join policy's name, `ca_sha256` and `regions` as `edgeway_join_policy` gives them, and the proof (`aws`, or `gcp` with an audience)."
  type = object({
    policy    = string
    ca_sha256 = string
    regions   = list(string)
    proof     = string
    audience  = optional(string)
  })
  default = null

  validation {
    condition     = var.join_identity == null || contains(["aws", "gcp"], try(var.join_identity.proof, ""))
    error_message = "A proof is aws or gcp."
  }
  validation {
    condition     = try(var.join_identity.proof, "") != "gcp" || try(var.join_identity.audience, null) != null
    error_message = "Google's tokens are for an audience, one of the policy's."
  }
}

variable "bootstrap" {
  description = "For the cluster's first node: where its secrets are, and what it sets up."
  type = object({
    aws         = optional(string)
    gcp         = optional(string)
    inline      = optional(string)
    region      = string
    base_domain = string
    account_id  = optional(string, "000000000000")
  })
  default = null

  validation {
    condition = var.bootstrap == null || length([
      for value in [try(var.bootstrap.aws, null), try(var.bootstrap.gcp, null), try(var.bootstrap.inline, null)] : value if value != null
    ]) == 1
    error_message = "Give one of aws, gcp and inline."
  }
  validation {
    condition     = length([for given in [var.bootstrap != null, var.join_token != null, var.join_identity != null] : given if given]) == 1
    error_message = "A node either sets up the cluster (bootstrap) or joins it (join_identity or join_token)."
  }
  validation {
    condition     = var.bootstrap == null || var.role == "region"
    error_message = "The first node is a region's."
  }
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z0-9-]+$", var.bootstrap.base_domain)) || var.bootstrap == null
    error_message = "The base domain is a name such as gw.example.com."
  }
  validation {
    condition     = var.bootstrap == null || can(regex("^[0-9]{12}$", var.bootstrap.account_id))
    error_message = "An account is twelve digits."
  }
}

variable "package" {
  description = "The Debian package to install, with its SHA-256; none where the image has Edgeway."
  type        = object({ url = string, sha256 = string })
  default     = null

  validation {
    condition     = var.package == null || (can(regex("^https://", var.package.url)) && can(regex("^[0-9a-f]{64}$", var.package.sha256)))
    error_message = "Give an https URL and 64 hexadecimal digits."
  }
}

variable "data_device" {
  description = "A block device for the node's data; formatted if it is empty. Without one, data are on the root file system."
  type        = string
  default     = null

  validation {
    condition     = var.data_device == null || can(regex("^/dev/[A-Za-z0-9/_.-]+$", var.data_device))
    error_message = "Give a path below /dev."
  }
}

variable "lifecycle_hook" {
  description = "For machines of an Auto Scaling group: its name, its hook's name and the AWS region. The node drains before the machine ends."
  type        = object({ group = string, hook = string, region = string })
  default     = null
}
