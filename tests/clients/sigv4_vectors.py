"""Writes crates/lang/src/sigv4/tests/botocore.json: requests as botocore signs them at one moment.

Run by hand with the environment of the client tests; not a test itself. botocore is an
implementation of Signature Version 4 that shares no code with Edgeway's and none with the AWS SDK
for Rust, which other tests compare with.
"""

import datetime
import json
import pathlib

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW = datetime.datetime(2026, 11, 21, 3, 0, 0)
HOST = "127.0.0.1:7001"
ARN = "arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fa1b2c3d4e5"
CASES = [
    ("GET", "/restapis", {}, ""),
    ("GET", "/restapis?limit=25&position=abc%3D%3D", {}, ""),
    ("GET", "/restapis?position=b&limit=1&position=a", {}, ""),
    ("GET", "/restapis?a&b=&=c", {}, ""),
    ("GET", "/restapis?x=%20%2B%26%3D%25", {}, ""),
    ("GET", "/restapis?x=%C3%A4&%C3%A4=x", {}, ""),
    ("POST", "/restapis", {"content-type": "application/json"}, '{"name":"pets"}'),
    ("POST", "/restapis", {"x-note": "  a   b  c  "}, "{}"),
    ("POST", "/restapis", {"x-empty": ""}, "{}"),
    ("PUT", "/restapis/a1b2c3d4e5?mode=merge&failonwarnings=true", {}, "\u00e4" * 1000),
    ("PATCH", "/restapis/a1b2c3d4e5", {}, '{"patchOperations":[]}'),
    ("DELETE", f"/tags/{ARN}?tagKeys=b&tagKeys=a%20b", {}, ""),
    ("GET", f"/v2/tags/{ARN}", {}, ""),
    ("GET", "/restapis/a1/stages/%24default", {}, ""),
    ("GET", "/restapis/a1/stages/$default", {}, ""),
    ("GET", "/restapis/a%20b/resources/%7Bproxy%2B%7D", {}, ""),
    ("GET", "/restapis/%C3%A4~_-./x", {}, ""),
    ("GET", "/domainnames/%2A.example.com/basepathmappings/%28none%29", {}, ""),
    ("GET", "/domainnames/*.example.com/basepathmappings/(none)", {}, ""),
    ("GET", "/restapis/", {}, ""),
    ("GET", "/", {}, ""),
    ("POST", "/restapis", {"x-amz-meta": "1", "x-amz-abc": "2", "accept": "*/*"}, ""),
]


def headers(case):
    return {**case[2], "host": HOST}


def signed(case, make):
    method, target, _, body = case
    request = AWSRequest(method=method, url=f"http://{HOST}{target}", headers=headers(case),
                         data=body.encode())
    make(request)
    path = request.prepare().url.removeprefix(f"http://{HOST}")
    lines = [[name.lower(), value] for name, value in request.headers.items()]
    return {"method": method, "target": path, "headers": lines, "body": body}


def main():
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW
    header = botocore.auth.SigV4Auth(KEYS, "apigateway", "eu-central-1")
    query = botocore.auth.SigV4QueryAuth(KEYS, "apigateway", "eu-central-1", expires=600)
    vectors = {
        "source": f"botocore {botocore.__version__}, by tests/clients/sigv4_vectors.py",
        "header": [signed(case, header.add_auth) for case in CASES],
        "query": [signed(case, query.add_auth) for case in CASES if not case[3]],
    }
    root = pathlib.Path(__file__).resolve().parents[2]
    file = root / "crates/lang/src/sigv4/tests/botocore.json"
    file.write_text(json.dumps(vectors, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
