"""REST APIs in front of functions and AWS services, made by OpenAPI files that boto3 imports, and
called through a POP. `aws_backends.py` runs the functions and the services."""

import http.client
import json
import os
import uuid

import boto3
import pytest

from conftest import Management, settle

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


def function(name, streamed=False):
    """The URI by which an integration calls a function."""
    version, operation = (("2021-11-15", "response-streaming-invocations") if streamed
                          else ("2015-03-31", "invocations"))
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return f"arn:aws:apigateway:{REGION}:lambda:path/{version}/functions/{arn}/{operation}"


def proxied(name, **more):
    return {"type": "aws_proxy", "httpMethod": "POST", "uri": function(name)} | more


def service(uri, template=None, method="POST", **more):
    """An integration with an AWS service; `template` makes the body."""
    made = {"type": "aws", "httpMethod": method, "credentials": ROLE,
            "uri": f"arn:aws:apigateway:{REGION}:{uri}",
            "responses": {"default": {"statusCode": "200"}}} | more
    if template is not None:
        made["requestTemplates"] = {"application/json": template}
    return made


def path(verb, integration, **more):
    statuses = {one["statusCode"] for one in integration.get("responses", {}).values()}
    answers = {status: {"description": "", "headers": {"x-made": {"schema": {"type": "string"}}}}
               for status in statuses or {"200"}}
    return {verb: {"responses": answers, "x-amazon-apigateway-integration": integration} | more}


