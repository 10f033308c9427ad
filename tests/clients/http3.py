"""An HTTP/3 client that is not ours (aioquic) against the POPs of a running cluster.

Run as `python http3.py READY_FILE HOST`. Every check prints one line; the first that fails ends it
with an error. HOST names an API whose backend echoes at /echo and gives N bytes at /bytes/N.
"""

import asyncio
import json
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset, StopSendingReceived


class Reset(Exception):
    """The server reset the stream."""


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.turns = {}
        self.tickets = 0

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            for turn in self.turns.values():
                if not turn["done"].done():
                    turn["done"].set_exception(ConnectionError(f"closed: {event}"))
        if isinstance(event, StreamReset) and event.stream_id in self.turns:
            turn = self.turns[event.stream_id]
            if not turn["done"].done():
                turn["done"].set_exception(Reset(event.error_code))
        if isinstance(event, StopSendingReceived):
            return
        for happened in self.http.handle_event(event):
            turn = self.turns.get(getattr(happened, "stream_id", None))
            if turn is None:
                continue
            if isinstance(happened, HeadersReceived):
                turn["headers"] += happened.headers
            elif isinstance(happened, DataReceived):
                turn["body"] += happened.data
            if happened.stream_ended and not turn["done"].done():
                turn["done"].set_result(None)

    def begin(self, headers, body=b"", end=True):
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.turns[stream] = {"headers": [], "body": bytearray(), "done": done}
        self.http.send_headers(stream, headers, end_stream=end and not body)
        if body:
            self.http.send_data(stream, body, end_stream=end)
        self.transmit()
        return stream

    async def finish(self, stream, limit=20):
        turn = self.turns[stream]
        await asyncio.wait_for(turn["done"], limit)
        headers = dict(turn["headers"])
        return int(headers[b":status"]), headers, bytes(turn["body"])

    async def ask(self, headers, body=b""):
        return await self.finish(self.begin(headers, body))


def head(host, path, method="GET", *more):
    pseudo = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path)]
    return [(name.encode(), value.encode()) for name, value in pseudo + list(more)]


def settings(ready, host, **more):
    quic = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host, **more)
    quic.verify_mode = ssl.CERT_REQUIRED
    quic.load_verify_locations(ready["ca_file"])
    return quic


def open_client(ready, host, pop=0, quic=None, **more):
    address, port = ready["pops"][pop]["h3"].rsplit(":", 1)
    quic = quic or settings(ready, host)
    return connect(address, int(port), configuration=quic, create_protocol=Client, **more)


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


async def plain_requests(ready, host):
    for pop in range(len(ready["pops"])):
        async with open_client(ready, host, pop) as client:
            status, headers, _ = await client.ask(head(host, "/bytes/10"))
            expect("status", status, 200)
            for leaked in (b"transfer-encoding", b"connection", b"alt-svc"):
                expect(f"no {leaked}", leaked in headers, False)
            body = bytes(range(256)) * 2000
            status, _, echoed = await client.ask(head(host, "/echo", "POST"), body)
            expect("echo", (status, echoed == body), (200, True))
            status, _, big = await client.ask(head(host, "/bytes/3000000"))
            expect("3 MB", (status, len(big)), (200, 3000000))


async def many_at_once(ready, host):
    async with open_client(ready, host) as client:
        streams = [client.begin(head(host, f"/bytes/{n}")) for n in range(200)]
        for n, stream in enumerate(streams):
            status, _, body = await client.finish(stream)
            expect("parallel", (status, len(body)), (200, n))


async def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        ready = json.load(file)
    for check in (plain_requests, many_at_once):
        await asyncio.wait_for(check(ready, sys.argv[2]), 60)
        print(f"{check.__name__}: ok", flush=True)


asyncio.run(main())
