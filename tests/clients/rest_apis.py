"""Every implemented operation on REST APIs (API Gateway v1) through boto3, field by field."""

import json

import pytest
from botocore.exceptions import ClientError

from conftest import Management, settle, strict_client

META = "ResponseMetadata"
DATES = ("createdDate", "lastUpdatedDate")
LAMBDA = ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
          "arn:aws:lambda:us-east-1:000000000000:function:f/invocations")
CONCURRENT = "Unable to complete operation due to concurrent modification."

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke",
    "Resource": "execute-api:/*"}]})


def fields(answer):
    """An answer without boto3's own part and without times."""
    return {name: value for name, value in answer.items() if name != META and name not in DATES}


def refused(code, text, operation, **arguments):
    with pytest.raises(ClientError) as caught:
        operation(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert text in error["Message"], error


def bad(text, operation, **arguments):
    refused("BadRequestException", text, operation, **arguments)


def missing(text, operation, **arguments):
    refused("NotFoundException", text, operation, **arguments)


def patch(*steps):
    """Patch operations from (op, path[, value[, from]])."""
    names = ("op", "path", "value", "from")
    return {"patchOperations": [
        {name: value for name, value in zip(names, step) if value is not None} for step in steps]}


def every(client, operation, **arguments):
    pages = client.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page["items"]]


@pytest.fixture
def root(rest, rest_api):
    return rest.get_rest_api(restApiId=rest_api)["rootResourceId"]


def mock_method(rest, api, resource, verb="GET"):
    here = {"restApiId": api, "resourceId": resource, "httpMethod": verb}
    rest.put_method(**here, authorizationType="NONE")
    rest.put_integration(**here, type="MOCK", requestTemplates={
        "application/json": '{"statusCode": 200}'})
    return here


def test_rest_api(rest):
    made = rest.create_rest_api(name="pets")
    number = made["id"]
    assert fields(made) == {
        "apiKeySource": "HEADER", "apiStatus": "AVAILABLE", "disableExecuteApiEndpoint": False,
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"}, "id": number,
        "name": "pets", "rootResourceId": made["rootResourceId"], "securityPolicy": "TLS_1_0",
    }
    assert len(number) == len(made["rootResourceId"]) == 10
    assert fields(rest.get_rest_api(restApiId=number)) == fields(made)
    assert {one["name"] for one in rest.get_models(restApiId=number)["items"]} == {"Empty", "Error"}
    here = {"restApiId": number}
    altered = rest.update_rest_api(**here, **patch(
        ("replace", "/name", "cats"), ("add", "/description", "d"), ("replace", "/version", "v2"),
        ("add", "/binaryMediaTypes/image~1png"), ("add", "/binaryMediaTypes", "image/gif"),
        ("replace", "/minimumCompressionSize", "100"), ("replace", "/apiKeySource", "AUTHORIZER"),
        ("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"),
        ("replace", "/endpointConfiguration/ipAddressType", "dualstack"),
        ("replace", "/disableExecuteApiEndpoint", "true"),
        ("replace", "/policy", POLICY),
        ("replace", "/securityPolicy", "TLS_1_2")))
    wanted = fields(made) | {
        "name": "cats", "description": "d", "version": "v2", "apiKeySource": "AUTHORIZER",
        "binaryMediaTypes": ["image/png", "image/gif"], "minimumCompressionSize": 100,
        "endpointConfiguration": {"types": ["REGIONAL"], "ipAddressType": "dualstack"},
        "disableExecuteApiEndpoint": True, "securityPolicy": "TLS_1_2",
        "policy": POLICY,
    }
    assert fields(altered) == wanted
    altered = rest.update_rest_api(**here, **patch(
        ("remove", "/binaryMediaTypes/image~1png"), ("replace", "/minimumCompressionSize"),
        ("remove", "/description"), ("replace", "/policy", "")))
    for name in ("minimumCompressionSize", "description", "policy"):
        del wanted[name]
    assert fields(altered) == wanted | {"binaryMediaTypes": ["image/gif"]}
    assert number in [one["id"] for one in every(rest, "get_rest_apis")]
    copy = rest.create_rest_api(name="copy", cloneFrom=number, tags={"a": "b"})
    assert copy["tags"] == {"a": "b"}
    for one in (number, copy["id"]):
        rest.delete_rest_api(restApiId=one)
        missing(f"Invalid API identifier specified 000000000000:{one}", rest.get_rest_api,
                restApiId=one)
    missing("Invalid API identifier", rest.delete_rest_api, restApiId=number)


@pytest.mark.parametrize("arguments, code, text", [
    ({"name": ""}, "BadRequest", "Name cannot be empty"),
    ({"name": "n", "description": ""}, "BadRequest", "Description cannot be an empty string"),
    ({"name": "n", "minimumCompressionSize": -1}, "BadRequest", "between 0 and 10485760"),
    ({"name": "n", "endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}}, "BadRequest",
     "Cannot create an api with multiple Endpoint Types."),
    ({"name": "n", "endpointConfiguration": {"types": ["MOON"]}}, "Validation",
     "'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must "
     "satisfy enum value set: [PRIVATE, EDGE, REGIONAL]"),
    ({"name": "n", "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv6"}},
     "BadRequest", "ipAddressType must be either ipv4 or dualstack."),
    ({"name": "n", "endpointConfiguration": {"types": ["PRIVATE"], "ipAddressType": "ipv4"}},
     "BadRequest", "Only dualstack ipAddressType is supported for Private APIs."),
    ({"name": "n", "apiKeySource": "X"}, "Validation", "createRestApiInput.apiKeySource"),
    ({"name": True}, "Serialization", "class java.lang.Boolean can not be converted to an String"),
    ({"name": "n", "policy": "{"}, "BadRequest", "Invalid policy document"),
    ({"name": "n", "policy": '{"Version": "2012-10-17", "Statement": [{"Effect": "Maybe"}]}'},
     "BadRequest", "$.Statement[0]"),
    ({"name": "n", "endpointConfiguration": {"types": ["PRIVATE"], "vpcEndpointIds": ["none"]}},
     "BadRequest", "none is no id of an endpoint"),
    ({"name": "n", "cloneFrom": "none"}, "BadRequest", "Invalid Rest API identifier"),
])
def test_rest_api_refusals(rest, arguments, code, text):
    refused(f"{code}Exception", text, rest.create_rest_api, **arguments)


