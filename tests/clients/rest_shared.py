"""What stands beside REST APIs (API Gateway v1) through boto3: keys, usage plans, domains, tags and
so on; and a platform team's script from the first resource to the last deletion."""

import http.client
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from aws_cli import aws
from conftest import Management, settle
from rest_apis import bad, every, fields, missing, mock_method, patch, refused


@pytest.fixture
def stage(rest, rest_api):
    """The name of a stage that is deployed."""
    root = rest.get_rest_api(restApiId=rest_api)["rootResourceId"]
    mock_method(rest, rest_api, root)
    rest.create_deployment(restApiId=rest_api, stageName="prod")
    return "prod"


@pytest.fixture
def gone(rest):
    """Removes keys and plans in the end, which every test shares."""
    keys, plans = [], []
    yield keys, plans
    for plan in plans:
        try:
            for one in rest.get_usage_plan(usagePlanId=plan)["apiStages"]:
                pair = f"{one['apiId']}:{one['stage']}"
                rest.update_usage_plan(usagePlanId=plan, **patch(("remove", "/apiStages", pair)))
            rest.delete_usage_plan(usagePlanId=plan)
        except rest.exceptions.NotFoundException:
            pass
    for key in keys:
        try:
            rest.delete_api_key(apiKey=key)
        except rest.exceptions.NotFoundException:
            pass


def test_api_key(rest, rest_api, stage, gone):
    name = f"k{uuid.uuid4().hex[:8]}"
    made = rest.create_api_key(name=name, description="d", customerId="c", tags={"a": "b"},
                               stageKeys=[{"restApiId": rest_api, "stageName": stage}])
    gone[0].append(made["id"])
    wanted = {"id": made["id"], "name": name, "description": "d", "customerId": "c",
              "enabled": False, "stageKeys": [f"{rest_api}/prod"], "tags": {"a": "b"}}
    assert fields(made) == wanted | {"value": made["value"]} and len(made["value"]) == 40
    at = {"apiKey": made["id"]}
    assert fields(rest.get_api_key(**at)) == wanted
    assert rest.get_api_key(**at, includeValue=True)["value"] == made["value"]
    altered = rest.update_api_key(**at, **patch(
        ("replace", "/enabled", "true"), ("replace", "/name", f"{name}x"),
        ("replace", "/description", ""), ("remove", "/stages", f"{rest_api}/prod")))
    wanted |= {"enabled": True, "name": f"{name}x", "stageKeys": []}
    del wanted["description"]
    assert fields(altered) == wanted
    assert [one["id"] for one in rest.get_api_keys(nameQuery=name)["items"]] == [made["id"]]
    [shown] = rest.get_api_keys(nameQuery=name, includeValues=True)["items"]
    assert shown["value"] == made["value"]
    refused("ConflictException", "API Key already exists", rest.create_api_key,
            value=made["value"])
    bad("API Key value should be at least 20 characters", rest.create_api_key, value="short")
    bad("exceeds maximum size of 128 characters", rest.create_api_key, value="x" * 129)
    bad("can be at most 1024 characters", rest.create_api_key, name="x" * 1025)
    bad("Invalid API Stage specified", rest.create_api_key,
        stageKeys=[{"restApiId": rest_api, "stageName": "none"}])
    bad("Must be one of: [replace]", rest.update_api_key, **at, **patch(("add", "/name", "x")))
    rest.delete_api_key(**at)
    missing("Invalid API Key identifier specified", rest.get_api_key, **at)
    missing("Invalid API Key identifier specified", rest.delete_api_key, **at)


def test_import_api_keys(rest, gone):
    plan = rest.create_usage_plan(name="imported")["id"]
    gone[1].append(plan)
    value = uuid.uuid4().hex
    text = (f'Name,Key,description,Enabled,usageplanIds\n"a, b",{value},d,TRUE,[{plan};none]\n'
            f"twice,{uuid.uuid4().hex},,false,\n")
    made = rest.import_api_keys(format="csv", body=text.encode())
    gone[0].extend(made["ids"])
    assert len(made["ids"]) == 2 and made["warnings"] == ["line 2: no usage plan none"]
    first = rest.get_api_key(apiKey=made["ids"][0], includeValue=True)
    assert (first["name"], first["value"], first["enabled"]) == ("a, b", value, True)
    keys = rest.get_usage_plan_keys(usagePlanId=plan)["items"]
    assert [one["id"] for one in keys] == [first["id"]]
    bad("API Key already exists", rest.import_api_keys, format="csv", failOnWarnings=True,
        body=text.encode())
    bad("no column key", rest.import_api_keys, format="csv", body=b"name\nx\n")


