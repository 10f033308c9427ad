//! Mapping templates: renderings beside Apache Velocity's (Java), of the same templates to the
//! same text, each on one core.
//!
//! Both have parsed the template before, and read the JSON body anew for each rendering, as each
//! request brings its own: Velocity's with Jackson. A second row of Velocity is handed maps that
//! were read before, which spares it what no gateway can spare. Java renders twenty thousand
//! times before it is measured, so that what is measured is compiled; its CPU time holds that of
//! its collector and compiler, as a server's would.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lang::vtl::{Inputs, Limits, Overrides, Parameters, Template};

use crate::load::Sample;
use crate::options::Options;
use crate::program::{find, pinned};
use crate::report::EDGEWAY;

/// The first word of this program when it renders by itself, so that it can be put on a core.
pub(crate) const COMMAND: &str = "render";

/// Velocity's name as a server.
const VELOCITY: &str = "velocity";

/// Velocity's name where it does not read the body.
const VELOCITY_MAPS: &str = "velocity-maps";

/// Everybody who renders.
const SERVERS: [&str; 3] = [EDGEWAY, VELOCITY, VELOCITY_MAPS];

/// Where Debian has Velocity and what it needs.
const CLASSES: &str = "/usr/share/java/velocity.jar:/usr/share/java/commons-lang.jar:\
                       /usr/share/java/commons-collections3.jar:\
                       /usr/share/java/jackson-core.jar:\
                       /usr/share/java/jackson-databind.jar:\
                       /usr/share/java/jackson-annotations.jar";

/// The templates, by what is compared; each is in `benches/templates`.
const NAMES: [&str; 3] = ["fields", "list", "logic"];

/// One template and who renders it.
pub(crate) struct Rendering {
    name: &'static str,
    server: &'static str,
    folder: PathBuf,
}

/// All renderings; compiles the Java peer when there is one to be measured.
pub(crate) fn renderings(folder: &Path, options: &Options) -> Result<Vec<Rendering>> {
    let wanted = |name: &str| {
        let row = format!("vtl {name}");
        SERVERS
            .iter()
            .any(|server| options.wants(&format!("{row} {server}")))
    };
    let names: Vec<&str> = NAMES.into_iter().filter(|name| wanted(name)).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let folder = folder.join("templates");
    fs::create_dir(&folder).context("cannot make a folder for templates")?;
    for (file, text) in [
        ("fields.vtl", include_str!("../templates/fields.vtl")),
        ("list.vtl", include_str!("../templates/list.vtl")),
        ("logic.vtl", include_str!("../templates/logic.vtl")),
        ("body.json", include_str!("../templates/body.json")),
        (
            "VelocityPeer.java",
            include_str!("../peers/VelocityPeer.java"),
        ),
    ] {
        fs::write(folder.join(file), text).with_context(|| format!("cannot write {file}"))?;
    }
    let compiled = Command::new(find("javac")?)
        .args(["-cp", CLASSES, "VelocityPeer.java"])
        .current_dir(&folder)
        .status()
        .context("cannot start javac")?;
    if !compiled.success() {
        bail!("cannot compile the Velocity peer: are velocity and Jackson installed?");
    }
    let of = |name| {
        SERVERS.map(|server| Rendering {
            name,
            server,
            folder: folder.clone(),
        })
    };
    Ok(NAMES
        .into_iter()
        .filter(|name| names.contains(name))
        .flat_map(of)
        .collect())
}

impl Rendering {
    pub(crate) fn row(&self) -> (String, &'static str) {
        (format!("vtl {}", self.name), self.server)
    }

    /// Both render the same text.
    pub(crate) fn check(&self) -> Result<()> {
        let run = |server| {
            let rendering = Self {
                name: self.name,
                server,
                folder: self.folder.clone(),
            };
            rendering.output(0, None)
        };
        let (ours, theirs) = (run(EDGEWAY)?, run(self.server)?);
        if ours != theirs {
            bail!(
                "{}: Edgeway renders\n{ours}\nand {}\n{theirs}",
                self.name,
                self.server
            );
        }
        Ok(())
    }

