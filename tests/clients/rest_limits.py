"""API keys, usage plans and quotas at work, through boto3 and plain HTTP: what clients get, what
GetUsage counts in all regions, and what UpdateUsage changes."""

import datetime
import http.client
import time
import uuid

import pytest

from conftest import settle
from rest_apis import bad, fields, missing, mock_method, patch

# A day's quota must not end while a test runs: near midnight the month serves as well.
PERIOD = "MONTH"


def until(what, condition, seconds=20):
    """Waits for a condition that others bring about."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"not in time: {what}")


@pytest.fixture
def limited(rest, rest_api, ready, management):
    """Makes plans with a key for the API's stage; gives the plan's id, the key and its value."""
    root = rest.get_rest_api(restApiId=rest_api)["rootResourceId"]
    here = mock_method(rest, rest_api, root)
    rest.put_method_response(**here, statusCode="200")
    rest.put_integration_response(**here, statusCode="200")
    rest.update_method(**here, **patch(("replace", "/apiKeyRequired", "true")))
    rest.create_deployment(restApiId=rest_api, stageName="prod")
    made = []

    def make(**limits):
        key = rest.create_api_key(name=uuid.uuid4().hex, enabled=True)
        plan = rest.create_usage_plan(
            name="p", apiStages=[{"apiId": rest_api, "stage": "prod"}], **limits)["id"]
        linked = rest.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
        made.append((plan, key["id"]))
        settle(management, linked["ResponseMetadata"]["HTTPHeaders"])
        return plan, key["id"], key["value"]

    yield make
    for plan, key in made:
        pair = f"{rest_api}:prod"
        rest.update_usage_plan(usagePlanId=plan, **patch(("remove", "/apiStages", pair)))
        rest.delete_usage_plan(usagePlanId=plan)
        rest.delete_api_key(apiKey=key)


def asker(ready, api, place=None):
    """Asks the API at a place, the first region unless told."""
    host = f"{api}.execute-api.{ready['regions'][0]['name']}.{ready['base_domain']}"
    place = place or ready["regions"][0]

    def ask(key=None):
        connection = http.client.HTTPConnection(place["http"], timeout=20)
        headers = {"Host": host} | ({"x-api-key": key} if key is not None else {})
        connection.request("GET", "/prod", headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    return ask


def usage_of(client, plan, key):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    days = {"startDate": str(today - datetime.timedelta(days=1)), "endDate": str(today)}
    return client.get_usage(usagePlanId=plan, keyId=key, **days)["items"][key]


def test_a_key_opens_the_method(limited, ready, rest_api):
    _, _, value = limited()
    for place in [ready["regions"][0], ready["pops"][0]]:
        ask = asker(ready, rest_api, place)
        for wrong in [None, "none", value[:-1]]:
            answer, text = ask(wrong)
            assert (answer.status, text) == (403, '{"message":"Forbidden"}')
            assert answer.getheader("x-amzn-errortype") == "ForbiddenException"
        assert ask(value)[0].status == 200


def test_a_throttle_answers_429(limited, ready, rest_api):
    # A token in ten seconds. Should the leader have changed a moment ago, even the first is late.
    _, _, value = limited(throttle={"burstLimit": 3, "rateLimit": 0.1})
    ask = asker(ready, rest_api)

    def answered(status):
        answer, text = ask(value)
        return answer.status == status and (answer, text)
    answer, _ = until("one is admitted", lambda: answered(200), 60)
    assert answer.getheader("ratelimit-policy") == '"plan";q=3;w=30'
    assert answer.getheader("ratelimit").startswith('"plan";r=')
    answer, text = until("the burst is used up", lambda: answered(429), 60)
    assert text == '{"message":"Too Many Requests"}'
    assert answer.getheader("x-amzn-errortype") == "TooManyRequestsException"
    assert 1 <= int(answer.getheader("retry-after")) <= 30


def test_usage_is_counted_and_raised(rest, rest_elsewhere, limited, ready, rest_api, management):
    plan, key, value = limited(quota={"limit": 4, "period": PERIOD})
    asks = [asker(ready, rest_api, place) for place in (ready["regions"][0], ready["regions"][-1])]
    ask = asks[0]
    assert usage_of(rest, plan, key)[1] == [0, 4]
    # Requests of any region count; those that are refused do not.
    admitted = sum(ask(value)[0].status == 200 for ask in asks for _ in range(2))
    assert admitted >= 1
    for client in (rest, rest_elsewhere):
        until("usage is told", lambda c=client: sum(
            used for used, _ in usage_of(c, plan, key)) == admitted)
        assert usage_of(client, plan, key)[1][1] == 4 - admitted
    # Until it is used up.
    def over():
        answer, text = ask(value)
        nonlocal admitted
        admitted += answer.status == 200
        return answer.status == 429 and (answer, text)
    answer, text = until("the quota is used up", over)
    assert text == '{"message":"Limit Exceeded"}'
    assert answer.getheader("x-amzn-errortype") == "LimitExceededException"
    assert int(answer.getheader("retry-after")) >= 1
    until("all is counted", lambda: sum(
        used for used, _ in usage_of(rest, plan, key)) == admitted)
    # Two more, in this period alone.
    at = {"usagePlanId": plan, "keyId": key}
    more = rest.update_usage(**at, **patch(("replace", "/remaining", "2")))
    assert fields(more)["items"] == {key: [[admitted, 2]]}
    settle(management, more["ResponseMetadata"]["HTTPHeaders"])
    # Another region learns of the last requests some moments later.
    until("two are left", lambda: usage_of(rest_elsewhere, plan, key)[1][1] == 2)
    until("two more are to be had", lambda: ask(value)[0].status == 200)
    bad("Invalid patch", rest.update_usage, **at, **patch(("replace", "/other", "2")))
    missing("Invalid API Key identifier", rest.update_usage, usagePlanId=plan, keyId="none",
            **patch(("replace", "/remaining", "2")))


def test_usage_without_a_quota_cannot_be_raised(rest, limited):
    plan, key, _ = limited()
    bad("has no quota", rest.update_usage, usagePlanId=plan, keyId=key,
        **patch(("replace", "/remaining", "2")))
