"""What HashiCorp's AWS provider asks for, call by call, with botocore: the provider itself cannot be
had where tests run. Each life is what one of its resources does when it is made, read, altered and
destroyed. As the provider does, a read follows each write at once, and what it says must be what was
configured, else the next plan would not be empty; after the last, the object must be gone.

The calls are those that the provider's resources make; patches have its paths and its words."""

import json
import urllib.request

import pytest

from conftest import Management, settle, strict_client

ARN = "arn:aws:apigateway:us-east-1::"


def patch(*steps):
    fields = ("op", "path", "value")
    return {"patchOperations": [dict(zip(fields, step)) for step in steps]}


def holds(answer, wanted):
    """What Terraform compares: of what is configured, nothing may read differently."""
    for name, value in wanted.items():
        got = answer.get(name)
        if isinstance(value, dict) and isinstance(got, dict):
            holds(got, value)
        elif isinstance(value, set):
            assert set(got) == value, f"{name}: {got!r}, configured {value!r}"
        else:
            assert got == value, f"{name}: {got!r}, configured {value!r}"
    return answer


def absent(client, read, **at):
    with pytest.raises(client.exceptions.NotFoundException) as caught:
        read(**at)
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status == 404, "the provider takes 404 alone for gone"


def get(ready, host, path):
    """Through a POP."""
    request = urllib.request.Request(f"http://{ready['pops'][0]['http']}{path}", headers={"host": host})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def pets(rest):
    """`aws_api_gateway_rest_api`: its read asks for the resources, too, for the root's id."""
    configured = {"name": "pets", "description": "by Terraform", "apiKeySource": "HEADER",
                  "disableExecuteApiEndpoint": False}
    made = rest.create_rest_api(**configured, tags={"team": "pets"})
    at = {"restApiId": made["id"]}
    read = holds(rest.get_rest_api(**at), configured | {"tags": {"team": "pets"}})
    root, = [one for one in rest.get_resources(**at, limit=500)["items"] if one["path"] == "/"]
    assert root["id"] == read["rootResourceId"]
    yield at | {"root": root["id"]}
    rest.delete_rest_api(**at)
    absent(rest, rest.get_rest_api, **at)


def api_at(pets):
    return {"restApiId": pets["restApiId"]}


def test_a_rest_api_is_altered(rest, pets):
    at = api_at(pets)
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]}
    rest.update_rest_api(**at, **patch(
        ("replace", "/name", "animals"), ("replace", "/description", ""),
        ("replace", "/apiKeySource", "AUTHORIZER"), ("replace", "/minimumCompressionSize", "128"),
        ("replace", "/disableExecuteApiEndpoint", "true"),
        ("add", "/binaryMediaTypes/image~1png"), ("add", "/binaryMediaTypes/image~1gif"),
        ("replace", "/policy", json.dumps(policy))))
    read = holds(rest.get_rest_api(**at), {
        "name": "animals", "apiKeySource": "AUTHORIZER", "minimumCompressionSize": 128,
        "disableExecuteApiEndpoint": True, "binaryMediaTypes": {"image/png", "image/gif"}})
    assert not read.get("description")
    # The provider takes Amazon's way of quoting off before it compares.
    got = json.loads(json.loads('"' + read["policy"].replace('\\\\', '\\') + '"')
                     if read["policy"].startswith("{\\") else read["policy"])
    assert got["Statement"][0]["Effect"] == "Allow"
    rest.update_rest_api(**at, **patch(
        ("remove", "/binaryMediaTypes/image~1gif"), ("replace", "/policy", "")))
    read = rest.get_rest_api(**at)
    assert read["binaryMediaTypes"] == ["image/png"] and "policy" not in read
    # `aws_api_gateway_rest_api_policy`, and tags: the provider makes up the ARN.
    arn = f"{ARN}/restapis/{at['restApiId']}"
    rest.tag_resource(resourceArn=arn, tags={"team": "zoo", "cost": "1"})
    rest.untag_resource(resourceArn=arn, tagKeys=["cost"])
    holds(rest.get_rest_api(**at), {"tags": {"team": "zoo"}})