@pytest.mark.parametrize("step, code, text", [
    (("add", "/name", "x"), "BadRequest",
     "Invalid patch operation specified. Must be one of: [replace]"),
    (("replace", "/nothing", "x"), "BadRequest",
     "Invalid patch path  '/nothing' specified for op 'replace'. Must be one of: ["),
    (("copy", "/name", "x"), "BadRequest", "Invalid patch operation specified"),
    (("copy", "/nothing", "x"), "BadRequest", "Please choose supported operations"),
    (("jump", "/name", "x"), "Validation",
     "Value 'jump' at 'updateRestApiInput.patchOperations.1.member.op' failed to satisfy "
     "constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]"),
    (("replace", "name", "x"), "BadRequest", "Invalid patch path name"),
    (("replace", None, "x"), "BadRequest", "Invalid patch path null"),
    (("replace", "/name", ""), "BadRequest", "Name cannot be empty"),
    (("replace", "/minimumCompressionSize", "x"), "BadRequest", "Invalid patch value 'x'"),
    (("replace", "/disableExecuteApiEndpoint", "x"), "BadRequest", "Invalid patch value 'x'"),
])
def test_patch_refusals(rest, rest_api, step, code, text):
    before = fields(rest.get_rest_api(restApiId=rest_api))
    steps = patch(("replace", "/name", "not kept"), step)
    if code == "Validation":
        steps = patch(step)
    refused(f"{code}Exception", text, rest.update_rest_api, restApiId=rest_api, **steps)
    assert fields(rest.get_rest_api(restApiId=rest_api)) == before


def test_resource(rest, rest_api, root):
    here = {"restApiId": rest_api}
    assert fields(rest.get_resource(**here, resourceId=root)) == {"id": root, "path": "/"}
    pets = rest.create_resource(**here, parentId=root, pathPart="pets")
    assert fields(pets) == {"id": pets["id"], "parentId": root, "pathPart": "pets",
                            "path": "/pets"}
    one = rest.create_resource(**here, parentId=pets["id"], pathPart="{id}")
    assert one["path"] == "/pets/{id}" and len(one["id"]) == 6
    mock_method(rest, rest_api, one["id"])
    shown = rest.get_resource(**here, resourceId=one["id"])
    assert shown["resourceMethods"] == {"GET": {}}
    shown = rest.get_resource(**here, resourceId=one["id"], embed=["methods"])
    assert shown["resourceMethods"]["GET"]["methodIntegration"]["type"] == "MOCK"
    listed = every(rest, "get_resources", **here, embed=["methods"])
    assert {item["path"] for item in listed} == {"/", "/pets", "/pets/{id}"}
    assert fields(shown) in listed
    create = rest.create_resource
    refused("ConflictException", "Another resource with the same parent already has this name: "
            "pets", create, **here, parentId=root, pathPart="pets")
    bad("A sibling ({id}) of this resource already has a variable path part -- only one is "
        "allowed", create, **here, parentId=pets["id"], pathPart="{proxy+}")
    bad("Resource's path part only allow", create, **here, parentId=root, pathPart="a b")
    bad("Resource's path part only allow", create, **here, parentId=root, pathPart="{id}x")
    missing("Invalid Resource identifier specified", create, **here, parentId="none",
            pathPart="x")
    greedy = create(**here, parentId=root, pathPart="{proxy+}")["id"]
    bad("Cannot create a child of a resource with a greedy path variable: {proxy+}", create,
        **here, parentId=greedy, pathPart="x")
    update = rest.update_resource
    altered = update(**here, resourceId=one["id"], **patch(("replace", "/pathPart", "{pet}")))
    assert altered["path"] == "/pets/{pet}"
    moved = update(**here, resourceId=one["id"], **patch(
        ("replace", "/parentId", root), ("replace", "/pathPart", "one")))
    assert moved["path"] == "/one" and moved["parentId"] == root
    bad("Root resource cannot update its parentId.", update, **here, resourceId=root,
        **patch(("replace", "/parentId", one["id"])))
    bad("Root resource cannot update its pathPart.", update, **here, resourceId=root,
        **patch(("replace", "/pathPart", "x")))
    child = create(**here, parentId=pets["id"], pathPart="child")["id"]
    bad("Resources cannot be cyclical.", update, **here, resourceId=pets["id"],
        **patch(("replace", "/parentId", child)))
    rest.delete_resource(**here, resourceId=pets["id"])
    missing("Invalid Resource identifier", rest.get_resource, **here, resourceId=child)
    missing("Invalid Resource identifier", rest.delete_resource, **here, resourceId=pets["id"])
    bad("Root resource", rest.delete_resource, **here, resourceId=root)
    missing("Invalid API identifier", rest.get_resources, restApiId="none")


