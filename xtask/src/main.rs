//! `cargo xtask`: the one entry point for setting up, checking, testing and measuring.
//!
//! It exists so that a stranger, a developer and CI run the same commands, with nothing to
//! install first but Rust and a C compiler. It only starts other programs and reports what they
//! said; it never sets `RUSTFLAGS` (that would rebuild everything) and keeps no state but the
//! Python environment below the target directory.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its user"
)]

mod gate;
mod previous;
mod setup;
mod shell;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
usage: cargo xtask COMMAND [ARGUMENTS]

  setup [--bench]   install what the tests (and the benches) need: Debian packages, a Python venv,
                    and the build before this one
  previous          make the build before this one alone, which upgrades are tested from
  dev [OPTION..]    build, then run a whole cluster here (--release first for an optimised build)
  check             everything the gate asks: lint, then test; changes nothing
  lint              the gate without the tests: fmt, clippy, rustdoc, cargo-deny
  fix               format, and apply what clippy can repair
  test [FILTER..]   setup, build the workspace, run all tests (or those that match)
  bench [OPTION..]  build for release, then measure side by side with nginx and others
                    (--micro: the micro-benchmarks instead; --help: all options)
  lab               run a cluster in the WAN lab: five regions, five POPs, real distances (as root)
  lab link-bench    the link beside HTTP/2 over TLS on a path with losses: a table (--help: options)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let Some((command, rest)) = args.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    let workspace = shell::Workspace::find()?;
    match (command.as_str(), rest) {
        ("setup", []) => setup::for_tests(&workspace),
        ("setup", [flag]) if flag == "--bench" => setup::for_benches(&workspace),
        ("previous", []) => previous::build(&workspace),
        ("dev", options) => gate::dev(&workspace, options),
        ("check", []) => gate::check(&workspace),
        ("lint", []) => gate::lint(&workspace),
        ("fix", []) => gate::fix(&workspace),
        ("test", filters) => gate::test(&workspace, filters),
        ("bench", options) => gate::bench(&workspace, options),
        ("lab", []) => gate::lab(&workspace),
        ("lab", [what, options @ ..]) if what == "link-bench" => {
            gate::link_bench(&workspace, options)
        }
        ("help" | "-h" | "--help", _) => {
            print!("{HELP}");
            Ok(())
        }
        _ => bail!("cannot run {:?}\n\n{HELP}", args.join(" ")),
    }
}
