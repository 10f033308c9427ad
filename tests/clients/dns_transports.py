"""DNS over UDP, TCP, TLS, QUIC and HTTPS, by clients that are not ours (dnspython, aioquic, httpx).

Run as `python dns_transports.py READY_FILE HOST DNSKEY`. HOST names an API; DNSKEY is the key that
signs the base domain, as a zone file has it. Every check prints one line; the first that fails
ends it with an error.
"""

import asyncio
import json
import random
import socket
import ssl
import struct
import sys

import dns.dnssec
import dns.edns
import dns.message
import dns.query
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import httpx
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived

LIMIT = 20


class World:
    def __init__(self, ready, host, key):
        self.base = ready["base_domain"]
        self.ca = ready["ca_file"]
        self.server = "ns1." + self.base
        self.host = host
        self.ip, self.port = split(ready["dns"])
        _, self.tls = split(ready["dns_tls"])
        _, self.https = split(ready["dns_https"])
        self.url = f"https://{self.server}:{self.https}/dns-query"
        apex = dns.name.from_text(self.base)
        self.keys = {apex: dns.rrset.from_text(apex, 3600, "IN", "DNSKEY", key)}

    def asks(self):
        """Every way to ask, by name."""
        secure = {"timeout": LIMIT, "verify": self.ca}
        tls = {**secure, "port": self.tls, "server_hostname": self.server}
        yield "udp", lambda q: dns.query.udp(q, self.ip, port=self.port, timeout=LIMIT)
        yield "tcp", lambda q: dns.query.tcp(q, self.ip, port=self.port, timeout=LIMIT)
        yield "tls", lambda q: dns.query.tls(q, self.ip, **tls)
        yield "quic", lambda q: dns.query.quic(q, self.ip, **tls)
        for version in (dns.query.HTTPVersion.H1, dns.query.HTTPVersion.H2, dns.query.HTTPVersion.H3):
            for post in (True, False):
                more = {**secure, "bootstrap_address": self.ip, "http_version": version, "post": post}
                yield (
                    f"https {version.name} {'POST' if post else 'GET'}",
                    lambda q, more=more: dns.query.https(q, self.url, **more),
                )


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def signed_sets(section):
    sets = {(s.name, s.rdtype): s for s in section if s.rdtype != dns.rdatatype.RRSIG}
    signatures = {(s.name, s.covers): s for s in section if s.rdtype == dns.rdatatype.RRSIG}
    expect("each set is signed", set(sets), set(signatures))
    return [(sets[key], signatures[key]) for key in sets]


def answers_validate_whatever_carries_them(world):
    told = {}
    for way, ask in world.asks():
        for name, kind in (
            (world.base, "SOA"),
            (world.base, "DNSKEY"),
            (world.host, "A"),
            (world.host, "HTTPS"),
            ("none." + world.base, "A"),
        ):
            subnet = dns.edns.ECSOption.from_text("198.51.100.0/24")
            query = dns.message.make_query(name, kind, want_dnssec=True, options=[subnet])
            answer = ask(query)
            sets = signed_sets(answer.answer) + signed_sets(answer.authority)
            expect(f"{way}: something is signed", bool(sets), True)
            for records, signature in sets:
                dns.dnssec.validate(records, signature, world.keys)
            echoed = [o for o in answer.options if isinstance(o, dns.edns.ECSOption)]
            expect(f"{way}: subnet", [(o.address, o.srclen) for o in echoed], [("198.51.100.0", 24)])
            # Serial numbers move on with the configuration, and addresses with the latency map.
            same = [r for r, _ in sets if r.rdtype != dns.rdatatype.SOA and name != world.host]
            shown = sorted(r.to_text() for r in same)
            expect(f"{way}: {name} {kind}", shown, told.setdefault((name, kind), shown))


def many_queries_share_a_tls_connection(world):
    context = ssl.create_default_context(cafile=world.ca)
    context.set_alpn_protocols(["dot"])
    raw = socket.create_connection((world.ip, world.tls), timeout=LIMIT)
    with context.wrap_socket(raw, server_hostname=world.server) as stream:
        expect("protocol", stream.selected_alpn_protocol(), "dot")
        queries = [dns.message.make_query(f"{n}.{world.base}", "A") for n in range(300)]
        stream.sendall(b"".join(frame(query.to_wire()) for query in queries))
        file = stream.makefile("rb")
        for query in queries:
            (length,) = struct.unpack("!H", file.read(2))
            answer = dns.message.from_wire(file.read(length))
            expect("answer", (query.is_response(answer), answer.rcode()), (True, 3))
    context.set_alpn_protocols(["imap"])
    raw = socket.create_connection((world.ip, world.tls), timeout=LIMIT)
    try:
        context.wrap_socket(raw, server_hostname=world.server)
    except (ssl.SSLError, ConnectionError):
        return
    raise AssertionError("another protocol was accepted")


