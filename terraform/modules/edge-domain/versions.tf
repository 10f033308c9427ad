terraform {
  required_version = ">= 1.11" # write-only keys

  required_providers {
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
    }
  }
}
