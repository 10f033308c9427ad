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
