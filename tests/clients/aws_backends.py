"""What stands in for AWS in tests, independent of the code under test: moto's server for services,
a server that runs the Python functions below and speaks Lambda's own protocol, streams included,
and an issuer of tokens over TLS. Signatures of all calls to functions are checked with botocore.

Run by itself it prints the addresses as a line of JSON and serves until its input closes."""

import datetime
import ipaddress
import json
import logging
import ssl
import struct
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwk, jwt

KEY, SECRET = "AKIDNODE", "secret-of-the-node"
ROLE_KEY, ROLE_SECRET, ROLE_TOKEN = "AKIDROLE", "secret-of-the-role", "token-of-the-role"
KEYS = {KEY: (SECRET, None), ROLE_KEY: (ROLE_SECRET, ROLE_TOKEN)}

# What functions that nobody waits for were given, and who lets streams go on.
SEEN = {}
# Parts of streams wait here, by the end of the request's path.
RELEASED = {"x": threading.Event(), "dies": threading.Event()}


def proxy(event):
    """Answers what the request's body says, or shows the event."""
    if event["path"].endswith("/says"):
        return json.loads(event["body"])
    if event["path"].endswith("/fails"):
        raise ValueError("as it was told to")
    return {"statusCode": 201, "headers": {"X-One": "1", "x-multi": "c", "Date": "x"},
            "multiValueHeaders": {"X-Multi": ["a", "b"]}, "body": json.dumps(event)}


def custom(event):
    """No proxy: gets and gives what templates make."""
    if event.get("name") == "nobody":
        raise KeyError("NotFound: nobody")
    SEEN[event.get("ticket")] = event
    return {"greeting": f"hello {event['name']}", "total": sum(event["items"])}


def seen(event):
    return {"found": SEEN.get(event["ticket"])}


def authorizer(event):
    """Decides by the token: allow, deny, or what is wrong with itself."""
    token = event.get("authorizationToken") or event["headers"].get("x-who", "")
    SEEN[token] = SEEN.get(token, 0) + 1
    word = token.split("-")[0]
    if word == "unauthorized":
        raise Exception("Unauthorized")
    if word == "broken":
        raise ValueError("no idea")
    if word == "nested":
        return {"principalId": "u", "policyDocument": policy("Allow", "*"), "context": {"a": {}}}
    if word == "bare":
        return {"principalId": "u"}
    arn = event["methodArn"] if word == "once" else "*"
    return {"principalId": f"user-{word}", "policyDocument": policy(
        "Deny" if word == "deny" else "Allow", arn),
        "context": {"calls": SEEN[token], "flag": True, "word": word}}


def policy(effect, arn):
    return {"Version": "2012-10-17", "Statement": [
        {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}]}


def stream(event):
    """The head in two pieces, a part, and the rest (or its end) only after `/release/...`."""
    head = json.dumps({"statusCode": 202, "headers": {"content-type": "text/plain"},
                       "cookies": ["a=1", "b=2"]}).encode() + b"\0" * 8
    if event["path"].endswith("/headless"):
        yield b"no head at all"
        return
    yield head[:10]
    yield head[10:] + b"first,"
    last = event["path"].rpartition("/")[2]
    RELEASED[last].wait(30)
    if last == "dies":
        raise ValueError("in the middle")
    yield b"second,"
    yield b"x" * 100_000


FUNCTIONS = {one.__name__: one for one in (proxy, custom, seen, authorizer, stream)}


def text_header(name, value):
    name, value = name.encode(), value.encode()
    return bytes([len(name)]) + name + b"\7" + struct.pack(">H", len(value)) + value


def frame(kind, payload, content_type):
    headers = (text_header(":message-type", "event") + text_header(":event-type", kind)
               + text_header(":content-type", content_type))
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head += struct.pack(">I", zlib.crc32(head))
    body = head + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


