"""Every implemented operation of API Gateway v2 through boto3, field by field."""

import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import Management, settle

META = "ResponseMetadata"


def fields(answer):
    """An answer without boto3's own part and without times."""
    dates = ("CreatedDate", "LastUpdatedDate")
    return {name: value for name, value in answer.items() if name != META and name not in dates}


def refused(code, text, operation, **arguments):
    with pytest.raises(ClientError) as caught:
        operation(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert text in error["Message"], error
    return caught.value.response


def every(client, operation, **arguments):
    """All items, page by page."""
    pages = client.get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page["Items"]]


def test_api(ready, apis):
    base, region = ready["base_domain"], ready["regions"][0]["name"]
    cors = {"AllowCredentials": True, "AllowHeaders": ["x-a"], "AllowMethods": ["GET", "POST"],
            "AllowOrigins": ["https://x.test"], "ExposeHeaders": ["x-b"], "MaxAge": 10}
    made = apis.create_api(
        Name="pets", ProtocolType="HTTP", Description="d", Version="v1", Tags={"a": "b"},
        CorsConfiguration=cors, DisableExecuteApiEndpoint=False, IpAddressType="dualstack",
        RouteSelectionExpression="$request.method $request.path",
        ApiKeySelectionExpression="$request.header.x-api-key", DisableSchemaValidation=False,
    )
    number = made["ApiId"]
    assert fields(made) == {
        "ApiEndpoint": f"https://{number}.execute-api.{region}.{base}", "ApiId": number,
        "ApiKeySelectionExpression": "$request.header.x-api-key", "CorsConfiguration": cors,
        "Description": "d", "DisableExecuteApiEndpoint": False, "IpAddressType": "dualstack",
        "Name": "pets", "ProtocolType": "HTTP",
        "RouteSelectionExpression": "$request.method $request.path", "Tags": {"a": "b"},
        "Version": "v1",
    }
    assert fields(apis.get_api(ApiId=number)) == fields(made)
    altered = apis.update_api(ApiId=number, Name="cats", Description="", Version="v2",
                              DisableExecuteApiEndpoint=True, IpAddressType="ipv4")
    wanted = fields(made) | {"Name": "cats", "Version": "v2", "DisableExecuteApiEndpoint": True,
                             "IpAddressType": "ipv4"}
    del wanted["Description"]
    assert fields(altered) == wanted
    apis.delete_cors_configuration(ApiId=number)
    assert "CorsConfiguration" not in apis.get_api(ApiId=number)
    apis.delete_api(ApiId=number)
    answer = refused("NotFoundException", f"Invalid API identifier specified {number}",
                     apis.get_api, ApiId=number)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert answer["ResourceType"] == "Api"
    refused("NotFoundException", number, apis.delete_api, ApiId=number)
    refused("NotFoundException", number, apis.update_api, ApiId=number, Name="x")


def test_quick_create(apis):
    made = apis.create_api(Name="quick", ProtocolType="HTTP", Target="http://127.0.0.1:9/x")
    number = made["ApiId"]
    [integration] = apis.get_integrations(ApiId=number)["Items"]
    assert integration == {
        "ApiGatewayManaged": True, "ConnectionType": "INTERNET",
        "IntegrationId": integration["IntegrationId"], "IntegrationMethod": "ANY",
        "IntegrationType": "HTTP_PROXY", "IntegrationUri": "http://127.0.0.1:9/x",
        "PayloadFormatVersion": "1.0", "TimeoutInMillis": 30000,
    }
    [route] = apis.get_routes(ApiId=number)["Items"]
    assert route == {
        "ApiGatewayManaged": True, "ApiKeyRequired": False, "AuthorizationType": "NONE",
        "RouteId": route["RouteId"], "RouteKey": "$default",
        "Target": f"integrations/{integration['IntegrationId']}",
    }
    [stage] = apis.get_stages(ApiId=number)["Items"]
    [deployment] = apis.get_deployments(ApiId=number)["Items"]
    assert stage["StageName"] == "$default" and stage["AutoDeploy"] and stage["ApiGatewayManaged"]
    assert stage["DeploymentId"] == deployment["DeploymentId"]
    assert deployment["AutoDeployed"] and deployment["DeploymentStatus"] == "DEPLOYED"
    apis.update_api(ApiId=number, Target="http://127.0.0.1:10", RouteKey="GET /only")
    assert apis.get_routes(ApiId=number)["Items"][0]["RouteKey"] == "GET /only"
    uri = apis.get_integrations(ApiId=number)["Items"][0]["IntegrationUri"]
    assert uri == "http://127.0.0.1:10"
    refused("BadRequestException", "", apis.update_route, ApiId=number, RouteId=route["RouteId"],
            RouteKey="GET /other")
    apis.delete_api(ApiId=number)


