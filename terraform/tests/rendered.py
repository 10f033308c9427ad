"""What modules write for machines, taken by those that read it: nodes, cloud-init, shells, systemd.

Renders `modules/node` in many ways with the real terraform, and gives each settings file to `edgeway
start --check`, each user data to the schema of Debian's cloud-init, each script to `sh -n`; two machines go
through their first start (`first_start.py`).
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import jsonschema
import yaml

import first_start

TOKEN = {"aws": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-AbCdEf"}
IDENTITY = {"policy": "pops", "ca_sha256": "5f0c" * 16, "regions": ["192.0.2.7:4433"]}
FIRST = {"region": "eu-west-1", "base_domain": "gw.example.com", "account_id": "123456789012"}
PLACE = {"latitude": 53.3, "longitude": -6.3}

NODES = {
    "first": {
        "role": "region", "bootstrap": FIRST | {"aws": TOKEN["aws"]}, "advertise": "192.0.2.7",
        "public": ["192.0.2.7"], "location": PLACE, "data_device": "/dev/disk/by-id/one",
    },
    "first-without-disk": {"role": "region", "bootstrap": FIRST | {"aws": TOKEN["aws"]}},
    "first-gcp": {"role": "region", "bootstrap": FIRST | {"gcp": "projects/p/secrets/s"}},
    "first-inline": {"role": "region", "bootstrap": FIRST | {"inline": "{}"}},
    "region-gcp": {
        "role": "region", "join_token": {"gcp": "projects/p/secrets/s"}, "location": PLACE,
        "package": {"url": "https://example.com/edgeway.deb", "sha256": "0" * 64},
        "extra_settings": "[aws.endpoints]\nlambda = \"http://127.0.0.1:9001\"",
    },
    "region-balanced": {
        "role": "region", "join_token": TOKEN, "proxy_protocol_trusted": ["10.0.0.0/24"], "h3": False,
    },
    "pop-relay": {"role": "pop", "join_token": {"inline": "token"}, "location": PLACE, "relay": True},
    "pop-balanced": {
        "role": "pop", "join_token": TOKEN, "proxy_protocol_trusted": ["10.0.0.0/24", "10.0.1.0/24"],
        "h3": False, "ops_address": "0.0.0.0", "cache_bytes": 1 << 30, "public": ["192.0.2.1"],
        "lifecycle_hook": {"group": "pops", "hook": "drain", "region": "eu-west-1"},
    },
    "pop-of-aws": {"role": "pop", "join_identity": IDENTITY | {"proof": "aws"}},
    "pop-of-gcp": {"role": "pop", "join_identity": IDENTITY | {"proof": "gcp", "audience": "edge"}},
    "pop-http-only": {"role": "pop", "join_token": TOKEN, "ports": {"https": None}},
    "dns-public": {"role": "dns", "join_token": TOKEN, "public": ["192.0.2.2"]},
    "dns-without-h3": {"role": "dns", "join_token": TOKEN, "h3": False},
}


# Kept in deploy/cloud-init for those without Terraform; @TOKEN@ is for them to fill in.
SAMPLES = {
    "region": {
        "role": "region", "join_token": {"inline": "@TOKEN@"}, "location": PLACE, "data_device": "/dev/vdb",
    },
    "pop": {"role": "pop", "join_token": {"inline": "@TOKEN@"}, "location": PLACE},
    "dns": {"role": "dns", "join_token": {"inline": "@TOKEN@"}},
}
KEPT = pathlib.Path(__file__).resolve().parents[2] / "deploy/cloud-init"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--edgeway", required=True)
    parser.add_argument("--terraform", required=True, type=pathlib.Path)
    parser.add_argument("--cloud-init", required=True, type=pathlib.Path)
    parser.add_argument("--write", action="store_true", help="write deploy/cloud-init again")
    options = parser.parse_args()
    schema = json.loads(options.cloud_init.read_text())
    nodes = render(options.terraform / "modules/node", NODES | SAMPLES)
    for name in SAMPLES:
        kept(name, nodes[name]["user_data"], options.write)
    for name, node in nodes.items():
        settings(options.edgeway, name, node["settings"])
        user_data(name, node["user_data"], schema)
    refused(schema)
    with tempfile.TemporaryDirectory() as work:
        started = [
            first_start.check(work, options.edgeway, does, nodes[name]["user_data"])
            for does, name in (("sets-up", "first-without-disk"), ("joins", "pop-balanced"))
        ]
    if all(started):
        print("     first starts: one that sets the cluster up, one that joins, each twice")
    print(f"     {len(nodes)} nodes: settings accepted, user data and scripts valid")


def kept(name, text, write):
    """The samples are what the module makes."""
    file = KEPT / f"{name}.yaml"
    if write:
        file.write_text(text)
    if not file.exists() or file.read_text() != text:
        raise SystemExit(f"{file} is not what modules/node makes: see deploy/cloud-init/README.md")


def render(module, machines):
    """All nodes in one run: a root that calls the module for each."""
    with tempfile.TemporaryDirectory() as folder:
        root = {"module": {}, "output": {}}
        for name, variables in machines.items():
            root["module"][name] = {"source": str(module)} | variables
            root["output"][name] = {"value": f"${{module.{name}}}"}
        pathlib.Path(folder, "main.tf.json").write_text(json.dumps(root))
        terraform = ["terraform", f"-chdir={folder}"]
        for words in (["init"], ["apply", "-auto-approve"]):
            subprocess.run([*terraform, *words, "-no-color"], check=True, stdout=subprocess.DEVNULL)
        said = subprocess.run([*terraform, "output", "-json"], check=True, capture_output=True).stdout
    return {name: one["value"] for name, one in json.loads(said).items()}


def settings(edgeway, name, text):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text.replace("@ADDRESS@", "192.0.2.9"))
        file.flush()
        done = subprocess.run([edgeway, "start", "--config", file.name, "--check"],
                              capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stdout}{done.stderr}\n{text}")


def user_data(name, text, schema):
    assert text.startswith("#cloud-config\n"), name
    document = yaml.safe_load(text)
    jsonschema.validate(document, schema)
    for file in document["write_files"]:
        if file["content"].startswith("#!/bin/sh\n"):
            done = subprocess.run(["sh", "-n"], input=file["content"], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{name}: {file['path']}: {done.stderr}\n{file['content']}")
        if file["path"].endswith(".service"):
            unit(name, file["content"])


def unit(name, text):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "edgeway-leaving.service")
        file.write_text(text.replace("/usr/local/sbin/edgeway-leaving", "/bin/true"))
        done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr}")


def refused(schema):
    """The schema is there and finds what is wrong."""
    try:
        jsonschema.validate({"write_files": [{"path": "/x", "permisions": "0644"}]}, schema)
    except jsonschema.ValidationError:
        return
    raise SystemExit("cloud-init's schema refuses nothing")


if __name__ == "__main__":
    main()
