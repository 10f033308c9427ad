#!/usr/bin/env python3
"""Checks the compose file by the specification's schema, out of a wheel that ships it.

    terraform/tests/compose.py WHEEL

The schema is of 2021; what it does not know is not used. Names that lead nowhere (volumes, networks,
secrets, services that are waited for, files) are found here too. What the file does when it is
brought up is shown by tests/it/cluster/compose.rs.
"""

import json
import pathlib
import sys
import zipfile

import jsonschema
import yaml

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "deploy/compose"


def named(file):
    """What services refer to: a kind, a name, and whether it is there."""
    for name, service in file["services"].items():
        for other, how in service.get("depends_on", {}).items():
            there = file["services"].get(other, {})
            yield f"{name} waits for {other}", bool(there)
            if how["condition"] == "service_healthy":
                yield f"{name} waits for {other}'s health check", "healthcheck" in there
        for network in service["networks"]:
            yield f"{name}: network {network}", network in file["networks"]
        for secret in service.get("secrets", []):
            yield f"{name}: secret {secret}", secret in file["secrets"]
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            known = (FOLDER / source).is_file() if source.startswith("./") else source in file["volumes"]
            yield f"{name}: volume {source}", known


def main():
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        schema = json.loads(wheel.read("compose/config/compose_spec.json"))
    file = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    jsonschema.Draft7Validator(schema).validate(file)
    checked = list(named(file))
    missing = [what for what, there in checked if not there]
    if missing:
        sys.exit("\n".join(missing))
    print(f"compose: {len(file['services'])} services fit the schema, {len(checked)} names lead somewhere")


if __name__ == "__main__":
    main()