def test_a_body_overwrites(rest, pets):
    """With `body`: imported over what is there, then put right by what else is configured."""
    at = api_at(pets)
    document = {"openapi": "3.0.1", "info": {"title": "other", "version": "1"}, "paths": {
        "/x": {"get": {"responses": {}, "x-amazon-apigateway-integration": {
            "type": "MOCK", "requestTemplates": {"application/json": '{"statusCode":200}'}}}}}}
    for _ in range(2):
        rest.put_rest_api(**at, mode="overwrite", failOnWarnings=False, body=json.dumps(document))
        rest.update_rest_api(**at, **patch(("replace", "/name", "pets")))
        holds(rest.get_rest_api(**at), {"name": "pets"})
        paths = {one["path"] for one in rest.get_resources(**at, limit=500)["items"]}
        assert paths == {"/", "/x"}


def proxied(rest, pets, uri):
    """`aws_api_gateway_resource`, `_method` and `_integration`, as the example has them."""
    at = api_at(pets)
    resource = rest.create_resource(**at, parentId=pets["root"], pathPart="pets")["id"]
    holds(rest.get_resource(**at, resourceId=resource), {"pathPart": "pets", "path": "/pets"})
    here = at | {"resourceId": resource, "httpMethod": "GET"}
    rest.put_method(**here, authorizationType="NONE", apiKeyRequired=False)
    holds(rest.get_method(**here), {"authorizationType": "NONE", "apiKeyRequired": False})
    configured = {"type": "HTTP_PROXY", "uri": uri, "timeoutInMillis": 29000,
                  "connectionType": "INTERNET"}
    rest.put_integration(**here, **configured, integrationHttpMethod="GET")
    holds(rest.get_integration(**here), configured | {
        "httpMethod": "GET", "passthroughBehavior": "WHEN_NO_MATCH", "cacheNamespace": resource})
    return here


def test_the_example(ready, rest, apis, pets):
    """`terraform/examples/aws-provider`, its change and its end."""
    at, backend = api_at(pets), f"http://{ready['sample_backend']}"
    here = proxied(rest, pets, f"{backend}/pets")
    first = rest.create_deployment(**at)["id"]
    assert rest.get_deployment(**at, deploymentId=first)["id"] == first
    stage = at | {"stageName": "live"}
    rest.create_stage(**stage, deploymentId=first)
    read = holds(rest.get_stage(**stage), {
        "deploymentId": first, "cacheClusterStatus": "NOT_AVAILABLE", "cacheClusterEnabled": False,
        "tracingEnabled": False})
    settle(Management(ready), read["ResponseMetadata"]["HTTPHeaders"])
    host = f"{at['restApiId']}.execute-api.us-east-1.{ready['base_domain']}"
    assert get(ready, host, "/live/pets")["path"] == "/pets"

    # Other triggers: a deployment is made, the stage led to it, the former one deleted.
    rest.update_integration(**here, **patch(("replace", "/uri", f"{backend}/cats")))
    second = rest.create_deployment(**at)["id"]
    rest.update_stage(**stage, **patch(("replace", "/deploymentId", second)))
    holds(rest.get_stage(**stage), {"deploymentId": second})
    gone = rest.delete_deployment(**at, deploymentId=first)
    absent(rest, rest.get_deployment, **at, deploymentId=first)
    settle(Management(ready), gone["ResponseMetadata"]["HTTPHeaders"])
    assert get(ready, host, "/live/pets")["path"] == "/cats"

    orders = apis.create_api(Name="orders", ProtocolType="HTTP")["ApiId"]
    api = {"ApiId": orders}
    read = holds(apis.get_api(**api), {
        "RouteSelectionExpression": "$request.method $request.path",
        "ApiKeySelectionExpression": "$request.header.x-api-key"})
    host = read["ApiEndpoint"].removeprefix("https://")
    integration = apis.create_integration(
        **api, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", ConnectionType="INTERNET",
        IntegrationUri=f"{backend}/orders", PayloadFormatVersion="1.0")["IntegrationId"]
    holds(apis.get_integration(**api, IntegrationId=integration), {"TimeoutInMillis": 30000})
    route = apis.create_route(
        **api, RouteKey="ANY /orders", Target=f"integrations/{integration}",
        AuthorizationType="NONE", ApiKeyRequired=False)["RouteId"]
    holds(apis.get_route(**api, RouteId=route), {"AuthorizationType": "NONE"})
    made = apis.create_stage(**api, StageName="$default", AutoDeploy=True)
    holds(apis.get_stage(**api, StageName="$default"), {"AutoDeploy": True})
    settle(Management(ready), made["ResponseMetadata"]["HTTPHeaders"])
    assert get(ready, host, "/orders")["path"] == "/orders"

    # In the order of their dependencies, backwards.
    apis.delete_stage(**api, StageName="$default")
    apis.delete_route(**api, RouteId=route)
    apis.delete_integration(**api, IntegrationId=integration)
    apis.delete_api(**api)
    absent(apis, apis.get_api, **api)
    rest.delete_stage(**stage)
    absent(rest, rest.get_stage, **stage)
    rest.delete_deployment(**at, deploymentId=second)
    rest.delete_integration(**here)
    absent(rest, rest.get_integration, **here)
    rest.delete_method(**here)
    absent(rest, rest.get_method, **here)
    rest.delete_resource(**at, resourceId=here["resourceId"])
    absent(rest, rest.get_resource, **at, resourceId=here["resourceId"])


