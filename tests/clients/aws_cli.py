"""The AWS CLI as users run it."""

import json
import os
import subprocess
import sys


def aws(ready, *arguments, service="apigatewayv2"):
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent",
        "AWS_ACCESS_KEY_ID": ready["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"],
        "AWS_DEFAULT_REGION": ready["regions"][0]["name"], "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true", "LC_ALL": "C.UTF-8",
    }
    program = os.path.join(os.path.dirname(sys.executable), "aws")
    command = [program, "--endpoint-url", ready["regions"][0]["management"], "--output", "json",
               service, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60,
                          check=False)


def good(ready, *arguments):
    result = aws(ready, *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout) if result.stdout else None


def test_quick_create_list_and_delete(ready):
    made = good(ready, "create-api", "--name", "cli", "--protocol-type", "HTTP", "--target",
                "http://127.0.0.1:9")
    number = made["ApiId"]
    assert number in [api["ApiId"] for api in good(ready, "get-apis")["Items"]]
    good(ready, "create-route", "--api-id", number, "--route-key", "GET /a")
    keys = {route["RouteKey"] for route in good(ready, "get-routes", "--api-id", number)["Items"]}
    assert keys == {"$default", "GET /a"}
    stage = good(ready, "get-stage", "--api-id", number, "--stage-name", "$default")
    assert stage["AutoDeploy"]
    arn = f"arn:aws:apigateway:us-east-1::/apis/{number}"
    good(ready, "tag-resource", "--resource-arn", arn, "--tags", "a=b")
    assert good(ready, "get-tags", "--resource-arn", arn) == {"Tags": {"a": "b"}}
    good(ready, "delete-api", "--api-id", number)
    result = aws(ready, "get-api", "--api-id", number)
    assert result.returncode != 0
    assert "(NotFoundException)" in result.stderr and number in result.stderr, result.stderr


def test_a_web_socket_api_and_an_authorizer(ready):
    made = good(ready, "create-api", "--name", "cli", "--protocol-type", "WEBSOCKET",
                "--route-selection-expression", "$request.body.action")
    assert made["ApiEndpoint"].startswith("wss://")
    good(ready, "create-route", "--api-id", made["ApiId"], "--route-key", "$connect")
    good(ready, "delete-api", "--api-id", made["ApiId"])
    number = good(ready, "create-api", "--name", "cli", "--protocol-type", "HTTP")["ApiId"]
    authorizer = good(ready, "create-authorizer", "--api-id", number, "--name", "tokens",
                      "--authorizer-type", "JWT", "--identity-source",
                      "$request.header.Authorization", "--jwt-configuration",
                      "Audience=a,Issuer=https://issuer.test")["AuthorizerId"]
    route = good(ready, "create-route", "--api-id", number, "--route-key", "GET /",
                 "--authorization-type", "JWT", "--authorizer-id", authorizer,
                 "--authorization-scopes", "read")
    assert (route["AuthorizerId"], route["AuthorizationScopes"]) == (authorizer, ["read"])
    result = aws(ready, "delete-authorizer", "--api-id", number, "--authorizer-id", authorizer)
    assert "(ConflictException)" in result.stderr, result.stderr
    good(ready, "delete-api", "--api-id", number)
