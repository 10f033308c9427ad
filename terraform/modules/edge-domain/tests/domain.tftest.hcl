mock_provider "edgeway" {
  mock_resource "edgeway_domain_name" {
    defaults = { target = "d-1.execute-api.us-east-1.gw.example.com" }
  }
}

variables {
  domain_name         = "api.example.com"
  certificate         = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
  private_key         = "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"
  certificate_version = 1
  apis                = { "" = { api_id = "a1", stage = "live" }, "v2/pets" = { api_id = "a2", stage = "prod" } }
}

run "a_name_in_a_zone_of_the_cluster" {
  variables {
    zone = "example.com"
  }

  assert {
    condition     = edgeway_api_mapping.this[""].api_mapping_key == null && edgeway_api_mapping.this["v2/pets"].api_mapping_key == "v2/pets"
    error_message = "An empty path is all the rest."
  }
  assert {
    condition     = edgeway_dns_record.this[0].values == toset(["d-1.execute-api.us-east-1.gw.example.com."])
    error_message = "The name leads to the target."
  }
  assert {
    condition     = edgeway_certificate.this.private_key_wo == null
    error_message = "The key is in no state."
  }
}

run "a_name_elsewhere" {
  assert {
    condition     = length(edgeway_dns_record.this) == 0 && output.target == "d-1.execute-api.us-east-1.gw.example.com"
    error_message = "Somebody else makes the record."
  }
}

run "the_name_is_in_the_zone" {
  command = plan

  variables {
    zone = "example.org"
  }

  expect_failures = [var.zone]
}

run "names_are_in_lower_case" {
  command = plan

  variables {
    domain_name = "API.example.com"
  }

  expect_failures = [var.domain_name]
}

run "paths_have_no_outer_slash" {
  command = plan

  variables {
    apis = { "/v2" = { api_id = "a2", stage = "prod" } }
  }

  expect_failures = [var.apis]
}

run "a_chain_is_pem" {
  command = plan

  variables {
    certificate = "cert.pem"
  }

  expect_failures = [var.certificate]
}
