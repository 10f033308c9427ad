terraform {
  required_version = ">= 1.9"

  required_providers {
    edgeway = {
      source  = "edgeway/edgeway"
      version = ">= 0.1.0"
      # `edgeway` is the cluster that this module makes; `edgeway.machine` needs no configuration:
      # it makes secrets and processes before there is a cluster.
      configuration_aliases = [edgeway.machine]
    }
  }
}
