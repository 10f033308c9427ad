"""WebSocket APIs, authorizers, models, responses, VPC links and routing rules of API Gateway v2
through boto3, field by field."""

import concurrent.futures
import json
import threading
import urllib.error
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError

from conftest import Management, settle, strict_client
from management_v2 import META, every, fields, refused

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
INVOCATION = ("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
              f"{FUNCTION}/invocations")
ROLE = "arn:aws:iam::000000000000:role/r"
ISSUER = {"Issuer": "https://issuer.test", "Audience": ["a", "b"]}


@pytest.fixture
def socket(apis):
    """An empty WebSocket API."""
    made = apis.create_api(Name="chat", ProtocolType="WEBSOCKET",
                           RouteSelectionExpression="$request.body.action")
    yield made["ApiId"]
    try:
        apis.delete_api(ApiId=made["ApiId"])
    except apis.exceptions.NotFoundException:
        pass


def test_web_socket_api(apis, ready):
    base, region = ready["base_domain"], ready["regions"][0]["name"]
    made = apis.create_api(
        Name="chat", ProtocolType="WEBSOCKET", Description="d", Version="1", Tags={"a": "b"},
        RouteSelectionExpression="${request.body.service}/${request.body.action}",
        DisableSchemaValidation=True, DisableExecuteApiEndpoint=True,
    )
    number = made["ApiId"]
    assert fields(made) == {
        "ApiEndpoint": f"wss://{number}.execute-api.{region}.{base}", "ApiId": number,
        "ApiKeySelectionExpression": "$request.header.x-api-key", "Description": "d",
        "DisableExecuteApiEndpoint": True, "DisableSchemaValidation": True,
        "IpAddressType": "ipv4", "Name": "chat", "ProtocolType": "WEBSOCKET",
        "RouteSelectionExpression": "${request.body.service}/${request.body.action}",
        "Tags": {"a": "b"}, "Version": "1",
    }
    assert fields(apis.get_api(ApiId=number)) == fields(made)
    altered = apis.update_api(ApiId=number, RouteSelectionExpression="$request.body.do",
                              DisableSchemaValidation=False, Name="talk")
    wanted = fields(made) | {"RouteSelectionExpression": "$request.body.do", "Name": "talk"}
    del wanted["DisableSchemaValidation"]
    assert fields(altered) == wanted
    assert number in [one["ApiId"] for one in every(apis, "get_apis")]
    refused("BadRequestException", "only for HTTP APIs", apis.update_api, ApiId=number,
            CorsConfiguration={"AllowOrigins": ["*"]})
    refused("BadRequestException", "request.body", apis.update_api, ApiId=number,
            RouteSelectionExpression="$request.header.x")
    refused("BadRequestException", "only for HTTP APIs", apis.export_api, ApiId=number,
            Specification="OAS30", OutputType="JSON")
    apis.delete_api(ApiId=number)


