variable "backend" {
  description = "The backend's URL, without a final slash."
  type        = string
  default     = "https://pets.example.com"

  validation {
    condition     = can(regex("^https?://[^/\"]+(/[^\"]*[^/\"])?$", var.backend))
    error_message = "Give a URL such as https://pets.example.com, without a final slash."
  }
}

variable "keys" {
  description = "Who may add pets: requests a second (and at once), and how many a month or another period."
  type = map(object({
    rate   = optional(number)
    burst  = optional(number)
    limit  = optional(number)
    period = optional(string, "MONTH")
  }))
  default = { shop = { rate = 10, burst = 20, limit = 100000 } }
}
