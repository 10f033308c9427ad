mock_provider "kubernetes" {}

mock_provider "helm" {}

mock_provider "edgeway" {}

mock_provider "edgeway" {
  alias = "machine"
}

variables {
  image       = { repository = "registry.example.com/edgeway" }
  base_domain = "gw.example.com"
}

run "first_one_node" {
  variables {
    stage = 1
  }

  assert {
    condition     = module.region.values.bootstrap.enabled && module.region.values.replicas == 1
    error_message = "The first node sets the cluster up."
  }
  assert {
    condition     = length(module.pop) == 0 && length(output.services) == 1
    error_message = "Nobody joins yet."
  }
}

run "then_everything" {
  variables {
    stage = 2
  }

  assert {
    condition     = !module.region.values.bootstrap.enabled && module.region.values.replicas == 3
    error_message = "The region has three nodes, which vote."
  }
  assert {
    condition     = module.region.values.joinToken.existingSecret == "us-join" && output.services[1] == "pop-1.edgeway.svc"
    error_message = "The others join."
  }
}

run "one_after_the_other" {
  command = plan

  variables {
    stage = 3
  }

  expect_failures = [var.stage]
}
