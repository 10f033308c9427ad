"""Methods and routes that ask for tokens: of user pools, which moto runs, and of the issuer in
`aws_backends.py`, whose tokens another library signs. Everything is called through a POP."""

import http.client
import json
import os
import ssl
import time
import urllib.request

import pytest

from conftest import Management, settle
from rest_aws import ACCOUNT, REGION, aws, deploy, path, proxied  # noqa: F401 (fixtures)

ISSUER = os.environ.get("ISSUER_URL", "")


def ask_issuer(what, body=None):
    """Asks the issuer itself, not through the gateway."""
    trust = ssl.create_default_context(cafile=os.environ["ISSUER_CA"])
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{ISSUER}/{what}", data=data, context=trust, timeout=20) as answer:
        return json.load(answer)


def warm(ask, good):
    """Asks until the node has the issuer's keys, which a busy machine may take its time for."""
    end = time.monotonic() + 30
    while (status := ask()) != good:
        assert time.monotonic() < end, status


def token(key="rsa", **claims):
    return ask_issuer(f"sign/{key}", claims)


def scheme(authorizer, header="Authorization"):
    return {"securitySchemes": {"auth": {
        "type": "apiKey", "name": header, "in": "header",
        "x-amazon-apigateway-authtype": authorizer["type"],
        "x-amazon-apigateway-authorizer": authorizer}}}


def guarded(*scopes):
    return path("get", proxied("proxy"), security=[{"auth": list(scopes)}])


