"""Trying a method of a REST API through boto3: it need not be deployed, and the log says what
happened."""

import pytest
from botocore.exceptions import ClientError

from rest_apis import mock_method


def lines(answer):
    """The log's events without their times."""
    return [line.partition(" : ")[2] or line for line in answer["log"].splitlines()]


def test_a_method_is_tried_before_it_is_deployed(rest, rest_api):
    root = rest.get_rest_api(restApiId=rest_api)["rootResourceId"]
    here = mock_method(rest, rest_api, root)
    rest.put_method_response(**here, statusCode="200")
    rest.put_integration_response(**here, statusCode="200")
    rest.update_method(restApiId=rest_api, resourceId=root, httpMethod="GET", patchOperations=[
        {"op": "replace", "path": "/apiKeyRequired", "value": "true"}])
    answer = rest.test_invoke_method(
        restApiId=rest_api, resourceId=root, httpMethod="GET", pathWithQueryString="/?a=b",
        headers={"x-one": "1"}, multiValueHeaders={"x-many": ["1", "2"]}, body="")
    assert answer["status"] == 200, answer
    assert answer["latency"] >= 0
    assert all(answer["multiValueHeaders"][name][-1] == value
               for name, value in answer["headers"].items())
    events = lines(answer)
    assert events[0].startswith("Execution log for request ")
    assert events[1].startswith("Starting execution for request: ")
    assert events[2] == "HTTP Method: GET, Resource Path: /"
    assert "Method request query string: {a=b}" in events
    headers = next(event for event in events if event.startswith("Method request headers: "))
    assert "x-one=1" in headers and "x-many=1" in headers and "x-many=2" in headers
    assert events[-2:] == ["Successfully completed execution", "Method completed with status: 200"]


def test_what_is_not_there_cannot_be_tried(rest, rest_api):
    root = rest.get_rest_api(restApiId=rest_api)["rootResourceId"]
    for api, resource in [("none", root), (rest_api, "none"), (rest_api, root)]:
        with pytest.raises(ClientError) as refused:
            rest.test_invoke_method(restApiId=api, resourceId=resource, httpMethod="PUT")
        assert refused.value.response["Error"]["Code"] == "NotFoundException"