def test_integration(apis, api):
    made = apis.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="POST", Description="d",
        IntegrationUri="https://b.test/{proxy}?v=${stageVariables.v}", TimeoutInMillis=1000,
        PayloadFormatVersion="1.0", ConnectionType="INTERNET",
        TlsConfig={"ServerNameToVerify": "c.test"},
    )
    number = made["IntegrationId"]
    assert fields(made) == {
        "ConnectionType": "INTERNET", "Description": "d", "IntegrationId": number,
        "IntegrationMethod": "POST", "IntegrationType": "HTTP_PROXY",
        "IntegrationUri": "https://b.test/{proxy}?v=${stageVariables.v}",
        "PayloadFormatVersion": "1.0", "TimeoutInMillis": 1000,
        "TlsConfig": {"ServerNameToVerify": "c.test"},
    }
    here = {"ApiId": api, "IntegrationId": number}
    assert fields(apis.get_integration(**here)) == fields(made)
    altered = apis.update_integration(**here, IntegrationMethod="ANY", TimeoutInMillis=50)
    assert fields(altered) == fields(made) | {"IntegrationMethod": "ANY", "TimeoutInMillis": 50}
    apis.delete_integration(**here)
    refused("NotFoundException", number, apis.get_integration, **here)
    refused("NotFoundException", number, apis.update_integration, **here, TimeoutInMillis=60)
    refused("NotFoundException", number, apis.delete_integration, **here)


def test_route(apis, api):
    integration = apis.create_integration(ApiId=api, IntegrationType="HTTP_PROXY",
                                          IntegrationUri="http://b.test", IntegrationMethod="ANY")
    target = f"integrations/{integration['IntegrationId']}"
    made = apis.create_route(ApiId=api, RouteKey="GET /pets/{id}", Target=target,
                             OperationName="GetPet", AuthorizationType="NONE",
                             ApiKeyRequired=False)
    assert fields(made) == {
        "ApiKeyRequired": False, "AuthorizationType": "NONE", "OperationName": "GetPet",
        "RouteId": made["RouteId"], "RouteKey": "GET /pets/{id}", "Target": target,
    }
    here = {"ApiId": api, "RouteId": made["RouteId"]}
    assert fields(apis.get_route(**here)) == fields(made)
    refused("ConflictException", "already exists", apis.create_route, ApiId=api,
            RouteKey="GET /pets/{id}")
    altered = apis.update_route(**here, RouteKey="ANY /pets/{proxy+}")
    assert fields(altered) == fields(made) | {"RouteKey": "ANY /pets/{proxy+}"}
    refused("ConflictException", "referenced", apis.delete_integration, ApiId=api,
            IntegrationId=integration["IntegrationId"])
    apis.delete_route(**here)
    refused("NotFoundException", made["RouteId"], apis.get_route, **here)


