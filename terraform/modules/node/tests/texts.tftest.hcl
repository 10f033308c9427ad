# What is written for which node. That nodes and cloud-init take it is checked by tests/rendered.py.

variables {
  role       = "pop"
  join_token = { aws = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pop-AbCdEf" }
}

run "a_pop_behind_a_balancer" {
  command = plan

  variables {
    proxy_protocol_trusted = ["10.0.0.0/24", "10.0.1.0/24"]
    h3                     = false
    public                 = ["192.0.2.1"]
    location               = { latitude = 53.3, longitude = -6.3 }
  }

  assert {
    condition     = strcontains(output.settings, "proxy_protocol = { trusted = [\"10.0.0.0/24\",\"10.0.1.0/24\"] }")
    error_message = "The balancer's networks are trusted."
  }
  assert {
    condition     = strcontains(output.settings, "advertise = \"@ADDRESS@:4433\"") && strcontains(output.settings, "h3 = false")
    error_message = "The machine's own address is put in when it starts."
  }
  assert {
    condition     = startswith(output.user_data, "#cloud-config\n") && !strcontains(output.settings, "management")
    error_message = "A POP has no management API."
  }
  assert {
    condition     = contains(yamldecode(output.user_data).packages, "awscli")
    error_message = "The secret is asked of AWS."
  }
}

run "the_first_node_sets_the_cluster_up" {
  command = plan

  variables {
    role       = "region"
    join_token = null
    advertise  = "192.0.2.7"
    bootstrap = {
      gcp = "projects/p/secrets/s", region = "eu-west-1", base_domain = "gw.example.com", account_id = "123456789012"
    }
  }

  assert {
    condition = alltrue([
      for text in ["edgeway init", "edgeway-secret gcp 'projects/p/secrets/s'", "--account-id '123456789012'"] :
      strcontains(yamldecode(output.user_data).write_files[2].content, text)
    ])
    error_message = "It sets the cluster up from a secret that it fetches."
  }
  assert {
    condition     = !strcontains(output.user_data, "EDGEWAY_JOIN_TOKEN") && strcontains(output.settings, "https://192.0.2.7:7443")
    error_message = "The first node does not join."
  }
  assert {
    condition     = !can(yamldecode(output.user_data).packages)
    error_message = "Nothing is asked of AWS."
  }
}

run "a_hook_brings_its_watcher" {
  command = plan

  variables {
    lifecycle_hook = { group = "pops", hook = "drain", region = "eu-west-1" }
  }

  assert {
    condition     = length(yamldecode(output.user_data).write_files) == 5
    error_message = "The script and the unit that wait for the end of the machine."
  }
}

run "a_machine_proves_what_it_is" {
  command = plan

  variables {
    join_token = null
    join_identity = {
      policy = "pops", ca_sha256 = "5f0c", regions = ["192.0.2.1:4433"], proof = "gcp", audience = "edge"
    }
  }

  assert {
    condition = alltrue([
      for text in ["policy = \"pops\"", "regions = [\"192.0.2.1:4433\"]", "identity = { gcp = { audience = \"edge\" } }"] :
      strcontains(output.settings, text)
    ])
    error_message = "The settings say what it proves."
  }
  assert {
    condition     = !strcontains(output.user_data, "EDGEWAY_JOIN_TOKEN")
    error_message = "There is no token."
  }
}

run "google_wants_an_audience" {
  command = plan

  variables {
    join_token    = null
    join_identity = { policy = "pops", ca_sha256 = "5f0c", regions = ["192.0.2.1:4433"], proof = "gcp" }
  }

  expect_failures = [var.join_identity]
}

run "neither_join_nor_bootstrap" {
  command = plan

  variables {
    join_token = null
  }

  expect_failures = [var.bootstrap]
}

run "two_places_for_one_token" {
  command = plan

  variables {
    join_token = { aws = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x", inline = "t" }
  }

  expect_failures = [var.join_token]
}

run "a_pop_cannot_be_first" {
  command = plan

  variables {
    join_token = null
    bootstrap  = { inline = "{}", region = "eu-west-1", base_domain = "gw.example.com" }
  }

  expect_failures = [var.bootstrap]
}

run "draining_ends_before_the_unit_kills" {
  command = plan

  variables {
    leave_s = 60
    drain_s = 60
  }

  expect_failures = [var.drain_s]
}

run "packages_are_checked" {
  command = plan

  variables {
    package = { url = "http://example.com/edgeway.deb", sha256 = "" }
  }

  expect_failures = [var.package]
}

run "an_unknown_role" {
  command = plan

  variables {
    role = "gateway"
  }

  expect_failures = [var.role]
}
