"""TLS policies over QUIC; HOST is a name whose policy has FIPS in it. See h3client.py."""

import ssl

from aioquic.tls import CipherSuite

from h3client import expect, open_client, run, settings


async def takes(ready, host, suite):
    quic = settings(ready, host, cipher_suites=[suite])
    # What is asked is what may be spoken, not with whom.
    quic.verify_mode = ssl.CERT_NONE
    try:
        async with open_client(ready, host, quic=quic):
            return True
    except ConnectionError:
        return False


async def suites_by_name(ready, host):
    chacha, aes = CipherSuite.CHACHA20_POLY1305_SHA256, CipherSuite.AES_256_GCM_SHA384
    for name, suite, wanted in (
        (host, aes, True),
        (host, chacha, False),
        ("unheard." + host, aes, True),
        ("unheard." + host, chacha, True),
    ):
        expect(f"{name} {suite.name}", await takes(ready, name, suite), wanted)


run(suites_by_name)