@pytest.fixture
def pool(aws):
    """A user pool with a signed-in user: its ARN, its client and the user's tokens."""
    pools = aws("cognito-idp")
    number = pools.create_user_pool(PoolName="test")["UserPool"]["Id"]
    client = pools.create_user_pool_client(
        UserPoolId=number, ClientName="test",
        ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"])["UserPoolClient"]["ClientId"]
    pools.admin_create_user(UserPoolId=number, Username="ann", TemporaryPassword="aB1!aB1!")
    pools.admin_set_user_password(UserPoolId=number, Username="ann", Password="bC2!bC2!",
                                  Permanent=True)
    got = pools.admin_initiate_auth(
        UserPoolId=number, ClientId=client, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": "bC2!bC2!"})["AuthenticationResult"]
    yield {"arn": f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{number}", "client": client,
           "id": got["IdToken"], "access": got["AccessToken"],
           "issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{number}"}
    pools.delete_user_pool(UserPoolId=number)


def test_a_user_pools_tokens(deploy, pool):
    scope = "aws.cognito.signin.user.admin"
    api = deploy({"/who": guarded(), "/scoped": guarded("x/none", scope), "/no": guarded("x/none")},
                 components=scheme({"type": "cognito_user_pools", "providerARNs": [pool["arn"]]}))
    warm(lambda: api.open("GET", "/who", headers={"authorization": pool["id"]}).status, 201)
    _, text = api("GET", "/who", headers={"authorization": pool["id"]}, status=201)
    claims = json.loads(text)["requestContext"]["authorizer"]
    assert list(claims) == ["claims"]
    claims = claims["claims"]
    assert (claims["iss"], claims["aud"], claims["token_use"], claims["cognito:username"]) == (
        pool["issuer"], pool["client"], "id", "ann")
    assert " UTC 20" in claims["exp"], claims
    assert all(isinstance(value, str) for value in claims.values()), claims
    api("GET", "/scoped", headers={"authorization": f"Bearer {pool['access']}"}, status=201)
    for target, which in (("/who", "access"), ("/scoped", "id"), ("/no", "access")):
        answer, text = api("GET", target, headers={"authorization": pool[which]}, status=401)
        assert json.loads(text) == {"message": "Unauthorized"}
        assert answer.headers["x-amzn-errortype"] == "UnauthorizedException"
    api("GET", "/who", status=401)
    api("GET", "/who", headers={"authorization": pool["id"][:-4] + "AAAA"}, status=401)
    # Another issuer's token that says it is the pool's.
    forged = token(iss=pool["issuer"], aud=pool["client"], token_use="id")
    api("GET", "/who", headers={"authorization": forged}, status=401)


def test_tokens_of_an_issuer(ready, rest, deploy):
    issuer = {"issuer": ISSUER, "audiences": ["app"], "additionalClaims": [
        {"claimName": "tier", "format": "SINGLE_STRING", "required": False,
         "expectedValues": ["gold"]}]}
    api = deploy({"/who": guarded(), "/scoped": guarded("pets/read", "pets/write")},
                 components=scheme({"type": "jwt",
                                    "identitySource": "method.request.header.X-Token",
                                    "jwtConfiguration": {"issuers": [issuer]}}, "X-Token"))

    def ask(what, target="/who", status=201):
        return api("GET", target, headers={"x-token": what}, status=status)

    warm(lambda: api.open("GET", "/who", headers={"x-token": token()}).status, 201)
    _, text = ask(f"Bearer {token(groups=['a', 'b'], count=3)}")
    fetched = ask_issuer("fetches")
    seen = json.loads(text)["requestContext"]["authorizer"]
    assert (seen["claims"]["sub"], seen["claims"]["groups"], seen["claims"]["count"]) == (
        "somebody", "[a b]", "3")
    assert seen["scopes"] is None
    _, text = ask(token("curve", scope="x pets/write"), "/scoped")
    assert json.loads(text)["requestContext"]["authorizer"]["scopes"] == ["pets/write"]
    answer, text = ask(token(scope="x"), "/scoped", 403)
    assert json.loads(text) == {"Message": "User is not authorized to access this resource"}
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    for bad in (token(aud="else"), token(iss="https://else.test"), token(tier="tin"),
                token("forger"), token()[:-6] + "AAAAAA", "rubbish", "a.b.c"):
        answer, text = ask(bad, status=401)
        assert json.loads(text) == {"message": "Unauthorized"}, bad
    _, text = ask(token(exp=1_700_000_000), status=401)
    assert json.loads(text) == {"message": "The incoming token has expired"}
    # The node has the keys and asks for nothing, and so it can do without the issuer.
    assert ask_issuer("fetches") == fetched
    good = token()
    ask_issuer("down/true", {})
    try:
        for _ in range(5):
            ask(good)
    finally:
        ask_issuer("down/false", {})


def test_an_authorizer_is_tried(rest, deploy):
    number = rest.create_rest_api(name="tried")["id"]
    try:
        made = rest.create_authorizer(
            restApiId=number, name="a", type="JWT", identitySource="method.request.header.X-Token",
            jwtConfiguration={"issuers": [{"issuer": ISSUER, "audiences": ["app"]}]})["id"]
        good = {"restApiId": number, "authorizerId": made, "headers": {"X-Token": token()}}
        warm(lambda: rest.test_invoke_authorizer(**good)["clientStatus"], 0)
        tried = rest.test_invoke_authorizer(**good)
        assert (tried["clientStatus"], tried["claims"]["sub"]) == (0, "somebody")
        tried = rest.test_invoke_authorizer(restApiId=number, authorizerId=made,
                                            headers={"X-Token": "a.b.c"})
        assert tried["clientStatus"] == 401
        # What no token could meet is refused at once.
        for wrong in ({"issuer": "http://i.test", "audiences": ["a"]},
                      {"issuer": ISSUER}, {"issuer": ISSUER, "audiences": ["a"],
                                           "additionalClaims": [{"claimName": "exp",
                                                                 "format": "SINGLE_STRING"}]}):
            with pytest.raises(rest.exceptions.BadRequestException):
                rest.create_authorizer(restApiId=number, name="b", type="JWT",
                                       identitySource="method.request.header.X-Token",
                                       jwtConfiguration={"issuers": [wrong]})
    finally:
        rest.delete_rest_api(restApiId=number)


def test_routes_of_http_apis(ready, apis):
    number = apis.create_api(Name="tokens", ProtocolType="HTTP")["ApiId"]
    try:
        authorizer = apis.create_authorizer(
            ApiId=number, Name="a", AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": ISSUER, "Audience": ["app"]})["AuthorizerId"]
        target = apis.create_integration(
            ApiId=number, IntegrationType="HTTP_PROXY", IntegrationMethod="GET",
            IntegrationUri=f"{ISSUER}/jwks", PayloadFormatVersion="1.0")["IntegrationId"]
        for key, scopes in (("GET /plain", []), ("GET /scoped", ["a/read", "a/write"])):
            apis.create_route(ApiId=number, RouteKey=key, Target=f"integrations/{target}",
                              AuthorizationType="JWT", AuthorizerId=authorizer,
                              AuthorizationScopes=scopes)
        last = apis.create_stage(ApiId=number, StageName="$default", AutoDeploy=True)
        settle(Management(ready), last["ResponseMetadata"]["HTTPHeaders"])
        host = f"{number}.execute-api.{ready['regions'][0]['name']}.{ready['base_domain']}"

        def ask(target, status, challenge=None, **headers):
            connection = http.client.HTTPConnection(ready["pops"][0]["http"], timeout=40)
            connection.request("GET", target, headers={"host": host} | headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == status, f"{answer.status} {text!r}"
            assert answer.headers["www-authenticate"] == challenge
            return text

        assert ask("/plain", 401, "Bearer") == b'{"message":"Unauthorized"}'
        def status():
            connection = http.client.HTTPConnection(ready["pops"][0]["http"], timeout=40)
            connection.request("GET", "/plain", headers={
                "host": host, "authorization": f"Bearer {token()}"})
            return connection.getresponse().status

        warm(status, 200)
        assert b'"keys"' in ask("/plain", 200, authorization=f"Bearer {token()}")
        # Asked for again by somebody without a token: the POP has not kept the answer.
        ask("/plain", 401, "Bearer")
        audience = ('Bearer scope="" error="invalid_token" '
                    'error_description="the token does not have a valid audience"')
        ask("/plain", 401, audience, authorization=token(aud="else"))
        text = ask("/scoped", 403, 'Bearer scope="a/read a/write" error="insufficient_scope" '
                   'error_description="expected scopes: [a/read a/write]"',
                   authorization=token(scope="b"))
        assert text == b'{"message":"Forbidden"}'
        ask("/scoped", 200, authorization=token(scp=["a/read"]))
    finally:
        apis.delete_api(ApiId=number)