def test_routes_of_a_web_socket_api(apis, socket):
    integration = apis.create_integration(ApiId=socket, IntegrationType="MOCK")["IntegrationId"]
    model = apis.create_model(ApiId=socket, Name="Order", Schema='{"type": "object"}')
    plain = {"ApiKeyRequired": False, "AuthorizationType": "NONE"}
    for key in ("$connect", "$disconnect", "$default"):
        route = apis.create_route(ApiId=socket, RouteKey=key)
        assert fields(route) == plain | {"RouteId": route["RouteId"], "RouteKey": key}
    given = {
        "RouteKey": "order", "ApiKeyRequired": True, "ModelSelectionExpression": "$default",
        "RequestModels": {"$default": "Order"}, "OperationName": "order",
        "RequestParameters": {"route.request.querystring.a": {"Required": True},
                              "route.request.querystring.b": {"Required": False}},
        "RouteResponseSelectionExpression": "$default", "Target": f"integrations/{integration}",
    }
    made = apis.create_route(ApiId=socket, **given)
    here = {"ApiId": socket, "RouteId": made["RouteId"]}
    assert fields(made) == given | {"AuthorizationType": "NONE", "RouteId": made["RouteId"]}
    assert fields(apis.get_route(**here)) == fields(made)
    apis.delete_route_request_parameter(**here, RequestParameterKey="route.request.querystring.a")
    left = {"route.request.querystring.b": {"Required": False}}
    assert apis.get_route(**here)["RequestParameters"] == left
    refused("BadRequestException", "parameter key", apis.delete_route_request_parameter, **here,
            RequestParameterKey="route.request.querystring.a")
    altered = apis.update_route(**here, RouteKey="buy", ModelSelectionExpression="",
                                RequestParameters={"route.request.querystring.c": {}})
    assert altered["RouteKey"] == "buy" and "ModelSelectionExpression" not in altered
    assert altered["RequestParameters"] == left | {"route.request.querystring.c":
                                                   {"Required": False}}
    refused("ConflictException", "referenced by Route", apis.delete_model, ApiId=socket,
            ModelId=model["ModelId"])
    refused("BadRequestException", "model identifier", apis.update_route, **here,
            RequestModels={"$default": "None"})
    refused("BadRequestException", "'$'", apis.create_route, ApiId=socket, RouteKey="$own")
    refused("BadRequestException", "only for HTTP APIs", apis.create_route, ApiId=socket,
            RouteKey="x", AuthorizationType="JWT")
    refused("ConflictException", "already exists", apis.create_route, ApiId=socket,
            RouteKey="$connect")
    apis.update_route(**here, RequestModels={})
    apis.delete_model(ApiId=socket, ModelId=model["ModelId"])
    apis.delete_route(**here)


def test_route_and_integration_responses(apis, socket, api):
    model = apis.create_model(ApiId=socket, Name="Reply", Schema='{"type": "object"}')
    integration = apis.create_integration(ApiId=socket, IntegrationType="HTTP",
                                          IntegrationUri="http://b.test", IntegrationMethod="POST")
    at = {"ApiId": socket, "IntegrationId": integration["IntegrationId"]}
    given = {
        "IntegrationResponseKey": "/2\\d\\d/", "ContentHandlingStrategy": "CONVERT_TO_TEXT",
        "ResponseParameters": {"a": "b"}, "ResponseTemplates": {"$default": "{}"},
        "TemplateSelectionExpression": "${integration.response.statuscode}",
    }
    made = apis.create_integration_response(**at, **given)
    number = made["IntegrationResponseId"]
    assert fields(made) == given | {"IntegrationResponseId": number}
    here = at | {"IntegrationResponseId": number}
    assert fields(apis.get_integration_response(**here)) == fields(made)
    altered = apis.update_integration_response(**here, IntegrationResponseKey="$default",
                                               TemplateSelectionExpression="")
    wanted = fields(made) | {"IntegrationResponseKey": "$default"}
    del wanted["TemplateSelectionExpression"]
    assert fields(altered) == wanted
    refused("ConflictException", "already exists", apis.create_integration_response, **at,
            IntegrationResponseKey="$default")
    refused("BadRequestException", "regular expression", apis.create_integration_response, **at,
            IntegrationResponseKey="200")
    apis.delete_integration_response(**here)
    refused("NotFoundException", number, apis.get_integration_response, **here)
    refused("NotFoundException", "Integration", apis.get_integration_responses, ApiId=socket,
            IntegrationId="none")

    route = apis.create_route(ApiId=socket, RouteKey="ask")["RouteId"]
    at = {"ApiId": socket, "RouteId": route}
    given = {"RouteResponseKey": "$default", "ModelSelectionExpression": "$default",
             "ResponseModels": {"$default": "Reply"},
             "ResponseParameters": {"route.response.header.a": {"Required": True}}}
    made = apis.create_route_response(**at, **given)
    number = made["RouteResponseId"]
    assert fields(made) == given | {"RouteResponseId": number}
    here = at | {"RouteResponseId": number}
    assert fields(apis.get_route_response(**here)) == fields(made)
    altered = apis.update_route_response(**here, ModelSelectionExpression="")
    assert "ModelSelectionExpression" not in altered
    refused("ConflictException", "already exists", apis.create_route_response, **at,
            RouteResponseKey="$default")
    refused("BadRequestException", "$default", apis.update_route_response, **here,
            RouteResponseKey="x")
    refused("ConflictException", "referenced", apis.delete_model, ApiId=socket,
            ModelId=model["ModelId"])
    apis.delete_route_response(**here)
    refused("NotFoundException", number, apis.delete_route_response, **here)
    plain = apis.create_route(ApiId=api, RouteKey="GET /")["RouteId"]
    refused("BadRequestException", "only for WebSocket", apis.create_route_response, ApiId=api,
            RouteId=plain, RouteResponseKey="$default")


