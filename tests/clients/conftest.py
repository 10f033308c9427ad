"""What the client tests share: the cluster under test, and strict boto3 clients.

EDGEWAY_READY_FILE names the file that `edgeway dev --ready-file` writes. A strict client fails the
test when an answer holds a field that botocore's model of the service does not have, a value of
another type, or another status than modelled: nothing may pass just because a client ignores it.
"""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# Parameters are not checked by the client, so that refusals are the server's.
CLIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=40,
                parameter_validation=False)


@pytest.fixture(scope="session")
def ready():
    path = os.environ.get("EDGEWAY_READY_FILE")
    if not path:
        pytest.fail("EDGEWAY_READY_FILE must name the ready file of a running cluster")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def check_shape(shape, value, path, numbers=False):
    """Fails unless `value` is of the modelled shape, down to the last field. `numbers` says that
    times are seconds since 1970, as v1 has them."""
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{path} is no object: {value!r}"
        wire = {m.serialization.get("name", n): m for n, m in shape.members.items()}
        for name, item in value.items():
            assert name in wire, f"{path}.{name} is not a field of {shape.name}"
            check_shape(wire[name], item, f"{path}.{name}", numbers)
        for name in shape.required_members:
            wire_name = shape.members[name].serialization.get("name", name)
            assert wire_name in value, f"{path}.{wire_name} is missing"
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{path} is no list: {value!r}"
        for at, item in enumerate(value):
            check_shape(shape.member, item, f"{path}[{at}]", numbers)
    elif shape.type_name == "map":
        assert isinstance(value, dict), f"{path} is no map: {value!r}"
        for key, item in value.items():
            check_shape(shape.value, item, f"{path}[{key!r}]", numbers)
    elif shape.type_name == "timestamp" and numbers:
        assert isinstance(value, int) and 1.7e9 < value < 4e9, f"{path} is no time: {value!r}"
    elif shape.type_name == "timestamp":
        assert ISO_TIME.fullmatch(value), f"{path} is no ISO 8601 time: {value!r}"
    elif shape.type_name == "boolean":
        assert isinstance(value, bool), f"{path} is no boolean: {value!r}"
    elif shape.type_name in ("integer", "long"):
        assert isinstance(value, int) and not isinstance(value, bool), f"{path}: {value!r}"
    elif shape.type_name == "double":
        assert isinstance(value, float), f"{path} is no number with decimals: {value!r}"
    elif shape.type_name == "string":
        assert isinstance(value, str), f"{path} is no string: {value!r}"
        assert not shape.enum or value in shape.enum, f"{path}: {value!r} not in {shape.enum}"
    else:
        pytest.fail(f"{path} has unexpected type {shape.type_name}")


def check_answer(operation_model, response_dict, **_):
    status, body = response_dict["status_code"], response_dict["body"]
    headers = {name.lower(): value for name, value in response_dict["headers"].items()}
    assert re.fullmatch(r"[0-9a-f-]{36}", headers.get("x-amzn-requestid", "")), headers
    first = operation_model.service_model.service_name == "apigateway"
    assert ("x-amz-apigw-id" in headers) == first, headers
    if status >= 400:
        assert headers.get("x-amzn-errortype"), f"{operation_model.name}: error without a type"
        known = {"message"} if first else {"message", "resourceType", "limitType"}
        extra = set(json.loads(body)) - known
        assert not extra, f"{operation_model.name}: unexpected {extra} in an error"
        return
    wanted = operation_model.http.get("responseCode", 200)
    assert status == wanted, f"{operation_model.name}: {status}"
    assert int(headers["x-edgeway-revision"]) > 0
    if operation_model.output_shape is None or not body:
        assert not body or json.loads(body) == {}, f"{operation_model.name}: unexpected {body!r}"
        return
    check_shape(operation_model.output_shape, json.loads(body), operation_model.name, first)


def strict_client(ready, region=0, key=None, secret=None, service="apigatewayv2"):
    place = ready["regions"][region]
    client = boto3.client(
        service,
        endpoint_url=place["management"],
        region_name=place["name"],
        aws_access_key_id=key or ready["access_key_id"],
        aws_secret_access_key=secret or ready["secret_access_key"],
        config=CLIENT,
    )
    hyphenated = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-parse.{hyphenated}.*", check_answer)
    return client


@pytest.fixture
def apis(ready):
    """A strict client of the first region."""
    return strict_client(ready)


@pytest.fixture
def rest(ready):
    """A strict client of the first region for API Gateway v1."""
    return strict_client(ready, service="apigateway")


@pytest.fixture
def rest_elsewhere(ready):
    """The same of the last region, which may be the first."""
    return strict_client(ready, -1, service="apigateway")


@pytest.fixture
def rest_api(rest):
    """An empty REST API."""
    made = rest.create_rest_api(name="test")
    yield made["id"]
    try:
        rest.delete_rest_api(restApiId=made["id"])
    except rest.exceptions.NotFoundException:
        pass


@pytest.fixture
def elsewhere(ready):
    """A strict client of the last region, which may be the first."""
    return strict_client(ready, -1)


class Management:
    """Signed requests for what boto3 does not know."""

    def __init__(self, ready, region=0):
        self.base = ready["regions"][region]["management"]
        self.region = ready["regions"][region]["name"]
        self.credentials = Credentials(ready["access_key_id"], ready["secret_access_key"])

    def __call__(self, method, path, body=None, status=200):
        data = None if body is None else json.dumps(body).encode()
        answer = self.send(method, path, data)
        text = answer[2].decode()
        assert answer[0] == status, f"{method} {path}: {answer[0]} {text}"
        return json.loads(text) if text else None

    def sign(self, method, path, data=None, service="apigateway"):
        request = AWSRequest(method=method, url=self.base + path, data=data)
        SigV4Auth(self.credentials, service, self.region).add_auth(request)
        return dict(request.headers)

    def send(self, method, path, data=None, headers=None):
        """Status, headers and body; `headers` instead of a fresh signature."""
        headers = self.sign(method, path, data) if headers is None else headers
        request = urllib.request.Request(self.base + path, data=data, method=method)
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


@pytest.fixture
def management(ready):
    return Management(ready)


@pytest.fixture
def certificate(management, tmp_path):
    """Imports self-signed certificates; deletes them in the end."""
    made = []

    def create(*names):
        chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
        subject = ",".join(f"DNS:{name}" for name in names)
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                   "-addext", f"subjectAltName={subject}", "-keyout", key, "-out", chain]
        subprocess.run(command, check=True, capture_output=True)
        body = {"certificate": chain.read_text(), "privateKey": key.read_text()}
        answer = management("POST", "/edgeway/v1/certificates", body, 201)
        made.append(answer["certificateId"])
        return answer["certificateArn"]

    yield create
    for number in made:
        management("DELETE", f"/edgeway/v1/certificates/{number}", status=204)


def settle(management, headers):
    """Waits until every node serves the revision that a write answered with."""
    revision = headers["x-edgeway-revision"]
    return management("GET", f"/edgeway/v1/revisions/{revision}/wait?timeoutSeconds=10")


@pytest.fixture
def api(apis):
    """An empty HTTP API."""
    made = apis.create_api(Name="test", ProtocolType="HTTP")
    yield made["ApiId"]
    try:
        apis.delete_api(ApiId=made["ApiId"])
    except apis.exceptions.NotFoundException:
        pass