def test_method_and_responses(rest, rest_api, root):
    here = {"restApiId": rest_api, "resourceId": root, "httpMethod": "POST"}
    validator = rest.create_request_validator(restApiId=rest_api, name="all",
                                              validateRequestBody=True)["id"]
    made = rest.put_method(
        **here, authorizationType="AWS_IAM", apiKeyRequired=True, operationName="Post",
        requestValidatorId=validator, requestModels={"application/json": "Empty"},
        requestParameters={"method.request.header.a": True, "method.request.querystring.b": False})
    assert fields(made) == {
        "httpMethod": "POST", "authorizationType": "AWS_IAM", "apiKeyRequired": True,
        "operationName": "Post", "requestValidatorId": validator,
        "requestModels": {"application/json": "Empty"},
        "requestParameters": {"method.request.header.a": True,
                              "method.request.querystring.b": False},
    }
    assert fields(rest.get_method(**here)) == fields(made)
    refused("ConflictException", "Method already exists for this resource", rest.put_method,
            **here, authorizationType="NONE")
    altered = rest.update_method(**here, **patch(
        ("replace", "/authorizationType", "NONE"), ("replace", "/apiKeyRequired", "false"),
        ("replace", "/requestValidatorId", ""), ("replace", "/operationName", ""),
        ("remove", "/requestParameters/method.request.header.a"),
        ("replace", "/requestParameters/method.request.querystring.b", "true"),
        ("add", "/requestModels/text~1plain", "Error"),
        ("remove", "/requestModels/application~1json")))
    assert fields(altered) == {
        "httpMethod": "POST", "authorizationType": "NONE", "apiKeyRequired": False,
        "requestModels": {"text/plain": "Error"},
        "requestParameters": {"method.request.querystring.b": True},
    }
    missing("Content-Type specified was not found", rest.update_method, **here,
            **patch(("remove", "/requestModels/application~1json")))
    missing("Invalid parameter name specified", rest.update_method, **here,
            **patch(("remove", "/requestParameters/method.request.header.a")))
    missing("Invalid Method identifier specified", rest.get_method, **here | {"httpMethod": "GET"})

    at = here | {"statusCode": "200"}
    made = rest.put_method_response(**at, responseParameters={"method.response.header.x": False},
                                    responseModels={"application/json": "Empty"})
    wanted = {"statusCode": "200", "responseModels": {"application/json": "Empty"},
              "responseParameters": {"method.response.header.x": False}}
    assert fields(made) == fields(rest.get_method_response(**at)) == wanted
    refused("ConflictException", "already exists", rest.put_method_response, **at)
    altered = rest.update_method_response(**at, **patch(
        ("add", "/responseParameters/method.response.header.y", "true"),
        ("remove", "/responseModels/application~1json")))
    assert altered["responseParameters"]["method.response.header.y"] is True
    assert "responseModels" not in altered
    assert rest.get_method(**here)["methodResponses"] == {"200": fields(altered)}
    rest.delete_method_response(**at)
    missing("Invalid Response status code specified", rest.get_method_response, **at)
    refused("ValidationException", "[1-5]\\d\\d", rest.put_method_response,
            **here | {"statusCode": "2xx"})
    rest.delete_method(**here)
    missing("Invalid Method identifier specified", rest.delete_method, **here)


@pytest.mark.parametrize("arguments, text", [
    ({"httpMethod": "BREW"}, "Invalid HttpMethod specified. Valid options are "
     "GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"),
    ({"authorizationType": "CUSTOM"}, "Invalid authorizer ID specified. Setting the authorization "
     "type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."),
    ({"authorizationType": "CUSTOM", "authorizerId": "none"}, "Invalid authorizer ID specified."),
    ({"authorizationType": "X"}, "Invalid authorization type specified"),
    ({"requestValidatorId": "none"}, "Invalid Request Validator identifier specified"),
    ({"requestModels": {"application/json": "None"}}, "Invalid model identifier specified: None"),
    ({"requestModels": {"json": "Empty"}}, "Invalid content type specified: json"),
    ({"requestParameters": {"method.request.header.a": True, "method.request.path.a": True}},
     "Parameter names must be unique across querystring, header and path"),
    ({"requestParameters": {"header.a": True}}, "Invalid mapping expression specified: header.a"),
])
def test_method_refusals(rest, rest_api, root, arguments, text):
    usual = {"restApiId": rest_api, "resourceId": root, "httpMethod": "GET",
             "authorizationType": "NONE"}
    bad(text, rest.put_method, **usual | arguments)
    missing("Invalid Resource identifier", rest.put_method, **usual | {"resourceId": "none"})