def test_integrations_of_a_web_socket_api(apis, socket, vpc_link):
    selection = {"AWS": "${integration.response.body.errorMessage}",
                 "HTTP": "${integration.response.statuscode}"}
    kinds = {
        "AWS": {"IntegrationUri": INVOCATION, "CredentialsArn": ROLE, "IntegrationMethod": "POST"},
        "AWS_PROXY": {"IntegrationUri": INVOCATION},
        "HTTP": {"IntegrationUri": "http://b.test/{a}", "IntegrationMethod": "PUT",
                 "RequestParameters": {"integration.request.path.a": "route.request.body.a"}},
        "HTTP_PROXY": {"IntegrationUri": "http://b.test", "IntegrationMethod": "POST",
                       "ConnectionType": "VPC_LINK", "ConnectionId": vpc_link},
        "MOCK": {"RequestTemplates": {"200": "{\"statusCode\":200}"},
                 "TemplateSelectionExpression": "200", "PassthroughBehavior": "NEVER",
                 "ContentHandlingStrategy": "CONVERT_TO_TEXT"},
    }
    for kind, given in kinds.items():
        made = apis.create_integration(ApiId=socket, IntegrationType=kind, **given)
        wanted = {
            "ConnectionType": "INTERNET", "IntegrationType": kind,
            "IntegrationResponseSelectionExpression": selection[
                "AWS" if kind.startswith("AWS") else "HTTP"],
            "PassthroughBehavior": "WHEN_NO_MATCH", "PayloadFormatVersion": "1.0",
            "TimeoutInMillis": 29000, "IntegrationId": made["IntegrationId"],
        } | given
        assert fields(made) == wanted
        here = {"ApiId": socket, "IntegrationId": made["IntegrationId"]}
        assert fields(apis.get_integration(**here)) == wanted
        altered = apis.update_integration(**here, TimeoutInMillis=100, Description="d")
        assert fields(altered) == wanted | {"TimeoutInMillis": 100, "Description": "d"}
    refused("BadRequestException", "only for HTTP APIs", apis.create_integration, ApiId=socket,
            IntegrationType="AWS_PROXY", IntegrationSubtype="SQS-SendMessage")
    refused("BadRequestException", "mapping expression", apis.create_integration, ApiId=socket,
            IntegrationType="MOCK", RequestParameters={"overwrite:path": "x"})


