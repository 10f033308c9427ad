"""Keys with policies, as boto3 meets them; the management API over TLS; requests that only just are
signed well, or only just are not."""

import json
import random

import boto3
import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, SSLError

from conftest import CLIENT, settle, strict_client

READ_ONLY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["apigateway:GET"],
     "Resource": ["arn:aws:apigateway:*::/*"]}]}


@pytest.fixture
def key(management):
    """Makes keys with policies; deletes them in the end."""
    made = []

    def create(policy):
        body = {"name": "limited", "policy": json.dumps(policy)}
        answer = management("POST", "/edgeway/v1/access-keys", body, 201)
        made.append(answer["accessKeyId"])
        return answer["accessKeyId"], answer["secretAccessKey"]

    yield create
    for number in made:
        management("DELETE", f"/edgeway/v1/access-keys/{number}", status=204)


def denied(call, action, resource):
    with pytest.raises(ClientError) as caught:
        call()
    error, meta = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
    assert (error["Code"], meta["HTTPStatusCode"]) == ("AccessDeniedException", 403)
    assert f"is not authorized to perform: {action} on resource: {resource}" in error["Message"]


def test_a_read_only_key(ready, key, api):
    client = strict_client(ready, 0, *key(READ_ONLY))
    region = ready["regions"][0]["name"]
    arn = f"arn:aws:apigateway:{region}::"
    assert client.get_api(ApiId=api)["ApiId"] == api
    client.get_routes(ApiId=api)
    client.get_tags(ResourceArn=f"{arn}/apis/{api}")
    denied(lambda: client.create_api(Name="x", ProtocolType="HTTP"), "apigateway:POST",
           f"{arn}/apis because")
    denied(lambda: client.update_api(ApiId=api, Name="x"), "apigateway:PATCH",
           f"{arn}/apis/{api} because")
    denied(lambda: client.delete_api(ApiId=api), "apigateway:DELETE", f"{arn}/apis/{api} because")
    denied(lambda: client.tag_resource(ResourceArn=f"{arn}/apis/{api}", Tags={"a": "b"}),
           "apigateway:POST", f"{arn}/tags/arn%3Aaws%3Aapigateway%3A{region}%3A%3A%2Fapis%2F{api}")


def test_a_key_for_one_api(ready, key, api, apis):
    region = ready["regions"][0]["name"]
    arn = f"arn:aws:apigateway:{region}::/apis/{api}"
    client = strict_client(ready, 0, *key({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "apigateway:*", "Resource": [arn, f"{arn}/*"]},
        {"Effect": "Deny", "Action": "apigateway:DELETE", "Resource": "*"}]}))
    route = client.create_route(ApiId=api, RouteKey="GET /x")["RouteId"]
    denied(lambda: client.delete_route(ApiId=api, RouteId=route), "apigateway:DELETE",
           f"{arn}/routes/{route} with an explicit deny")
    other = apis.create_api(Name="other", ProtocolType="HTTP")["ApiId"]
    denied(lambda: client.get_api(ApiId=other), "apigateway:GET",
           f"arn:aws:apigateway:{region}::/apis/{other} because")
    apis.delete_api(ApiId=other)


def test_a_key_that_needs_tls(ready, key):
    policy = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
                            "Condition": {"Bool": {"aws:SecureTransport": "true"}}}}
    number, secret = key(policy)
    place = ready["regions"][0]
    denied(strict_client(ready, 0, number, secret).get_apis, "apigateway:GET", "arn:")

    def client(**more):
        return boto3.client("apigatewayv2", endpoint_url=place["management_https"],
                            region_name=place["name"], aws_access_key_id=number,
                            aws_secret_access_key=secret, config=CLIENT, **more)

    assert "Items" in client(verify=ready["ca_file"]).get_apis()
    with pytest.raises(SSLError):
        client(verify=True).get_apis()


def test_rotation(ready, management, key):
    number, old = key(READ_ONLY)
    answer = management("POST", f"/edgeway/v1/access-keys/{number}/rotate", {"graceSeconds": 600})
    for secret in (old, answer["secretAccessKey"]):
        strict_client(ready, 0, number, secret).get_apis()
    status, headers, body = management.send(
        "POST", f"/edgeway/v1/access-keys/{number}/rotate", b'{"graceSeconds":0}')
    assert status == 200
    settle(management, headers)
    for secret in (old, answer["secretAccessKey"]):
        with pytest.raises(ClientError) as caught:
            strict_client(ready, 0, number, secret).get_apis()
        assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"
    strict_client(ready, 0, number, json.loads(body)["secretAccessKey"]).get_apis()


