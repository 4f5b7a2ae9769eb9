//! The configuration: one struct, whose fields are at once the keys of the file, the flags and
//! the environment variables. A new setting is one field.
//!
//! A flag beats its variable, which beats the file, which beats the default. Nothing is ever
//! merged within a setting: a list given on the command line replaces the file's.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use iamd_federation::HostPattern;
use iamd_guard::GuardSettings;
use iamd_types::{AccessKeyId, AccountId, Secret};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::quotas::QuotaSettings;
use crate::settings::{
    Email, Endpoint, HostName, LogFormat, Network, PublicUrl, Region, Switch, Text,
};
use crate::stores::{self, StoreSettings};

/// The file that is read when none is named and it is there.
pub(crate) const DEFAULT_FILE: &str = "iamd.toml";

/// The settings that have neither a flag nor a variable, with what they are called when shown.
const TABLES: [(&str, &str); 3] =
    [("quotas", "Quotas"), ("guard", "Guard"), ("s3_stores", "Stores of objects elsewhere")];

const LISTENING: &str = "Listening";
const STATE: &str = "State";
const FIRST_ACCOUNT: &str = "First account (used when there is none yet)";
const BEHAVIOUR: &str = "Behaviour";
const FEDERATION: &str = "Identity providers";
const S3: &str = "S3";
const LOGGING: &str = "Logging";

