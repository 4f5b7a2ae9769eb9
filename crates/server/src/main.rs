//! The iamd binary: the command line, configuration, wiring and shutdown.
//!
//! It decides nothing: who may do what is settled below. What it adds is the outside world (files,
//! clock, randomness, sockets, signals) and words for what can go wrong with it.

mod admin;
mod admin_client;
mod api;
mod cli;
mod config;
mod files;
mod guard;
mod keys;
mod listen;
mod logging;
mod policy_command;
mod policy_files;
mod policy_sarif;
mod policy_test;
mod policy_text;
mod policy_validate;
mod providers;
mod quotas;
mod root_user;
mod s3;
mod serve;
mod settings;
mod signals;
mod state;
mod stores;
mod system;
mod unbroken;

use std::io::{self, Write};
use std::num::NonZero;
use std::process::ExitCode;
use std::thread;

use anyhow::Context;
use clap::ArgMatches;

use crate::cli::{Cli, Command, ConfigCommand, Settings};

/// A request makes some thirty small allocations, in threads of its own and freed in others: what this
/// allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (cli, matches) = cli::parse();
    match run(cli, &matches) {
        Ok(code) => code,
        Err(error) => {
            // One sentence: what could not be done, and why.
            let _ = writeln!(io::stderr(), "iamd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let done = match cli.command {
        Command::Serve(settings) => {
            let config = load(&settings, matches)?.config;
            runtime()?.block_on(serve::run(&config))
        }
        Command::Account(command) => runtime()?.block_on(admin_client::run(command)),
        Command::Policy(command) => return Ok(policy_command::run(&command)),
        Command::Config(ConfigCommand::Show(settings)) => {
            let shown = load(&settings, matches)?.show();
            io::stdout().write_all(shown.as_bytes()).context("cannot print the configuration")
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut cli::command(), "iamd", &mut script);
            io::stdout().write_all(&script).context("cannot print the completion script")
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn load(settings: &Settings, matches: &ArgMatches) -> anyhow::Result<config::Effective> {
    config::load(settings.config.as_deref(), matches)
}

/// How many threads wait for files, some for each core, beside those that hash passwords. With more, each is idle more
/// often, and has a stack and a heap that no cache holds any more when it is woken.
fn most_blocking_threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    iamd_operation::SLOW_AT_ONCE + 4 * cores
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(most_blocking_threads())
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
