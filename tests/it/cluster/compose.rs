//! What `deploy/compose/compose.yaml` says, done without a container engine: the image's root by
//! `chroot`, a mount namespace for each service's volumes and files, a network namespace that has
//! the services' addresses, and the file's own commands, environment, order and health checks.
//!
//! Not shown: an engine's bridge, published ports (that something listens there is) and restarts.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tests::{cluster::program, until};

/// The account of the image.
const USER: &str = "65532:65532";

#[tokio::test(flavor = "multi_thread")]
async fn the_compose_file_brings_up_a_cluster() {
    let mut host = Host::new();
    let services = host.services.clone();
    for name in services.keys() {
        host.run(name).await;
    }
    // `up` again changes nothing, and fails nothing.
    for name in ["init", "pop-1-token"] {
        let again = host.command(name).output().unwrap();
        assert!(again.status.success(), "{name}: {again:?}");
    }

    let status = || {
        let mut asked = host.inside(
            "us-east-1",
            &words(&["/usr/bin/edgeway", "status", "--json"]),
        );
        let output = asked.output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).ok()
    };
    let whole = until(
        "six nodes, three of them voters",
        Duration::from_secs(60),
        || async {
            let status = status()?;
            let nodes = status["nodes"].as_array()?;
            let up = nodes.iter().filter(|node| node["live"] == true).count();
            let voters = status["raft"]["voters"].as_array()?.len();
            (up == 6 && voters == 3).then_some(status)
        },
    )
    .await;
    assert_eq!(whole["cluster"]["baseDomain"], "edgeway.test");

    let listening = host.within(&["ss", "-Hlntu"]);
    for (name, service) in &services {
        for port in list(&service["ports"]) {
            let inner = port.rsplit(':').next().unwrap();
            let (port, protocol) = inner.split_once('/').unwrap_or((inner, "tcp"));
            let address = format!("{}:{port}", own_address(service).unwrap());
            let found = listening
                .lines()
                .any(|line| line.starts_with(protocol) && line.contains(&format!(" {address} ")));
            assert!(
                found,
                "{name}: nothing listens on {address}/{protocol}: {listening}"
            );
        }
    }
    let code = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "http://172.30.7.21:8080/",
    ];
    assert_eq!(host.within(&code), "403", "no API has this name");
    let soa = [
        "dig",
        "+short",
        "@172.30.7.31",
        "-p",
        "5353",
        "edgeway.test",
        "SOA",
    ];
    assert!(host.within(&soa).starts_with("ns1.edgeway.test."));
}

/// A machine with an engine that knows the file.
struct Host {
    folder: tempfile::TempDir,
    /// In the order of the file.
    services: BTreeMap<Place, Value>,
    /// Holds the network namespace.
    network: Child,
    running: BTreeMap<String, Child>,
}

/// A service's name, ordered as in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(usize, String);

impl std::ops::Deref for Place {
    type Target = str;