def test_usage_plan(rest, rest_api, stage, gone):
    covered = {"apiId": rest_api, "stage": stage,
               "throttle": {"/pets/GET": {"burstLimit": 2, "rateLimit": 1.5}}}
    made = rest.create_usage_plan(
        name="gold", description="d", apiStages=[covered], tags={"a": "b"},
        throttle={"burstLimit": 10, "rateLimit": 5.0},
        quota={"limit": 100, "offset": 1, "period": "WEEK"})
    gone[1].append(made["id"])
    wanted = {"id": made["id"], "name": "gold", "description": "d", "apiStages": [covered],
              "throttle": {"burstLimit": 10, "rateLimit": 5.0}, "tags": {"a": "b"},
              "quota": {"limit": 100, "offset": 1, "period": "WEEK"}}
    at = {"usagePlanId": made["id"]}
    assert fields(made) == fields(rest.get_usage_plan(**at)) == wanted
    pair = f"{rest_api}:{stage}"
    altered = rest.update_usage_plan(**at, **patch(
        ("replace", "/name", "silver"), ("replace", "/quota/limit", "7"), ("remove", "/throttle"),
        ("add", "/productCode", "p"), ("remove", f"/apiStages/{pair}/throttle/~1pets/GET"),
        ("replace", f"/apiStages/{pair}/throttle/~1cats~1{{id}}/GET/rateLimit", "3"),
        ("replace", f"/apiStages/{pair}/throttle/~1cats~1{{id}}/GET/burstLimit", "4")))
    limits = {"/cats/{id}/GET": {"burstLimit": 4, "rateLimit": 3.0}}
    del wanted["throttle"]
    assert fields(altered) == wanted | {
        "name": "silver", "productCode": "p", "apiStages": [covered | {"throttle": limits}],
        "quota": {"limit": 7, "offset": 1, "period": "WEEK"}}
    altered = rest.update_usage_plan(**at, **patch(
        ("remove", "/quota"), ("remove", "/productCode"),
        ("add", "/throttle/rateLimit", "9.5"), ("remove", f"/apiStages/{pair}/throttle")))
    assert "quota" not in altered and altered["throttle"] == {"rateLimit": 9.5}
    assert altered["apiStages"] == [{"apiId": rest_api, "stage": stage}]
    bad("API Stages are still associated", rest.delete_usage_plan, **at)
    bad("usage plan", rest.delete_stage, restApiId=rest_api, stageName=stage)
    altered = rest.update_usage_plan(**at, **patch(("remove", "/apiStages", pair)))
    assert altered["apiStages"] == []
    missing(f"Invalid API Stage {{api: {rest_api}, stage: {stage}}} specified for usageplan "
            f"{made['id']}", rest.update_usage_plan, **at, **patch(("remove", "/apiStages", pair)))
    missing("Invalid API Stage", rest.update_usage_plan, **at,
            **patch(("add", "/apiStages", f"{rest_api}:none")))
    bad("Invalid patch operation specified. Must be 'add'|'remove'|'replace'",
        rest.update_usage_plan, **at, **patch(("copy", "/apiStages", pair)))
    bad("both a limit and a period", rest.create_usage_plan, name="x", quota={"limit": 1})
    refused("ValidationException", "createUsagePlanInput.quota.period", rest.create_usage_plan,
            name="x", quota={"limit": 1, "period": "YEAR"})
    bad("Invalid API Stage specified", rest.create_usage_plan, name="x",
        apiStages=[{"apiId": "none", "stage": "s"}])
    rest.delete_usage_plan(**at)
    missing("Invalid Usage Plan ID specified", rest.get_usage_plan, **at)


