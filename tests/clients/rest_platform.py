"""What a platform team does with an API from its first call to its replacement: 40 resources built
call by call, two stages, a custom domain with a base path, keys and a usage plan; then exported,
deleted, imported again, deployed again, and compared."""

import json
import uuid

from aws_cli import aws
from conftest import Management, settle

BACKEND = "http://127.0.0.1:9"
EXTENSIONS = {"extensions": "apigateway,documentation"}
#: 13 collections with items and actions, and the root: 40 resources.
COLLECTIONS = [f"things{number}" for number in range(13)]


def build(rest, api, collections=tuple(COLLECTIONS)):
    """Every resource, method and what belongs to them, one call after the other."""
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object",
              "required": ["name"], "properties": {"name": {"type": "string"}}}
    rest.create_model(restApiId=api, name="Thing", contentType="application/json",
                      schema=json.dumps(schema))
    validator = rest.create_request_validator(
        restApiId=api, name="bodies", validateRequestBody=True, validateRequestParameters=True)
    authorizer = rest.create_authorizer(
        restApiId=api, name="tokens", type="TOKEN",
        identitySource="method.request.header.Authorization",
        authorizerUri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                      "arn:aws:lambda:us-east-1:000000000000:function:auth/invocations")
    rest.put_gateway_response(restApiId=api, responseType="DEFAULT_4XX",
                              responseParameters={"gatewayresponse.header.x-own": "'1'"})
    for name in collections:
        all_of = rest.create_resource(restApiId=api, parentId=root, pathPart=name)["id"]
        one = rest.create_resource(restApiId=api, parentId=all_of, pathPart="{id}")["id"]
        action = rest.create_resource(restApiId=api, parentId=one, pathPart="archive")["id"]
        method(rest, api, all_of, "GET", f"/{name}",
               requestParameters={"method.request.querystring.page": False})
        method(rest, api, all_of, "POST", f"/{name}", requestModels={"application/json": "Thing"},
               requestValidatorId=validator["id"], apiKeyRequired=True)
        method(rest, api, one, "ANY", f"/{name}/{{id}}", authorizationType="CUSTOM",
               authorizerId=authorizer["id"], requestParameters={"method.request.path.id": True})
        at = {"restApiId": api, "resourceId": action, "httpMethod": "PUT"}
        rest.put_method(**at, authorizationType="NONE")
        rest.put_integration(**at, type="MOCK",
                             requestTemplates={"application/json": '{"statusCode": 202}'})
        rest.put_method_response(**at, statusCode="202")
        rest.put_integration_response(**at, statusCode="202",
                                      responseTemplates={"application/json": '{"archived": true}'})


def method(rest, api, resource, verb, path, authorizationType="NONE", **settings):
    at = {"restApiId": api, "resourceId": resource, "httpMethod": verb}
    rest.put_method(**at, authorizationType=authorizationType, **settings)
    mapped = {"integration.request.path.id": "method.request.path.id"} if "{id}" in path else {}
    rest.put_integration(**at, type="HTTP_PROXY", integrationHttpMethod=verb, uri=BACKEND + path,
                         requestParameters=mapped, timeoutInMillis=5000)


def paths(rest, api):
    """Path to methods, page by page."""
    pages = rest.get_paginator("get_resources").paginate(restApiId=api)
    return {one["path"]: sorted(one.get("resourceMethods", {}))
            for page in pages for one in page["items"]}


def export(rest, api, stage):
    answer = rest.get_export(restApiId=api, stageName=stage, exportType="oas30",
                             accepts="application/json", parameters=EXTENSIONS)
    return answer["body"].read()


def comparable(file, api):
    """An export with its own id and host made the same for all APIs."""
    return json.loads(file.decode().replace(api, "API"))


def deploy(rest, api):
    """One deployment at two stages, as a team promotes it."""
    first = rest.create_deployment(restApiId=api, stageName="staging", description="one")["id"]
    rest.create_stage(restApiId=api, stageName="prod", deploymentId=first,
                      variables={"tier": "gold"}, tags={"team": "platform"})
    rest.update_stage(restApiId=api, stageName="prod", patchOperations=[
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "50"},
        {"op": "replace", "path": "/~1things0/GET/throttling/burstLimit", "value": "7"}])
    return first