def test_integrations_of_an_http_api(apis, api, vpc_link):
    function = apis.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION, CredentialsArn=ROLE,
        PayloadFormatVersion="2.0")
    assert fields(function) == {
        "ConnectionType": "INTERNET", "CredentialsArn": ROLE,
        "IntegrationId": function["IntegrationId"], "IntegrationType": "AWS_PROXY",
        "IntegrationUri": FUNCTION, "PayloadFormatVersion": "2.0", "TimeoutInMillis": 30000,
    }
    queue = {"QueueUrl": "https://q.test/q", "MessageBody": "$request.body"}
    service = apis.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationSubtype="SQS-SendMessage",
        CredentialsArn=ROLE, RequestParameters=queue, PayloadFormatVersion="1.0")
    assert service["RequestParameters"] == queue and "IntegrationUri" not in service
    listener = "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/a/b/c"
    private = apis.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", ConnectionType="VPC_LINK",
        ConnectionId=vpc_link, IntegrationUri=listener,
        TlsConfig={"ServerNameToVerify": "c.test"},
        RequestParameters={"overwrite:path": "$request.path", "append:header.a": "b"},
        ResponseParameters={"200": {"append:header.x": "y"}, "404": {"overwrite:statuscode": "200"}})
    here = {"ApiId": api, "IntegrationId": private["IntegrationId"]}
    assert (private["ConnectionId"], private["IntegrationUri"]) == (vpc_link, listener)
    altered = apis.update_integration(**here, RequestParameters={"append:header.a": ""},
                                      ResponseParameters={"200": {}})
    assert altered["RequestParameters"] == {"overwrite:path": "$request.path"}
    assert altered["ResponseParameters"] == {"404": {"overwrite:statuscode": "200"}}
    refused("BadRequestException", "needs connectionType VPC_LINK", apis.update_integration, **here,
            ConnectionType="INTERNET")
    public = apis.update_integration(**here, ConnectionType="INTERNET",
                                     IntegrationUri="http://b.test")
    assert "ConnectionId" not in public and public["ConnectionType"] == "INTERNET"
    refused("BadRequestException", "Vpc Link", apis.update_integration, **here,
            ConnectionType="VPC_LINK", ConnectionId="none")
    refused("BadRequestException", "mapping expression", apis.update_integration, **here,
            RequestParameters={"append:header.authorization": "x"})
    for one in (function, service, private):
        apis.delete_integration(ApiId=api, IntegrationId=one["IntegrationId"])
    quick = apis.create_api(Name="q", ProtocolType="HTTP", Target=FUNCTION, CredentialsArn=ROLE)
    [made] = apis.get_integrations(ApiId=quick["ApiId"])["Items"]
    assert (made["IntegrationType"], made["CredentialsArn"]) == ("AWS_PROXY", ROLE)
    assert made["PayloadFormatVersion"] == "2.0"
    apis.delete_api(ApiId=quick["ApiId"])


def test_authorizers(apis, api, socket):
    given = {"AuthorizerType": "JWT", "Name": "tokens", "JwtConfiguration": ISSUER,
             "IdentitySource": ["$request.header.Authorization"]}
    made = apis.create_authorizer(ApiId=api, **given)
    number = made["AuthorizerId"]
    here = {"ApiId": api, "AuthorizerId": number}
    assert fields(made) == given | {"AuthorizerId": number}
    assert fields(apis.get_authorizer(**here)) == fields(made)
    altered = apis.update_authorizer(**here, JwtConfiguration={"Audience": ["c"]}, Name="t")
    assert altered["JwtConfiguration"] == {"Issuer": "https://issuer.test", "Audience": ["c"]}
    function = {"AuthorizerType": "REQUEST", "Name": "function", "AuthorizerUri": INVOCATION,
                "AuthorizerCredentialsArn": ROLE, "AuthorizerPayloadFormatVersion": "2.0",
                "AuthorizerResultTtlInSeconds": 60, "EnableSimpleResponses": True,
                "IdentitySource": ["$request.header.a", "$context.routeKey"]}
    other = apis.create_authorizer(ApiId=api, **function)
    assert fields(other) == function | {"AuthorizerId": other["AuthorizerId"]}
    refused("ConflictException", "must be unique", apis.create_authorizer, ApiId=api, **given |
            {"Name": "function"})

    scopes = {"AuthorizationType": "JWT", "AuthorizerId": number, "AuthorizationScopes": ["r", "w"]}
    route = apis.create_route(ApiId=api, RouteKey="GET /", **scopes)
    assert {name: route[name] for name in scopes} == scopes
    at = {"ApiId": api, "RouteId": route["RouteId"]}
    refused("ConflictException", "referenced by Route", apis.delete_authorizer, **here)
    refused("BadRequestException", "valid authorizer", apis.update_route, **at,
            AuthorizationType="CUSTOM")
    refused("BadRequestException", "valid authorizer", apis.create_route, ApiId=api,
            RouteKey="GET /x", AuthorizationType="JWT", AuthorizerId="none")
    refused("ConflictException", "uses it", apis.update_authorizer, **here, **function |
            {"Name": "t"})
    opened = apis.update_route(**at, AuthorizationType="NONE")
    assert "AuthorizerId" not in opened and "AuthorizationScopes" not in opened
    apis.delete_authorizer(**here)
    refused("NotFoundException", number, apis.get_authorizer, **here)
    refused("NotFoundException", number, apis.delete_authorizer, **here)

    made = apis.create_authorizer(ApiId=socket, Name="a", AuthorizerType="REQUEST",
                                  AuthorizerUri=INVOCATION,
                                  IdentitySource=["route.request.header.a"])
    connect = apis.create_route(ApiId=socket, RouteKey="$connect", AuthorizationType="CUSTOM",
                                AuthorizerId=made["AuthorizerId"])
    assert connect["AuthorizerId"] == made["AuthorizerId"]
    refused("BadRequestException", "Only REQUEST", apis.create_authorizer, ApiId=socket, Name="j",
            AuthorizerType="JWT", JwtConfiguration=ISSUER,
            IdentitySource=["route.request.header.a"])


