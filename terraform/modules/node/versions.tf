terraform {
  # No provider: only texts are made.
  required_version = ">= 1.9"
}
