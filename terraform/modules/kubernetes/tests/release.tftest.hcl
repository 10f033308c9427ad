mock_provider "helm" {}

mock_provider "kubernetes" {}

variables {
  name  = "us"
  role  = "region"
  place = "us-east-1"
  image = { repository = "registry.example.com/edgeway" }
}

run "the_first_region" {
  variables {
    bootstrap = { secret = "cluster", base_domain = "gw.example.com" }
    location  = { latitude = 38.9, longitude = -77.4 }
  }

  assert {
    condition     = yamldecode(helm_release.this.values[0]).bootstrap.baseDomain == "gw.example.com"
    error_message = "The first node sets the cluster up."
  }
  assert {
    condition     = length(kubernetes_secret_v1.token) == 0 && !can(output.values.joinToken.existingSecret)
    error_message = "The first node does not join."
  }
  assert {
    condition     = output.endpoints == tolist(["https://us-management.edgeway.svc:7443"])
    error_message = "The region's management API."
  }
  assert {
    condition     = kubernetes_namespace_v1.this[0].metadata[0].labels["pod-security.kubernetes.io/enforce"] == "restricted"
    error_message = "Pods are restricted."
  }
  assert {
    condition     = helm_release.this.max_history == 10
    error_message = "Former releases do not pile up."
  }
}

run "what_is_given_is_looked_at" {
  command = plan

  variables {
    join_token       = "egwt-1"
    namespace        = "Edge_way"
    image            = { repository = "registry.example.com/edgeway:1.0" }
    public_addresses = ["lb-1.example.com"]
    location         = { latitude = 138.9, longitude = -77.4 }
  }

  expect_failures = [var.namespace, var.image, var.public_addresses, var.location]
}

run "pops_join" {
  variables {
    role             = "pop"
    place            = "pop-1"
    replicas         = 2
    join_token       = "egwt-1"
    create_namespace = false
    values           = { clients = { type = "NodePort" } }
  }

  assert {
    condition     = output.values.joinToken.existingSecret == "us-join" && nonsensitive(kubernetes_secret_v1.token[0].data.token) == "egwt-1"
    error_message = "The token is in a secret of Kubernetes."
  }
  assert {
    condition     = !strcontains(join("", helm_release.this.values), "egwt-1")
    error_message = "The token is not in the release."
  }
  assert {
    condition     = length(kubernetes_namespace_v1.this) == 0 && length(output.endpoints) == 0
    error_message = "Another release has made the namespace; POPs manage nothing."
  }
  assert {
    condition     = yamldecode(helm_release.this.values[1]).clients.type == "NodePort"
    error_message = "Further values go to the chart."
  }
}

run "pods_prove_which_account_they_have" {
  variables {
    role  = "pop"
    place = "pop-1"
    join_policy = {
      name      = "pods"
      ca_sha256 = "5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c"
      regions   = ["192.0.2.1:4433"]
    }
  }

  assert {
    condition = (
      yamldecode(helm_release.this.values[0]).joinPolicy.name == "pods"
      && yamldecode(helm_release.this.values[0]).joinPolicy.audience == "edgeway"
      && length(kubernetes_secret_v1.token) == 0
    )
    error_message = "There is a policy, and no secret."
  }
}

run "one_node_sets_up" {
  command = plan

  variables {
    replicas  = 3
    bootstrap = { secret = "cluster", base_domain = "gw.example.com" }
  }

  expect_failures = [var.bootstrap]
}

run "nobody_joins_without_a_token" {
  command = plan

  expect_failures = [var.join_token]
}

run "pops_have_names" {
  command = plan

  variables {
    role       = "pop"
    place      = ""
    join_token = "egwt-1"
  }

  expect_failures = [var.place]
}

run "an_address_for_each" {
  command = plan

  variables {
    replicas   = 2
    join_token = "egwt-1"
    link       = { mode = "addresses", addresses = ["192.0.2.1"] }
  }

  expect_failures = [var.link]
}

run "an_unknown_mode" {
  command = plan

  variables {
    join_token = "egwt-1"
    link       = { mode = "magic" }
  }

  expect_failures = [var.link]
}