def test_usage_plan_keys_and_usage(rest, rest_api, stage, gone):
    keys, plans = gone
    key = rest.create_api_key(name="k", enabled=True)
    keys.append(key["id"])
    covered = [{"apiId": rest_api, "stage": stage}]
    plan, other = [rest.create_usage_plan(name="p", apiStages=covered, quota={
        "limit": 5, "period": "DAY"})["id"] for _ in range(2)]
    plans.extend([plan, other])
    add = {"usagePlanId": plan, "keyId": key["id"], "keyType": "API_KEY"}
    made = rest.create_usage_plan_key(**add)
    wanted = {"id": key["id"], "type": "API_KEY", "value": key["value"], "name": "k"}
    at = {"usagePlanId": plan, "keyId": key["id"]}
    assert fields(made) == fields(rest.get_usage_plan_key(**at)) == wanted
    assert rest.get_usage_plan_keys(usagePlanId=plan)["items"] == [wanted]
    assert [one["id"] for one in rest.get_usage_plans(keyId=key["id"])["items"]] == [plan]
    refused("ConflictException", "already exists", rest.create_usage_plan_key, **add)
    refused("ConflictException", "cannot reference multiple Usage Plans with the same API stage",
            rest.create_usage_plan_key, **add | {"usagePlanId": other})
    missing("Invalid API Key identifier", rest.create_usage_plan_key, **add | {"keyId": "none"})
    missing("Invalid Usage Plan ID", rest.create_usage_plan_key, **add | {"usagePlanId": "none"})
    bad("type must be API_KEY", rest.create_usage_plan_key, **add | {"keyType": "X"})
    days = {"usagePlanId": plan, "startDate": "2026-02-27", "endDate": "2026-03-01"}
    usage = rest.get_usage(**days)
    assert fields(usage) == days | {"items": {key["id"]: [[0, 5]] * 3}}
    bad("Invalid startDate", rest.get_usage, **days | {"startDate": "yesterday"})
    bad("endDate must be", rest.get_usage, **days | {"endDate": "2027-01-01"})
    rest.delete_usage_plan_key(**at)
    missing("Invalid API Key identifier", rest.get_usage_plan_key, **at)
    missing("Invalid API Key identifier", rest.delete_usage_plan_key, **at)