def frame(message):
    return struct.pack("!H", len(message)) + message


class Doq(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.streams = {}
        self.ended = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived) and event.stream_id in self.streams:
            received, done = self.streams[event.stream_id]
            received += event.data
            if event.end_stream and not done.done():
                done.set_result(bytes(received))
        if isinstance(event, ConnectionTerminated) and not self.ended.done():
            self.ended.set_result(event.error_code)

    def send(self, data):
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.streams[stream] = (bytearray(), done)
        self._quic.send_stream_data(stream, data, end_stream=True)
        self.transmit()
        return done


def doq(world):
    quic = QuicConfiguration(is_client=True, alpn_protocols=["doq"], server_name=world.server)
    quic.load_verify_locations(world.ca)
    return connect(world.ip, world.tls, configuration=quic, create_protocol=Doq)


async def many_queries_share_a_quic_connection(world):
    query = dns.message.make_query(world.base, "SOA", id=0)
    async with doq(world) as client:
        # Fewer at a time than one connection may have.
        for _ in range(5):
            asked = [client.send(frame(query.to_wire())) for _ in range(50)]
            for answer in await asyncio.wait_for(asyncio.gather(*asked), LIMIT):
                expect("length", struct.unpack("!H", answer[:2])[0], len(answer) - 2)
                expect("number", dns.message.from_wire(answer[2:]).id, 0)


async def bad_messages_end_a_quic_connection(world):
    query = dns.message.make_query(world.base, "SOA", id=0).to_wire()
    numbered = dns.message.make_query(world.base, "SOA", id=7).to_wire()
    keep = dns.edns.GenericOption(11, b"")
    kept = dns.message.make_query(world.base, "SOA", id=0, options=[keep]).to_wire()
    for bad in (
        frame(numbered),
        frame(kept),
        frame(query) + b"\0",
        frame(query)[:-1],
        b"\0",
        frame(bytes(5000)),
    ):
        async with doq(world) as client:
            client.send(bad)
            # DOQ_PROTOCOL_ERROR
            expect(f"{len(bad)} bytes", await asyncio.wait_for(client.ended, LIMIT), 2)


def http_says_what_is_wrong(world):
    query = dns.message.make_query(world.base, "SOA").to_wire()
    kind = {"content-type": "application/dns-message"}
    context = ssl.create_default_context(cafile=world.ca)
    with httpx.Client(verify=context, http2=True, timeout=LIMIT) as client:
        url = f"https://{world.ip}:{world.https}/dns-query"
        more = {"extensions": {"sni_hostname": world.server}}

        def status(method, url=url, **args):
            return client.request(method, url, **more, **args).status_code

        expect("fine", status("POST", content=query, headers=kind), 200)
        expect("type", status("POST", content=query, headers={"content-type": "text/plain"}), 415)
        expect("method", status("PUT", content=query, headers=kind), 405)
        expect("path", status("POST", url[:-1], content=query, headers=kind), 404)
        expect("long", status("POST", content=bytes(5000), headers=kind), 413)
        expect("no query", status("GET"), 400)
        expect("no base64", status("GET", url + "?dns=***"), 400)
        expect("no message", status("POST", content=b"x", headers=kind), 400)
        answer = client.post(url, content=query, headers=kind, **more)
        expect("lifetime", answer.headers["cache-control"], "private, max-age=300")


async def garbage_does_no_harm(world):
    dice = random.Random(7858)
    good = frame(dns.message.make_query(world.base, "SOA", want_dnssec=True).to_wire())

    def spoiled():
        data = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        return bytes(data[: dice.randrange(len(data) + 1)])

    for _ in range(2000):
        with socket.create_connection((world.ip, world.port), timeout=LIMIT) as stream:
            stream.sendall(spoiled())
    context = ssl.create_default_context(cafile=world.ca)
    for number in range(200):
        with socket.create_connection((world.ip, world.tls), timeout=LIMIT) as raw:
            if number % 2:
                # Not even TLS.
                raw.sendall(spoiled())
                continue
            with context.wrap_socket(raw, server_hostname=world.server) as stream:
                stream.sendall(spoiled())
    for _ in range(50):
        async with doq(world) as client:
            for _ in range(20):
                client.send(spoiled())
    query = dns.message.make_query(world.base, "SOA")
    for way, ask in world.asks():
        expect(f"{way} still answers", await asyncio.to_thread(ask, query) is not None, True)


async def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        world = World(json.load(file), sys.argv[2], sys.argv[3])
    for check in (
        answers_validate_whatever_carries_them,
        many_queries_share_a_tls_connection,
        many_queries_share_a_quic_connection,
        bad_messages_end_a_quic_connection,
        http_says_what_is_wrong,
        garbage_does_no_harm,
    ):
        if asyncio.iscoroutinefunction(check):
            await check(world)
        else:
            await asyncio.to_thread(check, world)
        print(f"{check.__name__}: ok", flush=True)


asyncio.run(main())
