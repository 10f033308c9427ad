"""OpenAPI files of HTTP APIs through boto3: import, reimport, export."""

import json

import pytest
import yaml
from botocore.exceptions import ClientError


def description(paths, title="files"):
    def route(path):
        return {"get": {"responses": {"default": {"description": "any"}},
                        "x-amazon-apigateway-integration": {
                            "type": "http_proxy", "httpMethod": "GET",
                            "uri": f"http://backend.example{path}",
                            "payloadFormatVersion": "1.0"}}}
    return {"openapi": "3.0.1", "info": {"title": title, "version": "1"},
            "x-amazon-apigateway-cors": {"allowOrigins": ["https://a.example"], "maxAge": 5},
            "paths": {path: route(path) for path in paths}}


def routes(apis, api):
    paginator = apis.get_paginator("get_routes")
    return {r["RouteKey"]: r["RouteId"] for page in paginator.paginate(ApiId=api)
            for r in page["Items"]}


def test_import_reimport_export(apis):
    made = apis.import_api(Body=json.dumps(description(["/a", "/b"])))
    api = made["ApiId"]
    assert made["Name"] == "files" and made["CorsConfiguration"]["MaxAge"] == 5
    before = routes(apis, api)
    assert set(before) == {"GET /a", "GET /b"}
    changed = yaml.safe_dump(description(["/b", "/c/{id}"], "renamed"))
    again = apis.reimport_api(ApiId=api, Body=changed)
    assert again["ApiId"] == api and again["Name"] == "renamed"
    after = routes(apis, api)
    assert set(after) == {"GET /b", "GET /c/{id}"}
    assert after["GET /b"] == before["GET /b"], "a route that stays keeps its id"

    def export(**arguments):
        return apis.export_api(ApiId=api, Specification="OAS30", **arguments)["body"].read()

    file = json.loads(export(OutputType="JSON"))
    assert set(file["paths"]) == {"/b", "/c/{id}"}
    assert yaml.safe_load(export(OutputType="YAML")) == file
    plain = export(OutputType="JSON", IncludeExtensions=False)
    assert b"x-amazon-apigateway" not in plain
    apis.create_stage(ApiId=api, StageName="live", AutoDeploy=True)
    staged = json.loads(export(OutputType="JSON", StageName="live"))
    assert staged["paths"] == file["paths"]
    copy = apis.import_api(Body=json.dumps(file))["ApiId"]
    assert set(routes(apis, copy)) == set(after)
    for one in (api, copy):
        apis.delete_api(ApiId=one)


def test_authorizers_and_private_networks_go_round(apis):
    link = apis.create_vpc_link(Name="link", SubnetIds=["s"])["VpcLinkId"]
    file = description(["/open", "/mine", "/private", "/also"])
    file["components"] = {
        "securitySchemes": {"tokens": {"type": "oauth2", "flows": {},
                                       "x-amazon-apigateway-authorizer": {
            "type": "jwt", "identitySource": "$request.header.Authorization",
            "jwtConfiguration": {"issuer": "https://i.test", "audience": ["a"]}}}},
        "x-amazon-apigateway-integrations": {"shared": {
            "type": "http_proxy", "httpMethod": "ANY", "connectionType": "VPC_LINK",
            "connectionId": link, "uri": "arn:aws:elasticloadbalancing:r:0:listener/app/a/b/c",
            "payloadFormatVersion": "1.0", "requestParameters": {"overwrite:path": "/x"}}}}
    file["paths"]["/mine"]["get"]["security"] = [{"tokens": ["read"]}]
    shared = {"$ref": "#/components/x-amazon-apigateway-integrations/shared"}
    for path in ("/private", "/also"):
        file["paths"][path]["get"]["x-amazon-apigateway-integration"] = shared
    api = apis.import_api(Body=json.dumps(file))["ApiId"]
    [authorizer] = apis.get_authorizers(ApiId=api)["Items"]
    mine = {r["RouteKey"]: r for r in apis.get_routes(ApiId=api)["Items"]}["GET /mine"]
    assert mine["AuthorizerId"] == authorizer["AuthorizerId"]
    assert (mine["AuthorizationType"], mine["AuthorizationScopes"]) == ("JWT", ["read"])
    assert len(apis.get_integrations(ApiId=api)["Items"]) == 3

    def export(number):
        answer = apis.export_api(ApiId=number, Specification="OAS30", OutputType="JSON")
        return answer["body"].read().decode()

    exported = export(api)
    again = apis.reimport_api(ApiId=api, Body=exported)
    assert "Warnings" not in again
    assert export(api) == exported, "ids included"
    copy = apis.import_api(Body=exported)["ApiId"]
    assert json.loads(export(copy))["components"]["securitySchemes"] == json.loads(
        exported)["components"]["securitySchemes"]
    for one in (api, copy):
        apis.delete_api(ApiId=one)
    apis.delete_vpc_link(VpcLinkId=link)
    with pytest.raises(ClientError, match=f"Invalid Vpc Link identifier specified {link}"):
        apis.import_api(Body=exported)


@pytest.mark.parametrize("body, text", [
    ("{", "line 1"),
    ("{\"swagger\": \"2.0\"}", "Only OpenAPI 3.x.x are currently supported"),
    (json.dumps(description(["/{a}/{a}"])), "(at /paths/~1{a}~1{a}/get)"),
])
def test_a_bad_file_changes_nothing(apis, api, body, text):
    before = apis.get_api(ApiId=api)["Name"]
    for call in (lambda: apis.import_api(Body=body),
                 lambda: apis.reimport_api(ApiId=api, Body=body)):
        with pytest.raises(ClientError) as refusal:
            call()
        assert text in refusal.value.response["Error"]["Message"]
    assert apis.get_api(ApiId=api)["Name"] == before