def test_models(apis, socket):
    schema = json.dumps({"type": "object", "properties": {
        "name": {"type": "string"}, "age": {"type": "integer"},
        "pets": {"type": "array", "items": {"type": "object",
                                            "properties": {"kind": {"type": "string"}}}}}})
    made = apis.create_model(ApiId=socket, Name="Person", Schema=schema, Description="d",
                             ContentType="application/json")
    here = {"ApiId": socket, "ModelId": made["ModelId"]}
    assert fields(made) == {"ContentType": "application/json", "Description": "d", "Name": "Person",
                            "ModelId": made["ModelId"], "Schema": schema}
    assert fields(apis.get_model(**here)) == fields(made)
    template = apis.get_model_template(**here)["Value"]
    assert "$inputRoot.pets" in template and '"kind"' in template
    altered = apis.update_model(**here, Description="", Schema='{"type": "string"}')
    assert altered["Schema"] == '{"type": "string"}' and "Description" not in altered
    refused("ConflictException", "already exists", apis.create_model, ApiId=socket, Name="Person",
            Schema=schema)
    refused("BadRequestException", "schema", apis.create_model, ApiId=socket, Name="X", Schema="{")
    refused("BadRequestException", "alphanumeric", apis.create_model, ApiId=socket, Name="a b",
            Schema=schema)
    apis.delete_model(**here)
    refused("NotFoundException", made["ModelId"], apis.get_model_template, **here)


@pytest.fixture
def vpc_link(apis):
    made = apis.create_vpc_link(Name="link", SubnetIds=["subnet-1"])
    yield made["VpcLinkId"]
    for one in every(apis, "get_apis"):
        if one["Name"] in ("test", "chat"):
            apis.delete_api(ApiId=one["ApiId"])
    apis.delete_vpc_link(VpcLinkId=made["VpcLinkId"])


def test_vpc_links(apis, api, rest, ready):
    given = {"Name": "link", "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"],
             "Tags": {"a": "b"}}
    made = apis.create_vpc_link(**given)
    number = made["VpcLinkId"]
    assert fields(made) == given | {
        "VpcLinkId": number, "VpcLinkStatus": "AVAILABLE", "VpcLinkVersion": "V2",
        "VpcLinkStatusMessage": "No connector named subnet-1 or subnet-2 is connected"}
    here = {"VpcLinkId": number}
    assert fields(apis.get_vpc_link(**here)) == fields(made)
    assert apis.update_vpc_link(**here, Name="renamed")["Name"] == "renamed"
    assert number not in [one["id"] for one in rest.get_vpc_links()["items"]]
    refused("NotFoundException", "Vpc Link", rest.get_vpc_link, vpcLinkId=number)
    integration = apis.create_integration(ApiId=api, IntegrationType="HTTP_PROXY",
                                          IntegrationUri="http://b.test", ConnectionType="VPC_LINK",
                                          ConnectionId=number)
    refused("BadRequestException", integration["IntegrationId"], apis.delete_vpc_link, **here)
    arn = f"arn:aws:apigateway:{ready['regions'][0]['name']}::/vpclinks/{number}"
    apis.tag_resource(ResourceArn=arn, Tags={"c": "d"})
    assert apis.get_tags(ResourceArn=arn)["Tags"] == {"a": "b", "c": "d"}
    apis.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert apis.get_vpc_link(**here)["Tags"] == {"c": "d"}
    apis.delete_integration(ApiId=api, IntegrationId=integration["IntegrationId"])
    apis.delete_vpc_link(**here)
    refused("NotFoundException", number, apis.get_vpc_link, **here)
    refused("BadRequestException", "subnet", apis.create_vpc_link, Name="x", SubnetIds=[])


