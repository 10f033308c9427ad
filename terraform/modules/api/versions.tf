terraform {
  required_version = ">= 1.9"

  required_providers {
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
    }
  }
}