    fn deref(&self) -> &str {
        &self.1
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

fn compose() -> PathBuf {
    tests::folder()
        .join("../deploy/compose")
        .canonicalize()
        .unwrap()
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

fn own_address(service: &Value) -> Option<&str> {
    service["networks"]["edgeway"]["ipv4_address"].as_str()
}

/// The file's values, with its defaults for variables that are not set.
fn read() -> Value {
    let mut text = fs::read_to_string(compose().join("compose.yaml")).unwrap();
    while let Some(at) = text.find("${") {
        let end = at + text[at..].find('}').unwrap();
        let default = text[at + 2..end].split_once(":-").unwrap().1.to_owned();
        text.replace_range(at..=end, &default);
    }
    let mut file: yaml_serde::Value = yaml_serde::from_str(&text).unwrap();
    file.apply_merge().unwrap();
    // `<<` within a merged mapping is found the second time.
    file.apply_merge().unwrap();
    serde_json::to_value(file).unwrap()
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        unpack(&folder.path().join("root"));
        let order = fs::read_to_string(compose().join("compose.yaml")).unwrap();
        let named = read()["services"].as_object().unwrap().clone();
        let place = |name: &str| order.find(&format!("\n  {name}:\n")).unwrap();
        let services = named
            .into_iter()
            .map(|(name, service)| (Place(place(&name), name), service))
            .collect::<BTreeMap<_, _>>();
        let addresses = services.values().filter_map(own_address);
        let added = addresses.map(|address| format!("ip addr add {address}/32 dev lo\n"));
        let script = format!(
            "ip link set lo up\n{}echo up\nexec sleep 300",
            added.collect::<String>()
        );
        let mut network = Command::new("unshare")
            .args(["--net", "sh", "-ec", &script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = network.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        let host = Self {
            folder,
            services,
            network,
            running: BTreeMap::new(),
        };
        // As the page says: made by the program, and readable by the image's account alone.
        let secrets = Command::new(program()).arg("secrets").output().unwrap();
        let file = host.folder.path().join("secrets.json");
        fs::write(&file, secrets.stdout).unwrap();
        let id = Some(65532);
        std::os::unix::fs::chown(&file, id, id).unwrap();
        host
    }

    /// Starts a service once what it depends on is as it has to be.
    async fn run(&mut self, name: &Place) {
        let service = self.services[name].clone();
        for (other, how) in service["depends_on"].as_object().into_iter().flatten() {
            match how["condition"].as_str().unwrap() {
                "service_healthy" => self.healthy(other).await,
                "service_completed_successfully" => {
                    assert!(!self.running.contains_key(other), "{other} is no one-shot");
                }
                condition => panic!("{name}: {condition}"),
            }
        }
        if service["restart"] == "on-failure" {
            // What it needs may come up a moment later; the engine tries again.
            let done = || async {
                self.command(name)
                    .output()
                    .unwrap()
                    .status
                    .success()
                    .then_some(())
            };
            until(
                &format!("{name} has done its work"),
                Duration::from_secs(30),
                done,
            )
            .await;
            return;
        }
        let log = fs::File::create(self.folder.path().join(format!("{name}.log"))).unwrap();
        let child = self.command(name).stderr(log).spawn().unwrap();
        self.running.insert(name.to_string(), child);
        self.healthy(name).await;
    }

    async fn healthy(&self, name: &str) {
        let check = list(&self.service(name)["healthcheck"]["test"]);
        assert_eq!(check[0], "CMD");
        let waited = format!("{name} is healthy");
        until(&waited, Duration::from_secs(60), || async {
            let asked: Output = self.inside(name, &check[1..]).output().unwrap();
            asked.status.success().then_some(())
        })
        .await;
    }

    fn service(&self, name: &str) -> &Value {
        let mut all = self.services.iter();
        all.find(|(place, _)| place.1 == name).unwrap().1
    }

    /// A service's command.
    fn command(&self, name: &str) -> Command {
        let own = list(&self.service(name)["command"]);
        self.inside(name, &[words(&["/usr/bin/edgeway"]), own].concat())
    }

    /// A command among a service's files, with its environment.
    fn inside(&self, name: &str, command: &[String]) -> Command {
        let service = self.service(name);
        assert_eq!(service["read_only"], true);
        let root = self.folder.path().join("root");
        let mut mounts = format!("mount --bind {0} {0}\n", root.display());
        let mut add = |source: &Path, target: &str| {
            let target = root.join(target.trim_start_matches('/'));
            // An engine makes the place where something is mounted.
            if source.is_dir() {
                fs::create_dir_all(&target).unwrap();
            } else {
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::File::options()
                    .create(true)
                    .append(true)
                    .open(&target)
                    .unwrap();
            }
            mounts += &format!("mount --bind {} {}\n", source.display(), target.display());
        };
        for volume in list(&service["volumes"]) {
            let mut parts = volume.split(':');
            let (source, target) = (parts.next().unwrap(), parts.next().unwrap());
            match source.strip_prefix("./") {
                Some(file) => add(&compose().join(file), target),
                None => add(&self.volume(source), target),
            }
        }
        for secret in list(&service["secrets"]) {
            assert_eq!(secret, "cluster");
            add(
                &self.folder.path().join("secrets.json"),
                "/run/secrets/cluster",
            );
        }
        mounts += &format!("mount -o remount,bind,ro {}\n", root.display());
        let run = "exec setpriv --no-new-privs chroot --userspec=\"$0\" \"$@\"";
        let mut made = self.networked("unshare");
        made.args(["--mount", "--propagation=private", "sh", "-ec"]);
        made.arg(mounts + run).arg(USER).arg(&root).args(command);
        made.env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        for (key, value) in service["environment"].as_object().into_iter().flatten() {
            made.env(key, value.as_str().unwrap());
        }
        made
    }

    /// A named volume; a new one belongs to whom the image's folder belongs.
    fn volume(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join("volumes").join(name);
        if !folder.exists() {
            fs::create_dir_all(&folder).unwrap();
            std::os::unix::fs::chown(&folder, Some(65532), Some(65532)).unwrap();
        }
        folder
    }

    fn networked(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.network.id()));
        command.arg(program).stdin(Stdio::null());
        command
    }

    /// What a command in the network says.
    fn within(&self, command: &[&str]) -> String {
        let output = self
            .networked(command[0])
            .args(&command[1..])
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The root of the image, by the code that makes the image.
fn unpack(root: &Path) {
    const SCRIPT: &str = "import io, pathlib, sys, tarfile\n\
        sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True\n\
        import image\n\
        layer = io.BytesIO(image.root(pathlib.Path(sys.argv[2])))\n\
        tarfile.open(fileobj=layer).extractall(sys.argv[3])\n";
    fs::create_dir(root).unwrap();
    // Without what only debuggers read, which is most of it.
    let slim = root.with_file_name("edgeway");
    let stripped = Command::new("strip")
        .arg("-o")
        .arg(&slim)
        .arg(program())
        .status();
    assert!(stripped.unwrap().success());
    let unpacked = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(compose().join("../container"))
        .arg(&slim)
        .arg(root)
        .status();
    assert!(unpacked.unwrap().success());
}

impl Drop for Host {
    fn drop(&mut self) {
        for (name, child) in &mut self.running {
            drop(child.kill());
            drop(child.wait());
            if std::thread::panicking() {
                let log = fs::read_to_string(self.folder.path().join(format!("{name}.log")));
                println!("--- {name}\n{}", log.unwrap_or_default());
            }
        }
        drop(self.network.kill());
        drop(self.network.wait());
    }
}