def test_methods_and_responses(rest, pets):
    here = proxied(rest, pets, "http://127.0.0.1:9/pets")
    rest.update_method(**here, **patch(
        ("replace", "/authorizationType", "AWS_IAM"), ("replace", "/apiKeyRequired", "true"),
        ("add", "/requestParameters/method.request.querystring.kind", "true"),
        ("add", "/requestModels/application~1json", "Empty")))
    holds(rest.get_method(**here), {
        "authorizationType": "AWS_IAM", "apiKeyRequired": True,
        "requestParameters": {"method.request.querystring.kind": True},
        "requestModels": {"application/json": "Empty"}})
    rest.update_integration(**here, **patch(
        ("replace", "/passthroughBehavior", "NEVER"), ("replace", "/timeoutInMillis", "5000"),
        ("add", "/requestParameters/integration.request.querystring.kind",
         "method.request.querystring.kind"),
        ("add", "/requestTemplates/application~1json", "{}"),
        ("replace", "/cacheNamespace", "cats"),
        ("add", "/cacheKeyParameters/method.request.querystring.kind")))
    holds(rest.get_integration(**here), {
        "passthroughBehavior": "NEVER", "timeoutInMillis": 5000, "cacheNamespace": "cats",
        "requestTemplates": {"application/json": "{}"},
        "cacheKeyParameters": ["method.request.querystring.kind"]})
    answer = here | {"statusCode": "200"}
    rest.put_method_response(**answer, responseModels={"application/json": "Empty"},
                             responseParameters={"method.response.header.x-own": True})
    rest.update_method_response(**answer, **patch(
        ("add", "/responseParameters/method.response.header.x-other", "false"),
        ("remove", "/responseModels/application~1json")))
    read = holds(rest.get_method_response(**answer), {"responseParameters": {
        "method.response.header.x-own": True, "method.response.header.x-other": False}})
    assert not read.get("responseModels")
    # An integration's response is put again instead of altered.
    for template in ("{}", '{"a":1}'):
        rest.put_integration_response(
            **answer, responseTemplates={"application/json": template}, selectionPattern="2\\d{2}",
            responseParameters={"method.response.header.x-own": "'1'"})
        holds(rest.get_integration_response(**answer), {
            "responseTemplates": {"application/json": template}, "selectionPattern": "2\\d{2}"})
    rest.delete_integration_response(**answer)
    absent(rest, rest.get_integration_response, **answer)
    rest.delete_method_response(**answer)
    absent(rest, rest.get_method_response, **answer)