def test_integration_and_responses(rest, rest_api, root):
    here = {"restApiId": rest_api, "resourceId": root, "httpMethod": "GET"}
    missing("Invalid Method identifier specified", rest.put_integration, **here, type="MOCK")
    rest.put_method(**here, authorizationType="NONE")
    missing("Invalid Integration identifier specified", rest.get_integration, **here)
    made = rest.put_integration(
        **here, type="HTTP", integrationHttpMethod="POST", uri="https://b.test/{p}?x=1",
        requestParameters={"integration.request.header.a": "'static'",
                           "integration.request.path.p": "method.request.querystring.p"},
        requestTemplates={"application/json": "$input.json('$')"}, timeoutInMillis=1000,
        passthroughBehavior="NEVER", contentHandling="CONVERT_TO_TEXT", cacheNamespace="ns",
        cacheKeyParameters=["method.request.querystring.p"],
        tlsConfig={"insecureSkipVerification": True})
    wanted = {
        "type": "HTTP", "httpMethod": "POST", "uri": "https://b.test/{p}?x=1",
        "connectionType": "INTERNET", "passthroughBehavior": "NEVER", "timeoutInMillis": 1000,
        "requestParameters": {"integration.request.header.a": "'static'",
                              "integration.request.path.p": "method.request.querystring.p"},
        "requestTemplates": {"application/json": "$input.json('$')"}, "cacheNamespace": "ns",
        "contentHandling": "CONVERT_TO_TEXT", "responseTransferMode": "BUFFERED",
        "cacheKeyParameters": ["method.request.querystring.p"],
        "tlsConfig": {"insecureSkipVerification": True},
    }
    assert fields(made) == fields(rest.get_integration(**here)) == wanted
    altered = rest.update_integration(**here, **patch(
        ("replace", "/uri", "http://c.test"), ("replace", "/httpMethod", "GET"),
        ("replace", "/timeoutInMillis", "50"), ("remove", "/requestTemplates/application~1json"),
        ("add", "/requestTemplates/text~1xml", "<a/>"),
        ("replace", "/requestParameters/integration.request.header.a", "context.requestId"),
        ("remove", "/requestParameters/integration.request.path.p"),
        ("remove", "/cacheKeyParameters/method.request.querystring.p"),
        ("replace", "/tlsConfig/insecureSkipVerification", "false"),
        ("replace", "/passthroughBehavior", "WHEN_NO_TEMPLATES")))
    assert fields(altered) == wanted | {
        "uri": "http://c.test", "httpMethod": "GET", "timeoutInMillis": 50,
        "requestTemplates": {"text/xml": "<a/>"}, "cacheKeyParameters": [],
        "requestParameters": {"integration.request.header.a": "context.requestId"},
        "tlsConfig": {"insecureSkipVerification": False},
        "passthroughBehavior": "WHEN_NO_TEMPLATES",
    }
    at = here | {"statusCode": "200"}
    missing("Invalid Response status code specified", rest.put_integration_response, **at)
    rest.put_method_response(**at, responseParameters={"method.response.header.x": False})
    response = rest.put_integration_response(
        **at, selectionPattern="2\\d\\d", responseTemplates={"application/json": "{}"},
        responseParameters={"method.response.header.x": "integration.response.header.y"},
        contentHandling="CONVERT_TO_BINARY")
    wanted = {"statusCode": "200", "selectionPattern": "2\\d\\d",
              "responseTemplates": {"application/json": "{}"},
              "responseParameters": {"method.response.header.x": "integration.response.header.y"},
              "contentHandling": "CONVERT_TO_BINARY"}
    assert fields(response) == fields(rest.get_integration_response(**at)) == wanted
    bad("Invalid mapping expression parameter specified: method.response.header.z",
        rest.put_integration_response, **at,
        responseParameters={"method.response.header.z": "'1'"})
    altered = rest.update_integration_response(**at, **patch(
        ("replace", "/selectionPattern", ""), ("replace", "/contentHandling", ""),
        ("replace", "/responseTemplates/application~1json", "[]"),
        ("remove", "/responseParameters/method.response.header.x")))
    assert fields(altered) == {"statusCode": "200", "selectionPattern": "",
                               "responseTemplates": {"application/json": "[]"}}
    assert rest.get_integration(**here)["integrationResponses"] == {"200": fields(altered)}
    # An update leaves the responses alone, a put does not.
    rest.update_integration(**here, **patch(("replace", "/uri", "http://d.test")))
    assert "integrationResponses" in rest.get_integration(**here)
    mock = rest.put_integration(**here, type="MOCK")
    assert fields(mock) == {"type": "MOCK", "passthroughBehavior": "WHEN_NO_MATCH",
                            "timeoutInMillis": 29000, "cacheNamespace": root,
                            "cacheKeyParameters": [], "responseTransferMode": "BUFFERED"}
    bad("Invalid patch path /uri", rest.update_integration, **here,
        **patch(("replace", "/uri", "x")))
    missing("Invalid Response status code specified", rest.get_integration_response, **at)
    rest.put_integration_response(**at)
    rest.delete_integration_response(**at)
    missing("Invalid Response status code", rest.delete_integration_response, **at)
    rest.delete_integration(**here)
    missing("Invalid Integration identifier specified", rest.delete_integration, **here)
    missing("No integration defined for method", rest.put_integration_response, **at)
    function = rest.put_integration(**here, type="AWS_PROXY", integrationHttpMethod="POST",
                                    uri=LAMBDA, credentials="arn:aws:iam::000000000000:role/r")
    assert function["uri"] == LAMBDA and "connectionType" not in function


@pytest.mark.parametrize("arguments, code, text", [
    ({"type": "HTTP", "uri": "http://b.test"}, "BadRequest",
     "Enumeration value for HttpMethod must be non-empty"),
    ({"type": "HTTP", "uri": "b.test", "integrationHttpMethod": "GET"}, "BadRequest",
     "Invalid HTTP endpoint specified for URI"),
    ({"type": "HTTP_PROXY", "integrationHttpMethod": "GET"}, "BadRequest",
     "Invalid HTTP endpoint specified for URI"),
    ({"type": "AWS", "uri": "x", "integrationHttpMethod": "POST"}, "BadRequest",
     "Invalid ARN specified in the request"),
    ({"type": "AWS", "uri": "arn:aws:apigateway:r:sqs:x", "integrationHttpMethod": "POST"},
     "BadRequest", "AWS ARN for integration must contain path or action"),
    ({"type": "AWS_PROXY", "uri": "arn:aws:apigateway:r:sqs:path/x",
      "integrationHttpMethod": "POST"}, "BadRequest",
     "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose "
     "stream invocations."),
    ({"type": "FTP"}, "Validation", "at 'putIntegrationInput.type' failed to satisfy constraint: "
     "Member must satisfy enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]"),
    ({"type": "MOCK", "timeoutInMillis": 49}, "BadRequest", "Timeout should be between 50 ms"),
    ({"type": "MOCK", "requestParameters": {"integration.request.header.a": "x"}}, "BadRequest",
     "errors : [Invalid mapping expression specified: x]"),
    ({"type": "MOCK", "requestTemplates": {"json": "x"}}, "BadRequest",
     "Invalid content type specified: json"),
    ({"type": "MOCK", "connectionType": "VPC_LINK", "connectionId": "none"}, "BadRequest",
     "Invalid Vpc Link identifier specified"),
])
def test_integration_refusals(rest, rest_api, root, arguments, code, text):
    here = {"restApiId": rest_api, "resourceId": root, "httpMethod": "GET"}
    rest.put_method(**here, authorizationType="NONE")
    refused(f"{code}Exception", text, rest.put_integration, **here, **arguments)