/// Every setting.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Address of the AWS API. Beyond this machine it must speak TLS.
    #[arg(long, env = "IAMD_LISTEN", value_name = "HOST:PORT", help_heading = LISTENING)]
    #[arg(default_value = "localhost:4260")]
    pub(crate) listen: Text<Endpoint>,

    /// Address at which configured enforcement points ask for decisions [default: none]. TLS as for the API.
    #[arg(long, env = "IAMD_GUARD_LISTEN", value_name = "HOST:PORT", help_heading = LISTENING)]
    pub(crate) guard_listen: Option<Text<Endpoint>>,

    /// PEM file with the server's certificate, followed by its chain.
    #[arg(long, env = "IAMD_TLS_CERT", value_name = "FILE", help_heading = LISTENING)]
    pub(crate) tls_cert: Option<PathBuf>,

    /// PEM file with the certificate's private key.
    #[arg(long, env = "IAMD_TLS_KEY", value_name = "FILE", help_heading = LISTENING)]
    pub(crate) tls_key: Option<PathBuf>,

    /// Allow plain HTTP beyond this machine: for use behind a proxy that speaks TLS.
    #[arg(long, env = "IAMD_INSECURE_HTTP", help_heading = LISTENING)]
    #[arg(default_value = "false", default_missing_value = "true", num_args = 0..=1)]
    #[arg(require_equals = true, hide_default_value = true, hide_possible_values = true)]
    #[arg(action = clap::ArgAction::Set, value_name = "true|false")]
    #[arg(value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) insecure_http: bool,

    /// Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. They must set both.
    #[arg(long, env = "IAMD_TRUSTED_PROXIES", value_name = "NETWORK,…", help_heading = LISTENING)]
    #[arg(value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<Text<Network>>,

    /// Directory of everything that must survive a restart; made on first start.
    #[arg(long, env = "IAMD_DATA_DIR", value_name = "DIR", help_heading = STATE)]
    #[arg(default_value = "./iamd-data")]
    pub(crate) data_dir: PathBuf,

    /// Keep everything in memory and forget it on exit.
    #[arg(long, env = "IAMD_EPHEMERAL", help_heading = STATE)]
    #[arg(default_value = "false", default_missing_value = "true", num_args = 0..=1)]
    #[arg(require_equals = true, hide_default_value = true, hide_possible_values = true)]
    #[arg(action = clap::ArgAction::Set, value_name = "true|false")]
    #[arg(value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) ephemeral: bool,

    /// File with the master key that opens all stored secrets [default: DATA_DIR/master.key].
    /// The key itself can be given in the variable IAMD_MASTER_KEY instead.
    #[arg(long, env = "IAMD_MASTER_KEY_FILE", value_name = "FILE", help_heading = STATE)]
    pub(crate) master_key_file: Option<PathBuf>,

    /// Its id [default: random].
    #[arg(long, env = "IAMD_ACCOUNT_ID", value_name = "12 DIGITS", help_heading = FIRST_ACCOUNT)]
    pub(crate) account_id: Option<Text<AccountId>>,

    /// The e-mail address that its root user signs in with.
    #[arg(long, env = "IAMD_ROOT_EMAIL", value_name = "EMAIL", help_heading = FIRST_ACCOUNT)]
    #[arg(default_value = "root@iamd.local")]
    pub(crate) root_email: Text<Email>,

    /// Its root user's access key id [default: random].
    #[arg(long, env = "IAMD_ROOT_ACCESS_KEY_ID", value_name = "ID", help_heading = FIRST_ACCOUNT)]
    #[arg(value_parser = access_key_id)]
    pub(crate) root_access_key_id: Option<String>,

    /// The secret of that key. Processes of this machine can read flags: prefer the variable.
    #[arg(long, env = "IAMD_ROOT_SECRET_ACCESS_KEY", value_name = "SECRET")]
    #[arg(help_heading = FIRST_ACCOUNT, value_parser = secret)]
    pub(crate) root_secret_access_key: Option<Secret<String>>,

    /// Regions that requests may be signed for [default: any].
    #[arg(long, env = "IAMD_REGIONS", value_name = "REGION,…", help_heading = BEHAVIOUR)]
    #[arg(value_delimiter = ',')]
    pub(crate) regions: Vec<Text<Region>>,

    /// Add to denials an encoded message that DecodeAuthorizationMessage reads. AWS's IAM and STS do not.
    #[arg(long, env = "IAMD_ENCODE_DENIALS", value_name = "on|off", help_heading = BEHAVIOUR)]
    #[arg(default_value = "off", hide_possible_values = true)]
    pub(crate) encode_denials: Switch,

    /// Keep a record of every request. A request whose record cannot be kept is refused.
    #[arg(long, env = "IAMD_AUDIT", value_name = "on|off", help_heading = BEHAVIOUR)]
    #[arg(default_value = "on", hide_possible_values = true)]
    pub(crate) audit: Switch,

    /// Directory of the audit records [default: DATA_DIR/audit].
    #[arg(long, env = "IAMD_AUDIT_DIR", value_name = "DIR", help_heading = BEHAVIOUR)]
    pub(crate) audit_dir: Option<PathBuf>,

    /// Hosts of OIDC providers that may be asked for their keys: HOST, *.DOMAIN, each also with
    /// :PORT [default: any, on port 443].
    #[arg(long, env = "IAMD_OIDC_HOSTS", value_name = "HOST,…", help_heading = FEDERATION)]
    #[arg(value_delimiter = ',')]
    pub(crate) oidc_hosts: Vec<Text<HostPattern>>,

    /// Networks in which OIDC providers may be although they are not of the public internet.
    #[arg(long, env = "IAMD_OIDC_INTERNAL_NETWORKS", value_name = "NETWORK,…")]
    #[arg(help_heading = FEDERATION, value_delimiter = ',')]
    pub(crate) oidc_internal_networks: Vec<Text<Network>>,

    /// PEM file with certificate authorities of OIDC providers, besides the system's.
    #[arg(long, env = "IAMD_OIDC_CA", value_name = "FILE", help_heading = FEDERATION)]
    pub(crate) oidc_ca: Option<PathBuf>,

    /// The URL under which this server is reached, for the issuer of the tokens that it signs
    /// [default: the address that it listens on].
    #[arg(long, env = "IAMD_PUBLIC_URL", value_name = "URL", help_heading = FEDERATION)]
    pub(crate) public_url: Option<Text<PublicUrl>>,

    /// Serve S3 on the API's address.
    #[arg(long, env = "IAMD_S3", value_name = "on|off", help_heading = S3)]
    #[arg(default_value = "on", hide_possible_values = true)]
    pub(crate) s3: Switch,

    /// Names under which buckets are hosts: with s3.example.com, photos.s3.example.com is the bucket
    /// photos [default: the names of LISTEN and PUBLIC_URL].
    #[arg(long, env = "IAMD_S3_DOMAINS", value_name = "NAME,…", help_heading = S3)]
    #[arg(value_delimiter = ',')]
    pub(crate) s3_domains: Vec<Text<HostName>>,

    /// What is logged: error, warn, info, debug, or a filter such as warn,iamd_service=debug.
    #[arg(long, env = "IAMD_LOG", value_name = "LEVEL", help_heading = LOGGING)]
    #[arg(default_value = "info")]
    pub(crate) log: String,

    /// The form of log lines, which go to standard error.
    #[arg(long, env = "IAMD_LOG_FORMAT", value_name = "text|json", help_heading = LOGGING)]
    #[arg(default_value = "text", hide_possible_values = true)]
    pub(crate) log_format: LogFormat,

    /// The quotas of accounts. Only in the file: `[quotas]`, and `[quotas.ACCOUNT-ID]` for one account.
    #[arg(skip)]
    pub(crate) quotas: QuotaSettings,

    /// Who may ask the guard, and about which APIs. Only in the file: `[guard]`, `[[guard.points]]`, `[[guard.apis]]`.
    #[arg(skip)]
    pub(crate) guard: GuardSettings,

    /// Stores of objects elsewhere, and whose the buckets in them are. Only in the file: `[s3_stores.NAME]`.
    #[arg(skip)]
    pub(crate) s3_stores: StoreSettings,
}

