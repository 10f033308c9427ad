"""Who is heard: signatures as botocore makes them, and those that must be refused."""

import datetime
import json

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import Management, settle, strict_client

TAGS = "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fnone"


def refused(answer, code, text):
    status, headers, body = answer
    assert status == 403, body
    assert headers["x-amzn-errortype"] == code
    assert text in json.loads(body)["message"], body


def test_unsigned(management):
    answer = management.send("GET", "/v2/apis", headers={})
    refused(answer, "MissingAuthenticationTokenException", "Missing Authentication Token")
    answer = management.send("GET", "/edgeway/v1/status", headers={})
    refused(answer, "MissingAuthenticationTokenException", "Missing Authentication Token")


def test_other_kinds_of_authorization(management):
    answer = management.send("GET", "/v2/apis", headers={"authorization": "Bearer x"})
    refused(answer, "IncompleteSignatureException", "AWS4-HMAC-SHA256")
    headers = management.sign("GET", "/v2/apis")
    headers["Authorization"] = headers["Authorization"].split(", Signature=")[0]
    refused(management.send("GET", "/v2/apis", headers=headers), "IncompleteSignatureException",
            "'Signature'")


def test_wrong_secret(ready):
    other = Management(ready)
    other.credentials = Credentials(ready["access_key_id"], "wrong")
    refused(other.send("GET", "/v2/apis"), "InvalidSignatureException", "does not match")


def test_unknown_key(ready):
    other = Management(ready)
    other.credentials = Credentials("AKIAUNKNOWN", ready["secret_access_key"])
    refused(other.send("GET", "/v2/apis"), "UnrecognizedClientException", "security token")


def test_session_tokens_do_not_exist(ready):
    other = Management(ready)
    other.credentials = Credentials(ready["access_key_id"], ready["secret_access_key"], "token")
    refused(other.send("GET", "/v2/apis"), "UnrecognizedClientException", "security token")


def test_other_service(management):
    headers = management.sign("GET", "/v2/apis", service="s3")
    refused(management.send("GET", "/v2/apis", headers=headers), "InvalidSignatureException",
            "scoped to correct service: 'apigateway'")


def test_altered_body(management):
    headers = management.sign("POST", "/v2/apis", b'{"name":"a"}')
    answer = management.send("POST", "/v2/apis", b'{"name":"b"}', headers=headers)
    refused(answer, "InvalidSignatureException", "does not match")


@pytest.mark.parametrize("minutes, text", [(-6, "Signature expired"), (6, "not yet current")])
def test_skewed_clock(management, monkeypatch, minutes, text):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime",
                        lambda remove_tzinfo=True: now.replace(tzinfo=None))
    refused(management.send("GET", "/v2/apis"), "InvalidSignatureException", text)


@pytest.mark.parametrize("path", [
    "/v2/apis?maxResults=1", TAGS, "/v2/apis/a%20b", "/v2/apis/%7Bx%7D", "/v2/apis/a%2Fb",
    "/v2/apis/~x_-.", TAGS + "?tagKeys=b&tagKeys=a%20b&tagKeys=a", "/v2/apis?x=%2B&empty",
])
def test_any_path_and_query_can_be_signed(management, path):
    assert management.send("GET", path)[0] in (200, 404)


def test_presigned(management):
    request = AWSRequest(method="GET", url=management.base + "/v2/apis?maxResults=1")
    auth = botocore.auth.SigV4QueryAuth(management.credentials, "apigateway", "x-y-1", expires=60)
    auth.add_auth(request)
    path = request.url.removeprefix(management.base)
    assert management.send("GET", path, headers={})[0] == 200
    answer = management.send("GET", path + "&more=1", headers={})
    refused(answer, "InvalidSignatureException", "does not match")


def test_disabled_key(ready, management):
    made = management("POST", "/edgeway/v1/access-keys", {"name": "clients"}, 201)
    number = made["accessKeyId"]
    client = strict_client(ready, 0, number, made["secretAccessKey"])
    client.get_apis()
    status, headers, _ = management.send("POST", f"/edgeway/v1/access-keys/{number}/disable")
    assert status == 200
    settle(management, headers)
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.get_apis()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
    management("POST", f"/edgeway/v1/access-keys/{number}/enable")
    client.get_apis()
    listed = management("GET", "/edgeway/v1/access-keys")
    assert made["secretAccessKey"] not in json.dumps(listed)
    management("DELETE", f"/edgeway/v1/access-keys/{number}", status=204)
