#!/usr/bin/env python3
"""Checks modules and examples with the real terraform program, and needs neither cloud nor account.

    terraform/tests/run.py --provider target/debug/terraform-provider-edgeway \\
        --edgeway target/debug/edgeway [--cache FOLDER] [NAME ...]
    terraform/tests/run.py --prepare [--cache FOLDER]

`fmt -check`, then for every module and example `init`, `validate` and `terraform test`; then the user
data and settings that the modules write (cloud-init's schema, `edgeway start --check`) and the chart
(Helm's own engine). Public providers are stubs that have the real schemas (`schemas.py`, `stub.py`);
Edgeway's is the real one. NAME limits it to folders whose path holds it.

The cache keeps a Python environment, the bindings, rebuilt schemas and cloud-init's schema. `--prepare` only
fills it, which alone needs the network.
"""

import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TERRAFORM = HERE.parent
BINDINGS = ("aws", "google", "helm", "kubernetes")
USED = re.compile(r'^\s*(resource|data) "((?:%s)_\w+)"' % "|".join(BINDINGS), re.MULTILINE)


def main():
    options = arguments()
    began = time.monotonic()
    cache = pathlib.Path(options.cache).resolve()
    python = environment(cache)
    schemas = rebuilt(python, cache)
    cloud_init = cloud_init_schema(cache)
    if options.prepare:
        return
    folders = [
        folder
        for kind in ("modules", "examples")
        for folder in sorted((TERRAFORM / kind).iterdir())
        if any(folder.glob("*.tf")) and all(name in str(folder) for name in options.names)
    ]
    checks = Checks()
    checks.run("fmt", ["terraform", "fmt", "-check", "-recursive", str(TERRAFORM)], {})
    with Attached(python, schemas, options.provider) as attach, tempfile.TemporaryDirectory() as work:
        # Only a copy is initialised: the tree stays as it is.
        copy = pathlib.Path(work) / "terraform"
        shutil.copytree(TERRAFORM, copy, ignore=shutil.ignore_patterns("provider", ".terraform*", "__pycache__"))
        variables = {
            "TF_REATTACH_PROVIDERS": attach,
            "TF_CLI_CONFIG_FILE": "/dev/null",
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "TF_INPUT": "0",
        }
        for folder in folders:
            name = str(folder.relative_to(TERRAFORM))
            where = ["terraform", f"-chdir={copy / name}"]
            checks.run(f"{name} init", [*where, "init", "-backend=false", "-no-color"], variables)
            with aliases(copy / name):
                checks.run(f"{name} validate", [*where, "validate", "-no-color"], variables)
            if any(folder.glob("tests/*.tftest.hcl")):
                said = checks.run(f"{name} test", [*where, "test", "-no-color"], variables)
                checks.count(said)
            else:
                checks.fail(f"{name} test", "has no tests/*.tftest.hcl")
        if not options.names:
            rendered = [python, "-B", HERE / "rendered.py", "--edgeway", options.edgeway]
            rendered += ["--cloud-init", cloud_init, "--terraform", copy]
            checks.run("rendered", [str(word) for word in rendered], variables, show=True)
            checks.run("chart", [python, str(HERE / "chart.py"), options.edgeway], {}, show=True)
            wheel, = (cache / "bindings").glob("docker_compose-*.whl")
            checks.run("compose", [python, str(HERE / "compose.py"), str(wheel)], {}, show=True)
    print(f"{checks.passed} checks passed, {len(checks.failed)} failed, {checks.runs} test runs, "
          f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if checks.failed else 0)