class Api:
    """A REST API behind the first POP."""

    def __init__(self, ready, rest, number, stage="prod"):
        pop = ready["pops"][0]["http"]
        self.pop, self.stage, self.number = pop, stage, number
        self.host = f"{number}.execute-api.{ready['regions'][0]['name']}.{ready['base_domain']}"

    def open(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection(self.pop, timeout=40)
        connection.request(method, f"/{self.stage}{target}", body=body,
                           headers={"host": self.host, "connection": "close"} | (headers or {}))
        return connection.getresponse()

    def __call__(self, method, target, body=None, headers=None, status=200):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers = {"content-type": "application/json"} | (headers or {})
        answer = self.open(method, target, body, headers)
        text = answer.read()
        assert answer.status == status, f"{method} {target}: {answer.status} {text!r}"
        return answer, text


@pytest.fixture
def deploy(ready, rest):
    made = []

    def create(paths, variables=None, **more):
        document = {"openapi": "3.0.1", "info": {"title": "aws", "version": "1"},
                    "paths": paths} | more
        number = rest.import_rest_api(body=json.dumps(document).encode(), failOnWarnings=True)["id"]
        made.append(number)
        last = rest.create_deployment(restApiId=number, stageName="prod", variables=variables or {})
        settle(Management(ready), last["ResponseMetadata"]["HTTPHeaders"])
        return Api(ready, rest, number)

    yield create
    for number in made:
        rest.delete_rest_api(restApiId=number)


@pytest.fixture
def aws():
    """A client of the stand-in for a service, as the node calls it."""
    def client(name):
        return boto3.client(name, endpoint_url=os.environ["SERVICES_URL"], region_name=REGION,
                            aws_access_key_id="AKIDNODE", aws_secret_access_key="x")
    return client


# --- functions, by proxy


def test_a_function_gets_the_whole_request(ready, deploy):
    api = deploy({"/things/{kind}/{rest+}": path("x-amazon-apigateway-any-method",
                                                proxied("${stageVariables.name}"))},
                 {"name": "proxy"})
    answer, text = api("PUT", "/things/a%20b/c/d%2Fe?x=1&y=%C3%A4&x=2", "body \"text\"",
                       {"Content-Type": "text/plain", "Authorization": "t", "X-Own": "1",
                        "User-Agent": "test"}, status=201)
    event = json.loads(text)
    assert list(event) == [
        "resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters",
        "multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext",
        "body", "isBase64Encoded"]
    assert (event["resource"], event["httpMethod"]) == ("/things/{kind}/{rest+}", "PUT")
    assert event["path"] == "/things/a b/c/d/e"
    assert event["queryStringParameters"] == {"x": "2", "y": "ä"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["ä"]}
    assert event["pathParameters"] == {"kind": "a b", "rest": "c/d/e"}
    assert event["stageVariables"] == {"name": "proxy"}
    assert (event["body"], event["isBase64Encoded"]) == ('body "text"', False)
    sent = event["headers"]
    assert {name: sent[name] for name in (
        "Content-Type", "Authorization", "x-own", "User-Agent", "Host", "X-Forwarded-For",
        "X-Forwarded-Proto", "X-Forwarded-Port")} == {
        "Content-Type": "text/plain", "Authorization": "t", "x-own": "1", "User-Agent": "test",
        "Host": api.host, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "80"}
    assert sent["X-Amzn-Trace-Id"].startswith("Root=1-")
    assert event["multiValueHeaders"] == {name: [value] for name, value in sent.items()}
    context = event["requestContext"]
    assert (context["apiId"], context["stage"], context["accountId"]) == (
        api.number, "prod", ready["account_id"])
    assert context["path"] == "/prod/things/a b/c/d/e"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userArn"] is None
    assert context["requestId"] == answer.headers["x-amzn-requestid"]
    assert "authorizer" not in context
    # Its answer.
    assert answer.headers["x-one"] == "1"
    assert answer.headers.get_all("x-multi") == ["a", "b", "c"]
    assert answer.headers["x-amzn-remapped-date"] == "x"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-trace-id"].startswith("Root=1-")


def test_what_a_function_may_answer(deploy):
    api = deploy({"/{proxy+}": path("post", proxied("proxy")),
                  "/missing": path("post", proxied("nobody"))},
                 **{"x-amazon-apigateway-binary-media-types": ["image/*"]})
    for says, status, body in [
        ({}, 200, b""), ({"statusCode": "418", "body": "tea"}, 418, b"tea"),
        ({"body": None, "headers": None}, 200, b""),
        ({"statusCode": 204}, 204, b""),
        ({"body": "cG5n", "isBase64Encoded": True}, 200, b"cG5n"),
    ]:
        assert api("POST", "/says", says, status=status)[1] == body
    binary = {"body": "cG5n", "isBase64Encoded": True, "headers": {"content-type": "image/png"}}
    answer, body = api("POST", "/says", binary, {"accept": "image/png"})
    assert (body, answer.headers["content-type"]) == (b"png", "image/png")
    for says in [{"foo": 1}, "text", None, {"statusCode": "x"}, {"headers": "x"},
                 {"multiValueHeaders": {"a": "b"}}, {"body": {}}]:
        answer, body = api("POST", "/says", json.dumps(says), status=502)
        assert json.loads(body) == {"message": "Internal server error"}
        assert answer.headers["x-amzn-errortype"] == "InternalServerErrorException"
    api("POST", "/fails", status=502)
    api("POST", "/missing", status=502)
    event = json.loads(api("POST", "/x", b"\x00\xff", {"content-type": "image/png"}, 201)[1])
    assert (event["body"], event["isBase64Encoded"]) == ("AP8=", True)


def release(stream):
    """Lets the function go on that waits in the stream of that path."""
    functions = http.client.HTTPConnection(os.environ["FUNCTIONS_URL"].split("/")[2])
    functions.request("POST", f"/release/{stream}", body="{}")
    assert functions.getresponse().status == 200


def test_a_function_streams(deploy):
    streamed = {"type": "aws_proxy", "httpMethod": "POST", "uri": function("stream", True),
                "responseTransferMode": "STREAM"}
    api = deploy({"/{proxy+}": path("get", streamed)})
    answer = api.open("GET", "/x")
    assert (answer.status, answer.headers["content-type"]) == (202, "text/plain")
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
    # The function goes on only once the first part has been read here.
    assert answer.read(6) == b"first,"
    release("x")
    assert answer.read() == b"second," + b"x" * 100_000
    dying = api.open("GET", "/dies")
    assert dying.read(6) == b"first,"
    release("dies")
    with pytest.raises(http.client.IncompleteRead):
        dying.read()
    assert json.loads(api("GET", "/headless", status=500)[1]) == {"message": "Internal server error"}


# --- functions, by templates


def test_templates_both_ways(deploy):
    ask = """#set($who = $input.params('who'))
{"name": "$util.escapeJavaScript($who)", "ticket": "$input.params().querystring.ticket",
 "items": [#foreach($one in $input.path('$.parts'))$one.price#if($foreach.hasNext), #end#end]}"""
    tell = """#set($made = $input.path('$'))
<answer total="$made.total">$made.greeting</answer>"""
    fail = "{\"problem\": $input.json('$.errorMessage'), \"kind\": \"$input.path('$.errorType')\"}"
    own = {"type": "aws", "httpMethod": "POST", "uri": function("custom"),
           "passthroughBehavior": "never", "requestTemplates": {"application/json": ask},
           "responses": {
               "default": {"statusCode": "200", "responseTemplates": {"application/json": tell},
                           "responseParameters": {
                               "method.response.header.x-made": "'by a template'",
                               "method.response.header.content-type": "'application/xml'"}},
               ".*NotFound.*": {"statusCode": "404",
                                "responseTemplates": {"application/json": fail}}}}
    later = own | {"requestParameters": {
        "integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        "responses": {"default": {"statusCode": "200",
                                  "responseTemplates": {"application/json": "taken"}}}}
    look = {"type": "aws", "httpMethod": "POST", "uri": function("seen"),
            "requestTemplates": {"application/json": "{\"ticket\": \"$input.params('ticket')\"}"},
            "responses": {"default": {"statusCode": "200"}}}
    absent = look | {"uri": function("nobody")}
    order = path("post", own)
    order["post"]["responses"]["200"]["headers"]["content-type"] = {"schema": {"type": "string"}}
    api = deploy({"/orders/{who}": order, "/later/{who}": path("post", later),
                  "/seen": path("get", look), "/absent": path("get", absent)})
    parts = {"parts": [{"price": 2}, {"price": 40}]}
    answer, text = api("POST", "/orders/Ann", parts)
    assert text == b'<answer total="42">hello Ann</answer>'
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["x-made"] == "by a template"
    answer, text = api("POST", "/orders/nobody", parts, status=404)
    assert json.loads(text) == {"problem": "NotFound: nobody", "kind": "KeyError"}
    assert answer.headers["content-type"] == "application/json"
    api("POST", "/orders/Ann", "x", {"content-type": "text/plain"}, 415)
    ticket = uuid.uuid4().hex
    assert api("POST", f"/later/Bob?ticket={ticket}", parts)[1] == b"taken"
    found = json.loads(api("GET", f"/seen?ticket={ticket}")[1])["found"]
    assert found == {"name": "Bob", "ticket": ticket, "items": [2, 40]}
    api("GET", "/absent", status=500)