def test_domain_and_base_path_mapping(rest, apis, rest_api, stage, certificate, ready):
    region, base = ready["regions"][0]["name"], ready["base_domain"]
    name = f"v{uuid.uuid4().hex[:8]}.clients.test"
    arn = certificate(name)
    made = rest.create_domain_name(domainName=name, certificateArn=arn, tags={"a": "b"})
    target, zone = made["distributionDomainName"], made["distributionHostedZoneId"]
    assert target.endswith(f".execute-api.{region}.{base}") and zone
    wanted = {
        "domainName": name, "certificateArn": arn, "distributionDomainName": target,
        "distributionHostedZoneId": zone, "domainNameStatus": "AVAILABLE",
        "domainNameArn": f"arn:aws:apigateway:{region}::/domainnames/{name}",
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        "securityPolicy": "TLS_1_2", "routingMode": "BASE_PATH_MAPPING_ONLY", "tags": {"a": "b"},
        "certificateUploadDate": made["certificateUploadDate"],
    }
    at = {"domainName": name}
    assert fields(made) == fields(rest.get_domain_name(**at)) == wanted
    assert name in [one["domainName"] for one in every(rest, "get_domain_names")]
    # The same object as in v2.
    [shown] = apis.get_domain_name(DomainName=name)["DomainNameConfigurations"]
    assert (shown["EndpointType"], shown["ApiGatewayDomainName"]) == ("EDGE", target)
    refused("ConflictException", "already exists", rest.create_domain_name, **at,
            certificateArn=arn)
    bad("certificate", rest.create_domain_name, domainName="x.clients.test", certificateArn="x")
    bad("No Domain Name specified", rest.create_domain_name, certificateArn=arn)
    moved = rest.update_domain_name(**at, **patch(
        ("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"),
        ("replace", "/endpointConfiguration/ipAddressType", "dualstack"),
        ("add", "/regionalCertificateArn", arn)))
    assert moved["endpointConfiguration"] == {"types": ["REGIONAL"], "ipAddressType": "dualstack"}
    assert moved["regionalDomainName"] == target and "distributionDomainName" not in moved
    strict = rest.update_domain_name(**at, **patch(
        ("replace", "/securityPolicy", "SecurityPolicy_TLS13_1_3_2025_09")))
    assert strict["securityPolicy"] == "SecurityPolicy_TLS13_1_3_2025_09"
    with pytest.raises(ClientError, match="TLS_9_9"):
        rest.update_domain_name(**at, **patch(("replace", "/securityPolicy", "TLS_9_9")))

    mapping = rest.create_base_path_mapping(**at, restApiId=rest_api, stage=stage)
    assert fields(mapping) == {"basePath": "(none)", "restApiId": rest_api, "stage": stage}
    on = at | {"basePath": "(none)"}
    assert fields(rest.get_base_path_mapping(**on)) == fields(mapping)
    [shown] = apis.get_api_mappings(DomainName=name)["Items"]
    assert (shown["ApiId"], shown["Stage"], shown["ApiMappingKey"]) == (rest_api, stage, "")
    refused("ConflictException", "Base path already exists for this domain name",
            rest.create_base_path_mapping, **at, restApiId=rest_api, stage=stage)
    bad("doesn't support the slash character (/)", rest.create_base_path_mapping, **at,
        restApiId=rest_api, stage=stage, basePath="a/b")
    bad("Invalid stage identifier", rest.create_base_path_mapping, **at, restApiId=rest_api,
        stage="none", basePath="a")
    bad("Invalid REST API identifier", rest.create_base_path_mapping, **at, restApiId="none",
        basePath="a")
    open_stage = rest.create_base_path_mapping(**at, restApiId=rest_api, basePath="all")
    assert fields(open_stage) == {"basePath": "all", "restApiId": rest_api}
    assert len(every(rest, "get_base_path_mappings", **at)) == 2
    renamed = rest.update_base_path_mapping(**on, **patch(
        ("replace", "/basePath", "v1"), ("replace", "/stage", stage)))
    assert fields(renamed) == {"basePath": "v1", "restApiId": rest_api, "stage": stage}
    missing("Invalid base path mapping identifier", rest.get_base_path_mapping, **on)
    bad("mapping", rest.delete_rest_api, restApiId=rest_api)
    for path in ("v1", "all"):
        rest.delete_base_path_mapping(**at, basePath=path)
    missing("Invalid base path mapping identifier", rest.delete_base_path_mapping, **on)
    rest.delete_domain_name(**at)
    missing("Invalid domain name identifier specified", rest.get_domain_name, **at)
    missing("Invalid domain name identifier specified", rest.get_base_path_mappings, **at)


def test_tags(rest, rest_api, stage, gone, ready):
    region = ready["regions"][0]["name"]
    key = rest.create_api_key(name="tagged")["id"]
    plan = rest.create_usage_plan(name="tagged")["id"]
    gone[0].append(key)
    gone[1].append(plan)
    paths = [f"restapis/{rest_api}", f"restapis/{rest_api}/stages/{stage}", f"apikeys/{key}",
             f"usageplans/{plan}"]
    for path in paths:
        arn = f"arn:aws:apigateway:{region}::/{path}"
        rest.tag_resource(resourceArn=arn, tags={"one": "1", "two words": "ü/&="})
        assert rest.get_tags(resourceArn=arn)["tags"] == {"one": "1", "two words": "ü/&="}
        rest.untag_resource(resourceArn=arn, tagKeys=["two words", "absent"])
        assert rest.get_tags(resourceArn=arn)["tags"] == {"one": "1"}
    assert rest.get_rest_api(restApiId=rest_api)["tags"] == {"one": "1"}
    missing("none", rest.get_tags, resourceArn=f"arn:aws:apigateway:{region}::/restapis/none")
    bad("ARN", rest.tag_resource, resourceArn="arn:aws:s3:::bucket", tags={})


