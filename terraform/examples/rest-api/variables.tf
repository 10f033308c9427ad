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
  description = "Who may add pets, and how many a month."
  type        = map(object({ rate = optional(number), limit = optional(number), period = optional(string, "MONTH") }))
  default     = { shop = { rate = 10, limit = 100000 } }
}
