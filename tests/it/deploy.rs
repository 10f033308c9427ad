//! What `deploy/` holds, checked with the tools that read it: units, alerts, dashboards, packages.
//!
//! No service manager and no container engine runs here; what can be known of the files without one
//! is. What is shown on a running cluster is in `cluster/monitoring.rs` and `cluster/compose.rs`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn deploy() -> PathBuf {
    tests::folder().join("../deploy")
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?}: {error}; `cargo xtask setup` installs what tests need")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(deploy().join(folder)).expect("deploy/ is in the tree");
    let paths = entries.map(|entry| entry.expect("a folder can be read").path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|own| own == ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no .{ending} in deploy/{folder}");
    found
}

/// The units are valid, and what is exposed to a service gone wrong is little: under 2.0 of 10.
#[test]
fn units_are_valid_and_hardened() {
    let folder = tempfile::tempdir().unwrap();
    for unit in files("systemd", "service") {
        let name = unit.file_name().unwrap().to_str().unwrap();
        // An instance of a template, and a program that is there.
        let copy = folder.path().join(name.replace("@.", "@one."));
        let text = fs::read_to_string(&unit).unwrap();
        let text = text.replace("/usr/bin/edgeway", "/bin/true");
        let text = text.replace("/usr/lib/edgeway/backup", "/bin/true");
        fs::write(&copy, text).unwrap();
        run(Command::new("systemd-analyze").arg("verify").arg(&copy));
        run(Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
            .arg(&copy));
    }
}

/// Both units run a node in the same way; only names and folders differ.
#[test]
fn the_template_unit_is_as_hardened_as_the_plain_one() {
    let settings = |name: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(deploy().join("systemd").join(name)).unwrap();
        let lines = text.lines().filter(|line| line.contains('='));
        let hardening = lines.filter(|line| {
            [
                "Protect",
                "Private",
                "Restrict",
                "SystemCall",
                "Capab",
                "Ambient",
                "Memory",
                "NoNew",
            ]
            .iter()
            .any(|start| line.starts_with(start))
        });
        hardening.map(str::to_owned).collect()
    };
    assert_eq!(settings("edgeway.service"), settings("edgeway@.service"));
}

/// So is what takes backups; and the timer starts what there is.
#[test]
fn the_backup_timer_starts_the_backup() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["service", "timer"] {
        let name = format!("edgeway-backup.{ending}");
        let text = fs::read_to_string(deploy().join("systemd").join(&name)).unwrap();
        let text = text.replace("/usr/lib/edgeway/backup", "/bin/true");
        fs::write(folder.path().join(name), text).unwrap();
    }
    let timer = folder.path().join("edgeway-backup.timer");
    run(Command::new("systemd-analyze").arg("verify").arg(timer));
    let script = deploy().join("systemd/edgeway-backup");
    run(Command::new("sh").arg("-n").arg(script));
}

/// Each alert fires when it should and not otherwise, and names a page that there is.
#[test]
fn alerts_fire_when_they_should() {
    let file = |name: &str| deploy().join("prometheus").join(name);
    run(Command::new("promtool")
        .args(["check", "config"])
        .arg(file("prometheus.yml")));
    run(Command::new("promtool")
        .args(["test", "rules"])
        .arg(file("alerts_test.yml")));
    let read = |name: &str| fs::read_to_string(file(name)).unwrap();
    let (rules, cases) = (read("alerts.yml"), read("alerts_test.yml"));
    let after = |start: &str| -> Vec<String> {
        let lines = rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix(start));
        lines.map(|name| name.trim().to_owned()).collect()
    };
    for name in after("- alert:") {
        let of_it = cases
            .split("  - name: ")
            .filter(|case| case.starts_with(&name));
        let of_it: String = of_it.collect();
        for wanted in ["exp_samples: []", "value: 1 }"] {
            assert!(of_it.contains(wanted), "{name} has no case with {wanted}");
        }
    }
    for page in after("runbook:") {
        assert!(deploy().join("..").join(&page).exists(), "{page}");
    }
}

