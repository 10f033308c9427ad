//! The Debian package as a machine's owner meets it: installed, upgraded, removed and purged by
//! dpkg in a folder of its own. Maintainer scripts run outside of it and are told where it is
//! (DPKG_ROOT), as there is no system in it; no service manager takes part.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "usr/bin"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        fs::write(machine.path("var/lib/dpkg/status"), "").unwrap();
        machine
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.0.path().join("root").join(inner)
    }

    fn dpkg(&self, arguments: &[&Path]) -> Output {
        let log = self.path("var/lib/dpkg/log");
        Command::new("dpkg")
            .arg(format!("--root={}", self.path("").display()))
            .arg(format!("--log={}", log.display()))
            // What it depends on is not in this folder.
            .args(["--force-depends", "--force-script-chrootless"])
            .args(arguments)
            .output()
            .unwrap()
    }

    fn must(&self, arguments: &[&Path]) {
        let output = self.dpkg(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    fn package(&self, version: &str) -> PathBuf {
        let program = self.0.path().join("program");
        fs::write(&program, format!("#!/bin/sh\necho edgeway {version}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let package = self.0.path().join(format!("{version}.deb"));
        let made = Command::new("python3")
            .arg(tests::folder().join("../deploy/debian/build.py"))
            .arg("--program")
            .arg(program)
            .arg("--out")
            .arg(&package)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        package
    }
}

#[test]
fn upgrades_keep_what_is_configured_and_a_purge_keeps_nothing() {
    let machine = Machine::new();
    let (old, new) = (machine.package("1.2.3"), machine.package("1.3.0"));
    let install = |package: &Path| machine.must(&[Path::new("--install"), package]);
    install(&old);
    let backup = machine.path("etc/edgeway/backup.environment");
    let mode = fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it gets a key");
    assert!(machine.path("usr/lib/edgeway/backup").exists());

    // What the owner wrote, and what a node would.
    fs::write(&backup, "EDGEWAY_BACKUP_KEEP=3\n").unwrap();
    let settings = machine.path("etc/edgeway/edgeway.toml");
    fs::write(&settings, "data_dir = \"/var/lib/edgeway\"\n").unwrap();
    let ledger = machine.path("var/lib/private/edgeway/ledger");
    fs::create_dir_all(&ledger).unwrap();
    std::os::unix::fs::symlink("private/edgeway", machine.path("var/lib/edgeway")).unwrap();
    let kept = || {
        assert_eq!(fs::read(&backup).unwrap(), b"EDGEWAY_BACKUP_KEEP=3\n");
        assert!(settings.exists() && ledger.exists());
    };
    install(&new);
    kept();
    let said = Command::new(machine.path("usr/bin/edgeway"))
        .output()
        .unwrap();
    assert_eq!(said.stdout, b"edgeway 1.3.0\n");
    install(&old);
    kept();

    machine.must(&[Path::new("--remove"), Path::new("edgeway")]);
    kept();
    assert!(!machine.path("usr/bin/edgeway").exists());
    machine.must(&[Path::new("--purge"), Path::new("edgeway")]);
    for gone in [
        "etc/edgeway",
        "var/lib/edgeway",
        "var/lib/private/edgeway",
        "usr/lib/edgeway",
    ] {
        let left = fs::symlink_metadata(machine.path(gone));
        assert!(left.is_err(), "{gone} is left");
    }
}