@contextlib.contextmanager
def aliases(folder):
    """Gives a module the providers that its caller would: `validate` takes it for a whole."""
    text = "".join(file.read_text() for file in sorted(folder.glob("*.tf")))
    found = re.search(r"configuration_aliases = \[(.*)\]", text)
    added = folder / "aliases.tf"
    for pair in re.findall(r"(\w+)\.(\w+)", found[1] if found else ""):
        with added.open("a") as file:
            file.write('provider "%s" {\n  alias = "%s"\n}\n' % pair)
    yield
    added.unlink(missing_ok=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--provider", help="the program terraform-provider-edgeway")
    parser.add_argument("--edgeway", help="the program edgeway")
    parser.add_argument("--prepare", action="store_true", help="fill the cache, check nothing")
    parser.add_argument("--cache", default=str(pathlib.Path.home() / ".cache/edgeway-terraform"))
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if not options.prepare:
        if not options.provider or not options.edgeway:
            parser.error("--provider and --edgeway are needed")
        options.provider = str(pathlib.Path(options.provider).resolve())
        options.edgeway = str(pathlib.Path(options.edgeway).resolve())
    return options


class Checks:
    def __init__(self):
        self.passed, self.failed, self.runs = 0, [], 0

    def run(self, name, command, variables, show=False):
        began = time.monotonic()
        done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True)
        said = done.stdout + done.stderr
        if done.returncode:
            self.fail(name, said)
            return said
        self.passed += 1
        print(f"ok   {name} ({time.monotonic() - began:.1f} s)", flush=True)
        if show:
            print(said.rstrip(), flush=True)
        return said

    def fail(self, name, said):
        self.failed.append(name)
        print(f"FAIL {name}\n{said}", flush=True)

    def count(self, said):
        found = re.search(r"(\d+) passed, 0 failed", said)
        self.runs += int(found[1]) if found else 0


def environment(cache):
    """A Python environment with what is pinned, and the wheels of bindings beside it."""
    wanted = (HERE / "requirements.txt").read_text() + (HERE / "bindings.txt").read_text()
    venv, stamp = cache / "venv", cache / "stamp"
    if not stamp.exists() or stamp.read_text() != wanted:
        stamp.unlink(missing_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [venv / "bin/pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-r", HERE / "requirements.txt"], check=True)
        # Bindings are archives to read, not programs to install.
        shutil.rmtree(cache / "bindings", ignore_errors=True)
        listed = ["-r", HERE / "bindings.txt", "-d", cache / "bindings"]
        subprocess.run([*pip, "download", "--no-deps", *listed], check=True)
        stamp.write_text(wanted)
    return str(venv / "bin/python")


def rebuilt(python, cache):
    """A file with the schemas of all types that modules and examples use."""
    used = set()
    for file in TERRAFORM.glob("*/*/*.tf"):
        used |= set(USED.findall(file.read_text()))
    key = hashlib.sha256(repr(sorted(used)).encode())
    for name in ("schemas.py", "hcloud.json", "bindings.txt"):
        key.update((HERE / name).read_bytes())
    kept = cache / f"schemas-{key.hexdigest()[:16]}.json"
    if not kept.exists():
        found = {"hetznercloud/hcloud": json.loads((HERE / "hcloud.json").read_text())}
        for provider in BINDINGS:
            types = [name if kind == "resource" else f"data.{name}" for kind, name in sorted(used)
                     if name.startswith(provider + "_")]
            wheel, = (cache / "bindings").glob(f"cdktf_cdktf_provider_{provider}-*.whl")
            command = [python, HERE / "schemas.py", wheel, provider, *types]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[f"hashicorp/{provider}"] = json.loads(done.stdout)
        found = {f"registry.terraform.io/{source}": one for source, one in found.items()}
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.rename(kept)
    return kept


def cloud_init_schema(cache):
    """cloud-init's schema, installed or out of Debian's package, which need not be installed."""
    inner = "usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"
    installed, kept = pathlib.Path("/", inner), cache / "cloud-init" / inner
    if installed.exists():
        return installed
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            download = ["apt-get", "download", "-q", "cloud-init"]
            quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            if subprocess.run(download, check=False, **quiet).returncode:
                # A machine that has never asked which packages there are.
                sudo = ["sudo"] if os.geteuid() else []
                subprocess.run([*sudo, "apt-get", "update", "-q"], check=True, **quiet)
                subprocess.run(download, check=True, **quiet)
            package, = pathlib.Path(folder).glob("*.deb")
            subprocess.run(["dpkg", "-x", package, cache / "cloud-init"], check=True)
    return kept


class Attached:
    """The stubs and the real provider as processes that Terraform attaches to."""

    def __init__(self, python, schemas, provider):
        self.commands = [[python, HERE / "stub.py", schemas], [provider, "--reattach"]]
        self.processes = []

    def __enter__(self):
        attach = {}
        for command in self.commands:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
            self.processes.append(process)
            line = process.stdout.readline().strip()
            attach.update(json.loads(line.removeprefix("TF_REATTACH_PROVIDERS='").removesuffix("'")))
        return json.dumps(attach)

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


if __name__ == "__main__":
    main()