def test_stage_and_deployment(apis, api):
    refused("BadRequestException", "At least one route", apis.create_deployment, ApiId=api)
    apis.create_route(ApiId=api, RouteKey="$default")
    deployment = apis.create_deployment(ApiId=api, Description="one")
    number = deployment["DeploymentId"]
    assert fields(deployment) == {"AutoDeployed": False, "DeploymentId": number,
                                  "DeploymentStatus": "DEPLOYED", "Description": "one"}
    stage = apis.create_stage(
        ApiId=api, StageName="dev", DeploymentId=number, Description="d", Tags={"t": "u"},
        StageVariables={"v": "1"}, DefaultRouteSettings={"DetailedMetricsEnabled": False},
    )
    assert fields(stage) == {
        "AutoDeploy": False, "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
        "DeploymentId": number, "Description": "d", "RouteSettings": {}, "StageName": "dev",
        "StageVariables": {"v": "1"}, "Tags": {"t": "u"},
    }
    here = {"ApiId": api, "StageName": "dev"}
    assert fields(apis.get_stage(**here)) == fields(stage)
    altered = apis.update_stage(**here, StageVariables={"w": "2"}, Description="")
    assert altered["StageVariables"] == {"v": "1", "w": "2"} and "Description" not in altered
    altered = apis.update_stage(**here, StageVariables={"v": ""})
    assert altered["StageVariables"] == {"w": "2"}, "an empty text takes a variable away"
    at = {"ApiId": api, "DeploymentId": number}
    assert apis.update_deployment(**at, Description="two")["Description"] == "two"
    assert apis.get_deployment(**at)["Description"] == "two"
    refused("BadRequestException", "Active stages", apis.delete_deployment, **at)
    auto = apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    before = auto["DeploymentId"]
    apis.create_route(ApiId=api, RouteKey="GET /new")
    after = apis.get_stage(ApiId=api, StageName="$default")
    assert after["DeploymentId"] != before
    assert after["DeploymentId"] in after["LastDeploymentStatusMessage"]
    refused("BadRequestException", "auto deploy", apis.create_deployment, ApiId=api,
            StageName="$default")
    second = apis.create_deployment(ApiId=api, StageName="dev")
    assert apis.get_stage(**here)["DeploymentId"] == second["DeploymentId"]
    apis.delete_deployment(**at)
    refused("NotFoundException", number, apis.get_deployment, **at)
    apis.delete_stage(**here)
    refused("NotFoundException", "stage", apis.get_stage, **here)
    refused("ConflictException", "exists", apis.create_stage, ApiId=api, StageName="$default")


def test_domain_and_mapping(apis, certificate, ready):
    region, base = ready["regions"][0]["name"], ready["base_domain"]
    name = f"d{uuid.uuid4().hex[:8]}.clients.test"
    arn = certificate(name)
    configuration = {"CertificateArn": arn, "EndpointType": "REGIONAL",
                     "SecurityPolicy": "TLS_1_2"}
    made = apis.create_domain_name(DomainName=name, DomainNameConfigurations=[configuration],
                                   Tags={"a": "b"})
    [shown] = made["DomainNameConfigurations"]
    target, zone = shown.pop("ApiGatewayDomainName"), shown.pop("HostedZoneId")
    assert target.startswith("d-") and target.endswith(f".execute-api.{region}.{base}") and zone
    assert shown == configuration | {"DomainNameStatus": "AVAILABLE", "IpAddressType": "ipv4"}
    assert made["DomainNameArn"] == f"arn:aws:apigateway:{region}::/domainnames/{name}"
    assert made["ApiMappingSelectionExpression"] == "$request.basepath"
    assert (made["RoutingMode"], made["Tags"]) == ("API_MAPPING_ONLY", {"a": "b"})
    assert name in [one["DomainName"] for one in every(apis, "get_domain_names")]
    refused("ConflictException", "already exists", apis.create_domain_name, DomainName=name,
            DomainNameConfigurations=[configuration])
    altered = apis.update_domain_name(
        DomainName=name, DomainNameConfigurations=[configuration | {"IpAddressType": "dualstack"}])
    assert altered["DomainNameConfigurations"][0]["IpAddressType"] == "dualstack"

    api = apis.create_api(Name="mapped", ProtocolType="HTTP", Target="http://b.test")["ApiId"]
    wanted = {"ApiId": api, "Stage": "$default", "ApiMappingKey": "orders/v1"}
    mapping = apis.create_api_mapping(DomainName=name, **wanted)
    number = mapping["ApiMappingId"]
    assert fields(mapping) == wanted | {"ApiMappingId": number}
    here = {"DomainName": name, "ApiMappingId": number}
    assert fields(apis.get_api_mapping(**here)) == fields(mapping)
    assert apis.get_api_mappings(DomainName=name)["Items"] == [fields(mapping)]
    refused("ConflictException", "already exists", apis.create_api_mapping, DomainName=name,
            **wanted)
    refused("NotFoundException", "stage", apis.create_api_mapping, DomainName=name, ApiId=api,
            Stage="none")
    altered = apis.update_api_mapping(**here, ApiId=api, ApiMappingKey="")
    assert altered["ApiMappingKey"] == ""
    refused("BadRequestException", "mapping", apis.delete_api, ApiId=api)
    apis.delete_api_mapping(**here)
    refused("NotFoundException", "api mapping", apis.get_api_mapping, **here)
    apis.delete_api(ApiId=api)
    apis.delete_domain_name(DomainName=name)
    refused("NotFoundException", "domain name", apis.get_domain_name, DomainName=name)
    missing = configuration | {"CertificateArn": arn + "0"}
    refused("BadRequestException", "certificate", apis.create_domain_name, DomainName=name,
            DomainNameConfigurations=[missing])


