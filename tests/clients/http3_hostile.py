"""HTTP/3 as no client should speak it, against the POPs of a cluster; see h3client.py.

After each attack a new client must be answered.
"""

import asyncio
import random
import socket
import time

from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import ErrorCode, FrameType
from aioquic.quic.connection import QuicConnection

from h3client import (
    Bare,
    address,
    expect,
    head,
    metric,
    open_client,
    run,
    serves,
    settings,
    until,
)

STREAM_LIMIT_ERROR = 0x4


def frame(kind, payload):
    return encode_uint_var(kind) + encode_uint_var(len(payload)) + payload


def integer(value, bits, first):
    """A QPACK integer (RFC 9204 section 4.1.1) behind the flags in `first`."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out, value = [first | limit], value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def field(name, value):
    """A field with literal name and value, no Huffman."""
    return integer(len(name), 3, 0x20) + name + integer(len(value), 7, 0) + value


def headers(*fields, prefix=b"\0\0"):
    return frame(FrameType.HEADERS, prefix + b"".join(field(*one) for one in fields))


def request(host, *more):
    return head(host, "/bytes/1") + list(more)


REFUSED = {
    ("status", 400),
    ("reset", ErrorCode.H3_MESSAGE_ERROR),
}


def refusal(what, found, allowed):
    if found not in allowed:
        raise AssertionError(f"{what}: {found!r}, not one of {allowed!r}")


async def hostile_heads(ready, host):
    """Every one is refused on its own stream; the connection goes on."""
    async with open_client(ready, host) as client:

        async def check(what, fields, allowed=frozenset(REFUSED)):
            found = await client.outcome(client.begin_raw(headers(*fields)))
            refusal(what, found, allowed)

        for name, value in (
            (b"transfer-encoding", b"chunked"),
            (b"connection", b"close"),
            (b"keep-alive", b"timeout=1"),
            (b"proxy-connection", b"close"),
            (b"te", b"gzip"),
            (b"upgrade", b"websocket"),
            (b"content-length", b"-1"),
            (b"content-length", b"1, 1"),
            (b"X-Upper", b"v"),
            (b"x\x00y", b"v"),
            (b"x y", b"v"),
            (b"x:y", b"v"),
            (b"", b"v"),
            (b"x-nul", b"a\x00b"),
            (b"x-crlf", b"a\r\nx-smuggled: b"),
            (b"x-lf", b"a\nb"),
            (b":unknown", b"v"),
            (b":status", b"200"),
            (b":path", b"/again"),
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", host.encode()),
            (b"host", b"other.example"),
        ):
            await check((name, value), request(host, (name, value)))
        plain = request(host)
        for missing in range(4):
            less = plain[:missing] + plain[missing + 1 :]
            await check(f"no {plain[missing][0]}", less)
        await check("no field at all", [])
        await check("a pseudo field after another", [(b"x-a", b"b")] + plain)
        await check("an empty path", plain[:3] + [(b":path", b"")])
        await check("a path without a slash", plain[:3] + [(b":path", b"bytes/1")])
        await check("a path with a space", plain[:3] + [(b":path", b"/a b")])
        await check("a path with CRLF", plain[:3] + [(b":path", b"/a\r\nx: y")])
        await check("an authority with a path", plain[:2] + [(b":authority", b"a/b")] + plain[3:])
        await check("a method with a space", [(b":method", b"G ET")] + plain[1:])
        large = {("status", 431), ("reset", ErrorCode.H3_EXCESSIVE_LOAD)}
        many = [(b"x-%d" % n, b"v") for n in range(150)]
        await check("150 fields", plain + many, large)
        await check("a field of 70 kB", plain + [(b"x-a", b"v" * 70_000)], large)
        long = [(b"x-%d" % n, b"v" * 8_000) for n in range(20)]
        await check("160 kB of fields", plain + long, large)
        # Two bytes each on the wire, 90 when decoded: the longest field of the static table.
        bomb = frame(FrameType.HEADERS, b"\0\0" + integer(85, 6, 0xC0) * 30_000)
        refusal("a bomb", await client.outcome(client.begin_raw(bomb)), large)
        short = client.begin(head(host, "/echo", "POST", ("content-length", "10")), b"abc")
        refusal("a short body", await client.outcome(short), REFUSED)
        long = client.begin(head(host, "/echo", "POST", ("content-length", "1")), b"abc")
        refusal("a long body", await client.outcome(long), REFUSED)
        expect("goes on", (await client.ask(request(host)))[0], 200)
    await serves(ready, host)


async def hostile_frames(ready, host):
    """Each ends its connection, with a reason, and no other."""
    plain = headers(*request(host))
    data = frame(FrameType.DATA, b"abc")
    unexpected = {("closed", ErrorCode.H3_FRAME_UNEXPECTED)}
    broken = {("closed", ErrorCode.H3_FRAME_ERROR), ("reset", ErrorCode.H3_FRAME_ERROR)}
    qpack = {("closed", ErrorCode.QPACK_DECOMPRESSION_FAILED)}
    for what, sent, allowed in (
        ("DATA before HEADERS", data + plain, unexpected),
        ("SETTINGS on a request", frame(FrameType.SETTINGS, b"") + plain, unexpected),
        ("GOAWAY on a request", frame(FrameType.GOAWAY, b"\0") + plain, unexpected),
        ("HTTP/2's PRIORITY", frame(0x2, b"12345") + plain, unexpected),
        ("HTTP/2's PING", frame(0x6, b"12345678") + plain, unexpected),
        ("HTTP/2's WINDOW_UPDATE", frame(0x8, b"1234") + plain, unexpected),
        ("HTTP/2's CONTINUATION", frame(0x9, b"1234") + plain, unexpected),
        ("PUSH_PROMISE", frame(FrameType.PUSH_PROMISE, b"\0") + plain, unexpected),
        ("a cut frame", plain[:-5], broken | {("reset", ErrorCode.H3_REQUEST_INCOMPLETE)}),
        ("a dynamic entry", headers(prefix=b"\x02\x00\x80") + data, qpack),
        ("an unknown static entry", headers(prefix=b"\0\0" + integer(99, 6, 0xC0)), qpack),
        ("a cut field", frame(FrameType.HEADERS, b"\0\0\x27\xff"), qpack),
    ):
        async with open_client(ready, host) as client:
            found = await client.outcome(client.begin_raw(sent))
            refusal(what, found, allowed)
        await serves(ready, host)


async def hostile_control_streams(ready, host):
    """What the whole connection depends on is checked as well."""
    settings_of = lambda *pairs: frame(  # noqa: E731
        FrameType.SETTINGS, b"".join(encode_uint_var(part) for pair in pairs for part in pair)
    )

    def second_control(client):
        open_uni(client, b"\x00" + settings_of())

    def closed_control(client):
        client._quic.send_stream_data(client.http._local_control_stream_id, b"", end_stream=True)

    def on_control(data):
        def send(client):
            client._quic.send_stream_data(client.http._local_control_stream_id, data)

        return send

    def on_encoder(data):
        def send(client):
            client._quic.send_stream_data(client.http._local_encoder_stream_id, data)

        return send

    for what, attack, code in (
        ("two control streams", second_control, ErrorCode.H3_STREAM_CREATION_ERROR),
        ("no control stream any more", closed_control, ErrorCode.H3_CLOSED_CRITICAL_STREAM),
        ("SETTINGS twice", on_control(settings_of()), ErrorCode.H3_FRAME_UNEXPECTED),
        ("DATA on control", on_control(frame(FrameType.DATA, b"x")), ErrorCode.H3_FRAME_UNEXPECTED),
        ("HEADERS on control", on_control(frame(1, b"\0\0")), ErrorCode.H3_FRAME_UNEXPECTED),
    ):
        async with open_client(ready, host) as client:
            attack(client)
            client.transmit()
            found = await asyncio.wait_for(asyncio.shield(client.ended), 20)
            expect(what, found, code)
        await serves(ready, host)
    # Harmless: what is reserved so that nobody relies on its absence (RFC 9114 section 7.2.8).
    async with open_client(ready, host) as client:
        open_uni(client, encode_uint_var(0x1F * 7 + 0x21) + b"grease")
        on_control(frame(0x1F * 9 + 0x21, b"grease" * 100))(client)
        raw = frame(0x1F * 3 + 0x21, b"grease") + headers(*request(host)) + frame(0x21, b"")
        expect("grease", await client.outcome(client.begin_raw(raw)), ("status", 200))
        on_control(frame(FrameType.GOAWAY, encode_uint_var(0)))(client)
        expect("GOAWAY of a client", (await client.ask(request(host)))[0], 200)
    # Harmless or refused, as the library likes; never a reason to stop.
    for attack in (
        on_encoder(integer(1 << 30, 5, 0x20)),
        on_encoder(b"\xff" * 2_000),
        on_control(frame(FrameType.GOAWAY, b"")),
        on_control(settings_of(*((n * 0x1F + 0x21, 1 << 61) for n in range(2_000)))),
    ):
        async with open_client(ready, host) as client:
            attack(client)
            await client.outcome(client.begin(request(host)))
        await serves(ready, host)


def open_uni(client, data):
    stream = client._quic.get_next_available_stream_id(is_unidirectional=True)
    client._quic.send_stream_data(stream, data)


async def hostile_settings(ready, host):
    """A control stream that does not begin with sane settings."""
    for what, first, codes in (
        ("no settings", frame(FrameType.GOAWAY, b"\0"), {ErrorCode.H3_MISSING_SETTINGS}),
        (
            "HTTP/2's settings",
            frame(FrameType.SETTINGS, b"\x02\x01"),
            {ErrorCode.H3_SETTINGS_ERROR},
        ),
        (
            "cut settings",
            frame(FrameType.SETTINGS, b"\x06"),
            {ErrorCode.H3_FRAME_ERROR, ErrorCode.H3_SETTINGS_ERROR},
        ),
    ):
        async with open_client(ready, host, kind=Bare) as client:
            open_uni(client, b"\x00" + first)
            client.transmit()
            found = await asyncio.wait_for(asyncio.shield(client.ended), 20)
            expect(f"{what}: {found:#x}", found in codes, True)
        await serves(ready, host)
    # Two thousand settings nobody knows are read and forgotten.
    many = b"".join(encode_uint_var(0x1F * n + 0x21) + b"\x01" for n in range(2_000))
    async with open_client(ready, host, kind=Bare) as client:
        open_uni(client, b"\x00" + frame(FrameType.SETTINGS, many))
        stream = client._quic.get_next_available_stream_id()
        client._quic.send_stream_data(stream, headers(*request(host)), end_stream=True)
        client.transmit()

        async def answered():
            return client.raw.get(stream) or client.ended.done()

        await until("an answer or an end", answered)
    await serves(ready, host)


async def too_many_streams(ready, host):
    async with open_client(ready, host) as client:
        allowed = client._quic._remote_max_streams_bidi
        client._quic._remote_max_streams_bidi = 1 << 20
        for _ in range(allowed):
            client._quic.get_next_available_stream_id()
            client._quic._local_next_stream_id_bidi += 4
        client._quic.send_stream_data(4 * (allowed + 10), b"x")
        client.transmit()
        found = await asyncio.wait_for(asyncio.shield(client.ended), 20)
        expect("streams beyond the limit", found, STREAM_LIMIT_ERROR)
    await serves(ready, host)


async def resets(ready, host):
    """A client may change its mind, but not all the time."""
    async with open_client(ready, host) as client:
        for _ in range(30):
            give_up(client, client.begin(head(host, "/hang")))
        client.transmit()
        expect("goes on", (await client.ask(request(host)))[0], 200)
    async with open_client(ready, host) as client:
        count = 0
        while not client.ended.done() and count < 20_000:
            if client._quic._local_next_stream_id_bidi >= 4 * client._quic._remote_max_streams_bidi:
                await asyncio.sleep(0.005)
                continue
            give_up(client, client.begin(head(host, "/hang")))
            client.transmit()
            count += 1
            if count % 20 == 0:
                await asyncio.sleep(0)
        found = await asyncio.wait_for(asyncio.shield(client.ended), 20)
        expect(f"after {count} resets", found, ErrorCode.H3_EXCESSIVE_LOAD)
    await serves(ready, host)


def give_up(client, stream):
    client._quic.reset_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)
    client._quic.stop_stream(stream, ErrorCode.H3_REQUEST_CANCELLED)


async def garbage(ready, host):
    """Datagrams that are no QUIC, or look like it."""
    rng = random.Random(7)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setblocking(False)
    for n in range(3_000):
        size = rng.choice((0, 1, 5, 20, 100, 1200, 1452))
        data = bytearray(rng.randbytes(size))
        if size >= 20 and n % 2:
            data[0] = rng.choice((0xC0, 0xC3, 0xD0, 0xE0, 0xF0, 0x40))
            data[1:5] = b"\0\0\0\1"
            data[5] = rng.choice((0, 8, 20, 21, 255))
        try:
            udp.sendto(data, address(ready))
        except BlockingIOError:
            await asyncio.sleep(0.01)
        if n % 100 == 0:
            await asyncio.sleep(0.005)
    udp.close()
    await serves(ready, host)


def first_packets(ready, host):
    """What a client sends first, and then never again."""
    quic = QuicConnection(configuration=settings(ready, host))
    quic.connect(address(ready), now=time.time())
    return [data for data, _ in quic.datagrams_to_send(now=time.time())]


async def flood_of_first_packets(ready, host):
    """Clients that never go on: new ones must prove their address, and are then served."""
    name, label = "edgeway_serve_handshake_failures_total", 'reason="retry_asked"'
    knocks = [first_packets(ready, host) for _ in range(400)]
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]

    async def retry_asked():
        for n, packets in enumerate(knocks):
            for packet in packets:
                sockets[n % len(sockets)].sendto(packet, address(ready))
            if n % 20 == 0:
                await asyncio.sleep(0.002)
        knocks[:] = [first_packets(ready, host) for _ in range(100)]
        return await metric(ready, name, label) > 0

    await until("retries", retry_asked)
    for _ in range(3):
        await serves(ready, host)
    for one in sockets:
        one.close()


run(
    hostile_heads,
    hostile_frames,
    hostile_control_streams,
    hostile_settings,
    too_many_streams,
    resets,
    garbage,
    flood_of_first_packets,
)
