#!/usr/bin/env python3
"""Makes an OCI image out of a built program: nothing in it but the program and what it loads.

    deploy/container/image.py --program target/dist/edgeway --out edgeway-oci.tar [--tag 0.1.0]

The root holds the program, the shared objects that it names, the system's certificates and an
account, and has no shell and no package manager. All times are SOURCE_DATE_EPOCH (0 without it),
all owners root and all lists sorted, so the same input gives the same digest. The result is an OCI
archive: `podman load -i`, `skopeo copy oci-archive:...` and `docker load -i` (25 and later) take it.
Needs Python and `ldd`; no container engine.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import tarfile

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
USER = 65532
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def objects(program):
    """The shared objects that the program loads, by the paths at which the loader looks."""
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"(/\S+) \(0x", said)))


def add(tar, name, content=None, mode=0o644, owner=0):
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.uid, entry.gid, entry.mode = EPOCH, owner, owner, mode
    if content is None:
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
    else:
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


def root(program):
    """The one layer, as a tar archive."""
    files = {
        "usr/bin/edgeway": (program.read_bytes(), 0o755),
        "etc/passwd": (f"edgeway:x:{USER}:{USER}::/var/lib/edgeway:/\n".encode(), 0o644),
        "etc/group": (f"edgeway:x:{USER}:\n".encode(), 0o644),
        # Without it the resolver asks DNS alone and never /etc/hosts.
        "etc/nsswitch.conf": (b"hosts: files dns\n", 0o644),
        CERTIFICATES[1:]: (pathlib.Path(CERTIFICATES).read_bytes(), 0o644),
    }
    for path in objects(program):
        files[path[1:]] = (pathlib.Path(path).read_bytes(), 0o755)
    folders = {str(parent) for name in files for parent in pathlib.PurePath(name).parents}
    folders |= {"etc/edgeway", "tmp", "var", "var/lib", "var/lib/edgeway"}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in sorted(folders - {"."}):
            mode = {"tmp": 0o1777, "var/lib/edgeway": 0o700}.get(folder, 0o755)
            add(tar, folder, mode=mode, owner=USER if folder == "var/lib/edgeway" else 0)
        for name, (content, mode) in sorted(files.items()):
            add(tar, name, content, mode)
    return made.getvalue()


def blob(blobs, content):
    digest = hashlib.sha256(content).hexdigest()
    blobs[f"blobs/sha256/{digest}"] = content
    return {"digest": f"sha256:{digest}", "size": len(content)}


def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image(program, tag):
    layer = root(program)
    blobs = {}
    packed = blob(blobs, gzip.compress(layer, compresslevel=9, mtime=EPOCH))
    config = {
        "architecture": ARCHITECTURES[os.uname().machine],
        "os": "linux",
        "config": {
            "User": f"{USER}:{USER}",
            "WorkingDir": "/var/lib/edgeway",
            "Env": ["PATH=/usr/bin", f"SSL_CERT_FILE={CERTIFICATES}"],
            "Entrypoint": ["/usr/bin/edgeway"],
            "Cmd": ["start", "--config", "/etc/edgeway/edgeway.toml"],
            "StopSignal": "SIGTERM",
            "Volumes": {"/var/lib/edgeway": {}},
            "Labels": {"org.opencontainers.image.title": "edgeway"},
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()],
        },
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, **blob(blobs, text(config))},
        "layers": [{"mediaType": LAYER, **packed}],
    }
    listed = {"mediaType": MANIFEST, **blob(blobs, text(manifest))}
    listed["annotations"] = {"org.opencontainers.image.ref.name": f"edgeway:{tag}"}
    blobs["oci-layout"] = text({"imageLayoutVersion": "1.0.0"})
    blobs["index.json"] = text({"schemaVersion": 2, "manifests": [listed]})
    return blobs, listed["digest"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--tag", default="latest")
    options = parser.parse_args()
    blobs, digest = image(options.program, options.tag)
    with tarfile.open(options.out, "w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in ("blobs", "blobs/sha256"):
            add(tar, folder, mode=0o755)
        for name, content in sorted(blobs.items()):
            add(tar, name, content)
    print(digest)


if __name__ == "__main__":
    main()