def test_stages_and_method_settings(rest, pets):
    at = api_at(pets)
    proxied(rest, pets, "http://127.0.0.1:9/pets")
    deployment = rest.create_deployment(**at, description="first")["id"]
    rest.update_deployment(**at, deploymentId=deployment,
                           **patch(("replace", "/description", "still the first")))
    stage = at | {"stageName": "live"}
    rest.create_stage(**stage, deploymentId=deployment, variables={"a": "1", "b": "2"},
                      tracingEnabled=False, cacheClusterEnabled=False, tags={"team": "pets"})
    rest.update_stage(**stage, **patch(
        ("replace", "/description", "live"), ("replace", "/variables/a", "3"),
        ("remove", "/variables/b"), ("replace", "/variables/c", "4")))
    holds(rest.get_stage(**stage), {"description": "live", "variables": {"a": "3", "c": "4"}})
    # `aws_api_gateway_method_settings`: of all methods, and of one.
    for key, name in (("*/*", "*/*"), ("pets/GET", "pets/GET")):
        rest.update_stage(**stage, **patch(
            ("replace", f"/{key}/metrics/enabled", "true"),
            ("replace", f"/{key}/throttling/rateLimit", "10.000000"),
            ("replace", f"/{key}/throttling/burstLimit", "20")))
        holds(rest.get_stage(**stage)["methodSettings"][name], {
            "metricsEnabled": True, "throttlingRateLimit": 10.0, "throttlingBurstLimit": 20})
        rest.update_stage(**stage, **patch(("remove", f"/{key}")))
        assert name not in rest.get_stage(**stage).get("methodSettings", {})
    arn = f"{ARN}/restapis/{at['restApiId']}/stages/live"
    rest.tag_resource(resourceArn=arn, tags={"team": "zoo"})
    holds(rest.get_stage(**stage), {"tags": {"team": "zoo"}})
    rest.delete_stage(**stage)


def test_keys_and_plans(rest, pets):
    at = api_at(pets)
    proxied(rest, pets, "http://127.0.0.1:9/pets")
    deployment = rest.create_deployment(**at)["id"]
    rest.create_stage(**at, stageName="live", deploymentId=deployment)
    key = rest.create_api_key(name="shop", description="Managed by Terraform", enabled=True)["id"]
    rest.update_api_key(apiKey=key, **patch(
        ("replace", "/enabled", "false"), ("replace", "/description", "of the shop")))
    read = holds(rest.get_api_key(apiKey=key, includeValue=True), {
        "enabled": False, "description": "of the shop", "name": "shop"})
    assert len(read["value"]) >= 20
    pair = f"{at['restApiId']}:live"
    plan = rest.create_usage_plan(
        name="gold", apiStages=[{"apiId": at["restApiId"], "stage": "live"}],
        throttle={"burstLimit": 5, "rateLimit": 10.0},
        quota={"limit": 20, "offset": 2, "period": "WEEK"})["id"]
    rest.update_usage_plan(usagePlanId=plan, **patch(("add", "/productCode", "P")))
    rest.update_usage_plan(usagePlanId=plan, **patch(
        ("replace", "/name", "silver"), ("replace", "/throttle/rateLimit", "2.500000"),
        ("replace", "/throttle/burstLimit", "3"), ("replace", "/quota/limit", "30"),
        ("replace", "/quota/offset", "0"), ("replace", "/quota/period", "DAY"),
        ("remove", "/apiStages", pair), ("add", "/apiStages", pair)))
    holds(rest.get_usage_plan(usagePlanId=plan), {
        "name": "silver", "productCode": "P", "throttle": {"rateLimit": 2.5, "burstLimit": 3},
        "quota": {"limit": 30, "offset": 0, "period": "DAY"}})
    tie = {"usagePlanId": plan, "keyId": key}
    rest.create_usage_plan_key(**tie, keyType="API_KEY")
    holds(rest.get_usage_plan_key(**tie), {"id": key, "type": "API_KEY", "name": "shop"})
    rest.delete_usage_plan_key(**tie)
    absent(rest, rest.get_usage_plan_key, **tie)
    # Its stages first: a plan that has some cannot be deleted.
    rest.update_usage_plan(usagePlanId=plan, **patch(("remove", "/apiStages", pair)))
    rest.delete_usage_plan(usagePlanId=plan)
    absent(rest, rest.get_usage_plan, usagePlanId=plan)
    rest.delete_api_key(apiKey=key)
    absent(rest, rest.get_api_key, apiKey=key, includeValue=True)


