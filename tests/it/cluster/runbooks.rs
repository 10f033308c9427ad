//! The runbooks' commands, run as they stand in the pages: each block on the machine that it names,
//! in one cluster that lives through all of it, so that no page can tell what does not work.
//!
//! A machine is a network namespace with the page's address, its own `/etc`, `/var/lib`, `/run`
//! and `/root`, and a shell that stays open, as a person's terminal does. There is no service
//! manager on it: a script in its place starts and stops what the units would. Restarts by
//! themselves are not shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use serde_json::Value;
use tests::cluster::program;

/// The machines of the pages.
const MACHINES: [(&str, &str); 5] = [
    ("us-east-1", "203.0.113.10"),
    ("eu-west-1", "203.0.113.20"),
    ("ap-northeast-1", "203.0.113.30"),
    ("dns-1", "203.0.113.53"),
    ("pop-1", "203.0.113.80"),
];

/// What the units do, as far as the pages ask for it: commands and variables are theirs.
const SYSTEMCTL: &str = include_str!("runbooks/systemctl.sh");

const BRIEFLY: &str = "#!/bin/sh\nexec /bin/sleep 0.1\n";

/// A block that has not ended by then hangs.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(90);
const END: &str = "-- the block has ended with ";

#[test]
fn the_runbooks_do_what_they_say() {
    let mut site = Site::new();
    site.follow("bootstrap.md");
    site.follow("add-region.md");
    // The same page for a third region, which has its own name and address.
    let third = [
        ("eu-west-1", "ap-northeast-1"),
        ("203.0.113.20", "203.0.113.30"),
    ];
    site.follow_for("add-region.md", &third);
    assert_eq!(site.voters(), 3);
    site.follow("keys-and-certificates.md");
    site.follow("backup-and-restore.md");
    site.follow("pops.md");

    // A machine burns down; it is replaced by one of the same name, with an empty disk.
    site.lose("eu-west-1");
    site.follow("dead-voter.md");
    site.follow("add-region.md");
    assert_eq!(site.voters(), 3);
    site.follow("remove-region.md");

    // Of the two voters that are left one burns down: the other is no majority.
    let before = site.status("us-east-1")["revision"].as_u64().unwrap();
    let admin = fs::read(site.data("us-east-1").join("admin.json")).unwrap();
    fs::write(site.folder("eu-west-1").join("root/admin.json"), admin).unwrap();
    site.lose("us-east-1");
    site.follow("quorum-lost.md");
    let after = site.status("eu-west-1");
    assert!(
        after["revision"].as_u64().unwrap() >= before + 1000,
        "{after}"
    );
    // The DNS node lived through all of it.
    assert_eq!(after["nodes"].as_array().unwrap().len(), 2, "{after}");
    for name in pages() {
        assert!(site.followed.contains(&name), "nobody has tried {name}");
    }
}

/// All pages but the list, and the one that needs two builds and has its own test.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(tests::folder().join("../docs/operations/runbooks")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name != "README.md" && name != "rolling-upgrade.md")
        .collect()
}

/// Machines that reach each other.
struct Site {
    folder: tempfile::TempDir,
    switch: Child,
    machines: BTreeMap<String, Machine>,
    /// The token that was made last.
    token: Option<String>,
    followed: BTreeSet<String>,
    began: Instant,
}