def test_deployment(rest, rest_api, root):
    here = {"restApiId": rest_api}
    bad("The REST API doesn't contain any methods", rest.create_deployment, **here)
    method = {"restApiId": rest_api, "resourceId": root, "httpMethod": "GET"}
    rest.put_method(**method, authorizationType="NONE")
    missing("No integration defined for method", rest.create_deployment, **here)
    rest.put_integration(**method, type="MOCK")
    made = rest.create_deployment(**here, description="one")
    at = here | {"deploymentId": made["id"]}
    assert fields(made) == {"id": made["id"], "description": "one"}
    assert fields(rest.get_deployment(**at)) == fields(made)
    summary = rest.get_deployment(**at, embed=["apisummary"])["apiSummary"]
    assert summary == {"/": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}}
    staged = rest.create_deployment(**here, stageName="dev", stageDescription="d",
                                    variables={"v": "1"}, tracingEnabled=True)
    stage = rest.get_stage(**here, stageName="dev")
    assert stage["deploymentId"] == staged["id"] and stage["variables"] == {"v": "1"}
    assert stage["tracingEnabled"] and stage["description"] == "d"
    altered = rest.update_deployment(**at, **patch(("replace", "/description", "two")))
    assert altered["description"] == "two"
    bad("Must be one of: [replace]", rest.update_deployment, **at,
        **patch(("add", "/description", "x")))
    ids = {one["id"] for one in every(rest, "get_deployments", **here)}
    assert ids == {made["id"], staged["id"]}
    bad("Active stages pointing to this deployment must be moved or deleted",
        rest.delete_deployment, **here, deploymentId=staged["id"])
    rest.delete_deployment(**at)
    missing("Invalid Deployment identifier", rest.get_deployment, **at)
    missing("Invalid Deployment identifier", rest.delete_deployment, **at)
    bad("Non null and non empty stageName must be provided for canary deployment. Provided value "
        "is null", rest.create_deployment, **here, canarySettings={"percentTraffic": 1.0})
    bad("Stage new must already be created before making a canary release deployment",
        rest.create_deployment, **here, stageName="new", canarySettings={"percentTraffic": 1.0})


def test_stage(rest, rest_api, root):
    here = {"restApiId": rest_api}
    mock_method(rest, rest_api, root)
    deployment = rest.create_deployment(**here)["id"]
    certificate = rest.generate_client_certificate()["clientCertificateId"]
    made = rest.create_stage(**here, stageName="dev", deploymentId=deployment, description="d",
                             variables={"v": "1"}, tags={"a": "b"}, cacheClusterEnabled=True,
                             cacheClusterSize="0.5", tracingEnabled=True)
    wanted = {
        "stageName": "dev", "deploymentId": deployment, "description": "d",
        "variables": {"v": "1"}, "tags": {"a": "b"}, "cacheClusterEnabled": True,
        "cacheClusterSize": "0.5", "cacheClusterStatus": "AVAILABLE", "methodSettings": {},
        "tracingEnabled": True,
    }
    assert fields(made) == wanted
    at = here | {"stageName": "dev"}
    assert fields(rest.get_stage(**at)) == wanted
    assert [fields(one) for one in rest.get_stages(**here)["item"]] == [wanted]
    assert len(rest.get_stages(**here, deploymentId=deployment)["item"]) == 1
    log = {"destinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:l", "format": "$x"}
    altered = rest.update_stage(**at, **patch(
        ("replace", "/*/*/logging/loglevel", "INFO"), ("replace", "/*/*/throttling/rateLimit", "7.5"),
        ("replace", "/~1pets~1{id}/GET/caching/enabled", "true"),
        ("replace", "/pets/POST/throttling/burstLimit", "3"),
        ("replace", "/pets/POST/caching/unauthorizedCacheControlHeaderStrategy", "FAIL_WITH_403"),
        ("replace", "/variables/w", "2"), ("remove", "/variables/v"),
        ("replace", "/accessLogSettings/destinationArn", log["destinationArn"]),
        ("replace", "/accessLogSettings/format", log["format"]),
        ("replace", "/cacheClusterEnabled", "false"), ("replace", "/tracingEnabled", "false"),
        ("replace", "/clientCertificateId", certificate), ("replace", "/description", "")))
    usual = {
        "metricsEnabled": False, "loggingLevel": "INFO", "dataTraceEnabled": False,
        "throttlingBurstLimit": 5000, "throttlingRateLimit": 7.5, "cachingEnabled": False,
        "cacheTtlInSeconds": 300, "cacheDataEncrypted": False,
        "requireAuthorizationForCacheControl": True,
        "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
    }
    strategy = {"unauthorizedCacheControlHeaderStrategy": "FAIL_WITH_403"}
    assert altered["methodSettings"] == {
        "*/*": usual, "pets/{id}/GET": usual | {"cachingEnabled": True},
        "pets/POST": usual | {"throttlingBurstLimit": 3} | strategy,
    }
    assert altered["variables"] == {"w": "2"} and altered["accessLogSettings"] == log
    assert altered["cacheClusterStatus"] == "NOT_AVAILABLE" and "description" not in altered
    assert altered["clientCertificateId"] == certificate
    bad("a stage of API", rest.delete_client_certificate, clientCertificateId=certificate)
    altered = rest.update_stage(**at, **patch(
        ("remove", "/pets/POST"), ("remove", "/accessLogSettings"),
        ("replace", "/clientCertificateId", "")))
    assert set(altered["methodSettings"]) == {"*/*", "pets/{id}/GET"}
    assert "accessLogSettings" not in altered and "clientCertificateId" not in altered
    rest.delete_client_certificate(clientCertificateId=certificate)
    rest.flush_stage_cache(**at)
    rest.flush_stage_authorizers_cache(**at)
    missing("Invalid stage identifier specified", rest.flush_stage_cache, **here, stageName="none")
    refused("ConflictException", "Stage already exists", rest.create_stage, **at,
            deploymentId=deployment)
    for arguments, text in [
            ({"deploymentId": "none"}, "Deployment id does not exist"),
            ({"stageName": "a b"}, "Stage name only allows a-zA-Z0-9_-"),
            ({"variables": {"a-b": "1"}}, "Stage variable names"),
            ({"clientCertificateId": "x"}, None)]:
        usual = here | {"stageName": "new", "deploymentId": deployment}
        if text:
            bad(text, rest.create_stage, **usual | arguments)
    missing("Invalid Documentation version specified", rest.create_stage, **here, stageName="new",
            deploymentId=deployment, documentationVersion="none")
    rest.delete_stage(**at)
    missing("Invalid stage identifier specified", rest.get_stage, **at)
    missing("Invalid stage identifier specified", rest.delete_stage, **at)