def test_tags(apis, api, ready):
    region = ready["regions"][0]["name"]
    apis.create_stage(ApiId=api, StageName="dev")
    for path in (f"/apis/{api}", f"/apis/{api}/stages/dev"):
        arn = f"arn:aws:apigateway:{region}::{path}"
        apis.tag_resource(ResourceArn=arn, Tags={"one": "1", "two words": "ü/&="})
        assert apis.get_tags(ResourceArn=arn)["Tags"] == {"one": "1", "two words": "ü/&="}
        apis.untag_resource(ResourceArn=arn, TagKeys=["two words", "absent"])
        assert apis.get_tags(ResourceArn=arn)["Tags"] == {"one": "1"}
    refused("BadRequestException", "aws:", apis.tag_resource,
            ResourceArn=f"arn:aws:apigateway:{region}::/apis/{api}", Tags={"aws:x": "y"})
    refused("NotFoundException", "API", apis.get_tags,
            ResourceArn=f"arn:aws:apigateway:{region}::/apis/none")
    refused("BadRequestException", "ARN", apis.get_tags, ResourceArn="arn:aws:s3:::bucket")


def test_lists_have_pages(apis, api):
    keys = {f"GET /r{number}" for number in range(30)}
    for key in keys:
        apis.create_route(ApiId=api, RouteKey=key)
        apis.create_stage(ApiId=api, StageName=key.removeprefix("GET /"))
    first = apis.get_routes(ApiId=api)
    assert len(first["Items"]) == 25 and first["NextToken"]
    rest = apis.get_routes(ApiId=api, NextToken=first["NextToken"])
    assert "NextToken" not in rest
    assert {one["RouteKey"] for one in first["Items"] + rest["Items"]} == keys
    config = {"PageSize": 4}
    assert {one["RouteKey"] for one in every(apis, "get_routes", ApiId=api,
                                             PaginationConfig=config)} == keys
    assert len(every(apis, "get_stages", ApiId=api, PaginationConfig=config)) == 30
    shown = every(apis, "get_apis", PaginationConfig={"PageSize": 1})
    assert api in [one["ApiId"] for one in shown]
    refused("BadRequestException", "nextToken", apis.get_routes, ApiId=api, NextToken="!")
    refused("BadRequestException", "maxResults", apis.get_routes, ApiId=api, MaxResults="many")