@pytest.mark.parametrize("policy, path", [
    ("", "$"), ("[]", "$"), ('{"Statement":[{"Effect":"Allow"}]}', "$.Statement[0]"),
    ('{"Statement":{"Effect":"Allow","Action":"x","Resource":"*"}}', "$.Statement.Action"),
])
def test_bad_policies(management, policy, path):
    if policy:
        body = {"name": "x", "policy": policy}
        answer = management("POST", "/edgeway/v1/access-keys", body, 400)
        assert f"MalformedPolicyDocument: policy at {path}: " in answer["message"]


def test_odd_bodies_are_refused_and_never_an_error_of_ours(management):
    """Documents made at random, at every operation that reads one."""
    chance = random.Random(20261121)
    words = ["name", "policy", "graceSeconds", "revision", "role", "place", "protocolType", "tags"]

    def value(depth):
        kind = chance.randrange(8 if depth else 6)
        if kind == 6:
            return [value(depth - 1) for _ in range(chance.randrange(3))]
        if kind == 7:
            return {chance.choice(words): value(depth - 1) for _ in range(chance.randrange(4))}
        return [None, True, -1, 2**70, "", "\u0000\ud7ff*"][kind]

    paths = [("POST", "/edgeway/v1/access-keys/none/rotate"),
             ("PUT", "/edgeway/v1/access-keys/none/policy"),
             ("POST", "/edgeway/v1/access-keys/none/disable"),
             ("POST", "/edgeway/v1/apis/none/rollback"), ("PATCH", "/v2/apis/none"),
             ("POST", "/v2/apis/none/routes"), ("GET", "/edgeway/v1/history/none"),
             ("GET", "/edgeway/v1/history/diff?from=x&to=%00")]
    for _ in range(200):
        method, path = chance.choice(paths)
        text = json.dumps(value(4))
        data = text[:chance.randrange(len(text) + 1)].encode() if chance.random() < .3 \
            else text.encode()
        status, headers, body = management.send(method, path, data)
        assert 400 <= status < 500, (method, path, data, body)
        assert headers["x-amzn-errortype"], (method, path, data)


def test_random_requests_are_accepted_as_botocore_signs_them_and_not_otherwise(management):
    chance = random.Random(7)
    letters = "aZ09-_.~/%20%2F%25%C3%A4+*()!$',:@&=;"
    for _ in range(120):
        def odd(alphabet):
            return "".join(chance.choice(alphabet) for _ in range(chance.randrange(12)))
        pieces = [piece for piece in letters.replace("%", " %").split() if piece.startswith("%")]
        plain = [c for c in "aZ09-_.~*()!$',:@"]
        path = "/v2/apis/x" + odd(plain + [piece[:3] for piece in pieces])
        names = ["a", "b", "A", "%20", "%C3%A4", "~"]
        query = "&".join(f"{chance.choice(names)}={odd(list('ab~-') + ['%2B', '%20', '%3D'])}"
                         for _ in range(chance.randrange(4)))
        target = path + ("?" + query if query else "")
        data = odd("ab{}").encode() or None
        method = chance.choice(["GET", "PATCH", "DELETE"])
        headers = management.sign(method, target, data)
        status, answered, body = management.send(method, target, data, headers=headers)
        assert status != 403, (target, body)
        changed = dict(headers)
        at = changed["Authorization"].rindex("=") + 1 + chance.randrange(64)
        text = changed["Authorization"]
        other = "0" if text[at] != "0" else "1"
        changed["Authorization"] = text[:at] + other + text[at + 1:]
        status, answered, body = management.send(method, target, data, headers=changed)
        assert status == 403 and answered["x-amzn-errortype"] == "InvalidSignatureException", body


def test_a_declared_payload_hash_is_checked(management):
    for declared in ("UNSIGNED-PAYLOAD", "0" * 64):
        request = AWSRequest(method="POST", url=management.base + "/v2/apis", data=b"{}",
                             headers={"X-Amz-Content-SHA256": declared})
        botocore.auth.SigV4Auth(management.credentials, "apigateway", "us-east-1").add_auth(request)
        status, headers, _ = management.send("POST", "/v2/apis", b"{}", dict(request.headers))
        assert (status, headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")
