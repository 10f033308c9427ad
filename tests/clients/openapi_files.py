"""OpenAPI descriptions with Amazon's extensions, made rather than kept: how large, how many, which.

Nothing here is random: the same call makes the same description, so that two imports of it can be
compared.
"""

BACKEND = "http://backend.example"


def operation(path, verb, number, model):
    """An operation with parameters, a body, two answers and an HTTP integration."""
    variables = [part[1:-1].rstrip("+") for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                  for name in variables]
    parameters += [{"name": "limit", "in": "query", "schema": {"type": "integer"},
                    "description": f"How many of number {number} to give at once"},
                   {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}]
    mapped = {f"integration.request.path.{name}": f"method.request.path.{name}"
              for name in variables}
    made = {
        "operationId": f"{verb}Number{number}",
        "summary": f"Operation {number}",
        "tags": ["generated"],
        "parameters": parameters,
        "responses": {
            "200": {"description": f"What number {number} gives",
                    "headers": {"X-Total": {"schema": {"type": "integer"}}},
                    "content": {"application/json": {
                        "schema": {"$ref": f"#/components/schemas/{model}"}}}},
            "500": {"description": "500 response"},
        },
        "security": [{"api_key": []}],
        "x-amazon-apigateway-request-validator": "all",
        "x-amazon-apigateway-integration": {
            "type": "http",
            "httpMethod": verb.upper(),
            "uri": f"{BACKEND}{path}",
            "passthroughBehavior": "when_no_templates",
            "requestParameters": mapped,
            "requestTemplates": {"application/json": "{\"body\": $input.json('$')}"},
            "responses": {
                "default": {"statusCode": "200",
                            "responseParameters": {
                                "method.response.header.X-Total":
                                    "integration.response.header.Total"},
                            "responseTemplates": {"application/json": "$input.json('$')"}},
                "5\\d{2}": {"statusCode": "500",
                            "responseTemplates": {"application/json": "{\"fault\": true}"}},
            },
        },
    }
    if verb in ("post", "put", "patch"):
        made["requestBody"] = {"required": True, "content": {"application/json": {
            "schema": {"$ref": f"#/components/schemas/{model}"}}}}
    return made


def schema(number, properties):
    return {"type": "object",
            "description": f"Thing number {number}",
            "required": ["id"],
            "properties": {"id": {"type": "string"}} | {
                f"field{n}": {"type": "string", "description": f"Field {n} of thing {number}",
                              "maxLength": 100} for n in range(properties)}}


def every_extension(backend):
    """A description with each of Amazon's extensions for REST APIs, and one operation for each way
    that they let a request go."""
    base = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    function = base + "arn:aws:lambda:us-east-1:000000000000:function:nobody/invocations"
    proxy = {"type": "http_proxy", "httpMethod": "GET", "uri": backend + "/things/any"}

    def got(**more):
        return {"responses": {}, "x-amazon-apigateway-integration": proxy} | more

    mock = {"type": "mock", "requestTemplates": {"application/json": "{\"statusCode\": 202}"},
            "responses": {"default": {"statusCode": "202", "responseTemplates": {
                "application/json": "{\"path\": \"$context.resourcePath\"}"}}}}
    return {
        "openapi": "3.0.1",
        "info": {"title": "every", "version": "1"},
        "servers": [{"url": "https://every.example/", "x-amazon-apigateway-endpoint-configuration": {
            "disableExecuteApiEndpoint": False, "ipAddressType": "ipv4"}}],
        "tags": [{"name": "team", "x-amazon-apigateway-tag-value": "blue"}],
        "paths": {
            "/any": {"x-amazon-apigateway-any-method": got()},
            "/mock": {"get": got() | {"x-amazon-apigateway-integration": mock,
                                      "responses": {"202": {"description": "taken"}}}},
            "/signed": {"get": got(**{"x-amazon-apigateway-auth": {"type": "AWS_IAM"}})},
            "/asked": {"get": got(security=[{"token": []}])},
            "/checked": {"get": got(**{
                "x-amazon-apigateway-request-validator": "all",
                "parameters": [{"name": "X-Must", "in": "header", "required": True,
                                "schema": {"type": "string"}}]})},
            "/packed": {"get": got() | {"x-amazon-apigateway-integration":
                                        proxy | {"uri": backend + "/large"}}},
        },
        "components": {"securitySchemes": {"token": {
            "type": "apiKey", "name": "X-Token", "in": "header",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "token", "authorizerUri": function,
                "identityValidationExpression": "good-.*"}}}},
        "x-amazon-apigateway-api-key-source": "HEADER",
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-documentation": {"version": "1", "documentationParts": [
            {"location": {"type": "API"}, "properties": {"description": "Every one"}}]},
        "x-amazon-apigateway-endpoint-access-mode": "BASIC",
        "x-amazon-apigateway-gateway-responses": {"MISSING_AUTHENTICATION_TOKEN": {
            "statusCode": "404",
            "responseParameters": {"gatewayresponse.header.X-Words": "'ours'"},
            "responseTemplates": {"application/json": "{\"no\": \"$context.path\"}"}}},
        "x-amazon-apigateway-importexport-version": "1.0",
        "x-amazon-apigateway-minimum-compression-size": 1000,
        "x-amazon-apigateway-policy": {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke",
             "Resource": "execute-api:/*"},
            {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke",
             "Resource": "execute-api:/*/DELETE/*"}]},
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}},
        "x-amazon-apigateway-security-policy": "TLS_1_2",
    }


def description(title, operations, models=20, properties=5):
    """A description with that many operations on half as many paths, all of which can be routed."""
    paths = {}
    for number in range(operations):
        path = f"/group{number // 40}/things{number // 2 % 20}/{{id}}"
        verb = ("get", "put")[number % 2]
        paths.setdefault(path, {})[verb] = operation(path, verb, number, f"Thing{number % models}")
    return {
        "openapi": "3.0.1",
        "info": {"title": title, "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {f"Thing{n}": schema(n, properties) for n in range(models)},
            "securitySchemes": {
                "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
        },
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}},
        "x-amazon-apigateway-binary-media-types": ["image/png"],
    }