def test_stage_settings(apis, api, socket, rest):
    certificate = rest.generate_client_certificate()["clientCertificateId"]
    log = {"DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:x",
           "Format": "$context.requestId"}
    routes = {"GET /a": {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5,
                         "DetailedMetricsEnabled": True}}
    made = apis.create_stage(ApiId=api, StageName="dev", AccessLogSettings=log,
                             ClientCertificateId=certificate, RouteSettings=routes,
                             DefaultRouteSettings={"ThrottlingBurstLimit": 10})
    assert (made["AccessLogSettings"], made["RouteSettings"]) == (log, routes)
    assert made["ClientCertificateId"] == certificate
    assert made["DefaultRouteSettings"] == {"DetailedMetricsEnabled": False,
                                            "ThrottlingBurstLimit": 10}
    here = {"ApiId": api, "StageName": "dev"}
    refused("BadRequestException", "client certificate", rest.delete_client_certificate,
            clientCertificateId=certificate)
    apis.update_stage(**here, RouteSettings={"GET /b": {"ThrottlingRateLimit": 1.0}},
                      ClientCertificateId="")
    apis.delete_route_settings(**here, RouteKey="GET /a")
    apis.delete_access_log_settings(**here)
    apis.reset_authorizers_cache(**here)
    left = apis.get_stage(**here)
    assert left["RouteSettings"] == {"GET /b": {"DetailedMetricsEnabled": False,
                                                "ThrottlingRateLimit": 1.0}}
    assert "AccessLogSettings" not in left and "ClientCertificateId" not in left
    refused("NotFoundException", "GET /a", apis.delete_route_settings, **here, RouteKey="GET /a")
    refused("NotFoundException", "stage", apis.reset_authorizers_cache, ApiId=api, StageName="no")
    rest.delete_client_certificate(clientCertificateId=certificate)

    settings = {"DataTraceEnabled": True, "DetailedMetricsEnabled": True, "LoggingLevel": "INFO"}
    made = apis.create_stage(ApiId=socket, StageName="live", DefaultRouteSettings=settings)
    assert made["DefaultRouteSettings"] == settings
    refused("BadRequestException", "Stage name", apis.create_stage, ApiId=socket,
            StageName="$default")
    refused("BadRequestException", "protocolType HTTP", apis.create_stage, ApiId=api,
            StageName="x", DefaultRouteSettings={"LoggingLevel": "INFO"})