def test_what_an_api_has_beside_methods(rest, pets):
    at = api_at(pets)
    function = ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                "arn:aws:lambda:us-east-1:000000000000:function:auth/invocations")
    one = rest.create_authorizer(**at, name="auth", type="TOKEN", authorizerUri=function,
                                 identitySource="method.request.header.Authorization",
                                 authorizerResultTtlInSeconds=300)["id"]
    rest.update_authorizer(**at, authorizerId=one, **patch(
        ("replace", "/name", "tokens"), ("replace", "/authorizerResultTtlInSeconds", "0")))
    holds(rest.get_authorizer(**at, authorizerId=one), {
        "name": "tokens", "type": "TOKEN", "authorizerResultTtlInSeconds": 0})
    rest.delete_authorizer(**at, authorizerId=one)
    absent(rest, rest.get_authorizer, **at, authorizerId=one)

    model = at | {"modelName": "Pet"}
    rest.create_model(**at, name="Pet", contentType="application/json", schema='{"type":"object"}')
    rest.update_model(**model, **patch(
        ("replace", "/description", "a pet"), ("replace", "/schema", '{"type":"string"}')))
    holds(rest.get_model(**model, flatten=False), {
        "description": "a pet", "schema": '{"type":"string"}'})
    rest.delete_model(**model)
    absent(rest, rest.get_model, **model, flatten=False)

    made = rest.create_request_validator(**at, name="all", validateRequestBody=False,
                                         validateRequestParameters=False)["id"]
    validator = at | {"requestValidatorId": made}
    rest.update_request_validator(**validator, **patch(
        ("replace", "/validateRequestBody", "true"), ("replace", "/name", "bodies")))
    holds(rest.get_request_validator(**validator), {"name": "bodies", "validateRequestBody": True})
    rest.delete_request_validator(**validator)
    absent(rest, rest.get_request_validator, **validator)

    # Put again when altered; deleted, it is what it is by default.
    answer = at | {"responseType": "UNAUTHORIZED"}
    rest.put_gateway_response(**answer, statusCode="401", responseTemplates={
        "application/json": '{"message":$context.error.messageString}'})
    holds(rest.get_gateway_response(**answer), {"statusCode": "401"})
    rest.delete_gateway_response(**answer)

    made = rest.create_documentation_part(**at, location={"type": "API"},
                                          properties='{"description":"a"}')["id"]
    part = at | {"documentationPartId": made}
    rest.update_documentation_part(**part, **patch(
        ("replace", "/properties", '{"description":"b"}')))
    holds(rest.get_documentation_part(**part), {"properties": '{"description":"b"}'})
    version = at | {"documentationVersion": "1"}
    rest.create_documentation_version(**version, description="first")
    rest.update_documentation_version(**version, **patch(("replace", "/description", "one")))
    holds(rest.get_documentation_version(**version), {"version": "1", "description": "one"})
    rest.delete_documentation_version(**version)
    absent(rest, rest.get_documentation_version, **version)
    rest.delete_documentation_part(**part)
    absent(rest, rest.get_documentation_part, **part)