@pytest.mark.parametrize("step, text", [
    (("replace", "/*/*/x/y", "1"), "Invalid method setting path: /*/*/x/y. Must be one of: ["),
    (("replace", "/nothing", "1"), "Invalid method setting path: /nothing. Must be one of: ["),
    (("remove", "/pets/GET"), "Cannot remove method setting /pets/GET because there is no method "
     "setting for this method "),
    (("replace", "/accessLogSettings/x", "1"), "Invalid accessLogSettings path. Must be one of : "
     "[/accessLogSettings/destinationArn, /accessLogSettings/format]"),
    (("replace", "/accessLogSettings/format", ""), "Access Log value must not be empty"),
    (("add", "/canarySettings/deploymentId", "x"),
     "Invalid add operation with path: /canarySettings/deploymentId"),
    (("copy", "/description", None, "/x"), "Invalid copy operation with path: /description and "
     "from /x. Valid copy:path are [/deploymentId, /variables] and valid copy:from are "
     "[/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"),
    (("copy", "/deploymentId", None, "/canarySettings/deploymentId"),
     "Promotion not available. Canary does not exist."),
    (("replace", "/deploymentId", "none"), "Deployment id does not exist"),
    (("replace", "/*/*/throttling/burstLimit", "x"), "Invalid patch value 'x'"),
])
def test_stage_refusals(rest, rest_api, root, step, text):
    mock_method(rest, rest_api, root)
    rest.create_deployment(restApiId=rest_api, stageName="dev")
    bad(text, rest.update_stage, restApiId=rest_api, stageName="dev", **patch(step))


def test_canary(rest, rest_api, root):
    mock_method(rest, rest_api, root)
    here, at = {"restApiId": rest_api}, {"restApiId": rest_api, "stageName": "dev"}
    first = rest.create_deployment(**at, variables={"v": "1"})["id"]
    second = rest.create_deployment(**at, canarySettings={
        "percentTraffic": 12.5, "stageVariableOverrides": {"v": "2"}, "useStageCache": True})["id"]
    stage = rest.get_stage(**at)
    assert stage["deploymentId"] == first
    assert stage["canarySettings"] == {"percentTraffic": 12.5, "deploymentId": second,
                                       "stageVariableOverrides": {"v": "2"}, "useStageCache": True}
    bad("Active stages pointing", rest.delete_deployment, **here, deploymentId=second)
    altered = rest.update_stage(**at, **patch(("replace", "/canarySettings/percentTraffic", "50")))
    assert altered["canarySettings"]["percentTraffic"] == 50.0
    promoted = rest.update_stage(**at, **patch(
        ("copy", "/deploymentId", None, "/canarySettings/deploymentId"),
        ("copy", "/variables", None, "/canarySettings/stageVariableOverrides"),
        ("remove", "/canarySettings")))
    assert promoted["deploymentId"] == second and promoted["variables"] == {"v": "2"}
    assert "canarySettings" not in promoted
    rest.delete_deployment(**here, deploymentId=first)


def test_model(rest, rest_api, root):
    here = {"restApiId": rest_api}
    schema = json.dumps({"type": "object", "properties": {"a": {"type": "string"}}})
    made = rest.create_model(**here, name="Pet", contentType="application/json", schema=schema,
                             description="d")
    wanted = {"id": made["id"], "name": "Pet", "contentType": "application/json",
              "schema": schema, "description": "d"}
    at = here | {"modelName": "Pet"}
    assert fields(made) == fields(rest.get_model(**at)) == wanted
    other = json.dumps({"type": "array", "items": {"type": "string"}})
    altered = rest.update_model(**at, **patch(("replace", "/schema", other),
                                              ("replace", "/description", "e")))
    assert fields(altered) == wanted | {"schema": other, "description": "e"}
    names = [one["name"] for one in every(rest, "get_models", **here)]
    assert names == ["Empty", "Error", "Pet"]
    create = rest.create_model
    refused("ConflictException", "Model name already exists for this REST API", create, **here,
            name="Pet", contentType="application/json", schema=schema)
    bad("Model name must be non-empty", create, **here, name="", contentType="application/json")
    for text in ("{}", ""):
        bad("Model schema must have at least 1 property or array items defined", create, **here,
            name="M", contentType="application/json", schema=text)
    rest.put_method(**here, resourceId=root, httpMethod="ANY", authorizationType="NONE",
                    requestModels={"application/json": "Pet"})
    refused("ConflictException", "Cannot delete model 'Pet', is referenced in method request: "
            "//ANY", rest.delete_model, **at)
    rest.delete_method(**here, resourceId=root, httpMethod="ANY")
    rest.delete_model(**at)
    missing("Invalid model name specified: Pet", rest.get_model, **at)