def test_routing_rules_and_socket_domains(apis, rest, socket, certificate, ready):
    region = ready["regions"][0]["name"]
    name = f"r{uuid.uuid4().hex[:8]}.clients.test"
    configuration = [{"CertificateArn": certificate(name), "EndpointType": "REGIONAL",
                      "SecurityPolicy": "TLS_1_2"}]
    made = apis.create_domain_name(DomainName=name, DomainNameConfigurations=configuration,
                                   RoutingMode="ROUTING_RULE_THEN_API_MAPPING")
    assert made["RoutingMode"] == "ROUTING_RULE_THEN_API_MAPPING"
    shown = rest.get_domain_name(domainName=name)
    assert shown["routingMode"] == "ROUTING_RULE_THEN_BASE_PATH_MAPPING"
    target = mocked(rest)
    action = [{"InvokeApi": {"ApiId": target, "Stage": "live", "StripBasePath": True}}]
    conditions = [{"MatchBasePaths": {"AnyOf": ["orders"]}},
                  {"MatchHeaders": {"AnyOf": [{"Header": "x-v", "ValueGlob": "2*"}]}}]
    rule = apis.create_routing_rule(DomainName=name, Priority=10, Actions=action,
                                    Conditions=conditions)
    here = {"DomainName": name, "RoutingRuleId": rule["RoutingRuleId"]}
    account = rule["RoutingRuleArn"].split(":")[4]
    assert fields(rule) == {
        "Actions": action, "Conditions": conditions, "Priority": 10,
        "RoutingRuleArn": f"arn:aws:apigateway:{region}:{account}:/domainnames/{name}/routingrules/"
                          f"{rule['RoutingRuleId']}",
        "RoutingRuleId": rule["RoutingRuleId"]}
    assert fields(apis.get_routing_rule(**here)) == fields(rule)
    put = apis.put_routing_rule(**here, Priority=20, Actions=action, Conditions=[])
    assert (put["Priority"], put["Conditions"]) == (20, [])
    refused("ConflictException", "priority 20", apis.create_routing_rule, DomainName=name,
            Priority=20, Actions=action, Conditions=[])
    refused("BadRequestException", "valueGlob", apis.create_routing_rule, DomainName=name,
            Priority=1, Actions=action, Conditions=[
                {"MatchHeaders": {"AnyOf": [{"Header": "a", "ValueGlob": "a*b"}]}}])
    refused("BadRequestException", "leads to it", rest.delete_rest_api, restApiId=target)
    for number in range(30, 34):
        apis.create_routing_rule(DomainName=name, Priority=number, Actions=action, Conditions=[])
    first = apis.list_routing_rules(DomainName=name, MaxResults=3)
    assert len(first["RoutingRules"]) == 3
    rest_of = apis.list_routing_rules(DomainName=name, NextToken=first["NextToken"])
    assert "NextToken" not in rest_of
    shown = first["RoutingRules"] + rest_of["RoutingRules"]
    assert {one["Priority"] for one in shown} == {20, *range(30, 34)}
    for one in shown:
        apis.delete_routing_rule(DomainName=name, RoutingRuleId=one["RoutingRuleId"])
    refused("NotFoundException", "RoutingRule", apis.get_routing_rule, **here)

    apis.update_domain_name(DomainName=name, RoutingMode="API_MAPPING_ONLY")
    apis.create_stage(ApiId=socket, StageName="live")
    apis.create_api_mapping(DomainName=name, ApiId=socket, Stage="live")
    refused("BadRequestException", "Only WebSocket", apis.create_api_mapping, DomainName=name,
            ApiId=target, Stage="live", ApiMappingKey="x")
    apis.delete_domain_name(DomainName=name)
    rest.delete_rest_api(restApiId=target)


def mocked(rest):
    """A deployed REST API."""
    api = rest.create_rest_api(name="mocked")["id"]
    root = rest.get_resources(restApiId=api)["items"][0]["id"]
    at = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    rest.put_method(**at, authorizationType="NONE")
    rest.put_integration(**at, type="MOCK")
    rest.create_deployment(restApiId=api, stageName="live")
    return api


def test_lists_have_pages(apis, socket):
    route = apis.create_route(ApiId=socket, RouteKey="x")["RouteId"]
    integration = apis.create_integration(ApiId=socket, IntegrationType="MOCK")["IntegrationId"]
    links = {apis.create_vpc_link(Name=f"l{number}", SubnetIds=["s"])["VpcLinkId"]
             for number in range(5)}
    for number in range(5):
        apis.create_model(ApiId=socket, Name=f"M{number}", Schema='{"type": "string"}')
        apis.create_authorizer(ApiId=socket, Name=f"a{number}", AuthorizerType="REQUEST",
                               AuthorizerUri=INVOCATION, IdentitySource=[])
        apis.create_integration_response(ApiId=socket, IntegrationId=integration,
                                         IntegrationResponseKey=f"/{number}/")
    apis.create_route_response(ApiId=socket, RouteId=route, RouteResponseKey="$default")

    def pages(operation, key, **arguments):
        """The keys of all items, three to a page."""
        shown, token = [], {}
        while True:
            page = operation(**arguments, **token, MaxResults="3")
            shown += [one[key] for one in page["Items"]]
            if "NextToken" not in page:
                return shown
            assert len(page["Items"]) == 3
            token = {"NextToken": page["NextToken"]}

    for operation, key, arguments in (
            (apis.get_models, "ModelId", {}), (apis.get_authorizers, "AuthorizerId", {}),
            (apis.get_integration_responses, "IntegrationResponseId",
             {"IntegrationId": integration})):
        shown = pages(operation, key, ApiId=socket, **arguments)
        assert len(shown) == len(set(shown)) == 5, operation
    assert len(pages(apis.get_route_responses, "RouteResponseId", ApiId=socket,
                     RouteId=route)) == 1
    assert links <= set(pages(apis.get_vpc_links, "VpcLinkId"))
    for number in links:
        apis.delete_vpc_link(VpcLinkId=number)