def test_names_links_and_certificates(rest, pets, certificate):
    at = api_at(pets)
    proxied(rest, pets, "http://127.0.0.1:9/pets")
    deployment = rest.create_deployment(**at)["id"]
    rest.create_stage(**at, stageName="live", deploymentId=deployment)
    arn, other = certificate("api.provider.example"), certificate("api.provider.example")
    name = {"domainName": "api.provider.example"}
    rest.create_domain_name(**name, regionalCertificateArn=arn, securityPolicy="TLS_1_2",
                            endpointConfiguration={"types": ["REGIONAL"]})
    read = holds(rest.get_domain_name(**name), {
        "domainNameStatus": "AVAILABLE", "regionalCertificateArn": arn, "securityPolicy": "TLS_1_2"})
    assert read["regionalDomainName"] and read["regionalHostedZoneId"]
    rest.update_domain_name(**name, **patch(("replace", "/regionalCertificateArn", other)))
    holds(rest.get_domain_name(**name), {
        "domainNameStatus": "AVAILABLE", "regionalCertificateArn": other})
    # The provider writes an empty path as "(none)" when it reads.
    rest.create_base_path_mapping(**name, restApiId=at["restApiId"], stage="live")
    holds(rest.get_base_path_mapping(**name, basePath="(none)"), {
        "restApiId": at["restApiId"], "stage": "live"})
    rest.update_base_path_mapping(**name, basePath="(none)", **patch(
        ("replace", "/basePath", "v1")))
    holds(rest.get_base_path_mapping(**name, basePath="v1"), {"basePath": "v1"})
    rest.delete_base_path_mapping(**name, basePath="v1")
    absent(rest, rest.get_base_path_mapping, **name, basePath="v1")
    rest.delete_domain_name(**name)
    absent(rest, rest.get_domain_name, **name)

    target = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/office/orders"
    link = {"vpcLinkId": rest.create_vpc_link(name="office", targetArns=[target])["id"]}
    holds(rest.get_vpc_link(**link), {"status": "AVAILABLE", "targetArns": [target]})
    rest.update_vpc_link(**link, **patch(("replace", "/name", "annex")))
    holds(rest.get_vpc_link(**link), {"name": "annex", "status": "AVAILABLE"})
    rest.delete_vpc_link(**link)
    absent(rest, rest.get_vpc_link, **link)

    made = {"clientCertificateId": rest.generate_client_certificate()["clientCertificateId"]}
    rest.update_client_certificate(**made, **patch(("replace", "/description", "of backends")))
    holds(rest.get_client_certificate(**made), {"description": "of backends"})
    rest.delete_client_certificate(**made)
    absent(rest, rest.get_client_certificate, **made)


