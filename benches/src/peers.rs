//! The peers and the origin: nginx, HAProxy, Varnish and Caddy with the configuration an expert
//! would give them for this job, one worker each, no access log, kept-alive connections.
//!
//! The configurations are in `benches/peers/`. Ports are chosen by the kernel and passed on;
//! everything that the peers write is in the temporary folder.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::options::Cores;
use crate::program::{Program, find};
use crate::scenario::{BODY_BYTES, Doors};

const START_MAX: Duration = Duration::from_secs(10);

/// A peer that runs and listens.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) doors: Doors,
}

impl Server {
    /// As the list of the programs that serve a request.
    pub(crate) fn only(&self) -> Vec<&Program> {
        vec![&self.program]
    }
}

pub(crate) struct Peers {
    origin: Server,
    /// The nginx that clients talk to.
    pub(crate) nginx: Server,
    /// The nginx behind it in the `edge` scenario.
    pub(crate) nginx_inner: Server,
    pub(crate) haproxy: Server,
    /// Speaks no TLS: both doors are the same.
    pub(crate) varnish: Server,
    /// For HTTP/3.
    pub(crate) caddy: Server,
}

impl Peers {
    /// Starts the origin on the load's core, and all peers on the servers' core.
    pub(crate) fn start(folder: &Path, cores: &Cores) -> Result<Self> {
        certificate(folder)?;
        let origin = nginx("origin", &origin_locations(), "", folder, cores.load)?;
        let to_origin = format!(
            "upstream origin {{ server {}; keepalive 64; }}",
            origin.doors.http
        );
        let plain = location("/plain", "proxy_pass http://origin;");
        let nginx_inner = nginx("nginx-inner", &plain, &to_origin, folder, cores.server)?;
        let upstreams = format!(
            "{to_origin} upstream inner {{ server {}; keepalive 64; }}\n\
             proxy_cache_path {}/cache keys_zone=bench:8m;",
            nginx_inner.doors.https,
            folder.display(),
        );
        let cached = "proxy_pass http://origin; proxy_cache bench; \
                      add_header x-cache $upstream_cache_status;";
        let edge = "proxy_pass https://inner/plain; proxy_ssl_protocols TLSv1.3;";
        let locations = [
            plain,
            location("/cached", cached),
            location("/edge", edge),
            location("/literal", &literal()),
        ]
        .join("\n");
        let nginx = nginx("nginx", &locations, &upstreams, folder, cores.server)?;
        let haproxy = haproxy(&origin.doors.http, folder, cores.server)?;
        let varnish = varnish(&origin.doors.http, folder, cores.server)?;
        let caddy = caddy(&origin.doors.http, folder, cores.server)?;
        Ok(Self {
            origin,
            nginx,
            nginx_inner,
            haproxy,
            varnish,
            caddy,
        })
    }

    /// Where the origin listens: `/plain` may not be cached, `/cached` may be for ten minutes.
    pub(crate) fn origin(&self) -> &str {
        &self.origin.doors.http
    }
}

/// What the origin answers for an order.
const ORDER: &str = include_str!("../templates/answer.json");

/// The origin by itself.
pub(crate) fn origin(folder: &Path, cores: &Cores) -> Result<Server> {
    certificate(folder)?;
    nginx("origin", &origin_locations(), "", folder, cores.load)
}

fn literal() -> String {
    format!("return 200 \"{}\";", "x".repeat(BODY_BYTES))
}

fn origin_locations() -> String {
    let cached = format!("add_header cache-control max-age=600; {}", literal());
    let order = "default_type application/json; return 200 '@ORDER@';";
    let order = order.replace("@ORDER@", ORDER.trim());
    [
        location("/plain", &literal()),
        location("/cached", &cached),
        location("/order", &order),
    ]
    .join("\n")
}

fn location(path: &str, directives: &str) -> String {
    format!("location = {path} {{ {directives} }}")
}

fn nginx(
    name: &'static str,
    locations: &str,
    upstreams: &str,
    folder: &Path,
    core: u32,
) -> Result<Server> {
    let doors = free_doors()?;
    let configuration = fill(
        include_str!("../peers/nginx.conf"),
        &[
            ("@NAME@", name),
            ("@HTTP@", &doors.http),
            ("@HTTPS@", &doors.https),
            ("@UPSTREAMS@", upstreams),
            ("@LOCATIONS@", locations),
        ],
    );
    let file = write(folder, &format!("{name}.conf"), &configuration)?;
    let prefix = folder.to_string_lossy();
    let args = ["-p", &prefix, "-c", &file, "-e", "stderr"];
    let program = Program::start(name, &find("nginx")?, &args, core, folder)?;
    listening(name, program, doors, folder)
}

