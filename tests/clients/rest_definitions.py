"""OpenAPI files through boto3: import, replacement, export, and what is wrong with a file."""

import io
import json
import time

import pytest
import yaml
from botocore.exceptions import ClientError

from openapi_files import BACKEND, description

EXTENSIONS = {"extensions": "apigateway,documentation"}


def deployed(rest, body, stage="prod", **parameters):
    api = rest.import_rest_api(body=body, parameters=parameters)
    rest.create_deployment(restApiId=api["id"], stageName=stage)
    return api["id"]


def exported(rest, api, kind="oas30", accepts="application/json", stage="prod"):
    answer = rest.get_export(restApiId=api, stageName=stage, exportType=kind,
                                   accepts=accepts, parameters=EXTENSIONS)
    assert answer["contentType"] == accepts
    assert "attachment" in answer["contentDisposition"]
    return answer["body"].read()


def without_names(file, api):
    """An export with its own id and host made the same for all APIs."""
    return json.loads(json.dumps(json.loads(file)).replace(api, "API"))


@pytest.mark.parametrize("name, arguments", [
    ("large", {"operations": 900, "models": 200, "properties": 20}),
    ("many", {"operations": 500}),
    ("small", {"operations": 4}),
])
def test_import_export_import_gives_the_same(rest, name, arguments):
    body = json.dumps(description(name, **arguments)).encode()
    if name == "large":
        assert len(body) > 1 << 20
    began = time.monotonic()
    first = deployed(rest, body)
    print(f"import of {len(body) / 1e6:.1f} MB, {arguments['operations']} operations: "
          f"{time.monotonic() - began:.2f} s")
    paginator = rest.get_paginator("get_resources")
    resources = [r for page in paginator.paginate(restApiId=first, embed=["methods"],
                                                  PaginationConfig={"PageSize": 500})
                 for r in page["items"]]
    methods = sum(len(r.get("resourceMethods", {})) for r in resources)
    assert methods == arguments["operations"]
    file = exported(rest, first)
    second = deployed(rest, file)
    again = exported(rest, second)
    assert without_names(again, second) == without_names(file, first)
    for api in (first, second):
        rest.delete_rest_api(restApiId=api)


def test_yaml_and_swagger_carry_the_same(rest):
    api = deployed(rest, json.dumps(description("formats", 6)).encode())
    three = json.loads(exported(rest, api))
    assert yaml.safe_load(exported(rest, api, accepts="application/yaml")) == three
    two = json.loads(exported(rest, api, kind="swagger"))
    assert two["swagger"] == "2.0" and two["basePath"] == "/prod"
    assert set(two["paths"]) == set(three["paths"])
    from_two = deployed(rest, json.dumps(two).encode())
    again = exported(rest, from_two)
    assert without_names(again, from_two) == without_names(json.dumps(three), api)
    for one in (api, from_two):
        rest.delete_rest_api(restApiId=one)


def test_put_merges_and_overwrites(rest):
    api = rest.import_rest_api(body=json.dumps(description("put", 4)).encode())["id"]

    def paths():
        items = rest.get_resources(restApiId=api, limit=500)["items"]
        return {r["path"]: r["id"] for r in items}

    before = paths()
    extra = {"openapi": "3.0.1", "info": {"title": "put"}, "paths": {
        "/extra": {"get": {"responses": {}, "x-amazon-apigateway-integration": {
            "type": "http_proxy", "httpMethod": "GET", "uri": BACKEND}}}}}
    merged = rest.put_rest_api(restApiId=api, body=json.dumps(extra).encode())
    assert merged["id"] == api and merged["name"] == "put"
    assert paths() == before | {"/extra": paths()["/extra"]}
    kept = paths()["/extra"]
    rest.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(extra).encode())
    assert set(paths()) == {"/", "/extra"}
    assert paths()["/extra"] == kept and paths()["/"] == before["/"]
    rest.delete_rest_api(restApiId=api)


def test_endpoint_and_base_path_parameters(rest):
    file = {"swagger": "2.0", "info": {"title": "base"}, "basePath": "/a/b",
            "paths": {"/x": {"get": {}}}}
    body = json.dumps(file).encode()
    for wanted, path in (("ignore", "/x"), ("prepend", "/a/b/x"), ("split", "/b/x")):
        api = rest.import_rest_api(body=body, parameters={
            "basepath": wanted, "endpointConfigurationTypes": "REGIONAL"})
        assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
        items = rest.get_resources(restApiId=api["id"])["items"]
        assert path in {r["path"] for r in items}
        rest.delete_rest_api(restApiId=api["id"])


