"""Large OpenAPI descriptions are imported, deployed, and their operations answer at a POP."""

import gzip
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import Management
from openapi_files import BACKEND, description, every_extension


class Backend(BaseHTTPRequestHandler):
    """Says what it was asked, in JSON."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        said = {"verb": self.command, "path": self.path, "body": body.decode()}
        if self.path == "/large":
            said["filling"] = "x" * 5000
        text = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("total", "7")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        """Nobody reads it."""


@pytest.fixture(scope="module")
def backend():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Served:
    """A deployed API, asked at a POP over one connection."""

    def __init__(self, rest, ready, body):
        self.api = rest.import_rest_api(body=body)["id"]
        answer = rest.create_deployment(restApiId=self.api, stageName="prod")
        self.settle(ready, answer)
        region = ready["regions"][0]["name"]
        self.host = f"{self.api}.execute-api.{region}.{ready['base_domain']}"
        self.pop = http.client.HTTPConnection(ready["pops"][0]["http"], timeout=30)

    @staticmethod
    def settle(ready, answer):
        revision = answer["ResponseMetadata"]["HTTPHeaders"]["x-edgeway-revision"]
        Management(ready)("GET", f"/edgeway/v1/revisions/{revision}/wait?timeoutSeconds=20")

    def ask(self, verb, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pop.request(verb, f"/prod{path}", body, {"host": self.host} | headers)
        answer = self.pop.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize("name, arguments, step", [
    ("large", {"operations": 900, "models": 200, "properties": 20}, 7),
    ("many", {"operations": 500}, 1),
])
def test_operations_of_a_large_description_are_routed(rest, ready, backend, name, arguments, step):
    """Each of them, or of the largest description each of so many."""
    text = json.dumps(description(name, **arguments)).replace(BACKEND, backend)
    assert name != "large" or len(text) > 1 << 20
    served = Served(rest, ready, text.encode())
    key = rest.create_api_key(name=name, enabled=True)
    plan = rest.create_usage_plan(name=name,
                                  apiStages=[{"apiId": served.api, "stage": "prod"}])
    served.settle(ready, rest.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"],
                                                    keyType="API_KEY"))
    every = [(path, verb) for path, item in json.loads(text)["paths"].items() for verb in item]
    assert len(every) == arguments["operations"]
    for number, (path, verb) in enumerate(every[::step]):
        wanted = path.replace("{id}", f"no-{number}")
        body = json.dumps({"id": str(number)}) if verb == "put" else None
        status, headers, said = served.ask(verb.upper(), wanted, body, x_api_key=key["value"],
                                           content_type="application/json")
        assert status == 200, f"{verb} {wanted}: {said}"
        said = json.loads(said)
        assert (said["verb"], said["path"]) == (verb.upper(), wanted)
        assert headers["x-total"] == "7"
        if body:
            assert json.loads(said["body"]) == {"body": {"id": str(number)}}
    # What the description asks for is checked, too.
    some = next(iter(json.loads(text)["paths"])).replace("{id}", "1")
    assert served.ask("GET", some)[0] == 403
    status, _, said = served.ask("PUT", some, "{}", x_api_key=key["value"],
                                 content_type="application/json")
    assert (status, json.loads(said)) == (400, {"message": "Invalid request body"})
    rest.delete_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"])
    rest.update_usage_plan(usagePlanId=plan["id"], patchOperations=[
        {"op": "remove", "path": "/apiStages", "value": f"{served.api}:prod"}])
    rest.delete_usage_plan(usagePlanId=plan["id"])
    rest.delete_api_key(apiKey=key["id"])
    rest.delete_rest_api(restApiId=served.api)


def test_every_extension_takes_effect(rest, ready, backend):
    served = Served(rest, ready, json.dumps(every_extension(backend)).encode())
    for verb in ("GET", "PATCH"):
        status, _, said = served.ask(verb, "/any")
        assert (status, json.loads(said)["path"]) == (200, "/things/any")
    status, _, said = served.ask("DELETE", "/any")
    assert status == 403 and b"explicit deny" in said
    status, _, said = served.ask("GET", "/mock")
    assert (status, json.loads(said)) == (202, {"path": "/mock"})
    status, headers, said = served.ask("GET", "/nowhere")
    assert (status, json.loads(said)) == (404, {"no": "/prod/nowhere"})
    assert headers["x-words"] == "ours"
    # The same words are for whoever does not sign.
    assert served.ask("GET", "/signed")[0] == 404
    status, _, said = served.ask("GET", "/asked", x_token="bad")
    assert (status, json.loads(said)) == (401, {"message": "Unauthorized"})
    status, _, said = served.ask("GET", "/checked")
    assert status == 400 and b"[X-Must]" in said
    assert served.ask("GET", "/checked", x_must="1")[0] == 200
    status, headers, said = served.ask("GET", "/packed", accept_encoding="gzip")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert len(json.loads(gzip.decompress(said))["filling"]) == 5000
    rest.delete_rest_api(restApiId=served.api)