def test_account(rest):
    before = rest.get_account()
    assert before["throttleSettings"] == {"burstLimit": 5000, "rateLimit": 10000.0}
    assert (before["features"], before["apiKeyVersion"]) == (["UsagePlans"], "4")
    role = "arn:aws:iam::000000000000:role/logs"
    altered = rest.update_account(**patch(("replace", "/cloudwatchRoleArn", role),
                                          ("add", "/features", "UsagePlans")))
    assert altered["cloudwatchRoleArn"] == rest.get_account()["cloudwatchRoleArn"] == role
    bad("Invalid ARN", rest.update_account, **patch(("replace", "/cloudwatchRoleArn", "x")))
    bad("cannot be disabled", rest.update_account, **patch(("remove", "/features", "UsagePlans")))
    after = rest.update_account(**patch(("replace", "/cloudwatchRoleArn", "")))
    assert "cloudwatchRoleArn" not in after


def test_client_certificate(rest):
    made = rest.generate_client_certificate(description="d", tags={"a": "b"})
    at = {"clientCertificateId": made["clientCertificateId"]}
    assert made["pemEncodedCertificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert (made["expirationDate"] - made["createdDate"]).days == 365
    assert fields(rest.get_client_certificate(**at)) == fields(made)
    altered = rest.update_client_certificate(**at, **patch(("replace", "/description", "e")))
    assert fields(altered) == fields(made) | {"description": "e"}
    listed = every(rest, "get_client_certificates")
    assert made["clientCertificateId"] in [one["clientCertificateId"] for one in listed]
    rest.delete_client_certificate(**at)
    missing("Invalid Client Certificate identifier", rest.get_client_certificate, **at)


def test_vpc_link(rest, rest_api):
    target = "arn:aws:elasticloadbalancing:us-east-1:0:loadbalancer/net/n/1"
    made = rest.create_vpc_link(name="l", targetArns=[target], description="d", tags={"a": "b"})
    wanted = {"id": made["id"], "name": "l", "targetArns": [target], "description": "d",
              "status": "AVAILABLE", "tags": {"a": "b"}}
    at = {"vpcLinkId": made["id"]}
    assert fields(made) == wanted
    message = {"statusMessage": "No connector named n is connected"}
    assert fields(rest.get_vpc_link(**at)) == wanted | message
    altered = rest.update_vpc_link(**at, **patch(("replace", "/name", "m")))
    assert fields(altered) == wanted | {"name": "m"}
    assert made["id"] in [one["id"] for one in every(rest, "get_vpc_links")]
    bad("Invalid ARN. ARN is not well formed x", rest.create_vpc_link, name="l", targetArns=["x"])
    root = rest.get_rest_api(restApiId=rest_api)["rootResourceId"]
    method = {"restApiId": rest_api, "resourceId": root, "httpMethod": "GET"}
    rest.put_method(**method, authorizationType="NONE")
    shown = rest.put_integration(**method, type="HTTP_PROXY", integrationHttpMethod="GET",
                                 uri="http://b.test", connectionType="VPC_LINK",
                                 connectionId=made["id"])
    assert (shown["connectionType"], shown["connectionId"]) == ("VPC_LINK", made["id"])
    bad(f"Vpc link '{made['id']}', is referenced in [GET:{root}:{rest_api}]",
        rest.delete_vpc_link, **at)
    rest.delete_integration(**method)
    rest.delete_vpc_link(**at)
    missing("Invalid Vpc Link identifier specified", rest.get_vpc_link, **at)


def test_a_deployed_stage_is_served(rest, rest_api, stage, ready):
    altered = rest.update_stage(restApiId=rest_api, stageName=stage,
                                **patch(("replace", "/description", "d")))
    settle(Management(ready), altered["ResponseMetadata"]["HTTPHeaders"])
    host = f"{rest_api}.execute-api.{ready['regions'][0]['name']}.{ready['base_domain']}"
    for place in (ready["pops"][0], ready["regions"][-1]):
        connection = http.client.HTTPConnection(place["http"], timeout=20)
        connection.request("GET", f"/{stage}/no/such/path", headers={"host": host})
        answer = connection.getresponse()
        assert answer.status == 403, place["name"]
        assert json.loads(answer.read()) == {"message": "Missing Authentication Token"}
        kind = answer.getheader("x-amzn-ErrorType")
        assert kind == "MissingAuthenticationTokenException"
        assert answer.getheader("x-amzn-RequestId") and answer.getheader("x-amz-apigw-id")
        assert answer.getheader("edgeway-single-use") is None
        connection.close()


def test_aws_cli(ready):
    def cli(*arguments):
        result = aws(ready, *arguments, service="apigateway")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout) if result.stdout else None

    made = cli("create-rest-api", "--name", "cli", "--endpoint-configuration", "types=REGIONAL")
    number = ("--rest-api-id", made["id"])
    resource = cli("create-resource", *number, "--parent-id", made["rootResourceId"],
                   "--path-part", "a")
    here = (*number, "--resource-id", resource["id"], "--http-method", "GET")
    cli("put-method", *here, "--authorization-type", "NONE")
    cli("put-integration", *here, "--type", "HTTP_PROXY", "--integration-http-method", "GET",
        "--uri", "http://127.0.0.1:9")
    cli("create-deployment", *number, "--stage-name", "prod")
    altered = cli("update-stage", *number, "--stage-name", "prod", "--patch-operations",
                  "op=replace,path=/*/*/throttling/rateLimit,value=5")
    assert altered["methodSettings"]["*/*"]["throttlingRateLimit"] == 5.0
    assert {one["path"] for one in cli("get-resources", *number)["items"]} == {"/", "/a"}
    cli("delete-rest-api", *number)
    result = aws(ready, "get-rest-api", *number, service="apigateway")
    assert result.returncode != 0 and "(NotFoundException)" in result.stderr, result.stderr


