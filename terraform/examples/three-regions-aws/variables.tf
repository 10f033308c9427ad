variable "cluster" {
  description = "The cluster's name."
  type        = string
  default     = "edgeway"
}

variable "base_domain" {
  description = "The domain of default host names; delegate it to the cluster's DNS nodes."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z0-9-]+$", var.base_domain))
    error_message = "A name such as gw.example.com."
  }
}

variable "account_id" {
  description = "Twelve digits that appear in ARNs of APIs."
  type        = string
  default     = "000000000000"
}

variable "networks" {
  description = "By AWS region: the network, its public subnets, and an image."
  type        = map(object({ vpc_id = string, subnet_ids = list(string), ami_id = string }))

  validation {
    condition     = toset(keys(var.networks)) == toset(["us-east-1", "eu-west-1", "ap-northeast-1"])
    error_message = "Give us-east-1, eu-west-1 and ap-northeast-1."
  }
}

variable "pops" {
  description = "POPs by name: the AWS region of each."
  type        = map(string)
  default     = { virginia = "us-east-1", dublin = "eu-west-1" }

  validation {
    condition     = alltrue([for region in values(var.pops) : contains(["us-east-1", "eu-west-1", "ap-northeast-1"], region)])
    error_message = "POPs are in us-east-1, eu-west-1 or ap-northeast-1."
  }
}

variable "package" {
  description = "The Debian package for all machines, with its SHA-256; none where images have it."
  type        = object({ url = string, sha256 = string })
  default     = null
}

variable "management_cidrs" {
  description = "From where Terraform runs, and operators work."
  type        = list(string)
}

variable "established" {
  description = "Whether the cluster is up, with more voters than the first: its first region then joins as all others do, and reads the cluster's secrets no more."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Whether nobody can delete balancers of POPs; `false`, applied, before the cluster is to go."
  type        = bool
  default     = true
}

variable "identity_certificates" {
  description = "AWS's certificates for RSA-2048 signatures of instance identity documents in the regions of the POPs, PEM, one after the other: from Amazon's documentation, checked by a second way."
  type        = string

  validation {
    condition     = strcontains(var.identity_certificates, "-----BEGIN CERTIFICATE-----")
    error_message = "Certificates as PEM, such as file(\"aws-rsa2048.pem\")."
  }
}

variable "token_generation" {
  description = "Another text is another token for each region; change it before a machine comes that has to join anew."
  type        = string
  default     = "1"
}
