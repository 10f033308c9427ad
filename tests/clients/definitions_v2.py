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
