#!/usr/bin/env python3
"""Makes the Debian package out of a built program: the same bytes from the same input.

    deploy/debian/build.py --program target/dist/edgeway --out edgeway.deb

Needs nothing but Python and `dpkg-deb`. What is inside: the program, the systemd units, settings of
the backup timer, examples of nodes' settings, and the pages that are wanted when nothing else can be
read. It asks for no network and leaves nothing behind.
"""

import argparse
import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

# 2020-01-01: archives refuse files that are older than packages.
EPOCH = "1577836800"
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def version(program):
    """What the program says of itself: `edgeway 0.1.0`."""
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return said.stdout.split()[1]


def put(source, target, mode):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def fill(tree, program):
    put(program, tree / "usr/bin/edgeway", 0o755)
    systemd = HERE.parent / "systemd"
    for unit in sorted([*systemd.glob("*.service"), *systemd.glob("*.timer")]):
        put(unit, tree / "lib/systemd/system" / unit.name, 0o644)
    put(systemd / "edgeway-backup", tree / "usr/lib/edgeway/backup", 0o755)
    # For root's eyes: it gets a key.
    put(systemd / "backup.environment", tree / "etc/edgeway/backup.environment", 0o600)
    documents = tree / "usr/share/doc/edgeway"
    put(HERE / "copyright", documents / "copyright", 0o644)
    changes = f"edgeway ({version(program)}) stable; urgency=medium\n\n  * See the repository's log.\n\n"
    changes += " -- Edgeway maintainers <maintainers@edgeway.example>  Thu, 01 Jan 1970 00:00:00 +0000\n"
    # A native package: its version has no revision of the packaging.
    (documents / "changelog.gz").write_bytes(gzip.compress(changes.encode(), 9, mtime=0))
    (documents / "changelog.gz").chmod(0o644)
    for example in sorted((HERE.parent / "compose/settings").glob("*.toml")):
        put(example, documents / "examples" / example.name, 0o644)
    for page in sorted((ROOT / "docs/operations/runbooks").glob("*.md")):
        put(page, documents / page.name, 0o644)
    kib = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
    control = (HERE / "control.in").read_text()
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()
    control = (
        control.replace("@VERSION@", version(program))
        .replace("@ARCHITECTURE@", architecture)
        .replace("@INSTALLED_KIB@", str(kib))
    )
    folder = tree / "DEBIAN"
    folder.mkdir()
    sums = sorted(path for path in tree.rglob("*") if path.is_file() and "etc" not in path.parts)
    lines = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in sums]
    (folder / "md5sums").write_text("".join(lines))
    (folder / "control").write_text(control)
    put(HERE / "conffiles", folder / "conffiles", 0o644)
    for script in ("postinst", "prerm", "postrm"):
        put(HERE / script, folder / script, 0o755)
    for path in [tree, *tree.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "edgeway"
        tree.mkdir()
        fill(tree, options.program.resolve())
        # One time for all files, so that two builds of one input are the same package.
        epoch = os.environ.get("SOURCE_DATE_EPOCH", EPOCH)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, options.out.resolve()],
            check=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
            stdout=subprocess.DEVNULL,
        )
    print(options.out)


if __name__ == "__main__":
    main()
