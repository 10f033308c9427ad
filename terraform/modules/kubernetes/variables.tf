variable "name" {
  description = "The release's name; pods are NAME-0, NAME-1, .."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,50}[a-z0-9]$", var.name))
    error_message = "Begin with a letter; 2 to 52 lower-case letters, digits and dashes."
  }
}

variable "namespace" {
  description = "The namespace."
  type        = string
  default     = "edgeway"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "A namespace has 1 to 63 lower-case letters, digits and dashes."
  }
}

variable "create_namespace" {
  description = "Whether this makes the namespace; one release of several does."
  type        = bool
  default     = true
}

variable "role" {
  description = "What the nodes are."
  type        = string

  validation {
    condition     = contains(["region", "pop", "dns"], var.role)
    error_message = "A role is region, pop or dns."
  }
}

variable "place" {
  description = "The region's or POP's name in the cluster; none for dns."
  type        = string
  default     = ""

  validation {
    condition     = (var.role == "dns") == (var.place == "")
    error_message = "Regions and POPs have a name, DNS nodes have none."
  }
}

variable "replicas" {
  description = "How many nodes."
  type        = number
  default     = 1

  validation {
    condition     = var.replicas >= 1 && floor(var.replicas) == var.replicas
    error_message = "At least one."
  }
}

variable "join_token" {
  description = "An enrollment token of this role and place with enough uses; nodes need it for their first start only. For all but the cluster's first node."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = length([for given in [var.bootstrap != null, var.join_policy != null, var.join_token != null] : given if given]) == 1
    error_message = "A node either sets up the cluster (bootstrap) or joins it (join_policy or join_token)."
  }
}

variable "join_policy" {
  description = "Instead of a token: the `edgeway_join_policy` by which pods become nodes, of this role and place, with `oidc` for their service account."
  type        = object({ name = string, ca_sha256 = string, regions = list(string) })
  default     = null
}

variable "join_audience" {
  description = "With `join_policy`: one of its audiences, for which Kubernetes issues the pods' tokens."
  type        = string
  default     = "edgeway"
}

variable "bootstrap" {
  description = "For the cluster's first node: the Kubernetes secret with the key `secrets.json`, and what is set up. Leave it out again before you scale up."
  type = object({
    secret      = string
    base_domain = string
    account_id  = optional(string, "000000000000")
  })
  default = null

  validation {
    condition     = var.bootstrap == null || (var.role == "region" && var.replicas == 1)
    error_message = "One region node sets the cluster up; scale up afterwards."
  }
}

variable "image" {
  description = "The image; the chart's version unless the tag says otherwise."
  type        = object({ repository = string, tag = optional(string, "") })

  validation {
    # A colon may stand before a port, and nowhere else.
    condition     = can(regex("^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$", var.image.repository))
    error_message = "Give the repository without a tag, such as registry.example.com/edgeway, and the tag beside it."
  }
}

variable "chart" {
  description = "The chart: a folder, an archive or an OCI address; this repository's unless given."
  type        = string
  default     = null
}

variable "link" {
  description = "How other nodes reach these: by pod, host, or one static address a replica."
  type = object({
    mode        = optional(string, "pod")
    addresses   = optional(list(string), [])
    annotations = optional(map(string), {})
  })
  default = {}

  validation {
    condition     = contains(["pod", "host", "addresses"], var.link.mode)
    error_message = "A mode is pod, host or addresses."
  }
  validation {
    condition     = var.link.mode != "addresses" || length(var.link.addresses) == var.replicas
    error_message = "Give one address a replica."
  }
}

variable "public_addresses" {
  description = "What DNS answers for these nodes: the balancer's addresses."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.public_addresses : can(cidrhost("${address}/32", 0)) || can(cidrhost("${address}/128", 0))])
    error_message = "Give addresses; names belong into a CNAME."
  }
}

variable "location" {
  description = "Where the nodes are, in degrees."
  type        = object({ latitude = number, longitude = number })
  default     = null

  validation {
    condition     = try(abs(var.location.latitude) <= 90 && abs(var.location.longitude) <= 180, var.location == null)
    error_message = "Latitudes go from -90 to 90, longitudes from -180 to 180."
  }
}

variable "extra_settings" {
  description = "Further sections of the settings file."
  type        = string
  default     = ""
}

variable "values" {
  description = "Further values of the chart, as an object; they go before what this module sets."
  type        = any
  default     = {}
}

variable "timeout_seconds" {
  description = "How long to wait until all nodes are ready."
  type        = number
  default     = 900
}