    /// Warms up, then measures one round.
    pub(crate) fn run(&self, options: &Options) -> Result<Sample> {
        let output = self.output(options.cores.server, Some(options.seconds))?;
        let figures: Vec<f64> = output
            .split_whitespace()
            .map_while(|word| word.parse().ok())
            .collect();
        let [renders, cpu, wall] = figures[..] else {
            bail!("{}: no figures: {output}", self.name);
        };
        Ok(Sample {
            requests_per_second: renders / wall,
            p50_us: None,
            p99_us: None,
            cpu_us: cpu * 1e6 / renders,
        })
    }

    fn output(&self, core: u32, seconds: Option<u32>) -> Result<String> {
        let mut command = if self.server == EDGEWAY {
            let program = std::env::current_exe().context("cannot find this program")?;
            let mut ours = pinned(&program, core);
            ours.arg(COMMAND);
            ours
        } else {
            let mut java = pinned(&find("java")?, core);
            java.args(["-XX:+UseSerialGC", "-Xms256m", "-Xmx256m", "-cp"]);
            java.arg(format!("{CLASSES}:{}", self.folder.display()))
                .arg("VelocityPeer");
            java
        };
        command
            .arg(&self.folder)
            .arg(format!("{}.vtl", self.name))
            .arg(self.folder.join("body.json"));
        if self.server != EDGEWAY {
            let is_read_before = self.server == VELOCITY_MAPS;
            command.arg(if is_read_before { "maps" } else { "text" });
        }
        command.args(seconds.map(|seconds| seconds.to_string()));
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", self.server))?;
        if !output.status.success() {
            bail!("{} failed to render {}", self.server, self.name);
        }
        String::from_utf8(output.stdout).context("what was rendered is not UTF-8")
    }
}

/// `render FOLDER TEMPLATE BODY [SECONDS]`, as the Java peer takes them, but for how it reads.
pub(crate) fn render_command(words: &[String]) -> Result<String> {
    let (folder, name, body, seconds) = match words {
        [folder, name, body] => (folder, name, body, None),
        [folder, name, body, seconds] => (folder, name, body, Some(seconds.parse()?)),
        _ => bail!("usage: {COMMAND} FOLDER TEMPLATE BODY [SECONDS]"),
    };
    let text = fs::read_to_string(Path::new(folder).join(name)).context("cannot read")?;
    let template = Template::parse(&text)?;
    let body = fs::read_to_string(body).context("cannot read the body")?;
    let parameters = Parameters {
        header: vec![("user".to_owned(), "u-7".to_owned())],
        ..Parameters::default()
    };
    let context = serde_json::json!({"requestId": "r-1", "identity": {"sourceIp": "192.0.2.1"}});
    let stage_variables = BTreeMap::from([("colour".to_owned(), "green".to_owned())]);
    let inputs = Inputs {
        body: &body,
        notes: None,
        parameters: &parameters,
        context: &context,
        stage_variables: &stage_variables,
        limits: Limits::default(),
    };
    let render = || template.render(&inputs, &mut Overrides::default());
    let Some(seconds) = seconds else {
        return Ok(render()?);
    };
    let render_for = |seconds: u64| -> Result<f64> {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut renders = 0.0;
        while Instant::now() < end {
            for _ in 0..100 {
                std::hint::black_box(render()?);
            }
            renders += 100.0;
        }
        Ok(renders)
    };
    render_for(1)?;
    let (cpu, start) = (own_cpu_seconds()?, Instant::now());
    let renders = render_for(seconds)?;
    let wall = start.elapsed().as_secs_f64();
    Ok(format!("{renders} {} {wall}", own_cpu_seconds()? - cpu))
}

/// CPU time of this thread, which does all the work: nanoseconds, from the scheduler.
fn own_cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("cannot read /proc")?;
    let nanos: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos / 1e9)
}