def test_request_validator(rest, rest_api):
    here = {"restApiId": rest_api}
    made = rest.create_request_validator(**here, name="v", validateRequestBody=True)
    wanted = {"id": made["id"], "name": "v", "validateRequestBody": True,
              "validateRequestParameters": False}
    at = here | {"requestValidatorId": made["id"]}
    assert fields(made) == fields(rest.get_request_validator(**at)) == wanted
    altered = rest.update_request_validator(**at, **patch(
        ("replace", "/name", "w"), ("replace", "/validateRequestParameters", "true")))
    assert fields(altered) == wanted | {"name": "w", "validateRequestParameters": True}
    assert len(every(rest, "get_request_validators", **here)) == 1
    bad("Request Validator name cannot be blank", rest.create_request_validator, **here, name="")
    bad("Invalid REST API identifier specified", rest.create_request_validator, restApiId="none",
        name="v")
    rest.delete_request_validator(**at)
    missing("Invalid Request Validator identifier", rest.get_request_validator, **at)


def test_authorizer(rest, rest_api, root):
    here = {"restApiId": rest_api}
    made = rest.create_authorizer(
        **here, name="t", type="TOKEN", authorizerUri=LAMBDA, authType="custom",
        identitySource="method.request.header.Authorization", identityValidationExpression="x.*",
        authorizerResultTtlInSeconds=60, authorizerCredentials="arn:aws:iam::0:role/r")
    wanted = {
        "id": made["id"], "name": "t", "type": "TOKEN", "authorizerUri": LAMBDA,
        "authType": "custom", "identitySource": "method.request.header.Authorization",
        "identityValidationExpression": "x.*", "authorizerResultTtlInSeconds": 60,
        "authorizerCredentials": "arn:aws:iam::0:role/r",
    }
    at = here | {"authorizerId": made["id"]}
    assert fields(made) == fields(rest.get_authorizer(**at)) == wanted
    altered = rest.update_authorizer(**at, **patch(
        ("replace", "/authorizerResultTtlInSeconds", "0"), ("replace", "/type", "REQUEST"),
        ("replace", "/identitySource", "method.request.header.a,context.stage")))
    assert fields(altered) == wanted | {
        "authorizerResultTtlInSeconds": 0, "type": "REQUEST",
        "identitySource": "method.request.header.a,context.stage"}
    pool = rest.create_authorizer(**here, name="c", type="COGNITO_USER_POOLS",
                                  providerARNs=["arn:aws:cognito-idp:r:0:userpool/p"],
                                  identitySource="method.request.header.Authorization")
    grown = rest.update_authorizer(**here, authorizerId=pool["id"], **patch(
        ("add", "/providerARNs", "arn:aws:cognito-idp:r:0:userpool/q")))
    assert len(grown["providerARNs"]) == 2
    issuer = {"issuer": "https://i.test", "audiences": ["a"],
              "additionalClaims": [{"claimName": "c", "format": "SINGLE_STRING",
                                     "required": True}]}
    jwt = rest.create_authorizer(**here, name="j", type="JWT",
                                 identitySource="method.request.header.Authorization",
                                 jwtConfiguration={"issuers": [issuer],
                                                   "defaultAlgorithms": ["RS256"]})
    assert jwt["jwtConfiguration"] == {"issuers": [issuer], "defaultAlgorithms": ["RS256"]}
    assert len(every(rest, "get_authorizers", **here)) == 3
    create = rest.create_authorizer
    refused("ConflictException", "name must be unique", create, **here, name="t", type="TOKEN",
            authorizerUri=LAMBDA, identitySource="method.request.header.a")
    bad("exactly one request header", create, **here, name="x", type="TOKEN", authorizerUri=LAMBDA)
    bad("Identity source cannot be empty when caching is enabled", create, **here, name="x",
        type="REQUEST", authorizerUri=LAMBDA)
    bad("Authorizer URI", create, **here, name="x", type="TOKEN")
    refused("ValidationException", "createAuthorizerInput.type", create, **here, name="x", type="X")
    method = here | {"resourceId": root, "httpMethod": "GET"}
    shown = rest.put_method(**method, authorizationType="CUSTOM", authorizerId=made["id"],
                            authorizationScopes=["s"])
    assert shown["authorizerId"] == made["id"] and shown["authorizationScopes"] == ["s"]
    refused("ConflictException", "is referenced in method: //GET", rest.delete_authorizer, **at)
    rest.delete_method(**method)
    rest.delete_authorizer(**at)
    missing("Invalid Authorizer identifier specified", rest.get_authorizer, **at)


def test_gateway_response(rest, rest_api):
    here = {"restApiId": rest_api}
    listed = every(rest, "get_gateway_responses", **here)
    assert len(listed) == 21 and all(one["defaultResponse"] for one in listed)
    at = here | {"responseType": "THROTTLED"}
    shown = rest.get_gateway_response(**at)
    assert fields(shown) == {
        "responseType": "THROTTLED", "statusCode": "429", "responseParameters": {},
        "responseTemplates": {"application/json": '{"message":$context.error.messageString}'},
        "defaultResponse": True,
    }
    made = rest.put_gateway_response(
        **at, statusCode="420", responseParameters={"gatewayresponse.header.x": "'1'"},
        responseTemplates={"application/json": "{}"})
    wanted = {
        "responseType": "THROTTLED", "statusCode": "420", "defaultResponse": False,
        "responseParameters": {"gatewayresponse.header.x": "'1'"},
        "responseTemplates": {"application/json": "{}"},
    }
    assert fields(made) == fields(rest.get_gateway_response(**at)) == wanted
    altered = rest.update_gateway_response(**at, **patch(
        ("replace", "/statusCode", "429"), ("add", "/responseTemplates/text~1plain", "no"),
        ("remove", "/responseParameters/gatewayresponse.header.x")))
    assert fields(altered) == wanted | {
        "statusCode": "429", "responseParameters": {},
        "responseTemplates": {"application/json": "{}", "text/plain": "no"}}
    other = rest.update_gateway_response(**here, responseType="DEFAULT_4XX", **patch(
        ("add", "/responseParameters/gatewayresponse.header.y", "'*'")))
    assert not other["defaultResponse"] and "statusCode" not in other
    bad("Invalid null or empty value in responseTemplates", rest.put_gateway_response, **at,
        responseTemplates={"application/json": ""})
    refused("ValidationException", "Value 'X' at 'responseType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, ",
            rest.get_gateway_response, **here, responseType="X")
    rest.delete_gateway_response(**at)
    assert rest.get_gateway_response(**at)["defaultResponse"]
    missing("Gateway response type not defined on api", rest.delete_gateway_response, **at)