@pytest.mark.parametrize("body, text", [
    (b"", "Invalid OpenAPI input."),
    (b"{\"openapi\": \"3.0.1\",\n\"info\": }", "line 2"),
    (b"openapi: 3.0.1\ninfo: [\n", "Invalid OpenAPI input."),
    (b"{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"x\"}}", "(at /openapi)"),
    (b"{\"swagger\": \"2.0\", \"info\": {\"title\": \"x\"}, \"paths\": {\"/\": {\"fetch\": {}}}}",
     "(at /paths/~1/fetch)"),
])
def test_a_bad_file_names_its_place_and_changes_nothing(rest, body, text):
    before = len(rest.get_rest_apis(limit=500)["items"])
    with pytest.raises(ClientError) as refusal:
        rest.import_rest_api(body=body)
    assert refusal.value.response["Error"]["Code"] == "BadRequestException"
    assert text in refusal.value.response["Error"]["Message"]
    assert len(rest.get_rest_apis(limit=500)["items"]) == before


def test_warnings_are_told_or_refused(rest):
    file = {"openapi": "3.0.1", "info": {"title": "warned"}, "paths": {
        "/": {"get": {"parameters": [{"name": "c", "in": "cookie"}], "responses": {}}}}}
    body = json.dumps(file).encode()
    api = rest.import_rest_api(body=body)
    assert len(api["warnings"]) == 1 and "(at /paths/~1/get/parameters/0)" in api["warnings"][0]
    rest.delete_rest_api(restApiId=api["id"])
    with pytest.raises(ClientError, match="Warnings found during import"):
        rest.import_rest_api(body=body, failOnWarnings=True)


def test_exports_that_cannot_be(rest):
    api = deployed(rest, json.dumps(description("refused", 2)).encode())
    for arguments, text in (
            ({"stageName": "none", "exportType": "oas30"}, "Invalid stage identifier specified"),
            ({"stageName": "prod", "exportType": "raml"}, "Invalid export type")):
        with pytest.raises(ClientError, match=text):
            rest.get_export(restApiId=api, **arguments)
    rest.delete_rest_api(restApiId=api)


def test_a_stream_is_a_body_too(rest):
    body = io.BytesIO(json.dumps(description("stream", 2)).encode())
    api = rest.import_rest_api(body=body)
    assert api["name"] == "stream"
    rest.delete_rest_api(restApiId=api["id"])


def test_documentation_alone_is_imported(rest, rest_api):
    def file(text, path="/a"):
        return json.dumps({
            "openapi": "3.0.1", "info": {"title": "not taken", "version": "1"},
            "paths": {path: {"get": {"responses": {}}}},
            "x-amazon-apigateway-documentation": {"version": "1", "documentationParts": [
                {"location": {"type": "API"}, "properties": {"description": text}},
                {"location": {"type": "RESOURCE", "path": path}, "properties": {"summary": "s"}}]},
        }).encode()

    def parts():
        items = rest.get_documentation_parts(restApiId=rest_api)["items"]
        return {p["location"].get("path", ""): (p["id"], json.loads(p["properties"])) for p in items}

    first = rest.import_documentation_parts(restApiId=rest_api, body=file("one"))
    before = parts()
    assert {number for number, _ in before.values()} == set(first["ids"])
    assert before[""][1] == {"description": "one"} and "/a" in before
    rest.import_documentation_parts(restApiId=rest_api, body=file("two", "/b"), mode="merge")
    assert parts()[""] == (before[""][0], {"description": "two"}), "the same part, altered"
    assert set(parts()) == {"", "/a", "/b"}
    rest.import_documentation_parts(restApiId=rest_api, body=file("three", "/b"), mode="overwrite")
    assert set(parts()) == {"", "/b"}
    assert len(rest.get_resources(restApiId=rest_api)["items"]) == 1, "nothing else is taken"
    assert rest.get_rest_api(restApiId=rest_api)["name"] == "test"
    with pytest.raises(ClientError, match="mode must be merge or overwrite"):
        rest.import_documentation_parts(restApiId=rest_api, body=file("x"), mode="x")


def test_a_models_template(rest, rest_api):
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "all": {
        "type": "array", "items": {"type": "integer"}}}}
    rest.create_model(restApiId=rest_api, name="Thing", contentType="application/json",
                      schema=json.dumps(schema))
    text = rest.get_model_template(restApiId=rest_api, modelName="Thing")["value"]
    assert text.startswith("#set($inputRoot = $input.path('$'))")
    assert '"name" : "foo"' in text and "#foreach($elem1 in $inputRoot.all)" in text
    with pytest.raises(ClientError, match="Invalid model name specified: None"):
        rest.get_model_template(restApiId=rest_api, modelName="None")