def plan(rest, api, key):
    made = rest.create_usage_plan(
        name="gold", apiStages=[{"apiId": api, "stage": "prod"}],
        throttle={"rateLimit": 10.0, "burstLimit": 20}, quota={"limit": 1000, "period": "DAY"})
    rest.create_usage_plan_key(usagePlanId=made["id"], keyId=key, keyType="API_KEY")
    return made["id"]


def test_an_api_from_first_call_to_replacement(rest, ready, certificate):
    api = rest.create_rest_api(name="platform", description="d", tags={"team": "platform"},
                               minimumCompressionSize=1024)["id"]
    build(rest, api)
    built = paths(rest, api)
    assert len(built) == 40, sorted(built)
    deploy(rest, api)

    domain = f"p{uuid.uuid4().hex[:8]}.clients.test"
    rest.create_domain_name(domainName=domain, regionalCertificateArn=certificate(domain),
                            endpointConfiguration={"types": ["REGIONAL"]})
    rest.create_base_path_mapping(domainName=domain, basePath="shop", restApiId=api, stage="prod")
    key = rest.create_api_key(name="partner", enabled=True)["id"]
    first_plan = plan(rest, api, key)
    assert [one["id"] for one in rest.get_usage_plan_keys(usagePlanId=first_plan)["items"]] == [key]

    file = export(rest, api, "prod")
    refusal = refused(rest, rest.delete_rest_api, restApiId=api)
    assert domain in refusal, "a mapping stands in the way"
    rest.delete_base_path_mapping(domainName=domain, basePath="shop")
    assert first_plan in refused(rest, rest.delete_rest_api, restApiId=api)
    rest.update_usage_plan(usagePlanId=first_plan, patchOperations=[
        {"op": "remove", "path": "/apiStages", "value": f"{api}:prod"}])
    rest.delete_usage_plan(usagePlanId=first_plan)
    rest.delete_rest_api(restApiId=api)

    again = rest.import_rest_api(body=file)["id"]
    assert again != api and paths(rest, again) == built
    deploy(rest, again)
    assert comparable(export(rest, again, "prod"), again) == comparable(file, api)
    assert comparable(export(rest, again, "staging"), again)["paths"] == json.loads(file)["paths"]
    last = rest.create_base_path_mapping(domainName=domain, basePath="shop", restApiId=again,
                                         stage="prod")
    second_plan = plan(rest, again, key)
    settle(Management(ready), last["ResponseMetadata"]["HTTPHeaders"])
    mapped = rest.get_base_path_mapping(domainName=domain, basePath="shop")
    assert (mapped["restApiId"], mapped["stage"]) == (again, "prod")

    rest.delete_domain_name(domainName=domain)
    rest.update_usage_plan(usagePlanId=second_plan, patchOperations=[
        {"op": "remove", "path": "/apiStages", "value": f"{again}:prod"}])
    rest.delete_usage_plan(usagePlanId=second_plan)
    rest.delete_api_key(apiKey=key)
    rest.delete_rest_api(restApiId=again)


def refused(rest, operation, **arguments):
    try:
        operation(**arguments)
    except rest.exceptions.BadRequestException as error:
        return error.response["Error"]["Message"]
    raise AssertionError("it was not refused")


def test_the_same_by_command(rest, ready, tmp_path):
    """The AWS CLI's share: a file in, a deployment, a file out, and the same again."""
    def good(*arguments):
        result = aws(ready, *arguments, service="apigateway")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout) if result.stdout.startswith("{") else None

    source = rest.create_rest_api(name="by-command")["id"]
    build(rest, source, COLLECTIONS[:2])
    rest.create_deployment(restApiId=source, stageName="prod")
    file, copied = tmp_path / "file.json", tmp_path / "copied.json"
    good("get-export", "--rest-api-id", source, "--stage-name", "prod", "--export-type", "oas30",
         "--accepts", "application/json", "--parameters", "extensions='apigateway,documentation'",
         str(file))
    made = good("import-rest-api", "--body", f"fileb://{file}")
    good("create-deployment", "--rest-api-id", made["id"], "--stage-name", "prod")
    good("get-export", "--rest-api-id", made["id"], "--stage-name", "prod", "--export-type",
         "oas30", "--accepts", "application/json", "--parameters",
         "extensions='apigateway,documentation'", str(copied))
    assert comparable(copied.read_bytes(), made["id"]) == comparable(file.read_bytes(), source)
    for api in (source, made["id"]):
        good("delete-rest-api", "--rest-api-id", api)