def test_an_http_api_is_altered(ready, apis, certificate):
    made = apis.create_api(Name="orders", ProtocolType="HTTP", CorsConfiguration={
        "AllowOrigins": ["https://shop.example"], "MaxAge": 300}, Tags={"team": "orders"})
    api = {"ApiId": made["ApiId"]}
    apis.update_api(**api, Name="all orders", Description="by Terraform", Version="2")
    holds(apis.get_api(**api), {
        "Name": "all orders", "Description": "by Terraform", "Version": "2",
        "CorsConfiguration": {"AllowOrigins": ["https://shop.example"], "MaxAge": 300}})
    apis.delete_cors_configuration(**api)
    assert "CorsConfiguration" not in apis.get_api(**api)
    arn = f"{ARN}/apis/{api['ApiId']}"
    apis.tag_resource(ResourceArn=arn, Tags={"team": "zoo", "cost": "1"})
    apis.untag_resource(ResourceArn=arn, TagKeys=["cost"])
    holds(apis.get_api(**api), {"Tags": {"team": "zoo"}})

    token = {"AuthorizerType": "JWT", "IdentitySource": ["$request.header.Authorization"],
             "JwtConfiguration": {"Audience": ["orders"], "Issuer": "https://id.example"}}
    jwt = apis.create_authorizer(**api, Name="jwt", **token)["AuthorizerId"]
    apis.update_authorizer(**api, AuthorizerId=jwt, Name="tokens")
    holds(apis.get_authorizer(**api, AuthorizerId=jwt), token | {"Name": "tokens"})
    integration = apis.create_integration(
        **api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", ConnectionType="INTERNET",
        IntegrationUri="http://127.0.0.1:9", PayloadFormatVersion="1.0",
        TimeoutInMillis=5000)["IntegrationId"]
    apis.update_integration(**api, IntegrationId=integration, IntegrationMethod="ANY")
    holds(apis.get_integration(**api, IntegrationId=integration), {
        "IntegrationMethod": "ANY", "TimeoutInMillis": 5000})
    route = apis.create_route(**api, RouteKey="GET /orders", AuthorizationType="NONE",
                              Target=f"integrations/{integration}")["RouteId"]
    apis.update_route(**api, RouteId=route, AuthorizationType="JWT", AuthorizerId=jwt,
                      AuthorizationScopes=["orders.read"])
    holds(apis.get_route(**api, RouteId=route), {
        "AuthorizationType": "JWT", "AuthorizerId": jwt, "AuthorizationScopes": ["orders.read"]})

    deployment = apis.create_deployment(**api, Description="first")["DeploymentId"]
    holds(apis.get_deployment(**api, DeploymentId=deployment), {
        "DeploymentStatus": "DEPLOYED", "AutoDeployed": False})
    apis.update_deployment(**api, DeploymentId=deployment, Description="still the first")
    stage = api | {"StageName": "live"}
    apis.create_stage(**stage, DeploymentId=deployment, StageVariables={"a": "1", "b": "2", "c": "4"},
                      RouteSettings={"GET /orders": {"ThrottlingBurstLimit": 1,
                                                     "ThrottlingRateLimit": 2.0}})
    # Only what changes is said: variables that are no longer configured are set to nothing, and
    # settings of routes are deleted.
    apis.update_stage(**stage, StageVariables={"a": "3", "b": ""})
    apis.delete_route_settings(**stage, RouteKey="GET /orders")
    read = holds(apis.get_stage(**stage), {"DeploymentId": deployment})
    assert read["StageVariables"] == {"a": "3", "c": "4"} and not read.get("RouteSettings")

    name = {"DomainName": "orders.provider.example"}
    configured = {"CertificateArn": certificate(name["DomainName"]), "EndpointType": "REGIONAL",
                  "SecurityPolicy": "TLS_1_2"}
    apis.create_domain_name(**name, DomainNameConfigurations=[configured])
    holds(apis.get_domain_name(**name)["DomainNameConfigurations"][0],
          configured | {"DomainNameStatus": "AVAILABLE"})
    mapping = apis.create_api_mapping(**name, ApiId=api["ApiId"], Stage="live",
                                      ApiMappingKey="v1")["ApiMappingId"]
    mapped = name | {"ApiMappingId": mapping}
    apis.update_api_mapping(**mapped, ApiId=api["ApiId"], ApiMappingKey="v2")
    holds(apis.get_api_mapping(**mapped), {"ApiMappingKey": "v2", "Stage": "live"})
    apis.delete_api_mapping(**mapped)
    absent(apis, apis.get_api_mapping, **mapped)
    apis.delete_domain_name(**name)
    absent(apis, apis.get_domain_name, **name)

    link = {"VpcLinkId": apis.create_vpc_link(Name="office", SubnetIds=["subnet-1"],
                                              SecurityGroupIds=["sg-1"])["VpcLinkId"]}
    holds(apis.get_vpc_link(**link), {"VpcLinkStatus": "AVAILABLE", "SubnetIds": ["subnet-1"]})
    apis.update_vpc_link(**link, Name="annex")
    apis.delete_vpc_link(**link)
    absent(apis, apis.get_vpc_link, **link)
    apis.delete_stage(**stage)
    absent(apis, apis.get_stage, **stage)
    apis.delete_deployment(**api, DeploymentId=deployment)
    absent(apis, apis.get_deployment, **api, DeploymentId=deployment)
    for delete, read, at in (
            (apis.delete_route, apis.get_route, api | {"RouteId": route}),
            (apis.delete_integration, apis.get_integration, api | {"IntegrationId": integration}),
            (apis.delete_authorizer, apis.get_authorizer, api | {"AuthorizerId": jwt})):
        delete(**at)
        absent(apis, read, **at)
    apis.delete_api(**api)
    absent(apis, apis.get_api, **api)


def test_the_account_and_credentials(ready, rest):
    account = rest.get_account()
    assert account["throttleSettings"]["rateLimit"] > 0
    wrong = strict_client(ready, service="apigateway", secret="0" * 40)
    with pytest.raises(Exception, match="signature"):
        wrong.get_rest_apis()
