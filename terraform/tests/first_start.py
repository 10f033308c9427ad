"""Runs what `modules/node` gives a machine for its first start, as a machine would.

In a mount namespace, with /etc and /var/lib of its own and stand-ins for AWS, routes and systemd; the program
`edgeway` is the real one. Needs root and the right to mount; says so and checks nothing without. Disks
and packages are not part of it.
"""

import os
import pathlib
import subprocess
import sys

import yaml

STANDS_IN = {
    # Fails at first, as roles do that are new.
    "aws": "#!/bin/sh\necho \"$@\" >>$WORK/aws\n[ $(wc -l <$WORK/aws) -gt 1 ] || exit 255\ncat $WORK/secret\n",
    "curl": "#!/bin/sh\n",
    "sleep": "#!/bin/sh\n",
    "ip": "#!/bin/sh\necho '198.18.0.1 via 192.0.2.1 dev eth0 src 192.0.2.9 uid 0 \\    cache '\n",
    # The node joins when it is started.
    "systemctl": "#!/bin/sh\n[ \"$*\" != 'enable --now edgeway' ] || {\n"
    "[ -e $WORK/seen ] || cp /etc/edgeway/environment $WORK/seen 2>/dev/null\nmkdir -p /var/lib/edgeway/identity\n}\n",
}
MOUNTS = """
set -e
mount --make-rprivate /
mount -t tmpfs none "$WORK/upper"
for name in etc var/lib usr/local/sbin; do
    upper="$WORK/upper/$(echo $name | tr / _)"
    mkdir "$upper" "$upper.work"
    mount -t overlay none -o "lowerdir=/$name,upperdir=$upper,workdir=$upper.work" "/$name"
done
"""


def check(work, edgeway, name, user_data):
    """`name` says which machine it is: one that sets up, or one that joins."""
    work = pathlib.Path(work)
    if not may_mount(work):
        print("     first starts: skipped, they need root and the right to mount")
        return False
    folder = work / name
    (folder / "bin").mkdir(parents=True)
    (folder / "upper").mkdir()
    for program, text in STANDS_IN.items():
        (folder / "bin" / program).write_text(text)
        (folder / "bin" / program).chmod(0o755)
    (folder / "bin/edgeway").symlink_to(edgeway)
    secrets = subprocess.run([edgeway, "secrets"], check=True, capture_output=True, text=True).stdout
    (folder / "secret").write_text("token-1\n" if name == "joins" else secrets)
    (folder / "user-data").write_text(user_data)
    environment = os.environ | {
        "WORK": str(folder), "PATH": f"{folder}/bin:/usr/local/sbin:{os.environ['PATH']}",
    }
    inside = [sys.executable, __file__, name]
    command = ["unshare", "--mount", "sh", "-c", MOUNTS + 'exec "$@"', "sh", *inside]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"first start of one that {name}: {done.stdout}{done.stderr}")
    return True


def may_mount(work):
    """Not in every container, and not over every file system."""
    (work / "trial/upper").mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"WORK": str(work / "trial")}
    done = subprocess.run(["unshare", "--mount", "sh", "-c", MOUNTS], env=environment, capture_output=True)
    return done.returncode == 0


def inside(name):
    """In the namespace: nothing that is done to /etc and /var/lib stays."""
    work = pathlib.Path(os.environ["WORK"])
    for file in yaml.safe_load((work / "user-data").read_text())["write_files"]:
        path = pathlib.Path(file["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file["content"])
        path.chmod(int(file["permissions"], 8))
    said = ""
    for _ in range(2):
        # The second time changes nothing.
        done = subprocess.run(["/usr/local/sbin/edgeway-prepare"], capture_output=True, text=True)
        said += done.stdout + done.stderr
        must(done.returncode == 0, said)
    settings = pathlib.Path("/etc/edgeway/edgeway.toml").read_text()
    must('advertise = "192.0.2.9:4433"' in settings and "@ADDRESS@" not in settings, settings)
    checked = subprocess.run(["edgeway", "start", "--config", "/etc/edgeway/edgeway.toml", "--check"])
    must(checked.returncode == 0, settings)
    asked = (work / "aws").read_text().splitlines()
    must(len(asked) == 2 and "--region eu-west-1" in asked[1], f"once more, and then no more: {asked}")
    must(pathlib.Path("/var/lib/private/edgeway/identity").is_dir(), "identity")
    if name == "joins":
        must((work / "seen").read_text() == "EDGEWAY_JOIN_TOKEN=token-1\n", "the unit's environment")
        must(pathlib.Path("/etc/edgeway/environment").read_text() == "", "the token is gone")
    else:
        must(pathlib.Path("/var/lib/edgeway/admin.json").is_file(), "the cluster is set up")
        must(not pathlib.Path("/run/edgeway-secrets.json").exists(), "the secrets are gone")
        must("SECRET" not in said, f"no secret is in the log: {said}")


def must(holds, what):
    if not holds:
        raise SystemExit(what)


if __name__ == "__main__":
    inside(sys.argv[1])
