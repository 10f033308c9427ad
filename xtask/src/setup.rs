//! `cargo xtask setup`: what the tests and benches need beyond Rust, on a bare Debian machine.
//!
//! Only what is missing is installed, so a second run does nothing. On a machine without
//! `apt-get`, or without the right to use it, it says what is missing and changes nothing.
//! It does not install Rust, a C compiler (both were needed to build this program) or
//! cargo-nextest (building that takes longer than running all tests with `cargo test`).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::previous;
use crate::shell::{self, Workspace, run, succeeds};

/// A program we start, and the Debian package that brings it.
struct Tool {
    program: &'static str,
    package: &'static str,
    /// A server that its package starts at once; we only want the program.
    service: bool,
}

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool {
        program,
        package,
        service: false,
    }
}

const fn server(program: &'static str, package: &'static str) -> Tool {
    Tool {
        program,
        package,
        service: true,
    }
}

const TEST_TOOLS: [Tool; 12] = [
    tool("curl", "curl"),
    tool("dig", "bind9-dnsutils"),
    tool("ip", "iproute2"),
    tool("kdig", "knot-dnsutils"),
    tool("nft", "nftables"),
    tool("openssl", "openssl"),
    tool("pebble", "pebble"),
    server("prometheus", "prometheus"),
    tool("python3", "python3"),
    tool("systemd-analyze", "systemd"),
    tool("wg", "wireguard-tools"),
    // For kernels without WireGuard.
    tool("wireguard-go", "wireguard-go"),
];

const BENCH_TOOLS: [Tool; 16] = [
    tool("curl", "curl"),
    tool("dig", "bind9-dnsutils"),
    tool("dnsperf", "dnsperf"),
    tool("kzonesign", "knot-dnssecutils"),
    tool("openssl", "openssl"),
    tool("h2load", "nghttp2-client"),
    server("nginx", "nginx-light"),
    server("haproxy", "haproxy"),
    server("varnishd", "varnish"),
    server("caddy", "caddy"),
    server("nsd", "nsd"),
    server("knotd", "knot"),
    // A plug-in of Knot: no program, and where it lies depends on the processor.
    tool(
        "/usr/share/doc/knot-module-geoip/copyright",
        "knot-module-geoip",
    ),
    // Apache Velocity has no program either.
    tool("/usr/share/java/velocity.jar", "velocity"),
    // It reads JSON with the library that most of Java does.
    tool(
        "/usr/share/java/jackson-databind.jar",
        "libjackson2-databind-java",
    ),
    tool("javac", "default-jdk-headless"),
];

/// What `cargo xtask test` needs.
pub(crate) fn for_tests(workspace: &Workspace) -> Result<()> {
    let fresh = fresh_servers(&TEST_TOOLS);
    let mut packages = missing(&TEST_TOOLS);
    if !python_can_make_venvs() {
        packages.push("python3-venv");
    }
    install(&packages)?;
    stop_services(&fresh);
    tell_of_terraform();
    python_clients(workspace)?;
    terraform_checks(workspace)?;
    previous::build(workspace)
}

/// Its program is in no package of Debian, PyPI or npm (those of that name fetch it from its maker,
/// or are of another time), so that it is not installed here.
fn tell_of_terraform() {
    if shell::find_program("terraform").is_none() {
        println!(
            "terraform is not in PATH, and no package registry has it: put the program of release \
             1.11 or later there; until then the tests of the Terraform provider, of its modules \
             and examples are skipped, and say so"
        );
    }
}

/// What `cargo xtask bench` needs; the Python clients are not part of it.
pub(crate) fn for_benches(_: &Workspace) -> Result<()> {
    let fresh = fresh_servers(&BENCH_TOOLS);
    install(&missing(&BENCH_TOOLS))?;
    stop_services(&fresh);
    Ok(())
}

/// Servers that are not here yet, and that we would bring.
fn fresh_servers(tools: &'static [Tool]) -> Vec<&'static Tool> {
    let servers = tools.iter().filter(|tool| tool.service);
    servers.filter(|tool| is_missing(tool)).collect()
}

fn stop_services(tools: &[&Tool]) {
    for tool in tools {
        // Debian names services after the one or the other.
        stop_service(tool.program);
        stop_service(tool.package);
    }
}

fn is_missing(tool: &Tool) -> bool {
    shell::find_program(tool.program).is_none()
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    tools
        .iter()
        .filter(|tool| is_missing(tool))
        .map(|tool| tool.package)
        .collect()
}

/// Debian splits `ensurepip` from Python: `import venv` alone succeeds without it.
fn python_can_make_venvs() -> bool {
    succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let wanted = packages.join(" ");
    if shell::find_program("apt-get").is_none() {
        bail!(
            "this machine has no apt-get, and these Debian packages (or their likes) are missing: \
             {wanted}; install them and run the command again"
        );
    }
    let prefix = privilege().with_context(|| {
        format!("installing needs root or sudo; as root, run: apt-get install -y {wanted}")
    })?;
    apt(&prefix, &["update", "-q"])?;
    let mut args = vec!["install", "-y", "-q", "--no-install-recommends"];
    args.extend(packages);
    apt(&prefix, &args)
}

/// What goes before a command to run it as root: nothing when we are root, else `sudo`.
fn privilege() -> Result<Vec<&'static str>> {
    let output = Command::new("id")
        .arg("-u")
        .output()
        .context("cannot start id")?;
    if output.stdout.trim_ascii() == b"0" {
        return Ok(vec![]);
    }
    if shell::find_program("sudo").is_none() {
        bail!("not root, and there is no sudo");
    }
    Ok(vec!["sudo"])
}

/// `env` sets the variable, because sudo clears the environment.
fn apt(prefix: &[&str], args: &[&str]) -> Result<()> {
    let mut words = prefix.to_vec();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(args);
    let (program, rest) = words.split_first().context("an empty command")?;
    run(Command::new(program).args(rest))
}

/// A Debian server package starts its service on port 80; the benches use their own ports and
/// configuration, so a service that we brought is switched off again. Best effort.
fn stop_service(name: &str) {
    if let Ok(mut words) = privilege()
        && shell::find_program("systemctl").is_some()
    {
        words.extend(["systemctl", "disable", "--now", name]);
        if let Some((program, rest)) = words.split_first() {
            succeeds(Command::new(program).args(rest));
        }
    }
}

/// Makes the Python environment with the pinned clients; a stamp makes later runs instant.
fn python_clients(workspace: &Workspace) -> Result<()> {
    let list = workspace.root.join("tests/clients/requirements.txt");
    let wanted =
        fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let venv = workspace.venv();
    let stamp = venv.join("requirements.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && starts(&venv) {
        return Ok(());
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&venv))?;
    run(Command::new(venv.join("bin/pip"))
        .args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&list))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Fetches what the checks of Terraform's modules read; without terraform there are no such checks.
fn terraform_checks(workspace: &Workspace) -> Result<()> {
    if shell::find_program("terraform").is_none() {
        return Ok(());
    }
    run(Command::new("python3")
        .arg(workspace.root.join("terraform/tests/run.py"))
        .args(["--prepare", "--cache"])
        .arg(workspace.terraform_checks()))
}

/// The environment names its interpreter by path; a Python upgrade can leave it dangling.
fn starts(venv: &Path) -> bool {
    succeeds(Command::new(venv.join("bin/python")).args(["-c", "pass"]))
}