/// Someone's terminal on a machine.
struct Machine {
    network: Child,
    shell: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

/// A fenced block of a page.
struct Block {
    machine: String,
    text: String,
}

fn page(name: &str) -> String {
    let folder = tests::folder().join("../docs/operations/runbooks");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for line in page.lines() {
        let bare = line.trim_start();
        match &mut open {
            Some(_) if bare == "```" => found.extend(open.take().map(|(_, block)| block)),
            Some((indent, block)) => {
                block.text += line.get(*indent..).unwrap_or_default();
                block.text.push('\n');
            }
            None => {
                if let Some(info) = bare.strip_prefix("```") {
                    let machine = info.strip_prefix("sh ").expect("a block names its machine");
                    let block = Block {
                        machine: machine.to_owned(),
                        text: String::new(),
                    };
                    open = Some((line.len() - bare.len(), block));
                }
            }
        }
    }
    assert!(open.is_none() && !found.is_empty());
    found
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = "ip link add site type bridge\nip link set site up\necho up\nexec sleep 600";
        let switch = namespace(script);
        let mut site = Self {
            folder,
            switch,
            machines: BTreeMap::new(),
            token: None,
            followed: BTreeSet::new(),
            began: Instant::now(),
        };
        let programs = site.folder.path().join("bin");
        fs::create_dir(&programs).unwrap();
        // Itself, not where it is: that may be below a folder of which machines have their own.
        fs::copy(program(), programs.join("edgeway")).unwrap();
        let units = tests::folder().join("../deploy/systemd");
        fs::create_dir(programs.join("systemd")).unwrap();
        for unit in fs::read_dir(units).unwrap() {
            let unit = unit.unwrap();
            let copy = programs.join("systemd").join(unit.file_name());
            fs::copy(unit.path(), copy).unwrap();
        }
        // A person's pause between two looks is longer than a test's need be.
        for (name, text) in [("systemctl", SYSTEMCTL), ("sleep", BRIEFLY)] {
            let shim = programs.join(name);
            fs::write(&shim, text).unwrap();
            fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (at, (name, address)) in MACHINES.into_iter().enumerate() {
            let machine = site.machine(name, (at, address));
            site.machines.insert(name.to_owned(), machine);
        }
        site
    }

    fn machine(&self, name: &str, (at, address): (usize, &str)) -> Machine {
        let network = namespace("echo up\nexec sleep 600");
        let (switch, own) = (self.switch.id(), network.id());
        let cable = format!(
            "nsenter --net=/proc/{switch}/ns/net \
             ip link add m{at} type veth peer name eth0 netns {own}\n\
             nsenter --net=/proc/{switch}/ns/net ip link set m{at} master site up\n\
             nsenter --net=/proc/{own}/ns/net ip link set lo up\n\
             nsenter --net=/proc/{own}/ns/net ip addr add {address}/24 dev eth0\n\
             nsenter --net=/proc/{own}/ns/net ip link set eth0 up"
        );
        let laid = Command::new("sh").args(["-ec", &cable]).output().unwrap();
        assert!(laid.status.success(), "{laid:?}");
        let folder = self.folder(name);
        for inner in ["etc/edgeway", "var", "run", "root"] {
            fs::create_dir_all(folder.join(inner)).unwrap();
        }
        // Of this machine's `/etc`, what programs look into.
        let copied = Command::new("sh")
            .args([
                "-c",
                "cd /etc; cp -a passwd group nsswitch.conf ssl alternatives \"$0\"",
            ])
            .arg(folder.join("etc"))
            .status();
        assert!(copied.unwrap().success());
        let mounts = format!(
            "for folder in etc run root; do mount --bind {0}/$folder /$folder; done\n\
             mount --bind {0}/var /var/lib\nmkdir -p /var/lib/edgeway\n\
             export PATH={1}:$PATH HOME=/root SHIM={2}\ncd /root\nexec sh -eu 2>&1",
            folder.display(),
            self.folder.path().join("bin").display(),
            self.folder.path().join("bin/systemd").display(),
        );
        let mut shell = Command::new("nsenter")
            .arg(format!("--net=/proc/{own}/ns/net"))
            .args([
                "unshare",
                "--mount",
                "--propagation=private",
                "sh",
                "-ec",
                &mounts,
            ])
            .env_remove("EDGEWAY_JOIN_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, lines) = channel();
        let output = BufReader::new(shell.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                drop(said.send(line));
            }
        });
        Machine {
            network,
            stdin: shell.stdin.take().unwrap(),
            shell,
            lines,
        }
    }

    fn folder(&self, machine: &str) -> PathBuf {
        self.folder.path().join(machine)
    }

    fn data(&self, machine: &str) -> PathBuf {
        self.folder(machine).join("var/edgeway")
    }

    fn follow(&mut self, name: &str) {
        self.follow_for(name, &[]);
    }

