"""How soon every POP serves what the management API has answered, and stops serving what is gone.

The clock starts when the last call returns. All POPs are asked over and over, each on a connection
of its own; a try ends when the last of them has given the wanted answer twice in a row.
"""

import concurrent.futures
import http.client
import http.server
import json
import math
import threading
import time

import pytest

from conftest import strict_client

TRIES = 50
P99_SECONDS_MAX = 1.0
GIVE_UP_SECONDS = 20
PAUSE_SECONDS = 0.002


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet, or the kernels' delayed acknowledgements are measured as well.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        body = b"origin " + self.path.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def origin():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Pop:
    """Asks one POP, reconnecting when it has closed the connection."""

    def __init__(self, address):
        self.address = address
        self.connection = None

    def ask(self, host, path):
        for last in (False, True):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(self.address, timeout=5)
                self.connection.request("GET", path, headers={"host": host})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.connection = None
                if last:
                    raise

    def until(self, host, path, wanted, started):
        """Seconds from `started` to the first of two wanted answers in a row."""
        first = None
        while True:
            now = time.monotonic()
            answer = self.ask(host, path)
            if wanted(*answer):
                if first is not None:
                    return first - started
                first = time.monotonic()
            else:
                first = None
            assert now - started < GIVE_UP_SECONDS, f"{self.address} still answers {answer}"
            time.sleep(PAUSE_SECONDS)


def served(status, body):
    return status == 200 and body == b"origin /pets/1"


def forbidden(status, body):
    return status == 403 and json.loads(body) == {"message": "Forbidden"}


def last_of(pops, pool, host, path, wanted, started):
    waits = [pool.submit(pop.until, host, path, wanted, started) for pop in pops]
    return max(wait.result() for wait in waits)


def p99(values):
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


def create(apis, origin):
    api = apis.create_api(Name="propagation", ProtocolType="HTTP")
    number = api["ApiId"]
    integration = apis.create_integration(
        ApiId=number, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY",
        IntegrationUri=origin + "/pets/{id}", PayloadFormatVersion="1.0")
    apis.create_route(ApiId=number, RouteKey="GET /pets/{id}",
                      Target=f"integrations/{integration['IntegrationId']}")
    apis.create_stage(ApiId=number, StageName="$default", AutoDeploy=True)
    return number, api["ApiEndpoint"].removeprefix("https://")


def test_every_pop_serves_within_a_second(ready, origin):
    apis = strict_client(ready)
    pops = [Pop(pop["http"]) for pop in ready["pops"]]
    assert pops, "the cluster has no POP"
    appeared, gone = [], []
    with concurrent.futures.ThreadPoolExecutor(len(pops)) as pool:
        for _ in range(TRIES):
            number, host = create(apis, origin)
            started = time.monotonic()
            appeared.append(last_of(pops, pool, host, "/pets/1", served, started))
            apis.delete_api(ApiId=number)
            started = time.monotonic()
            gone.append(last_of(pops, pool, host, "/pets/1", forbidden, started))
    for name, values in (("appeared", appeared), ("gone", gone)):
        middle = sorted(values)[len(values) // 2]
        print(f"{name}: p50 {middle:.4f} s, p99 {p99(values):.4f} s, tries {len(values)}, "
              f"pops {len(pops)}")
    assert p99(appeared) < P99_SECONDS_MAX, sorted(appeared)
    assert p99(gone) < P99_SECONDS_MAX, sorted(gone)