def test_documentation(rest, rest_api, root):
    here = {"restApiId": rest_api}
    location = {"type": "METHOD", "path": "/pets", "method": "GET"}
    made = rest.create_documentation_part(**here, location=location, properties='{"a": 1}')
    at = here | {"documentationPartId": made["id"]}
    wanted = {"id": made["id"], "location": location, "properties": '{"a": 1}'}
    assert fields(made) == fields(rest.get_documentation_part(**at)) == wanted
    altered = rest.update_documentation_part(**at, **patch(("replace", "/properties", "{}")))
    assert fields(altered) == wanted | {"properties": "{}"}
    refused("ConflictException", "already exists for the specified location",
            rest.create_documentation_part, **here, location=location, properties="{}")
    refused("ValidationException", "[RESPONSE_BODY, RESPONSE, METHOD, ",
            rest.create_documentation_part, **here, location={"type": "X"}, properties="{}")
    rest.create_documentation_part(**here, location={"type": "API"}, properties="{}")
    assert len(rest.get_documentation_parts(**here)["items"]) == 2
    [found] = rest.get_documentation_parts(**here, type="METHOD", path="/pets")["items"]
    assert found["id"] == made["id"]
    mock_method(rest, rest_api, root)
    rest.create_deployment(**here, stageName="dev")
    version = rest.create_documentation_version(**here, documentationVersion="1", stageName="dev",
                                                description="d")
    assert fields(version) == {"version": "1", "description": "d"}
    assert rest.get_stage(**here, stageName="dev")["documentationVersion"] == "1"
    on = here | {"documentationVersion": "1"}
    assert fields(rest.get_documentation_version(**on)) == fields(version)
    altered = rest.update_documentation_version(**on, **patch(("replace", "/description", "e")))
    assert altered["description"] == "e"
    assert len(rest.get_documentation_versions(**here)["items"]) == 1
    refused("ConflictException", "already exists", rest.create_documentation_version, **on)
    refused("ConflictException", "stage", rest.delete_documentation_version, **on)
    rest.update_stage(**here, stageName="dev", **patch(("replace", "/documentationVersion", "")))
    rest.delete_documentation_version(**on)
    missing("Invalid Documentation version specified", rest.get_documentation_version, **on)
    rest.delete_documentation_part(**at)
    missing("Invalid Documentation part identifier", rest.get_documentation_part, **at)


def test_lists_have_pages(rest, rest_api, root):
    for number in range(30):
        rest.create_resource(restApiId=rest_api, parentId=root, pathPart=f"r{number}")
    first = rest.get_resources(restApiId=rest_api)
    assert len(first["items"]) == 25 and first["position"]
    rest_of = rest.get_resources(restApiId=rest_api, position=first["position"])
    assert len(rest_of["items"]) == 6 and "position" not in rest_of
    config = {"PageSize": 4}
    listed = every(rest, "get_resources", restApiId=rest_api, PaginationConfig=config)
    assert len(listed) == len({one["id"] for one in listed}) == 31
    assert len(rest.get_resources(restApiId=rest_api, limit=500)["items"]) == 31
    bad("position", rest.get_resources, restApiId=rest_api, position="!")
    bad("limit", rest.get_resources, restApiId=rest_api, limit=0)


def test_two_regions_lose_no_update(rest, rest_elsewhere, rest_api, root, ready):
    """Writers at two regions alter one method; each that was told yes is in the end."""
    from concurrent.futures import ThreadPoolExecutor
    here = mock_method(rest, rest_api, root)
    rest.put_method_response(**here, statusCode="200")
    made = rest.update_method(**here, **patch(("replace", "/operationName", "start")))
    settle(Management(ready), made[META]["HTTPHeaders"])

    def write(number):
        client = strict_client(ready, -(number % 2), service="apigateway")
        name = f"method.request.header.h{number}"
        for _ in range(200):
            try:
                client.update_method(**here, **patch(("add", f"/requestParameters/{name}", "true")))
                return name
            except ClientError as error:
                told = error.response["Error"]
                # 503: nobody led for a moment; adding it again does no harm.
                again = told["Code"] == "ServiceUnavailableException"
                assert again or told["Code"] == "ConflictException", error
                assert again or CONCURRENT in told["Message"], error
        pytest.fail("a writer got no turn in 200 tries")

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(write, range(16)))
    shown = rest.get_method(**here)
    assert set(shown["requestParameters"]) == set(names)


def test_v2_does_not_see_rest_apis(apis, rest_api):
    missing(rest_api, apis.get_api, ApiId=rest_api)
    missing(rest_api, apis.get_stages, ApiId=rest_api)


@pytest.mark.parametrize("operation, arguments", [
    ("get_sdk", {"restApiId": "a", "stageName": "s", "sdkType": "java"}),
    ("get_sdk_types", {}), ("get_sdk_type", {"id": "java"}),
])
def test_absent_operations_are_named(rest, operation, arguments):
    name = "".join(word.capitalize() for word in operation.split("_"))
    refused("NotImplementedException", name, getattr(rest, operation), **arguments)
