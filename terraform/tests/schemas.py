"""Schemas of public providers, rebuilt from their published bindings; nothing of them is kept.

The bindings for Terraform's CDK were made from the schemas, and still say all that a configuration can
be checked by: names, types, what is required, what is a block. Lost are the greatest numbers of blocks,
types that refer to themselves, and whether a structure is a block or an attribute. `rebuild` reads only the types that are asked for.
"""

import json
import pathlib
import re
import tarfile
import zipfile

# Nesting in Terraform's protocol.
SINGLE, LIST, SET, MAP = 1, 2, 3, 4

PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
COLLECTIONS = {
    "List": "list",
    "Map": "map",
}

# Optional attributes that are computed too: that is lost, and matters where a module reads them.
COMPUTED_TOO = {"google_compute_address": {"address"}}

# The provider whose structures are attributes (`name = {`), although its bindings say blocks.
ATTRIBUTES_ONLY = {"helm"}

ENTRY = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n +type: \"(\w+)\",\n"
    r" +storageClassType: \"(\w+)\",\n",
    re.MULTILINE,
)
FUNCTION = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
CLASS = re.compile(
    r"^class (\w+) extends cdktf\.Terraform(?:Resource|DataSource|Provider) \{\n(.*?)^\}",
    re.MULTILINE | re.DOTALL,
)
INTERFACE = re.compile(r"^export interface (\w+) (?:extends [\w.]+ )?\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"\{@link \S+#\w+ \w+#(\w+)\}(?:(?!\*/).)*?\*/\s+readonly \w+(\??):", re.DOTALL)
READ_ONLY = re.compile(
    r"// (\w+) - computed: true, optional: false, required: false\n +"
    r"(?:this\._\w+ = new cdktf\.(\w+)\(|this\._\w+ = new (\w+)\(this, \"\w+\"(?:, (true|false))?\)|"
    r"get \w+\(\) \{\n +return (.*);\n)"
)
GETTER = re.compile(r"this\.get(\w*)Attribute\('(\w+)'\)")


class Unknown(Exception):
    """A type that the package does not have."""


class Package:
    """The bindings of some types of one provider, out of the wheel in which they are published."""

    def __init__(self, wheel, folders):
        wanted = {f"package/lib/{folder}" for folder in folders}
        self.files = {}
        with zipfile.ZipFile(wheel) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
            # One pass: the archive has thousands of files, and no index.
            with archive.open(inner) as packed, tarfile.open(fileobj=packed, mode="r|gz") as tar:
                for member in tar:
                    parts = member.name.split("/")
                    if "/".join(parts[:3]) in wanted and parts[-1].endswith((".js", ".d.ts")):
                        self.files[member.name] = tar.extractfile(member).read().decode()

    def texts(self, folder):
        """JavaScript and declarations of a type."""
        prefix = f"package/lib/{folder}/"
        names = sorted(name for name in self.files if name.startswith(prefix))
        if not names:
            raise Unknown(folder)
        script, declared = "", ""
        for name in names:
            if name.endswith(".js"):
                script += self.files[name].split("\n//# sourceMappingURL", 1)[0] + "\n"
            else:
                declared += self.files[name] + "\n"
        return script, declared


def folder(kind, name, provider):
    """Where a type is: `aws_s3_bucket` in `s3-bucket`, data in `data-aws-s3-bucket`."""
    if kind == "provider":
        return "provider"
    plain = name.removeprefix(provider + "_") if kind == "resource" else "data_" + name
    return plain.replace("_", "-")


class Type:
    """One type's schema, out of its texts."""

    def __init__(self, script, declared):
        functions = FUNCTION.findall(script)
        self.functions = {lower(name): body for name, body in functions}
        self.required = {}
        for name, body in INTERFACE.findall(declared):
            self.required[lower(name)] = {
                member for member, optional in MEMBER.findall(body) if not optional
            }
        self.main, self.body = CLASS.findall(script)[-1]
        self.computed = {}
        for block in re.findall(
            r"^class (\w+)OutputReference extends cdktf\.ComplexObject \{\n(.*?)^\}",
            script,
            re.MULTILINE | re.DOTALL,
        ):
            self.computed[lower(block[0])] = block[1]

    def schema(self):
        entries = ENTRY.findall(self.body.split("synthesizeHclAttributes() {", 1)[-1])
        block = self.block(entries, self.required.get(lower(self.main) + "Config", set()), ())
        self.read_only(self.body, block)
        return {"block": block}

    def block(self, entries, required, path):
        attributes, blocks = {}, {}
        for name, value, is_block, kind, storage in entries:
            if is_block == "true":
                blocks[name] = self.nested(storage, kind, name in required, path)
                continue
            given = {"type": self.type(storage, kind, path)}
            if name in required:
                given["required"] = True
            else:
                given["optional"] = True
            # Whether it is computed too is lost; of ids it is known.
            if name == "id":
                given["computed"] = True
            if name.endswith("_wo"):
                given["write_only"] = True
            if "Sensitive" in value or name in {"password", "secret_string"}:
                given["sensitive"] = True
            attributes[name] = given
        return {"attributes": attributes, "blocks": blocks}

    def nested(self, storage, kind, required, path):
        struct = lower(storage.removesuffix("List") if kind in ("list", "set", "map") else storage)
        if struct in path or struct not in self.functions:
            raise Unknown(struct)
        entries = ENTRY.findall(self.functions[struct])
        block = self.block(entries, self.required.get(struct, set()), path + (struct,))
        self.read_only(self.computed.get(struct, ""), block)
        nesting = {"list": LIST, "set": SET, "map": MAP}.get(kind, SINGLE)
        return {"block": block, "nesting": nesting, "min_items": int(required)}

    def read_only(self, body, block):
        for name, generic, struct, is_set, getter in READ_ONLY.findall(body):
            if name in block["attributes"] or name in block["blocks"]:
                continue
            if generic:
                kind = re.match(r"(String|Number|Boolean)(Map|List)", generic)
                kind = kind and [kind[2].lower(), word(kind[1])] or ["map", "string"]
            elif struct:
                kind = self.object(struct, is_set == "true")
            else:
                kind = computed(getter)
            block["attributes"][name] = {"type": kind, "computed": True}

    def object(self, struct, is_set):
        """The type of a read-only structure; what it holds is read-only too."""
        plain = lower(struct.removesuffix("List").removesuffix("OutputReference"))
        inner = {"attributes": {}, "blocks": {}}
        self.read_only(self.computed.get(plain, ""), inner)
        fields = {name: one["type"] for name, one in inner["attributes"].items()}
        kind = ["object", fields]
        return ["set" if is_set else "list", kind] if struct.endswith("List") else kind

    def type(self, storage, kind, path):
        if storage in PRIMITIVES:
            return PRIMITIVES[storage]
        match = re.fullmatch(r"(string|number|boolean|any)(List|Map)(List)?", storage)
        if match:
            inner = [COLLECTIONS[match[2]], PRIMITIVES[match[1]]]
            if match[3]:
                return ["set" if kind == "set" else "list", inner]
            return ["set", inner[1]] if kind == "set" else inner
        # A structure that is an attribute: a list or set of objects.
        struct = lower(storage.removesuffix("List"))
        if struct in path or struct not in self.functions:
            raise Unknown(struct)
        fields = {
            name: self.type(inner, inner_kind, path + (struct,))
            for name, _, _, inner_kind, inner in ENTRY.findall(self.functions[struct])
        }
        kind = {"list": "list", "set": "set", "map": "map"}.get(kind)
        return [kind, ["object", fields]] if kind else ["object", fields]


def computed(getter):
    found = GETTER.search(getter)
    if not found:
        return "string"
    kind = {
        "String": "string",
        "Number": "number",
        "Boolean": "bool",
        "List": ["list", "string"],
        "NumberList": ["list", "number"],
        "StringMap": ["map", "string"],
        "NumberMap": ["map", "number"],
        "BooleanMap": ["map", "bool"],
        "AnyMap": ["map", "string"],
    }.get(found[1], "dynamic")
    if "Fn.tolist" in getter and isinstance(kind, list):
        return ["set", kind[1]]
    return kind


def word(name):
    return {"String": "string", "Number": "number", "Boolean": "bool"}[name]


def lower(name):
    return name[:1].lower() + name[1:]


def rebuild(wheel, provider, resources, data):
    """The schemas of these types, as `stub.py` serves them."""
    kinds = {"resource": sorted(resources), "data": sorted(data)}
    folders = {folder(kind, name, provider) for kind, names in kinds.items() for name in names}
    package = Package(wheel, folders | {"provider"})
    found = {"provider": Type(*package.texts("provider")).schema(), "resource": {}, "data": {}}
    for kind, names in kinds.items():
        for name in names:
            schema = Type(*package.texts(folder(kind, name, provider))).schema()
            for both in COMPUTED_TOO.get(name, ()):
                schema["block"]["attributes"][both]["computed"] = True
            if kind == "data":
                # What a lookup may be given, it also answers.
                for one in schema["block"]["attributes"].values():
                    one["computed"] = not one.get("required", False)
            found[kind][name] = schema
    if provider in ATTRIBUTES_ONLY:
        for schema in (found["provider"], *found["resource"].values(), *found["data"].values()):
            schema["block"] = {"attributes": attributes_only(schema["block"]), "blocks": {}}
    return found


def attributes_only(block):
    """A block's attributes, with its blocks as attributes that have attributes."""
    attributes = dict(block["attributes"])
    for name, one in block["blocks"].items():
        nested = {"attributes": attributes_only(one["block"]), "nesting": one["nesting"]}
        attributes[name] = {"nested": nested, "optional": True}
    return attributes


if __name__ == "__main__":
    import sys

    wheel, provider, *types = sys.argv[1:]
    data = [name.removeprefix("data.") for name in types if name.startswith("data.")]
    resources = [name for name in types if not name.startswith("data.")]
    print(json.dumps(rebuild(pathlib.Path(wheel), provider, resources, data), indent=1))