fn access_key_id(text: &str) -> Result<String, String> {
    AccessKeyId::parse(text)
        .map(|id| id.to_string())
        .map_err(|_| "expected 16 to 128 letters, digits and underscores".to_owned())
}

fn secret(text: &str) -> Result<Secret<String>, &'static str> {
    // Never an error: the command line's error messages hold the value.
    Ok(Secret::new(text.to_owned()))
}

/// The shortest root secret that is taken. AWS's have 40 characters.
const MIN_SECRET: usize = 16;

/// Where a setting's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File,
    Variable(String),
    Flag(String),
}

/// The settings that are in force, and where each comes from.
#[derive(Debug)]
pub(crate) struct Effective {
    pub(crate) config: Config,
    table: Table,
    sources: BTreeMap<String, Source>,
    file: Option<PathBuf>,
}

impl Default for Config {
    /// The defaults alone, whatever the environment says.
    #[expect(clippy::expect_used, reason = "the defaults above are literals; a test parses them")]
    fn default() -> Self {
        let matches = without_variables(arguments()).get_matches_from(["iamd"]);
        Self::from_arg_matches(&matches).expect("the defaults are well-formed")
    }
}

/// The settings as arguments of a command.
fn arguments() -> clap::Command {
    Config::augment_args(clap::Command::new("iamd"))
}

fn without_variables(command: clap::Command) -> clap::Command {
    // No variable can have this name.
    command.mut_args(|argument| argument.env("="))
}

/// Puts together what the command line and environment say (`given`), the file, and the defaults.
pub(crate) fn load(file: Option<&Path>, given: &ArgMatches) -> anyhow::Result<Effective> {
    let (file, text) = read_file(file)?;
    let from_file = match &file {
        Some(path) => parse_file(path, &text)?,
        None => Table::new(),
    };
    let mut table = Table::try_from(Config::default())?;
    let from_given = Table::try_from(Config::from_arg_matches(given)?)?;
    let mut sources = BTreeMap::new();
    for argument in arguments().get_arguments() {
        let key = argument.get_id().as_str();
        let (source, value) = match given.value_source(key) {
            Some(ValueSource::CommandLine) => {
                let flag = format!("--{}", argument.get_long().unwrap_or(key));
                (Source::Flag(flag), from_given.get(key))
            }
            Some(ValueSource::EnvVariable) => {
                let name = argument.get_env().unwrap_or_default().to_string_lossy().into_owned();
                (Source::Variable(name), from_given.get(key))
            }
            _ if from_file.contains_key(key) => (Source::File, from_file.get(key)),
            _ => (Source::Default, None),
        };
        if let Some(value) = value {
            table.insert(key.to_owned(), value.clone());
        }
        sources.insert(key.to_owned(), source);
    }
    for (key, _) in TABLES {
        if let Some(value) = from_file.get(key) {
            table.insert(key.to_owned(), value.clone());
        }
    }
    let config: Config = table.clone().try_into()?;
    config.check()?;
    // The table is there to be shown.
    for (_, value) in table.iter_mut().filter(|(key, _)| is_secret(key)) {
        *value = "(hidden)".into();
    }
    Ok(Effective { config, table, sources, file })
}

/// The settings for a command that has no flags but the data directory's.
pub(crate) fn load_for_client(
    file: Option<&Path>,
    data_dir: Option<&Path>,
) -> anyhow::Result<Effective> {
    let mut words = vec!["iamd".into()];
    if let Some(data_dir) = data_dir {
        words.extend(["--data-dir".into(), data_dir.as_os_str().to_owned()]);
    }
    load(file, &arguments().try_get_matches_from(words)?)
}

