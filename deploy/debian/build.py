#!/usr/bin/env python3
"""Makes the Debian package out of a built program: the same bytes from the same input.

    deploy/debian/build.py --program target/dist/edgeway --out edgeway.deb

Needs nothing but Python and `dpkg-deb`. What is inside: the program, the systemd units, an
example of the settings. It asks for no network and leaves nothing behind.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile

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
    for unit in sorted((HERE.parent / "systemd").glob("*.service")):
        put(unit, tree / "lib/systemd/system" / unit.name, 0o644)
    documents = tree / "usr/share/doc/edgeway"
    put(ROOT / "LICENSE", documents / "copyright", 0o644)
    for example in sorted((HERE.parent / "examples").glob("*.toml")):
        put(example, documents / "examples" / example.name, 0o644)
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
    (folder / "control").write_text(control)
    for script in ("postinst", "prerm"):
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
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "0")
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, options.out.resolve()],
            check=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
            stdout=subprocess.DEVNULL,
        )
    print(options.out)


if __name__ == "__main__":
    main()
