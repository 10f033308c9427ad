"""Methods with AWS_IAM, called through a POP and at a region with botocore's own signatures."""

import datetime
import http.client
import json
import uuid

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import Management, settle, strict_client
from rest_apis import mock_method, patch

WHO = '{"who": "$context.identity.userArn", "key": "$context.identity.accessKey"}'
UNKNOWN = "The security token included in the request is invalid."


@pytest.fixture(scope="module")
def signed(ready):
    """An API whose methods of `/pets` want signatures; gives what sends to it."""
    rest, management = strict_client(ready, service="apigateway"), Management(ready)
    rest_api = rest.create_rest_api(name="signed")["id"]
    root = rest.get_rest_api(restApiId=rest_api)["rootResourceId"]
    pets = rest.create_resource(restApiId=rest_api, parentId=root, pathPart="pets")["id"]
    for verb in ["GET", "POST", "HEAD"]:
        here = mock_method(rest, rest_api, pets, verb)
        rest.update_method(**here, **patch(("replace", "/authorizationType", "AWS_IAM")))
        rest.put_method_response(**here, statusCode="200")
        rest.put_integration_response(**here, statusCode="200",
                                      responseTemplates={"application/json": WHO})
    made = rest.create_deployment(restApiId=rest_api, stageName="prod")
    settle(management, made["ResponseMetadata"]["HTTPHeaders"])
    yield Api(ready, rest_api)
    rest.delete_rest_api(restApiId=rest_api)


@pytest.fixture(scope="module")
def key(ready):
    """Makes keys; gives their credentials."""
    management, made = Management(ready), []

    def make(*allowed):
        policy = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": list(allowed)}]}
        body = {"name": f"c-{uuid.uuid4().hex[:8]}", "policy": json.dumps(policy)}
        status, headers, text = management.send(
            "POST", "/edgeway/v1/access-keys", json.dumps(body).encode())
        assert status == 201, text
        settle(management, headers)
        answer = json.loads(text)
        made.append(answer["accessKeyId"])
        return Credentials(answer["accessKeyId"], answer["secretAccessKey"])

    yield make
    for number in made:
        management("DELETE", f"/edgeway/v1/access-keys/{number}", status=204)


class Api:
    """Sends requests to an API at a place: the first POP, unless told."""

    def __init__(self, ready, number):
        self.number, self.ready = number, ready
        self.region = ready["regions"][0]["name"]
        self.host = f"{number}.execute-api.{self.region}.{ready['base_domain']}"

    def arn(self, rest):
        return f"arn:aws:execute-api:{self.region}:*:{self.number}/prod/{rest}"

    def sign(self, credentials, method="GET", path="/prod/pets", data=b"", auth=None):
        request = AWSRequest(method=method, url=f"http://{self.host}{path}", data=data,
                             headers={"Host": self.host, "Content-Type": "application/json"})
        auth = auth or botocore.auth.SigV4Auth
        auth(credentials, "execute-api", self.region).add_auth(request)
        return request

    def send(self, request, place=None, data=None):
        """Status, error type and the body's JSON."""
        place = place or self.ready["pops"][0]
        connection = http.client.HTTPConnection(place["http"], timeout=20)
        path = request.url.split(self.host, 1)[1]
        body = request.body if data is None else data
        connection.request(request.method, path, body=body, headers=dict(request.headers))
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.getheader("x-amzn-errortype"), json.loads(text or b"{}")


def refused(answer, code, text):
    status, kind, body = answer
    assert (status, kind) == (403, code), body
    assert body["message"].startswith(text), body


def test_a_key_may_call_what_its_policy_allows(signed, key, ready):
    credentials = key(signed.arn("GET/pets"))
    for place in [ready["pops"][0], ready["regions"][0]]:
        for path in ["/prod/pets", "/prod/pets?b=2&a=%2B%20x&a", "/prod/p%65ts"]:
            status, _, body = signed.send(signed.sign(credentials, path=path), place)
            assert status == 200, body
            assert body["key"] == credentials.access_key
            assert body["who"].startswith("arn:aws:iam::")
        status, kind, body = signed.send(signed.sign(credentials, "POST", data=b"{}"), place)
        assert (status, kind) == (403, "AccessDeniedException")
        assert "is not authorized to perform: execute-api:Invoke on resource: " in body["Message"]
        assert body["Message"].endswith(f":{signed.number}/prod/POST/pets")


def test_bodies_are_signed(signed, key):
    credentials = key(signed.arn("POST/*"))
    data = json.dumps({"text": "x" * 100_000}).encode()
    request = signed.sign(credentials, "POST", data=data)
    assert signed.send(request)[0] == 200
    altered = signed.send(request, data=data.replace(b"x", b"y"))
    refused(altered, "InvalidSignatureException", "The request signature we calculated")


def test_head_is_signed_as_head(signed, key):
    credentials = key(signed.arn("HEAD/pets"))
    assert signed.send(signed.sign(credentials, "HEAD"))[0] == 200
    presigned = signed.sign(credentials, "HEAD", auth=botocore.auth.SigV4QueryAuth)
    assert signed.send(presigned)[0] == 200


def test_presigned(signed, key):
    credentials = key(signed.arn("GET/pets"))
    request = signed.sign(credentials, auth=botocore.auth.SigV4QueryAuth)
    # Twice, because nothing of it may be kept.
    for _ in range(2):
        assert signed.send(request)[0] == 200
    request.url += "&more=1"
    refused(signed.send(request), "InvalidSignatureException", "The request signature we")


@pytest.mark.parametrize("minutes, text", [(-20, "Signature expired: "),
                                           (20, "Signature not yet current: ")])
def test_skewed_clocks(signed, key, monkeypatch, minutes, text):
    credentials = key(signed.arn("*"))
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime",
                        lambda remove_tzinfo=True: now.replace(tzinfo=None))
    refused(signed.send(signed.sign(credentials)), "InvalidSignatureException", text)


def test_who_is_not_heard(signed, key):
    good = key(signed.arn("*"))
    request = signed.sign(good)
    request.headers.replace_header("Authorization", "Bearer x")
    refused(signed.send(request), "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter.")
    del request.headers["Authorization"]
    refused(signed.send(request), "MissingAuthenticationTokenException",
            "Missing Authentication Token")
    wrong = Credentials(good.access_key, "wrong")
    refused(signed.send(signed.sign(wrong)), "InvalidSignatureException",
            "The request signature we calculated does not match")
    unknown = Credentials("AKIAUNKNOWN", good.secret_key)
    refused(signed.send(signed.sign(unknown)), "UnrecognizedClientException", UNKNOWN)
    token = Credentials(good.access_key, good.secret_key, "token")
    refused(signed.send(signed.sign(token)), "UnrecognizedClientException", UNKNOWN)


def test_a_disabled_key(signed, key, management):
    credentials = key(signed.arn("*"))
    assert signed.send(signed.sign(credentials))[0] == 200
    for action, status in [("disable", 403), ("enable", 200)]:
        path = f"/edgeway/v1/access-keys/{credentials.access_key}/{action}"
        answer = management.send("POST", path)
        assert answer[0] == 200, answer
        settle(management, answer[1])
        assert signed.send(signed.sign(credentials))[0] == status
        if status == 403:
            answer = signed.send(signed.sign(credentials))
            refused(answer, "UnrecognizedClientException", UNKNOWN)
