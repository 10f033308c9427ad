"""HTTP/3 as well-behaved clients speak it, against the POPs of a cluster; see h3client.py."""

import asyncio
import dataclasses
import os
import signal
import struct

from aioquic.h3.connection import ErrorCode
from aioquic.quic.packet import QuicProtocolVersion

from h3client import address, expect, head, open_client, run, serves, settings, until

# What the backend's bodies repeat: tests/src/backend.rs.
PERIOD = 65_521


def pattern(length):
    state, period = 1, bytearray()
    for _ in range(PERIOD):
        state = (state * 1_664_525 + 1_013_904_223) & 0xFFFFFFFF
        period.append(state >> 24)
    return (bytes(period) * (length // PERIOD + 1))[:length]


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


async def migration_in_mid_download(ready, host):
    """The client moves to other ports while an answer is under way; no byte is lost or doubled."""
    length = 6_000_000
    for moves in (1, 3):
        async with open_client(ready, host) as client:
            stream = client.begin(head(host, f"/bytes/{length}"))
            body = client.turns[stream]["body"]
            for move in range(1, moves + 1):
                part = length * move // (moves + 2)

                async def has_come(part=part):
                    return len(body) >= part or client.turns[stream]["done"].done()

                await until(f"{part} bytes", has_come)
                if len(body) < part:
                    await client.finish(stream)
                expect("still under way", client.turns[stream]["done"].done(), False)
                await change_port(client)
            status, _, whole = await client.finish(stream, 60)
            expect("status and length", (status, len(whole)), (200, length))
            expect("byte by byte", whole == pattern(length), True)
            expect("next", (await client.ask(head(host, "/bytes/1")))[0], 200)


async def change_port(client):
    old = client._transport
    made = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: client,
        local_addr=("::", 0),
        family=old.get_extra_info("socket").family,
    )
    ports = [one.get_extra_info("sockname")[1] for one in (made[0], old)]
    expect("another port", ports[0] != ports[1], True)
    client._quic.change_connection_id()
    client.transmit()
    old.close()


async def got_ticket(ready, host):
    tickets = []
    async with open_client(ready, host, session_ticket_handler=tickets.append) as client:
        await client.ask(head(host, "/bytes/1"))

        async def has_come():
            return tickets

        await until("a ticket", has_come)
    return tickets[0]


async def resumption(ready, host):
    """A ticket is good at whichever worker the next connections land."""
    ticket = await got_ticket(ready, host)
    for _ in range(8):
        quic = settings(ready, host, session_ticket=ticket)
        async with open_client(ready, host, quic=quic) as client:
            expect("status", (await client.ask(head(host, "/bytes/1")))[0], 200)
            expect("resumed", client._quic.tls.session_resumed, True)
    # Another node of the cluster does not know the key, and does a full handshake.
    quic = settings(ready, host, session_ticket=ticket)
    async with open_client(ready, host, pop=1, quic=quic) as client:
        expect("status", (await client.ask(head(host, "/bytes/1")))[0], 200)
        expect("not resumed", client._quic.tls.session_resumed, False)


async def early_data_is_refused(ready, host):
    """No ticket allows early data, and who sends some all the same is not heard early."""
    ticket = await got_ticket(ready, host)
    expect("early data", ticket.max_early_data_size or 0, 0)
    forged = dataclasses.replace(ticket, max_early_data_size=0xFFFFFFFF)
    quic = settings(ready, host, session_ticket=forged)
    async with open_client(ready, host, quic=quic, wait_connected=False) as client:
        stream = client.begin(head(host, "/echo", "POST"), b"once")
        epochs = client._quic._cryptos
        expect("sent early", any(epoch.name == "ZERO_RTT" for epoch in epochs), True)
        status, _, body = await client.finish(stream)
        expect("after the handshake", (status, body), (200, b"once"))
        expect("resumed", client._quic.tls.session_resumed, True)
        expect("accepted", client.early, False)


async def version_negotiation(ready, host):
    """Unknown versions are answered with ours, and a client that then chooses one is served."""
    future = 0x1A2A3A4A
    quic = settings(ready, host)
    quic.original_version = future
    quic.supported_versions = [future, QuicProtocolVersion.VERSION_1]
    async with open_client(ready, host, quic=quic) as client:
        expect("status", (await client.ask(head(host, "/bytes/1")))[0], 200)
        expect("version", client._quic._version, QuicProtocolVersion.VERSION_1)
    told = await ask_version(address(ready), future)
    expect("version 1 is told", QuicProtocolVersion.VERSION_1 in told, True)
    expect("the one asked for is not", future in told, False)


async def ask_version(to, version):
    """The versions of a Version Negotiation packet (RFC 9000 section 17.2.1)."""
    loop = asyncio.get_running_loop()
    came = loop.create_future()

    class Socket(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            if not came.done():
                came.set_result(data)

    transport, _ = await loop.create_datagram_endpoint(Socket, remote_addr=to)
    packet = bytes([0xC0]) + struct.pack(">I", version) + bytes([8]) + b"d" * 8 + bytes([8])
    packet += b"s" * 8
    for _ in range(20):
        transport.sendto(packet.ljust(1200, b"\0"))
        done, _ = await asyncio.wait([came], timeout=1)
        if done:
            break
    data = await asyncio.wait_for(came, 1)
    transport.close()
    expect("long header, version 0", (data[0] & 0x80, data[1:5]), (0x80, bytes(4)))
    at = 5
    for mine in (b"s" * 8, b"d" * 8):
        expect("the ids swapped", data[at + 1 : at + 1 + data[at]], mine)
        at += 1 + data[at]
    return [one for (one,) in struct.iter_unpack(">I", data[at:])]


async def drain(ready, host):
    """A node that is told to end says goodbye, and clients find the others. Comes last."""
    async with open_client(ready, host, pop=1) as client:
        expect("before", (await client.ask(head(host, "/bytes/1")))[0], 200)
        os.kill(ready["pops"][1]["pid"], signal.SIGTERM)
        found = await asyncio.wait_for(asyncio.shield(client.ended), 60)
        expect("no error", found, ErrorCode.H3_NO_ERROR)
    await serves(ready, host)


run(
    plain_requests,
    many_at_once,
    migration_in_mid_download,
    resumption,
    early_data_is_refused,
    version_negotiation,
    drain,
)