/// Every metric that an alert or a dashboard asks for is one that a node has.
#[test]
fn alerts_and_dashboards_ask_for_metrics_that_exist() {
    let mut known = BTreeSet::new();
    collect(&tests::folder().join("../crates"), &mut known);
    // Some are put together of two words in the sources; the page of metrics has them whole.
    let page = tests::folder().join("../docs/operations/metrics.md");
    known.extend(names(&fs::read_to_string(page).unwrap()));
    let alerts = deploy().join("prometheus/alerts.yml");
    let sources = [files("grafana", "json"), vec![alerts]].concat();
    for file in sources {
        for name in names(&fs::read_to_string(&file).unwrap()) {
            let plain = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|ending| name.strip_suffix(ending))
                .unwrap_or(&name);
            assert!(known.contains(plain), "{}: {name}", file.display());
        }
    }
}

/// Words of a text that are metrics' names.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    let words = text.split(word).filter(|word| word.starts_with("edgeway_"));
    words.map(str::to_owned).collect()
}

fn collect(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("sources are in the tree") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.extend(names(&fs::read_to_string(path).expect("a source is text")));
        }
    }
}

/// The dashboards are what their source makes.
#[test]
fn dashboards_are_as_made() {
    let folder = tempfile::tempdir().unwrap();
    let source = deploy().join("grafana/make.py");
    fs::copy(source, folder.path().join("make.py")).unwrap();
    run(Command::new("python3").arg(folder.path().join("make.py")));
    for kept in files("grafana", "json") {
        let made = folder.path().join(kept.file_name().unwrap());
        assert_eq!(
            fs::read(&kept).unwrap(),
            fs::read(made).unwrap(),
            "{}",
            kept.display()
        );
    }
}

/// One program makes one package and one image, however often; both hold what a node needs.
#[test]
fn packages_and_images_are_the_same_bytes_again() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\necho edgeway 1.2.3\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let make = |script: &str, program: &Path, out: &str| {
        let out = folder.path().join(out);
        run(Command::new("python3")
            .arg(deploy().join(script))
            .arg("--program")
            .arg(program)
            .arg("--out")
            .arg(&out));
        out
    };
    let package = make("debian/build.py", &program, "one.deb");
    let again = make("debian/build.py", &program, "two.deb");
    assert_eq!(fs::read(&package).unwrap(), fs::read(again).unwrap());
    let listed = run(Command::new("dpkg-deb").arg("-c").arg(&package)).stdout;
    let listed = String::from_utf8(listed).unwrap();
    for file in [
        "./usr/bin/edgeway",
        "system/edgeway.service",
        "system/edgeway@.service",
        "system/edgeway-backup.timer",
        "./usr/lib/edgeway/backup",
    ] {
        assert!(listed.contains(file), "{listed}");
    }
    let field = run(Command::new("dpkg-deb")
        .arg("-f")
        .arg(&package)
        .arg("Version"))
    .stdout;
    assert_eq!(field, b"1.2.3\n");

    // A program that loads shared objects, as ours does.
    let image = make("container/image.py", Path::new("/bin/ls"), "one.tar");
    let again = make("container/image.py", Path::new("/bin/ls"), "two.tar");
    assert_eq!(fs::read(&image).unwrap(), fs::read(again).unwrap());
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let unpack = "import sys, tarfile, io\n\
        archive = tarfile.open(sys.argv[1])\n\
        for entry in archive:\n\
        \x20   blob = archive.extractfile(entry)\n\
        \x20   content = blob.read() if blob else b''\n\
        \x20   if content[:2] == b'\\x1f\\x8b':\n\
        \x20       tarfile.open(fileobj=io.BytesIO(content)).extractall(sys.argv[2])\n";
    run(Command::new("python3")
        .args(["-c", unpack])
        .arg(&image)
        .arg(&root));
    let said = run(Command::new("chroot")
        .arg(&root)
        .args(["/usr/bin/edgeway", "/"]))
    .stdout;
    assert!(String::from_utf8(said).unwrap().contains("var"));
}
