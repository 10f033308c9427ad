"""A Terraform provider that has nothing but a schema: enough to validate, and for mocks.

Serves plugin protocol 6 on one Unix socket a provider, for Terraform to attach to; there is no TLS, no
handshake, and anything that would need a cloud is not there. `main` takes a file of schemas (what
`schemas.py` rebuilds, by provider) and prints what to put into TF_REATTACH_PROVIDERS.
"""

import concurrent.futures
import json
import os
import pathlib
import signal
import sys
import tempfile

import grpc

# The names and numbers of Terraform's plugin protocol 6 (see provider/proto/provider.proto).
EMPTY_ANSWERS = (
    "ValidateProviderConfig",
    "ValidateResourceConfig",
    "ValidateDataResourceConfig",
    "ConfigureProvider",
    "GetFunctions",
    "StopProvider",
)


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """A field of a message; what has its default is left out."""
    if isinstance(value, (bool, int)):
        return varint(number << 3) + varint(int(value)) if value else b""
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name, one):
    return (
        field(1, name)
        + (field(2, json.dumps(one["type"])) if "type" in one else b"")
        + field(4, one.get("required", False))
        + field(5, one.get("optional", False))
        + field(6, one.get("computed", False))
        + field(7, one.get("sensitive", False))
        + (field(10, nested(one["nested"])) if "nested" in one else b"")
        + field(11, one.get("write_only", False))
    )


def nested(one):
    """The type of an attribute that has attributes."""
    out = b"".join(field(1, attribute(*pair)) for pair in sorted(one["attributes"].items()))
    return out + field(3, one["nesting"])


def block(one):
    out = b"".join(field(2, attribute(*pair)) for pair in sorted(one["attributes"].items()))
    for name, nested in sorted(one["blocks"].items()):
        out += field(
            3,
            field(1, name)
            + field(2, block(nested["block"]))
            + field(3, nested["nesting"])
            + field(4, nested["min_items"]),
        )
    return out


def schema(one):
    return field(2, block(one["block"]))


def answer(schemas):
    """GetProviderSchema's answer."""
    out = field(1, schema(schemas["provider"]))
    for number, kind in ((2, "resource"), (3, "data")):
        for name, one in sorted(schemas[kind].items()):
            out += field(number, field(1, name) + field(2, schema(one)))
    return out


def serve(schemas, address):
    said = answer(schemas)

    def handler(reply):
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: reply)

    handlers = {"GetProviderSchema": handler(said)}
    handlers.update({name: handler(b"") for name in EMPTY_ANSWERS})
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(max_workers=8),
        options=[("grpc.max_send_message_length", 256 << 20)],
    )
    generic = grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)
    server.add_generic_rpc_handlers((generic,))
    server.add_insecure_port(f"unix:{address}")
    server.start()
    return server


def main():
    providers = json.loads(pathlib.Path(sys.argv[1]).read_text())
    with tempfile.TemporaryDirectory(prefix="tfs") as folder:
        servers, attach = [], {}
        for at, (source, schemas) in enumerate(sorted(providers.items())):
            address = f"{folder}/{at}"
            servers.append(serve(schemas, address))
            attach[source] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "unix", "String": address},
            }
        print(json.dumps(attach), flush=True)
        # Until told, or until whoever started this is gone.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        sys.stdin.read()


if __name__ == "__main__":
    main()