class Lambda(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith("/release/"):
            RELEASED[self.path.rpartition("/")[2]].set()
            return self.answer(200, {})
        wrong = self.is_wrongly_signed(body)
        if wrong:
            return self.answer(403, {"Message": wrong})
        parts = self.path.split("/")
        if len(parts) != 5 or parts[2] != "functions":
            return self.answer(404, {"Type": "User", "Message": "no such operation"})
        arn = urllib.parse.unquote(parts[3])
        function = FUNCTIONS.get(arn.split(":")[6] if arn.startswith("arn:") else arn)
        if function is None:
            return self.answer(404, {"Type": "User", "Message": f"Function not found: {arn}"})
        event = json.loads(body)
        if parts[1:] == ["2021-11-15", "functions", parts[3], "response-streaming-invocations"]:
            return self.stream(function, event)
        if self.headers.get("x-amz-invocation-type") == "Event":
            function(event)
            return self.answer(202, None)
        try:
            return self.answer(200, function(event))
        except Exception as error:
            text = error.args[0] if error.args else ""
            return self.answer(200, {"errorMessage": text, "errorType": type(error).__name__,
                                     "stackTrace": []}, {"X-Amz-Function-Error": "Unhandled"})

    def answer(self, status, value, headers=()):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in dict(headers).items():
            self.send_header(name, text)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, function, event):
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        end = {}
        try:
            for part in function(event):
                self.chunk(frame("PayloadChunk", part, "application/octet-stream"))
        except ValueError as error:
            end = {"ErrorCode": "Unhandled", "ErrorDetails": str(error)}
        self.chunk(frame("InvokeComplete", json.dumps(end).encode(), "application/json"))
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, data):
        # In two pieces, so that frames do not come whole.
        for piece in (data[:7], data[7:]):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()

    def is_wrongly_signed(self, body):
        """Why, or nothing."""
        parts = dict(part.strip().split("=", 1) for part in self.headers.get(
            "authorization", "").removeprefix("AWS4-HMAC-SHA256 ").split(",") if "=" in part)
        if "Credential" not in parts:
            return "not signed"
        key, _, region, service, _ = parts["Credential"].split("/")
        if key not in KEYS or service != "lambda":
            return f"unknown key {key} or service {service}"
        secret, token = KEYS[key]
        if self.headers.get("x-amz-security-token") != token:
            return "wrong token"
        names = parts["SignedHeaders"].split(";")
        request = AWSRequest(
            method=self.command, url=f"http://{self.headers['host']}{self.path}", data=body,
            headers={name: self.headers[name] for name in names if name != "host"})
        request.context["timestamp"] = self.headers["x-amz-date"]
        auth = SigV4Auth(Credentials(key, secret), service, region)
        text = auth.string_to_sign(request, auth.canonical_request(request))
        same = auth.signature(text, request) == parts["Signature"]
        return None if same else "wrong signature"


class Issuer(BaseHTTPRequestHandler):
    """Publishes its keys, and signs what it is asked to sign (`POST /sign/KEY`)."""

    protocol_version = "HTTP/1.1"
    keys = {"rsa": jwk.RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
            "curve": jwk.ECKey.generate_key("P-256", {"kid": "curve", "use": "sig"})}
    # With the first one's name.
    forger = jwk.RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
    is_down, fetches = False, 0

    def log_message(self, *_):
        pass

    @property
    def url(self):
        return f"https://localhost:{self.server.server_address[1]}"

    def do_GET(self):
        if self.path == "/fetches":
            return self.answer(200, Issuer.fetches)
        if self.path == "/.well-known/openid-configuration":
            Issuer.fetches += 1
            return self.answer(503 if Issuer.is_down else 200,
                               {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"})
        if self.path == "/jwks":
            keys = [key.as_dict(private=False) for key in self.keys.values()]
            return self.answer(503 if Issuer.is_down else 200, {"keys": keys})
        return self.answer(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        what, _, name = self.path[1:].partition("/")
        if what == "down":
            Issuer.is_down = name == "true"
            return self.answer(200, {})
        now = int(time.time())
        claims = {"iss": self.url, "aud": "app", "iat": now - 5, "exp": now + 600,
                  "sub": "somebody"} | json.loads(body)
        key = self.forger if name == "forger" else self.keys[name]
        algorithm = "ES256" if name == "curve" else "RS256"
        header = {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
        return self.answer(200, jwt.encode(header, claims, key, algorithms=[algorithm]))

    answer = Lambda.answer


def certify():
    """A certificate for `localhost` and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer of tests")])
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - day).not_valid_after(now + day)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256()))
    return made.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption())


def issue(folder):
    """Starts the issuer; gives its URL and the file with what vouches for it."""
    certificate, key = certify()
    ca, own = f"{folder}/issuer.pem", f"{folder}/issuer-own.pem"
    for path, text in ((ca, certificate), (own, certificate + key)):
        with open(path, "wb") as file:
            file.write(text)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    # The handshake belongs to the connection's own thread.
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"issuer": f"https://localhost:{server.server_address[1]}", "issuer_ca": ca}


def serve(folder):
    """Starts all; gives their addresses."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    functions = ThreadingHTTPServer(("127.0.0.1", 0), Lambda)
    functions.daemon_threads = True
    threading.Thread(target=functions.serve_forever, daemon=True).start()
    services = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    services.start()
    host, port = services.get_host_and_port()
    return {"services": f"http://{host}:{port}",
            "functions": f"http://127.0.0.1:{functions.server_address[1]}"} | issue(folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        print(json.dumps(serve(made)), flush=True)
        sys.stdin.read()
