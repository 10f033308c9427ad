variable "issuer" {
  description = "Who issues tokens: the URL that their `iss` has, and below which /.well-known/openid-configuration is."
  type        = string

  validation {
    condition     = can(regex("^https://", var.issuer))
    error_message = "An issuer is an https URL."
  }
}

variable "audience" {
  description = "For whom tokens are: one of these."
  type        = set(string)

  validation {
    condition     = length(var.audience) > 0
    error_message = "Without an audience, tokens for anybody would do."
  }
}

variable "backend" {
  description = "The backend's URL, without a final slash."
  type        = string
  default     = "https://orders.example.com"
}

variable "origins" {
  description = "Web pages of which origins may call."
  type        = set(string)
  default     = ["https://shop.example.com"]

  validation {
    condition     = !contains(var.origins, "*")
    error_message = "Name the origins: calls carry tokens."
  }
}
