//! `dev`, `check`, `lint`, `fix`, `test` and `bench`: the cargo commands behind them.
//!
//! Everything is built for the whole workspace, never with `-p`: cargo would resolve features
//! differently and build nearly all dependencies a second time.

use std::process::Command;

use anyhow::Result;

use crate::setup;
use crate::shell::{self, Workspace, run, succeeds};

/// The whole gate.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    lint(workspace)?;
    test(workspace, &[])
}

/// The gate without the tests. (The tidy rules are a test: `tests/it/tidy.rs`.)
pub(crate) fn lint(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo(&["fmt", "--all", "--check"]))?;
    run(&mut workspace.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    run(workspace
        .cargo(&["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    deny(workspace)
}

/// Advisories are left out: they need a clone of the advisory database, and the gate must pass
/// or fail by what is in the tree alone.
fn deny(workspace: &Workspace) -> Result<()> {
    if shell::find_program("cargo-deny").is_none() {
        println!("xtask: skipped cargo-deny, which is not installed: cargo install cargo-deny");
        return Ok(());
    }
    run(&mut workspace.cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"]))
}

/// Formats, repairs what clippy can, and formats again what that changed.
pub(crate) fn fix(workspace: &Workspace) -> Result<()> {
    run(&mut workspace.cargo(&["fmt", "--all"]))?;
    run(&mut workspace.cargo(&[
        "clippy",
        "--fix",
        "--workspace",
        "--all-targets",
        "--locked",
        "--allow-dirty",
        "--allow-staged",
    ]))?;
    run(&mut workspace.cargo(&["fmt", "--all"]))
}

/// Builds everything first: the integration tests start the `edgeway` binary of the same build.
pub(crate) fn test(workspace: &Workspace, filters: &[String]) -> Result<()> {
    setup::for_tests(workspace)?;
    run(&mut workspace.cargo(&["build", "--workspace", "--locked"]))?;
    if succeeds(&mut workspace.cargo(&["nextest", "--version"])) {
        return tests(
            workspace,
            &["nextest", "run", "--workspace", "--locked"],
            filters,
        );
    }
    println!("xtask: cargo-nextest is not installed; using cargo test (the same tests, slower)");
    test_without_nextest(workspace, filters)
}

/// Builds what `test` builds, then becomes `edgeway dev`, so that Ctrl-C reaches it alone.
pub(crate) fn dev(workspace: &Workspace, options: &[String]) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    let (profile, options) = match options.split_first() {
        Some((first, rest)) if first == "--release" => ("release", rest),
        _ => ("dev", options),
    };
    run(&mut workspace.cargo(&["build", "--workspace", "--locked", "--profile", profile]))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let program = workspace.target.join(folder).join("edgeway");
    Err(Command::new(program).arg("dev").args(options).exec().into())
}

/// Without nextest's groups, the tests that each start a whole cluster come last, one by one.
fn test_without_nextest(workspace: &Workspace, filters: &[String]) -> Result<()> {
    const TEST: [&str; 5] = ["test", "--workspace", "--locked", "--no-fail-fast", "--"];
    let with = |last: &[&'static str]| [TEST.as_slice(), last].concat();
    if !filters.is_empty() {
        return tests(workspace, &with(&["--test-threads=1"]), filters);
    }
    let light = tests(workspace, &with(&["--skip", "cluster::"]), &[]);
    let heavy = tests(workspace, &with(&["cluster::", "--test-threads=1"]), &[]);
    light.and(heavy)
}

fn tests(workspace: &Workspace, args: &[&str], filters: &[String]) -> Result<()> {
    run(workspace.cargo(args).args(filters))
}

/// The micro-benchmarks of `benches/benches/`, by name so that no library is built for them.
const MICRO: &str = "--micro";

/// Builds for release and measures.
pub(crate) fn bench(workspace: &Workspace, options: &[String]) -> Result<()> {
    if let Some((first, rest)) = options.split_first()
        && first == MICRO
    {
        return run(workspace
            .cargo(&["bench", "--workspace", "--locked", "--bench", "*"])
            .args(rest));
    }
    // Management is measured beside nothing else.
    if !options.iter().any(|option| option == "--management") {
        setup::for_benches(workspace)?;
    }
    run(&mut workspace.cargo(&["build", "--release", "--workspace", "--locked"]))?;
    let release = workspace.target.join("release");
    run(Command::new(release.join("edgeway-bench"))
        .arg("--edgeway")
        .arg(release.join("edgeway"))
        .args(options))
}

/// Builds, and runs the WAN lab until Ctrl-C.
pub(crate) fn lab(workspace: &Workspace) -> Result<()> {
    let packages = ["-p", "edgeway", "-p", "tests"];
    run(workspace
        .cargo(&["build", "--locked", "--bins"])
        .args(packages))?;
    run(&mut Command::new(
        workspace.target.join("debug").join("wan-lab"),
    ))
}

/// Builds for release, and measures the link beside HTTP/2 on one path of the lab.
pub(crate) fn link_bench(workspace: &Workspace, options: &[String]) -> Result<()> {
    const BUILD: [&str; 7] = [
        "build",
        "--release",
        "--locked",
        "-p",
        "tests",
        "--bin",
        "link-bench",
    ];
    run(&mut workspace.cargo(&BUILD))?;
    let program = workspace.target.join("release").join("link-bench");
    run(Command::new(program).args(options))
}