def test_other_regions_see_it(ready, apis, elsewhere):
    made = apis.create_api(Name="everywhere", ProtocolType="HTTP")
    settle(Management(ready), made[META]["HTTPHeaders"])
    assert fields(elsewhere.get_api(ApiId=made["ApiId"])) == fields(made)
    gone = elsewhere.delete_api(ApiId=made["ApiId"])
    settle(Management(ready, -1), gone[META]["HTTPHeaders"])
    refused("NotFoundException", made["ApiId"], apis.get_api, ApiId=made["ApiId"])


ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
URI = {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "http://b.test"}


@pytest.mark.parametrize("operation, arguments, text", [
    ("create_api", {"Name": "w", "ProtocolType": "WEBSOCKET"}, "RouteSelectionExpression"),
    ("create_api", {"Name": "w", "ProtocolType": "WEBSOCKET", "Target": "http://b.test",
                    "RouteSelectionExpression": "$request.body.a"}, "only for HTTP APIs"),
    ("create_api", {"Name": "w", "ProtocolType": "FTP"}, "Must be one of [HTTP, WEBSOCKET]"),
    ("create_api", {"Name": "", "ProtocolType": "HTTP"}, "name"),
    ("create_api", {"Name": 7, "ProtocolType": "HTTP"}, "String"),
    ("create_api", {"Name": "w", "ProtocolType": "HTTP",
                    "CorsConfiguration": {"MaxAge": -2}}, "maxAge"),
    ("create_integration", {"IntegrationType": "MOCK"}, "protocolType HTTP"),
    ("create_integration", {"IntegrationType": "AWS_PROXY", "IntegrationUri": "x"}, "Invalid ARN"),
    ("create_integration", {"IntegrationType": "HTTP_PROXY", "IntegrationUri": ARN}, "VPC_LINK"),
    ("create_integration", URI | {"ConnectionType": "VPC_LINK", "ConnectionId": "x"}, "Vpc Link"),
    ("create_integration", URI | {"RequestParameters": {"a": "b"}}, "mapping expression"),
    ("create_integration", URI | {"TimeoutInMillis": 49}, "between 50 and 30000"),
    ("create_integration", {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "x"}, "URI"),
    ("create_route", {"RouteKey": "GET x"}, "route key"),
    ("create_route", {"RouteKey": "GET /x", "AuthorizationType": "JWT"}, "valid authorizer"),
    ("create_route", {"RouteKey": "GET /x", "AuthorizationType": "X"}, "enum value set"),
    ("create_route", {"RouteKey": "GET /x", "ApiKeyRequired": True}, "API keys"),
    ("create_route", {"RouteKey": "GET /x", "Target": "integrations/none"}, "integration"),
    ("create_stage", {"StageName": "a b"}, "Stage name"),
    ("create_stage", {"StageName": "a", "AccessLogSettings": {"Format": "x"}}, "accessLogSettings"),
    ("create_stage", {"StageName": "a", "DefaultRouteSettings": {"ThrottlingRateLimit": -1.0}},
     "throttlingRateLimit"),
])
def test_refusals(apis, api, operation, arguments, text):
    if operation != "create_api":
        arguments = arguments | {"ApiId": api}
    code = "SerializationException" if text == "String" else "BadRequestException"
    refused(code, text, getattr(apis, operation), **arguments)


@pytest.mark.parametrize("operation, arguments", [
    ("list_portals", {}), ("get_portal", {"PortalId": "p"}),
    ("publish_portal", {"PortalId": "p"}), ("preview_portal", {"PortalId": "p"}),
    ("disable_portal", {"PortalId": "p"}), ("list_portal_products", {}),
    ("get_portal_product_sharing_policy", {"PortalProductId": "p"}),
    ("list_product_pages", {"PortalProductId": "p"}),
])
def test_absent_operations_are_named(apis, operation, arguments):
    name = "".join(word.capitalize() for word in operation.split("_"))
    refused("NotImplementedException", name, getattr(apis, operation), **arguments)
