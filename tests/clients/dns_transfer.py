"""Copies of the base domain's zone by a secondary that is not ours (dnspython).

Run as `python dns_transfer.py READY_FILE`. Ends with `all ok`.
"""

import json
import sys

import dns.message
import dns.query
import dns.tsig
import dns.xfr
import dns.zone

LIMIT = 20


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        ready = json.load(file)
    host, port = ready["dns"].rsplit(":", 1)
    where = {"port": int(port), "timeout": LIMIT}
    algorithm, name, secret = ready["transfer_key"].split(":", 2)
    key = dns.tsig.Key(name, secret, algorithm)
    base = ready["base_domain"]

    zone = dns.zone.Zone(base)
    query, _ = dns.xfr.make_query(zone, keyring={key.name: key})
    dns.query.inbound_xfr(host, zone, query, lifetime=LIMIT, **where)
    zone.check_origin()
    hosts = [n for n in zone.nodes if n.to_text().startswith("h") and n.to_text()[1:].isdigit()]
    expect("hosts", len(hosts), 1500)
    print("whole zone: ok")

    # Nothing has changed since; a datagram says so, and when something had, that TCP is to be used.
    before = len(zone.nodes)
    query, serial = dns.xfr.make_query(zone, keyring={key.name: key})
    dns.query.inbound_xfr(
        host, zone, query, lifetime=LIMIT, udp_mode=dns.query.UDPMode.TRY_FIRST, **where
    )
    expect("same zone", (len(zone.nodes), serial is not None), (before, True))
    older = dns.xfr.make_query(zone, serial=serial - 1, keyring={key.name: key})[0]
    dns.query.inbound_xfr(
        host, zone, older, lifetime=LIMIT, udp_mode=dns.query.UDPMode.TRY_FIRST, **where
    )
    expect("zone since", len(zone.nodes), before)
    print("changes: ok")

    # A clock that is behind: refused under a signature that the client can check.
    query = dns.message.make_query(base, "SOA")
    query.use_tsig(key, fudge=300)
    real, dns.message.time.time = dns.message.time.time, lambda: 1_600_000_000
    try:
        wire = query.to_wire()
    finally:
        dns.message.time.time = real
    try:
        answer = dns.query.tcp(Wire(query, wire), host, **where)
    except dns.tsig.PeerBadTime:
        print("clock: ok")
        return
    raise AssertionError(f"taken: {answer}")


class Wire:
    """A query that is sent as it was written."""

    def __init__(self, query, wire):
        self.query, self.wire = query, wire

    def to_wire(self, *args, **kwargs):
        return self.wire

    def __getattr__(self, name):
        return getattr(self.query, name)


main()
print("all ok")