# --- services


def test_a_message_goes_into_a_queue(deploy, aws):
    queues = aws("sqs")
    name = f"q{uuid.uuid4().hex[:8]}"
    url = queues.create_queue(QueueName=name)["QueueUrl"]
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    send = service(f"sqs:path/{ACCOUNT}/{name}", "Action=SendMessage&MessageBody="
                   "$util.urlEncode($input.body)", requestParameters=form, responses={"200": {
                       "statusCode": "202", "responseTemplates": {"application/json":
                                                                   "{\"done\": true}"}}})
    act = service("sqs:action/SendMessage", "", requestParameters={
        "integration.request.querystring.QueueUrl": f"'{url}'",
        "integration.request.querystring.MessageBody": "method.request.querystring.text"})
    acting = path("post", act, parameters=[
        {"name": "text", "in": "query", "schema": {"type": "string"}}])
    api = deploy({"/send": path("post", send), "/act": acting})
    assert json.loads(api("POST", "/send", {"order": "ä & b"}, status=202)[1]) == {"done": True}
    assert b"SendMessage" in api("POST", "/act?text=by%20action", {})[1]
    found = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    bodies = [one["Body"] for one in found]
    assert sorted(bodies) == sorted([json.dumps({"order": "ä & b"}), "by action"])


def test_a_table_is_queried(deploy, aws):
    table = aws("dynamodb")
    name = f"t{uuid.uuid4().hex[:8]}"
    table.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[
        {"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "song", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "artist", "AttributeType": "S"},
                              {"AttributeName": "song", "AttributeType": "S"}])
    put = service("dynamodb:action/PutItem", """{"TableName": "%s", "Item": {
  "artist": {"S": "$input.params('artist')"}, "song": {"S": $input.json('$.song')},
  "year": {"N": "$input.path('$.year')"}}}""" % name)
    ask = service("dynamodb:action/Query", """{"TableName": "%s",
  "KeyConditionExpression": "artist = :a",
  "ExpressionAttributeValues": {":a": {"S": "$util.escapeJavaScript($input.params('artist'))"}}}
""" % name, responses={
        "200": {"statusCode": "200", "responseTemplates": {"application/json": """{"songs": [
#foreach($one in $input.path('$.Items')){"song": "$one.song.S", "year": $one.year.N}
#if($foreach.hasNext),#end#end]}"""}},
        "4\\d{2}": {"statusCode": "400", "responseTemplates": {
            "application/json": "{\"wrong\": $input.json('$.__type')}"}}})
    wrong = service("dynamodb:action/DeleteTable", '{"TableName": "none-such"}',
                    responses=ask["responses"])
    api = deploy({"/artists/{artist}": path("post", put) | path("get", ask),
                  "/wrong": path("get", wrong)})
    for song, year in (("b", 1970), ("a", 1969)):
        assert api("POST", "/artists/No%20One", {"song": song, "year": year})[1] == b"{}"
    answer, text = api("GET", "/artists/No%20One")
    assert json.loads(text) == {"songs": [{"song": "a", "year": 1969}, {"song": "b", "year": 1970}]}
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(api("GET", "/artists/none")[1]) == {"songs": []}
    found = json.loads(api("GET", "/wrong", status=400)[1])["wrong"]
    assert found.endswith("ResourceNotFoundException")


