"""The chart, rendered by Helm's own engine and taken by those that read it.

`chart.py EDGEWAY`: lints, renders the chart in several ways, checks every object against Kubernetes'
schemas, every settings file by `edgeway start --check`, and that wrong values are refused.
"""

import pathlib
import subprocess
import sys
import tempfile

import helm_python as helm
import kubernetes_validate
import yaml

CHART = pathlib.Path(__file__).resolve().parents[2] / "deploy/helm/edgeway"
VERSION = "1.31"
TOKEN = {"existingSecret": "token"}
POLICY = {"name": "pods", "caSha256": "5f0c" * 16, "regions": ["192.0.2.1:4433"], "audience": "edge"}
FIRST = {"enabled": True, "existingSecret": "cluster", "baseDomain": "gw.example.com"}

GOOD = {
    "first region": {"bootstrap": FIRST, "publicAddresses": ["192.0.2.1"]},
    "further region": {
        "place": "eu-west-1", "replicas": 3, "joinToken": TOKEN, "link": {"mode": "host"},
        "location": {"latitude": 53, "longitude": -6.3}, "serviceMonitor": {"enabled": True},
        "extraSettings": "[aws.endpoints]\nlambda = \"http://127.0.0.1:9001\"\n",
    },
    "addresses": {
        "replicas": 2, "joinToken": TOKEN,
        "link": {"mode": "addresses", "addresses": ["192.0.2.1", "192.0.2.2"]},
    },
    "pop": {"role": "pop", "place": "pop-1", "joinToken": {"value": "secret"}},
    "pop by its account": {"role": "pop", "place": "pop-1", "joinPolicy": POLICY},
    "pop behind a balancer": {
        "role": "pop", "place": "pop-1", "joinToken": TOKEN, "podAnnotations": {"a": "b"},
        "clients": {"h3": False, "proxyProtocolTrusted": ["10.0.0.0/24"], "annotations": {"x": "y"}},
    },
    # The shape that terraform/modules/kubernetes gives its values.
    "by the module": {
        "role": "pop", "place": "pop-1", "replicas": 2, "image": {"repository": "edgeway"},
        "link": {"mode": "pod", "addresses": [], "annotations": {}}, "publicAddresses": [],
        "extraSettings": "", "location": {}, "joinToken": {"existingSecret": "pop-1-join"},
        "bootstrap": {"enabled": False, "existingSecret": "", "baseDomain": "", "accountId": "000000000000"},
    },
    "dns": {"role": "dns", "place": "", "joinToken": TOKEN, "replicas": 2},
}

# What is refused, and a word of the reason.
BAD = {
    "an unknown key": ({"replica": 2}, "replica"),
    "an unknown role": ({"role": "gateway"}, "role"),
    "a POP first": ({"role": "pop", "bootstrap": FIRST}, "the first node is a region's"),
    "two nodes first": ({"replicas": 2, "bootstrap": FIRST}, "with one replica"),
    "first without a domain": (
        {"bootstrap": {"enabled": True, "existingSecret": "cluster"}}, "baseDomain are needed",
    ),
    "too few addresses": (
        {"replicas": 2, "link": {"mode": "addresses", "addresses": ["192.0.2.1"]}}, "one a replica",
    ),
    "PROXY headers over UDP": ({"clients": {"proxyProtocolTrusted": ["10.0.0.0/24"]}}, "set h3 to false"),
    "two tokens": ({"joinToken": {"existingSecret": "a", "value": "b"}}, "not both"),
    "half a policy": ({"joinPolicy": {"name": "pods"}}, "are needed"),
    "a token and a policy": ({"joinToken": TOKEN, "joinPolicy": POLICY}, "not both"),
    "half a place": ({"location": {"latitude": 1}}, "longitude"),
    "a POP without a name": ({"role": "pop", "place": ""}, "needs its name"),
}


def main():
    edgeway = sys.argv[1]
    objects = 0
    with helm.Chart.load(str(CHART)) as chart:
        for name, values in GOOD.items():
            found = render(chart, values)
            check(edgeway, name, values, found)
            objects += len(found)
        for name, values in BAD.items():
            values, word = values
            try:
                render(chart, values)
            except helm.HelmError as error:
                must(name, word in str(error), f"refused for another reason: {error}")
                continue
            raise SystemExit(f"{name}: was not refused")
    lint = helm.lint(str(CHART))
    must("lint", not lint["errors"], lint)
    print(f"     {len(GOOD)} releases, {objects} objects valid; {len(BAD)} refused")


def render(chart, values):
    chart.validate_schema(chart.merge_values(values))
    found = []
    for file, text in chart.render(values, name="edge", namespace="gateway").items():
        if file.endswith(".yaml"):
            found += [one for one in yaml.safe_load_all(text) if one]
    return found


def check(edgeway, name, values, objects):
    kinds = {}
    for one in objects:
        kinds.setdefault(one["kind"], []).append(one)
        if one["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(one, VERSION, strict=True)
    nodes, = kinds["StatefulSet"]
    pod = nodes["spec"]["template"]["spec"]
    must(name, nodes["spec"]["replicas"] == values.get("replicas", 1), "replicas")
    for container in pod["initContainers"] + pod["containers"]:
        security = container["securityContext"]
        must(name, security["readOnlyRootFilesystem"] and security["capabilities"]["drop"] == ["ALL"], "security")
    variables = {one["name"] for one in pod["containers"][0].get("env") or []}
    must(name, ("EDGEWAY_JOIN_TOKEN" in variables) == ("joinToken" in values), "token")
    audiences = [
        source["serviceAccountToken"]["audience"]
        for volume in pod["volumes"] for source in volume.get("projected", {}).get("sources", [])
    ]
    must(name, audiences == (["edge"] if "joinPolicy" in values else []), f"identity: {audiences}")
    must(name, ("Secret" in kinds) == ("value" in values.get("joinToken", {})), "secret")
    must(name, any("init" == one["name"] for one in pod["initContainers"])
         == values.get("bootstrap", {}).get("enabled", False), "init")
    must(name, ("ServiceMonitor" in kinds) == ("serviceMonitor" in values), "monitor")
    must(name, "PodDisruptionBudget" in kinds, "budget")
    ports = {one["name"] for one in pod["containers"][0]["ports"]}
    for service in kinds["Service"]:
        targets = {one["targetPort"] for one in service["spec"]["ports"]}
        must(name, targets <= ports, f"{service['metadata']['name']}: {targets - ports}")
    settings, = kinds["ConfigMap"]
    text = settings["data"]["edgeway.toml"].replace("@ADDRESS@", "192.0.2.9").replace("@POD@", "10.0.0.9")
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([edgeway, "start", "--config", file.name, "--check"], capture_output=True, text=True)
        must(name, done.returncode == 0, f"{done.stdout}{done.stderr}\n{text}")
    for script in [one["command"][-1] for one in pod["initContainers"] if "command" in one]:
        done = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True)
        must(name, done.returncode == 0, done.stderr + script)


def must(name, holds, what):
    if not holds:
        raise SystemExit(f"{name}: {what}")


if __name__ == "__main__":
    main()