def test_a_platform_teams_script(rest, rest_elsewhere, gone, certificate, ready):
    """40 resources call by call, two stages, a domain with a base path, keys and a plan; every
    region sees the same; then everything is taken down in the right order."""
    made = rest.create_rest_api(name="platform", endpointConfiguration={"types": ["EDGE"]})
    api, root = made["id"], made["rootResourceId"]
    here = {"restApiId": api}
    for number in range(20):
        parent = rest.create_resource(**here, parentId=root, pathPart=f"r{number}")["id"]
        child = rest.create_resource(**here, parentId=parent, pathPart="{id}")["id"]
        for resource, verb in ((parent, "POST"), (child, "GET")):
            at = mock_method(rest, api, resource, verb) | {"statusCode": "200"}
            rest.put_method_response(**at, responseModels={"application/json": "Empty"})
            rest.put_integration_response(**at, responseTemplates={"application/json": "{}"})
    listed = every(rest, "get_resources", **here, embed=["methods"])
    assert len(listed) == 41
    done = [one for one in listed for method in one.get("resourceMethods", {}).values()
            if method["methodIntegration"]["integrationResponses"]["200"]]
    assert len(done) == 40
    for stage in ("dev", "prod"):
        rest.create_deployment(**here, stageName=stage)
    name = f"p{uuid.uuid4().hex[:8]}.clients.test"
    rest.create_domain_name(domainName=name, certificateArn=certificate(name))
    rest.create_base_path_mapping(domainName=name, restApiId=api, stage="prod", basePath="v1")
    key = rest.create_api_key(name="team", enabled=True)["id"]
    plan = rest.create_usage_plan(name="team", apiStages=[{"apiId": api, "stage": "prod"}])["id"]
    gone[0].append(key)
    gone[1].append(plan)
    last = rest.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    settle(Management(ready), last["ResponseMetadata"]["HTTPHeaders"])
    there = every(rest_elsewhere, "get_resources", **here, embed=["methods"])
    assert there == listed
    assert fields(rest_elsewhere.get_stage(**here, stageName="prod")) == fields(
        rest.get_stage(**here, stageName="prod"))
    bad("mapping", rest.delete_rest_api, **here)
    rest.delete_domain_name(domainName=name)
    bad("usage plan", rest.delete_rest_api, **here)
    rest.update_usage_plan(usagePlanId=plan, **patch(("remove", "/apiStages", f"{api}:prod")))
    rest.delete_rest_api(**here)
    with pytest.raises(ClientError):
        rest.get_stages(**here)