def test_a_state_machine_starts(deploy, aws):
    machines = aws("stepfunctions")
    definition = {"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}}
    arn = machines.create_state_machine(
        name=f"m{uuid.uuid4().hex[:8]}", definition=json.dumps(definition),
        roleArn=ROLE)["stateMachineArn"]
    start = service("states:action/StartExecution", """
#set($body = $util.escapeJavaScript($input.json('$')))
{"stateMachineArn": "%s", "input": "$body"}""" % arn)
    api = deploy({"/start": path("post", start)})
    run = json.loads(api("POST", "/start", {"order": 7})[1])["executionArn"]
    assert json.loads(machines.describe_execution(executionArn=run)["input"]) == {"order": 7}


def test_topics_streams_buses_and_buckets(deploy, aws):
    unique = uuid.uuid4().hex[:8]
    topic = aws("sns").create_topic(Name=f"t{unique}")["TopicArn"]
    streams, buckets = aws("kinesis"), aws("s3")
    streams.create_stream(StreamName=f"s{unique}", ShardCount=1)
    buckets.create_bucket(Bucket=f"b-{unique}")
    publish = service("sns:action/Publish", "", requestParameters={
        "integration.request.querystring.TopicArn": f"'{topic}'",
        "integration.request.querystring.Message": "method.request.body.text"})
    record = service("kinesis:action/PutRecord", """{"StreamName": "s%s", "PartitionKey": "k",
  "Data": "$util.base64Encode($input.json('$.text'))"}""" % unique)
    event = service("events:action/PutEvents", """{"Entries": [{"Source": "edgeway",
  "DetailType": "test", "Detail": "{}"}]}""")
    key = {"integration.request.path.key": "method.request.path.key"}
    put, get = [service(f"s3:path/b-{unique}/{{key}}", None, verb, requestParameters=key | {
        "integration.request.header.Content-Type": "method.request.header.Content-Type"})
        for verb in ("PUT", "GET")]
    given = [{"name": "key", "in": "path", "required": True, "schema": {"type": "string"}},
             {"name": "Content-Type", "in": "header", "schema": {"type": "string"}}]
    api = deploy({"/publish": path("post", publish), "/record": path("post", record),
                  "/event": path("post", event),
                  "/files/{key+}": path("put", put, parameters=given) | path(
                      "get", get, parameters=given)})
    assert b"MessageId" in api("POST", "/publish", {"text": "a & b"})[1]
    assert "SequenceNumber" in json.loads(api("POST", "/record", {"text": "x"})[1])
    assert json.loads(api("POST", "/event", {})[1])["FailedEntryCount"] == 0
    api("PUT", "/files/a%20b/c+d.txt", "in a bucket", {"content-type": "text/plain"})
    found = buckets.get_object(Bucket=f"b-{unique}", Key="a b/c+d.txt")
    assert (found["Body"].read(), found["ContentType"]) == (b"in a bucket", "text/plain")
    assert api("GET", "/files/a%20b/c+d.txt")[1] == b"in a bucket"


def test_the_callers_credentials_cannot_be_used(deploy):
    call = service("sqs:action/ListQueues", "", credentials="arn:aws:iam::*:user/*")
    api = deploy({"/": path("post", call)})
    assert json.loads(api("POST", "/", {}, status=500)[1]) == {"message": "Internal server error"}


# --- authorizers


def guarded(kind, source, **more):
    return {"x-amazon-apigateway-authtype": "custom", "type": "apiKey", "name": "Unused",
            "in": "header", "x-amazon-apigateway-authorizer": {
                "type": kind, "authorizerUri": function("authorizer"),
                "identitySource": source} | more}


def test_a_function_decides_by_a_token(rest, ready, deploy):
    schemes = {"tokens": guarded("token", "method.request.header.Auth",
                                 identityValidationExpression="[a-z-]+[0-9a-f]*"),
               "fresh": guarded("token", "method.request.header.Auth",
                                authorizerResultTtlInSeconds=0)}
    api = deploy({"/kept/{rest+}": path("get", proxied("proxy"), security=[{"tokens": []}]),
                  "/fresh": path("get", proxied("proxy"), security=[{"fresh": []}])},
                 components={"securitySchemes": schemes})
    unique = uuid.uuid4().hex

    def ask(target, word, status=201):
        answer, text = api("GET", target, None, {"auth": f"{word}-{unique}"}, status)
        return answer, json.loads(text)

    _, event = ask("/kept/a", "allow")
    told = event["requestContext"]["authorizer"]
    assert told.pop("integrationLatency") >= 0
    assert told == {"principalId": "user-allow", "calls": "1", "flag": "true", "word": "allow"}
    # The decision is kept, and held against every request.
    assert ask("/kept/b", "allow")[1]["requestContext"]["authorizer"]["calls"] == "1"
    ask("/kept/a", "once")
    answer, body = ask("/kept/b", "once", 403)
    assert body == {"Message": "User is not authorized to access this resource"}
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert ask("/kept/a", "deny", 403)[1] == {
        "Message": "User is not authorized to access this resource with an explicit deny"}
    flushed = rest.flush_stage_authorizers_cache(restApiId=api.number, stageName="prod")
    settle(Management(ready), flushed["ResponseMetadata"]["HTTPHeaders"])
    assert ask("/kept/b", "allow")[1]["requestContext"]["authorizer"]["calls"] == "2"
    for calls in ("1", "2"):
        _, event = ask("/fresh", "fresh")
        assert event["requestContext"]["authorizer"]["calls"] == calls
    answer, body = ask("/kept/a", "unauthorized", 401)
    assert body == {"message": "Unauthorized"}
    assert answer.headers["x-amzn-errortype"] == "UnauthorizedException"
    for word in ("broken", "nested", "bare"):
        answer, body = ask("/kept/a", word, 500)
        assert body == {"message": None}
        kind = "Failure" if word == "broken" else "Configuration"
        assert answer.headers["x-amzn-errortype"] == f"Authorizer{kind}Exception"
    for headers in ({}, {"auth": ""}, {"auth": "NOT VALID"}):
        assert json.loads(api("GET", "/kept/a", None, headers, 401)[1]) == {
            "message": "Unauthorized"}


def test_a_function_decides_by_the_request(deploy):
    schemes = {"requests": guarded("request", "method.request.header.X-Who, "
                                   "method.request.querystring.as, stageVariables.who")}
    show = service("sqs:action/ListQueues", "", responses={"default": {
        "statusCode": "200", "responseTemplates": {"application/json":
            "$context.authorizer.principalId $context.authorizer.calls"}}})
    api = deploy({"/x": path("post", show, security=[{"requests": []}])}, {"who": "v"},
                 components={"securitySchemes": schemes})
    who = {"x-who": f"allow-{uuid.uuid4().hex}"}
    ask = lambda query, status=200: api("POST", f"/x{query}", {}, who, status)[1]
    assert ask("?as=1") == ask("?as=1&other=2") == b"user-allow 1"
    # Another value of any identity source is somebody else.
    assert ask("?as=2") == b"user-allow 2"
    assert json.loads(ask("", 401)) == {"message": "Unauthorized"}


# --- trying methods


def attempt(rest, api, resource, verb, **more):
    """The answer of a method that is tried, and its log's events without their times."""
    resources = rest.get_resources(restApiId=api.number, limit=500)["items"]
    number = next(one["id"] for one in resources if one["path"] == resource)
    tried = rest.test_invoke_method(restApiId=api.number, resourceId=number, httpMethod=verb, **more)
    return tried, [line.partition(" UTC ")[2].partition(" : ")[2]
                   for line in tried["log"].splitlines()]


def test_functions_and_services_are_tried(rest, deploy):
    queues = service("sqs:action/ListQueues", "", responses={"default": {
        "statusCode": "200", "responseTemplates": {"application/json": "listed"}}})
    picky = {"schema": {"type": "object", "required": ["a"]}}
    checked = path("post", proxied("proxy"), requestBody={"content": {"application/json": picky}})
    checked["post"]["x-amazon-apigateway-request-validator"] = "body"
    api = deploy({"/{proxy+}": path("post", proxied("proxy")),
                  "/missing": path("post", proxied("nobody")),
                  "/queues": path("post", queues), "/checked": checked,
                  "/unmapped": path("post", service("sqs:action/ListQueues", "", responses={}))},
                 **{"x-amazon-apigateway-request-validators": {
                     "body": {"validateRequestBody": True}}})
    lambdas = f"{os.environ['FUNCTIONS_URL']}/2015-03-31/functions/"

    def at(events, start):
        found = [event for event in events if event.startswith(start)]
        assert len(found) == 1, (start, events)
        return found[0].removeprefix(start)

    said = json.dumps({"statusCode": 418, "headers": {"x-a": "b"}, "body": "tea"})
    tried, events = attempt(rest, api, "/{proxy+}", "POST", pathWithQueryString="/says", body=said)
    assert (tried["status"], tried["body"], tried["headers"]["x-a"]) == (418, "tea", "b"), tried
    assert at(events, "Endpoint request URI: ").startswith(lambdas)
    assert at(events, "Sending request to ").endswith("%3Afunction%3Aproxy/invocations")
    assert at(events, "Endpoint request body after transformations: ").startswith(
        '{"resource":"/{proxy+}","path":"/says"')
    assert at(events, "Received response. Status: ").startswith("200, Integration latency: ")
    assert json.loads(at(events, "Endpoint response body before transformations: ")) == json.loads(said)
    assert at(events, "Method response body after transformations: ") == "tea"
    assert events[-2:] == ["Successfully completed execution", "Method completed with status: 418"]

    def fails(resource, status, *expected, **more):
        tried, events = attempt(rest, api, resource, "POST", **more)
        assert tried["status"] == status, tried
        for event in expected:
            assert any(one.startswith(event) for one in events), (event, events)
        assert events[-1] == f"Method completed with status: {status}"

    failed = "Execution failed due to "
    fails("/{proxy+}", 502, failed + "configuration error: Malformed Lambda proxy response",
          pathWithQueryString="/says", body='{"foo": 1}')
    fails("/{proxy+}", 502, "Lambda execution failed with status 200 due to customer function "
          "error: as it was told to", pathWithQueryString="/fails")
    fails("/missing", 502, failed + "an internal error: the service answered 404")
    fails("/checked", 400, "Request body does not match model schema for content type "
          "application/json: [", body="{}")
    fails("/unmapped", 500, failed + "configuration error: No match for output mapping and no "
          "default output mapping configured. Endpoint Response Status Code: 200", body="{}")
    tried, events = attempt(rest, api, "/queues", "POST", body="{}")
    assert (tried["status"], tried["body"]) == (200, "listed"), tried
    assert "Action=ListQueues" in at(events, "Sending request to " + os.environ["SERVICES_URL"])
    assert not any("Signature=" in event for event in events)


def test_authorizers_are_tried(rest, deploy):
    schemes = {"tokens": guarded("token", "method.request.header.Auth",
                                 identityValidationExpression="[a-z-]+[0-9a-f]*"),
               "requests": guarded("request", "method.request.header.X-Who, "
                                   "method.request.querystring.as, stageVariables.who")}
    api = deploy({"/x/{id}": path("get", proxied("proxy"), security=[{"tokens": []}]),
                  "/y": path("get", proxied("proxy"), security=[{"requests": []}])},
                 components={"securitySchemes": schemes})
    known = {one["name"]: one["id"] for one in rest.get_authorizers(restApiId=api.number)["items"]}

    def ask(name, **more):
        tried = rest.test_invoke_authorizer(restApiId=api.number, authorizerId=known[name], **more)
        assert tried["latency"] >= 0
        return tried

    unique = uuid.uuid4().hex
    for calls in ("1", "2"):
        tried = ask("tokens", headers={"Auth": f"allow-{unique}"})
        assert (tried["clientStatus"], tried["principalId"]) == (0, "user-allow"), tried
        # What was decided before does not count.
        assert tried["authorization"] == {"calls": [calls], "flag": ["true"], "word": ["allow"]}
        assert json.loads(tried["policy"])["Statement"][0]["Effect"] == "Allow"
        assert tried["claims"] == {}
    events = [line.partition(" UTC ")[2].partition(" : ")[2] for line in tried["log"].splitlines()]
    for start in (f"Starting authorizer: {known['tokens']} for request: ",
                  "Incoming identity: ****",
                  f"Endpoint request URI: {os.environ['FUNCTIONS_URL']}/2015-03-31/functions/",
                  "Endpoint request body after transformations: {\"type\":\"TOKEN\"",
                  "Authorizer result body before parsing: {\"principalId\"",
                  "Using valid authorizer policy for principal: user-allow",
                  "Successfully completed authorizer execution"):
        assert any(event.startswith(start) for event in events), (start, events)
    denied = ask("tokens", headers={"Auth": f"deny-{unique}"})
    assert (denied["clientStatus"], denied["principalId"]) == (0, "user-deny")
    assert json.loads(denied["policy"])["Statement"][0]["Effect"] == "Deny"
    for word, status in (("unauthorized", 401), ("bare", 500), ("NOT VALID", 401)):
        tried = ask("tokens", headers={"Auth": word})
        assert tried["clientStatus"] == status, tried
        assert "principalId" not in tried and "policy" not in tried
        assert "Execution failed due to " in tried["log"]
    assert ask("tokens")["clientStatus"] == 401
    tried = ask("requests", headers={"x-who": f"allow-{unique}"}, pathWithQueryString="/x/7?as=a",
                stageVariables={"who": "v"})
    assert (tried["clientStatus"], tried["principalId"]) == (0, "user-allow"), tried
    assert '"resource":"/x/{id}","path":"/x/7","httpMethod":"GET"' in tried["log"]
    with pytest.raises(rest.exceptions.NotFoundException):
        rest.test_invoke_authorizer(restApiId=api.number, authorizerId="none")
