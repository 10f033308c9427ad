"""An HTTP/3 client that is not ours (aioquic), for the checks beside this file.

They run as `python CHECKS.py READY_FILE HOST`. Every check prints one line; the first that fails
ends it with an error. HOST names an API whose backend echoes at /echo, waits at /hang and gives N
bytes of its pattern at /bytes/N.
"""

import asyncio
import json
import ssl
import sys
import urllib.request

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)


class Reset(Exception):
    """The server reset the stream."""


class Closed(ConnectionError):
    """The server closed the connection."""


class Unavailable(Exception):
    """A 503: the POP lost sight of every region, as happens when the machine stands still for a
    moment. It says nothing about HTTP/3, so the check is made once more."""


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.turns = {}
        self.early = None
        self.ended = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            self.early = event.early_data_accepted
        if isinstance(event, ConnectionTerminated):
            if not self.ended.done():
                self.ended.set_result(event.error_code)
            for turn in self.turns.values():
                if not turn["done"].done():
                    turn["done"].set_exception(Closed(event.error_code))
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

    def expecting(self):
        """A stream whose answer is awaited; nothing is sent on it yet."""
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        # Not every failure is awaited by somebody.
        done.add_done_callback(lambda done: done.exception())
        self.turns[stream] = {"headers": [], "body": bytearray(), "done": done}
        return stream

    def begin(self, headers, body=b"", end=True):
        stream = self.expecting()
        self.http.send_headers(stream, headers, end_stream=end and not body)
        if body:
            self.http.send_data(stream, body, end_stream=end)
        self.transmit()
        return stream

    def begin_raw(self, data, end=True):
        """A request stream with these bytes."""
        stream = self.expecting()
        self._quic.send_stream_data(stream, data, end_stream=end)
        self.transmit()
        return stream

    async def finish(self, stream, limit=20):
        turn = self.turns[stream]
        await asyncio.wait_for(turn["done"], limit)
        headers = dict(turn["headers"])
        return status_of(headers), headers, bytes(turn["body"])

    async def ask(self, headers, body=b""):
        return await self.finish(self.begin(headers, body))

    async def outcome(self, stream):
        """How a stream ended: with a status, a reset or the end of the connection."""
        try:
            await asyncio.wait_for(self.turns[stream]["done"], 20)
        except Reset as reset:
            return "reset", reset.args[0]
        except Closed as closed:
            return "closed", closed.args[0]
        headers = dict(self.turns[stream]["headers"])
        if not headers:
            # The stream's end may be read before the connection's.
            return "closed", await asyncio.wait_for(asyncio.shield(self.ended), 20)
        return "status", status_of(headers)


def status_of(headers):
    status = int(headers[b":status"])
    if status == 503:
        raise Unavailable
    return status


class Bare(QuicConnectionProtocol):
    """A client of QUIC alone: it opens no stream by itself."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.raw = {}
        self.ended = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived):
            self.raw[event.stream_id] = self.raw.get(event.stream_id, b"") + event.data
        if isinstance(event, ConnectionTerminated) and not self.ended.done():
            self.ended.set_result(event.error_code)


def head(host, path, method="GET", *more):
    pseudo = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path)]
    return [(name.encode(), value.encode()) for name, value in pseudo + list(more)]


def settings(ready, host, **more):
    quic = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host, **more)
    quic.verify_mode = ssl.CERT_REQUIRED
    quic.load_verify_locations(ready["ca_file"])
    return quic


def address(ready, pop=0):
    name, port = ready["pops"][pop]["h3"].rsplit(":", 1)
    return name, int(port)


def open_client(ready, host, pop=0, quic=None, kind=Client, **more):
    name, port = address(ready, pop)
    quic = quic or settings(ready, host)
    return connect(name, port, configuration=quic, create_protocol=kind, **more)


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


async def serves(ready, host):
    """New clients are answered; one that comes in the middle of an attack may have to try again."""
    async def answered():
        try:
            async with open_client(ready, host) as client:
                expect("afterwards", (await client.ask(head(host, "/bytes/1")))[0], 200)
        except (ConnectionError, asyncio.TimeoutError, Unavailable) as error:
            print(f"not served, trying again: {error!r}", flush=True)
            return False
        return True

    await until("an answer", answered)


async def metric(ready, name, label, pop=0):
    """The sum of a metric's values whose labels contain `label`."""
    def read():
        with urllib.request.urlopen(ready["pops"][pop]["metrics"], timeout=20) as answer:
            return answer.read().decode()

    text = await asyncio.to_thread(read)
    lines = [line for line in text.splitlines() if line.startswith(name) and label in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


async def until(what, condition, limit=60):
    async def poll():
        while not await condition():
            await asyncio.sleep(0.005)

    try:
        await asyncio.wait_for(poll(), limit)
    except asyncio.TimeoutError:
        raise AssertionError(f"waited in vain for: {what}") from None


TURNS_MAX = 20


def run(*checks):
    async def main():
        with open(sys.argv[1], encoding="utf-8") as file:
            ready = json.load(file)
        for check in checks:
            for turn in range(TURNS_MAX):
                try:
                    await asyncio.wait_for(check(ready, sys.argv[2]), 120)
                except Unavailable:
                    if turn + 1 == TURNS_MAX:
                        raise
                    print(f"{check.__name__}: no region in sight, trying again", flush=True)
                    await asyncio.sleep(1)
                else:
                    break
            print(f"{check.__name__}: ok", flush=True)

    asyncio.run(main())
