//! The program: reads the command line, runs one command, and says why it failed.
//!
//! Exit codes: 0 done, 1 failed, 2 the command line or the settings are wrong.

use std::process::ExitCode;

use clap::Parser as _;
use edgeway::{SettingsError, command::Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted, multi-region API gateway.
#[derive(clap::Parser)]
#[command(name = "edgeway", version, about, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let program = Program::parse();
    // One provider for everything that speaks TLS; a second installation cannot happen here.
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // The control plane's own threads; data-plane workers are threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let result = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(edgeway::command::run(program.command)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Nothing is left to tell if even this cannot be written.
            drop(writeln!(std::io::stderr(), "edgeway: {error:#}"));
            let settings = error.chain().any(|cause| cause.is::<SettingsError>());
            if settings {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}