    /// Runs a page, with other names in it.
    fn follow_for(&mut self, name: &str, renamed: &[(&str, &str)]) {
        self.followed.insert(name.to_owned());
        let mut text = page(name);
        for (from, to) in renamed {
            text = text.replace(from, to);
        }
        for block in blocks(&text) {
            let at = self.began.elapsed();
            println!(
                "--- {name}, on {}, after {at:.1?}\n{}",
                block.machine, block.text
            );
            let text = self.filled(&block.text);
            let (code, said) = self.say(&block.machine, &text);
            println!("{said}");
            assert_eq!(code, "0", "{name}, on {}:\n{text}\n{said}", block.machine);
            let made = said.lines().find(|line| line.starts_with("ewj1."));
            self.token = made.map(str::to_owned).or(self.token.take());
        }
    }

    /// A block with what is only known when it is run.
    fn filled(&mut self, text: &str) -> String {
        let mut lines = Vec::new();
        for line in text.lines() {
            let mut line = line.to_owned();
            if line.contains("ewj1.TOKEN") {
                line = line.replace("ewj1.TOKEN", self.token.as_deref().expect("a token"));
            }
            if let Some((command, place)) = line.split_once('#')
                && command.contains(" NODE ")
            {
                let number = self.number(place.trim());
                line = command.replace(" NODE ", &format!(" {number} "));
            }
            lines.push(line);
        }
        lines.join("\n")
    }

    /// The number of the node that stands at a place.
    fn number(&mut self, place: &str) -> u64 {
        let status = self.status("us-east-1");
        let mut nodes = status["nodes"].as_array().unwrap().iter();
        let node = nodes.find(|node| node["place"] == place);
        node.unwrap_or_else(|| panic!("no {place}: {status}"))["id"]
            .as_u64()
            .unwrap()
    }

    fn voters(&mut self) -> usize {
        self.status("us-east-1")["raft"]["voters"]
            .as_array()
            .unwrap()
            .len()
    }

    fn status(&mut self, machine: &str) -> Value {
        let (code, said) = self.say(machine, "edgeway status --json");
        assert_eq!(code, "0", "{said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Types into a machine's terminal; gives the exit code and what came.
    fn say(&mut self, name: &str, text: &str) -> (String, String) {
        let machine = self
            .machines
            .get_mut(name)
            .unwrap_or_else(|| panic!("no {name}"));
        writeln!(machine.stdin, "{text}\necho \"{END}$?\"").unwrap();
        let mut said = String::new();
        loop {
            match machine.lines.recv_timeout(BLOCK_TIMEOUT) {
                Ok(line) => match line.strip_prefix(END) {
                    Some(code) => return (code.to_owned(), said),
                    None => said = said + &line + "\n",
                },
                // `set -e` ended the shell.
                Err(RecvTimeoutError::Disconnected) => return ("failed".to_owned(), said),
                Err(RecvTimeoutError::Timeout) => return ("hangs".to_owned(), said),
            }
        }
    }

    /// The machine is gone with its disk; another one of its name is there, and empty.
    fn lose(&mut self, name: &str) {
        let (code, said) = self.say(
            name,
            "kill -KILL $(cat /run/edgeway.pid)\nrm -rf /var/lib/edgeway/*",
        );
        assert_eq!(code, "0", "{said}");
    }
}

/// A network namespace of its own, held by a process.
fn namespace(script: &str) -> Child {
    let mut held = Command::new("unshare")
        .args(["--net", "sh", "-ec", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let said = held.stdout.take().unwrap();
    BufReader::new(said).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    held
}

impl Drop for Site {
    fn drop(&mut self) {
        for (name, machine) in &mut self.machines {
            let pid = self.folder.path().join(name).join("run/edgeway.pid");
            if let Ok(pid) = fs::read_to_string(pid) {
                drop(Command::new("kill").args(["-KILL", pid.trim()]).output());
            }
            if std::thread::panicking() {
                tell(&self.folder.path().join(name).join("run/edgeway.log"));
            }
            for process in [&mut machine.shell, &mut machine.network] {
                drop(process.kill());
                drop(process.wait());
            }
        }
        drop(self.switch.kill());
        drop(self.switch.wait());
    }
}

fn tell(log: &Path) {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(20);
    println!("--- {}\n{}", log.display(), lines[from..].join("\n"));
}