def test_concurrent_writers_lose_nothing(ready, api, apis):
    """Two writers at two regions alter one authorizer at the same time, over and over. Whoever is
    told that it worked finds its field; whoever came too late is told so."""
    made = apis.create_authorizer(ApiId=api, Name="a", AuthorizerType="JWT",
                                  JwtConfiguration=ISSUER,
                                  IdentitySource=["$request.header.Authorization"])
    settle(Management(ready), made[META]["HTTPHeaders"])
    here = {"ApiId": api, "AuthorizerId": made["AuthorizerId"]}
    clients = [strict_client(ready), strict_client(ready, -1)]
    start = threading.Barrier(2)

    def write(which, fields_of):
        done = []
        for at in range(10):
            start.wait(timeout=60)
            try:
                answer = clients[which].update_authorizer(**here, **fields_of(at))
                done.append((at, answer[META]["HTTPHeaders"]))
            except ClientError as error:
                assert error.response["Error"]["Code"] == "ConflictException", error
        return done

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        names = pool.submit(write, 0, lambda at: {"Name": f"n{at}"})
        audiences = pool.submit(write, 1, lambda at: {"JwtConfiguration": {"Audience": [f"a{at}"]}})
        names, audiences = names.result(), audiences.result()
    assert names or audiences, "somebody is always first"
    revision = str(max(int(one["x-edgeway-revision"]) for _, one in names + audiences))
    settle(Management(ready), {"x-edgeway-revision": revision})
    last = apis.get_authorizer(**here)
    assert last["Name"] == (f"n{names[-1][0]}" if names else "a")
    kept = [f"a{audiences[-1][0]}"] if audiences else ISSUER["Audience"]
    assert last["JwtConfiguration"] == ISSUER | {"Audience": kept}
    print(f"of 10 each, {len(names)} and {len(audiences)} were in time")


def get(ready, host, path):
    """Status and body at the first region's own listener."""
    place = ready["regions"][0]
    request = urllib.request.Request(f"http://{place['http']}{path}", headers={"host": host})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_nothing_is_open_that_is_not_served(ready, apis, api, socket):
    """Who brings no token is not let in, and WebSocket APIs are configuration so far."""
    number = apis.create_authorizer(ApiId=api, Name="a", AuthorizerType="JWT",
                                    JwtConfiguration=ISSUER,
                                    IdentitySource=["$request.header.Authorization"])
    target = apis.create_integration(ApiId=api, IntegrationType="HTTP_PROXY",
                                     IntegrationUri="http://127.0.0.1:9", IntegrationMethod="ANY")
    apis.create_route(ApiId=api, RouteKey="GET /", AuthorizationType="JWT",
                      AuthorizerId=number["AuthorizerId"],
                      Target=f"integrations/{target['IntegrationId']}")
    apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    apis.create_route(ApiId=socket, RouteKey="$default")
    deployment = apis.create_deployment(ApiId=socket)["DeploymentId"]
    last = apis.create_stage(ApiId=socket, StageName="live", DeploymentId=deployment)
    settle(Management(ready), last[META]["HTTPHeaders"])
    region, base = ready["regions"][0]["name"], ready["base_domain"]
    assert get(ready, f"{api}.execute-api.{region}.{base}", "/")[0] == 401
    status, body = get(ready, f"{socket}.execute-api.{region}.{base}", "/live")
    assert status == 501 and b"WebSocket" in body