fn read_file(named: Option<&Path>) -> anyhow::Result<(Option<PathBuf>, String)> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    match fs::read_to_string(path) {
        Ok(text) => Ok((Some(path.to_owned()), text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            Ok((None, String::new()))
        }
        Err(error) => Err(error)
            .with_context(|| format!("cannot read the configuration `{}`", path.display())),
    }
}

/// The file's keys, each known and of its type.
fn parse_file(path: &Path, text: &str) -> anyhow::Result<Table> {
    let checked: Result<Config, _> = toml::from_str(text);
    if let Err(error) = checked {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let mut message = error.message().replace('\n', " ");
        // Messages quote the value that is wrong.
        if text.lines().nth(line).is_some_and(is_secret) {
            message = "expected a string".to_owned();
        }
        bail!("{}:{}: {message}", path.display(), line + 1);
    }
    Ok(toml::from_str(text)?)
}

impl Config {
    /// What no single setting can say.
    fn check(&self) -> anyhow::Result<()> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            bail!("tls_cert and tls_key go together: give both or neither");
        }
        self.check_guard()?;
        stores::check(&self.s3_stores)?;
        if !self.s3_stores.is_empty() && matches!(self.s3, Switch::Off) {
            bail!("s3_stores are configured, but s3 is off: nobody could reach them");
        }
        match (&self.root_access_key_id, &self.root_secret_access_key) {
            (None, None) => {}
            (Some(id), Some(secret)) => {
                access_key_id(id)
                    .map_err(|reason| anyhow::anyhow!("root_access_key_id: {reason}"))?;
                if secret.expose().len() < MIN_SECRET {
                    bail!("root_secret_access_key must have at least {MIN_SECRET} characters");
                }
            }
            _ => bail!(
                "root_access_key_id and root_secret_access_key go together: give both or neither"
            ),
        }
        Ok(())
    }
}

impl Config {
    /// A guard that is configured by half would be taken for one that guards.
    fn check_guard(&self) -> anyhow::Result<()> {
        match (&self.guard_listen, self.guard.points.is_empty()) {
            (Some(_), true) => bail!(
                "guard_listen is set, but no enforcement point is configured: nobody could ask"
            ),
            (None, false) => bail!(
                "enforcement points are configured, but guard_listen is not set: they could not ask"
            ),
            _ => {}
        }
        if self.guard.client_ca.is_some() && self.tls_cert.is_none() {
            bail!("guard.client_ca needs tls_cert: certificates are shown over TLS");
        }
        Ok(())
    }
}

impl Effective {
    /// All settings as a configuration file, each with its source and without secrets.
    pub(crate) fn show(&self) -> String {
        let file = self.file.as_deref().map(Path::display);
        let mut text = match &file {
            Some(file) => {
                format!("# Flags beat variables, which beat {file}, which beats defaults.\n")
            }
            None => "# Flags beat variables, which beat defaults. No file was read.\n".to_owned(),
        };
        let mut heading = None;
        for argument in arguments().get_arguments() {
            if argument.get_help_heading() != heading {
                heading = argument.get_help_heading();
                let _ = writeln!(text, "\n# {}", heading.unwrap_or_default());
            }
            let key = argument.get_id().as_str();
            let source = match self.sources.get(key) {
                Some(Source::File) => file.as_ref().map(ToString::to_string).unwrap_or_default(),
                Some(Source::Variable(name)) => name.clone(),
                Some(Source::Flag(flag)) => flag.clone(),
                Some(Source::Default) | None => "default".to_owned(),
            };
            let _ = match self.table.get(key) {
                None => writeln!(text, "# {key} is not set"),
                Some(_) if is_secret(key) => writeln!(text, "# {key} is set  # {source}"),
                Some(value) => writeln!(text, "{key} = {value}  # {source}"),
            };
        }
        for (key, heading) in TABLES {
            if let Some(Value::Table(values)) = self.table.get(key)
                && !values.is_empty()
            {
                let shown = Table::from_iter([(key.to_owned(), Value::Table(values.clone()))]);
                let _ = write!(text, "\n# {heading}\n{shown}");
            }
        }
        text
    }
}

/// Whether a setting's value must not be shown.
fn is_secret(key: &str) -> bool {
    key.contains("secret") || key.contains("password")
}

#[cfg(test)]
mod tests;