fn haproxy(origin: &str, folder: &Path, core: u32) -> Result<Server> {
    let doors = free_doors()?;
    let configuration = fill(
        include_str!("../peers/haproxy.cfg"),
        &[
            ("@HTTP@", &doors.http),
            ("@HTTPS@", &doors.https),
            ("@ORIGIN@", origin),
        ],
    );
    let file = write(folder, "haproxy.cfg", &configuration)?;
    let args = ["-db", "-q", "-f", &file];
    let program = Program::start("haproxy", &find("haproxy")?, &args, core, folder)?;
    listening("haproxy", program, doors, folder)
}

/// Everything that Varnish would write per request into its log in shared memory.
const LOG_NOTHING: &str = "vsl_mask=-Begin,-End,-Link,-Timestamp,-ReqStart,-ReqMethod,-ReqURL,\
     -ReqProtocol,-ReqHeader,-ReqUnset,-ReqAcct,-VCL_call,-VCL_return,-VCL_use,-Hit,\
     -RespProtocol,-RespStatus,-RespReason,-RespHeader,-RespUnset";

/// Its log in shared memory is left empty, as the others write no access log.
fn varnish(origin: &str, folder: &Path, core: u32) -> Result<Server> {
    let http = free_doors()?.http;
    let (host, port) = origin.split_once(':').context("an origin without a port")?;
    let words = [("@HOST@", host), ("@PORT@", port)];
    let vcl = fill(include_str!("../peers/varnish.vcl"), &words);
    let file = write(folder, "varnish.vcl", &vcl)?;
    let work = folder.join("varnish");
    let work = work.to_string_lossy();
    let args = [
        &[
            "-F",
            "-j",
            "none",
            "-a",
            &http,
            "-f",
            &file,
            "-n",
            &work,
            "-s",
            "malloc,64m",
        ][..],
        &["-p", "thread_pools=1", "-p", LOG_NOTHING],
    ];
    let program = Program::start("varnish", &find("varnishd")?, &args.concat(), core, folder)?;
    let https = http.clone();
    listening("varnish", program, Doors { http, https }, folder)
}

fn caddy(origin: &str, folder: &Path, core: u32) -> Result<Server> {
    let doors = free_doors()?;
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    let configuration = fill(
        include_str!("../peers/Caddyfile"),
        &[
            ("@HTTP@", &port(&doors.http)),
            ("@HTTPS@", &port(&doors.https)),
            ("@ORIGIN@", origin),
            ("@LITERAL@", &"x".repeat(BODY_BYTES)),
            ("@FOLDER@", &*folder.to_string_lossy()),
        ],
    );
    let file = write(folder, "Caddyfile", &configuration)?;
    let args = ["run", "--config", &file, "--adapter", "caddyfile"];
    let program = Program::start("caddy", &find("caddy")?, &args, core, folder)?;
    listening("caddy", program, doors, folder)
}

pub(crate) fn fill(template: &str, words: &[(&str, &str)]) -> String {
    words
        .iter()
        .fold(template.to_owned(), |text, (word, value)| {
            text.replace(word, value)
        })
}

fn listening(name: &'static str, program: Program, doors: Doors, folder: &Path) -> Result<Server> {
    let program = listens(name, program, &[&doors.http, &doors.https], folder)?;
    Ok(Server { program, doors })
}

/// Waits until the program accepts at all addresses, or has ended.
pub(crate) fn listens(
    name: &'static str,
    mut program: Program,
    addresses: &[&str],
    folder: &Path,
) -> Result<Program> {
    let deadline = Instant::now() + START_MAX;
    let open = |address: &&str| TcpStream::connect(address).is_ok();
    while !addresses.iter().all(open) {
        if !program.runs() || Instant::now() > deadline {
            let log = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
            bail!("{name} does not listen: {}", log.trim());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(program)
}

/// Two addresses that are free now.
fn free_doors() -> Result<Doors> {
    let bind = || TcpListener::bind("127.0.0.1:0").context("cannot bind a loopback port");
    let (http, https) = (bind()?, bind()?);
    let shown = |listener: &TcpListener| listener.local_addr().map(|address| address.to_string());
    Ok(Doors {
        http: shown(&http).context("a bound socket has an address")?,
        https: shown(&https).context("a bound socket has an address")?,
    })
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<String> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_string_lossy().into_owned())
}

/// A P-256 key, as Edgeway uses, and a certificate for two days. nginx wants two files, HAProxy
/// one.
fn certificate(folder: &Path) -> Result<()> {
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=bench.test"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("cannot start openssl")?;
    if !output.status.success() {
        bail!("openssl: {}", String::from_utf8_lossy(&output.stderr));
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).context("cannot read a key");
    write(folder, "both.pem", &(read("cert.pem")? + &read("key.pem")?))?;
    Ok(())
}
