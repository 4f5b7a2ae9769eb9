//! The command line.

use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use iamd_types::AccountId;

use crate::config::Config;
use crate::policy_command::PolicyCommand;
use crate::settings::{Email, Text};

/// AWS Identity and Access Management that you run yourself.
#[derive(Parser)]
#[command(name = "iamd", version, arg_required_else_help = true, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  iamd serve                           Start on localhost:4260 with data in ./iamd-data; the first
                                       start makes an account and prints its root user's key
  iamd serve --ephemeral               Keep everything in memory, for tests
  iamd serve --listen 0.0.0.0:4260 --tls-cert cert.pem --tls-key key.pem
  aws iam create-user --user-name alice --endpoint-url http://localhost:4260

Every setting has a flag, a variable and a key in the configuration file: --data-dir, IAMD_DATA_DIR
and data_dir. The file is ./iamd.toml, or the one that --config or IAMD_CONFIG names.
`iamd serve --help` lists the settings, `iamd config show` tells which are in force and why.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the AWS APIs.
    Serve(Settings),
    /// Manage the accounts of a running server on this machine.
    #[command(subcommand, arg_required_else_help = true)]
    Account(AccountCommand),
    /// Check policies, without a server.
    #[command(subcommand, arg_required_else_help = true)]
    Policy(PolicyCommand),
    /// Inspect the configuration.
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Print the completion script of a shell.
    #[command(after_help = "Example:\n  iamd completions bash > /etc/bash_completion.d/iamd")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting that is in force and where it comes from, without secrets.
    Show(Settings),
}

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account and print its root user's password and access key, once.
    Create {
        /// The account's name.
        #[arg(long)]
        name: String,
        /// The e-mail address that the root user signs in with.
        #[arg(long)]
        email: Text<Email>,
        /// The account's id [default: random].
        #[arg(long, value_name = "12 DIGITS")]
        id: Option<Text<AccountId>>,
        #[command(flatten)]
        server: Server,
    },
    /// List the accounts.
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Replace the root user's access keys with a new one and print it, once.
    ResetRootKey {
        /// The account's id.
        #[arg(value_name = "ACCOUNT")]
        account: Text<AccountId>,
        #[command(flatten)]
        server: Server,
    },
    /// Tell the seed of a hardware MFA device, in base32 on standard input.
    #[command(after_help = "Example:\n  iamd account add-hardware-token --account 111122223333 \
                            --serial GAHT12345678 < seed")]
    AddHardwareToken {
        /// The account whose users and root user may have the device.
        #[arg(long, value_name = "ACCOUNT")]
        account: Text<AccountId>,
        /// The serial number, as it stands on the device.
        #[arg(long)]
        serial: String,
        #[command(flatten)]
        server: Server,
    },
    /// Forget a hardware MFA device that is assigned to nobody.
    RemoveHardwareToken {
        /// The account that knows the device.
        #[arg(long, value_name = "ACCOUNT")]
        account: Text<AccountId>,
        /// The serial number.
        #[arg(long)]
        serial: String,
        #[command(flatten)]
        server: Server,
    },
}

/// The whole configuration.
#[derive(Args)]
pub(crate) struct Settings {
    /// Configuration file [default: ./iamd.toml, if it is there].
    #[arg(long, env = "IAMD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    settings: Config,
}

/// How a running server is found: by its data directory.
#[derive(Args)]
pub(crate) struct Server {
    /// Configuration file [default: ./iamd.toml, if it is there].
    #[arg(long, env = "IAMD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The server's data directory.
    #[arg(long, env = "IAMD_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// The whole command, with variables' values left out of help texts.
pub(crate) fn command() -> clap::Command {
    hide_values(Cli::command())
}

fn hide_values(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(hide_values)
}

/// The parsed command, and the matches of the innermost subcommand. Ends the process with a
/// message when the command line is wrong.
pub(crate) fn parse() -> (Cli, ArgMatches) {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut innermost = matches;
    while let Some((_, inner)) = innermost.remove_subcommand() {
        innermost = inner;
    }
    (cli, innermost)
}
