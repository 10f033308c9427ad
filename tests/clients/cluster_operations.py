"""Cluster operations under /edgeway/v1/."""

import json


def test_status(ready, management):
    status = management("GET", "/edgeway/v1/status")
    assert status["cluster"]["baseDomain"] == ready["base_domain"]
    assert status["cluster"]["accountId"] == ready["account_id"]
    assert status["region"] == ready["regions"][0]["name"]
    assert status["raft"]["leader"] in status["raft"]["voters"]
    nodes = {node["id"]: node for node in status["nodes"]}
    for region in ready["regions"]:
        node = nodes[region["node_id"]]
        assert (node["role"], node["place"], node["live"]) == ("region", region["name"], True)
        assert node["member"] in ("voter", "learner")
    pops = {node["place"] for node in nodes.values() if node["role"] == "pop"}
    assert pops == {pop["name"] for pop in ready["pops"]}
    assert management("GET", "/edgeway/v1/nodes")["items"][0]["id"] in nodes


def test_waiting_for_a_revision(ready, management):
    revision = management("GET", "/edgeway/v1/status")["revision"]
    reached = management("GET", f"/edgeway/v1/revisions/{revision}/wait?timeoutSeconds=10")
    assert reached["reached"]
    places = {node["place"] for node in reached["nodes"]}
    assert places >= {place["name"] for place in ready["regions"] + ready["pops"]}
    assert all(node["revision"] >= revision for node in reached["nodes"])
    late = management("GET", f"/edgeway/v1/revisions/{revision + 10**9}/wait?timeoutSeconds=0",
                      status=504)
    assert not late["reached"] and "has not been reached" in late["message"]


def test_tokens(management):
    body = {"role": "pop", "place": "pop-of-clients", "ttlSeconds": 60}
    made = management("POST", "/edgeway/v1/tokens", body, 201)
    assert made["token"].startswith("ewj1.")
    listed = management("GET", "/edgeway/v1/tokens")
    assert made["id"] in [token["id"] for token in listed["items"]]
    assert made["token"] not in json.dumps(listed)
    management("DELETE", f"/edgeway/v1/tokens/{made['id']}", status=204)
    management("POST", "/edgeway/v1/tokens", {"role": "king"}, 400)


def test_places(management):
    path = "/edgeway/v1/pops/pop-of-clients"
    put = management("PUT", path, {"latitude": 53.35, "longitude": -6.26})
    assert put == {"name": "pop-of-clients", "latitude": 53.35, "longitude": -6.26}
    assert put in management("GET", "/edgeway/v1/pops")["items"]
    management("DELETE", path, status=204)
    management("DELETE", path, status=404)


def test_zone_records(management):
    path = "/edgeway/v1/zones/zone-of-clients.test"
    records = [{"name": "www.zone-of-clients.test", "type": "A", "ttl": 30, "value": "192.0.2.1"}]
    put = management("PUT", path, {"records": records})
    etag = put["etag"]
    assert put == {"name": "zone-of-clients.test", "records": records, "etag": etag}
    assert management("GET", path) == put
    # Whoever gives back what was read is refused once somebody else has written.
    more = [dict(records[0], value="192.0.2.2")]
    put = management("PUT", path, {"records": more, "etag": etag})
    assert put["etag"] != etag and put["records"] == more
    management("PUT", path, {"records": records, "etag": etag}, 409)
    assert management("GET", path) == put
    bad = [{"name": "elsewhere.test", "type": "A", "value": "192.0.2.1"}]
    management("PUT", path, {"records": bad}, 400)
    management("DELETE", path, status=204)
    management("GET", path, status=404)


def test_priors(management):
    path = "/edgeway/v1/priors/198.51.100.0%2F24"
    put = management("PUT", path, {"latitude": 1.5, "longitude": 2.0})
    assert put == {"prefix": "198.51.100.0/24", "latitude": 1.5, "longitude": 2.0}
    assert put in management("GET", "/edgeway/v1/priors")["items"]
    management("DELETE", path, status=204)


def test_private_endpoints(ready, management):
    body = {"region": ready["regions"][0]["name"], "addresses": ["127.0.0.1"]}
    made = management("POST", "/edgeway/v1/private-endpoints", body, 201)
    assert made["endpointId"].startswith("vpce-")
    path = f"/edgeway/v1/private-endpoints/{made['endpointId']}"
    body["addresses"] = ["127.0.0.2", "::1"]
    assert management("PUT", path, body)["addresses"] == body["addresses"]
    management("DELETE", path, status=204)


def test_certificates(management, certificate):
    arn = certificate("certificate.clients.test")
    listed = management("GET", "/edgeway/v1/certificates")["items"]
    [found] = [one for one in listed if one["certificateArn"] == arn]
    assert found["names"] == ["certificate.clients.test"] and not found["own"]
    assert "PRIVATE" not in json.dumps(listed)


def test_unknown_paths(management):
    answer = management("GET", "/edgeway/v1/nothing", status=404)
    assert "/edgeway/v1/status" in answer["message"]
    path = "/restapis/a/stages/s/sdks/java"
    assert "GetSdk" in management("GET", path, status=501)["message"]
