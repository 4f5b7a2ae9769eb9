//! `iamd policy …`: what one does with policies without a server.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use iamd_policy::{PolicyResource, PolicyType};

use crate::{policy_test, policy_validate};

/// What a command ends with when its input cannot be read.
pub(crate) const UNREADABLE: u8 = 2;

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what is wrong or doubtful in policies, as Access Analyzer's ValidatePolicy does.
    #[command(after_help = VALIDATE_HELP)]
    Validate(Validate),
    /// Run policy tests: who may do what, under which policies.
    #[command(after_help = TEST_HELP)]
    Test(Test),
}

const VALIDATE_HELP: &str = "\
Exit status: 0 when nothing is found that is denied, 1 when there is an error, a security warning or
what --deny names, 2 when a file cannot be read.

Examples:
  iamd policy validate policies/
  iamd policy validate --type trust --deny warnings trust.json
  iamd policy validate --format sarif policies/ > findings.sarif";

const TEST_HELP: &str = "\
A case is an object: {\"id\", \"request\", \"policies\", \"expect\"}. Policies stand in the case or are paths of
files, from the case's file on. docs/policy-cli.md describes all members.

Exit status: 0 when every case passed, 1 when one failed, 2 when a file cannot be read.

Examples:
  iamd policy test tests/
  iamd policy test --json cases.yaml";

/// `iamd policy validate`.
#[derive(Args)]
pub(crate) struct Validate {
    /// Policies; `-` is standard input, and a directory stands for its .json files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// What kind of policies they are [default: by their elements, each on its own].
    ///
    /// A policy with principals is a trust policy if it has no resources, else a resource's policy;
    /// one without principals is an identity policy.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub(crate) policy_type: Option<TypeName>,

    /// The resource that policies of type `resource` belong to.
    #[arg(long, value_enum, value_name = "RESOURCE")]
    pub(crate) resource: Option<ResourceName>,

    /// How to print the findings.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) format: Format,

    /// Fail for these too.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) deny: Option<Deny>,
}

/// `iamd policy test`.
#[derive(Args)]
pub(crate) struct Test {
    /// Cases: JSON lines (.jsonl), or a list in YAML or JSON. A directory stands for such files in it.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Print a line of JSON for each case.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum TypeName {
    Identity,
    Trust,
    Resource,
    Session,
    Scp,
    Rcp,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ResourceName {
    S3Bucket,
    S3AccessPoint,
    S3MultiRegionAccessPoint,
    S3ObjectLambdaAccessPoint,
    #[value(name = "dynamodb-table")]
    DynamoDbTable,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// For people: the place in the source, and carets below it.
    Text,
    /// The answers of ValidatePolicy, one for each file.
    Json,
    /// SARIF 2.1.0, which code hosts show beside the source.
    Sarif,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Warnings, besides errors and security warnings.
    Warnings,
    /// Every finding.
    Suggestions,
}

/// Carries out a command; what the process ends with.
pub(crate) fn run(command: &PolicyCommand) -> ExitCode {
    let result = match command {
        PolicyCommand::Validate(arguments) => policy_validate::run(arguments),
        PolicyCommand::Test(arguments) => policy_test::run(arguments),
    };
    result.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "iamd: {error:#}");
        ExitCode::from(UNREADABLE)
    })
}

impl From<TypeName> for PolicyType {
    fn from(name: TypeName) -> Self {
        match name {
            TypeName::Identity => Self::Identity,
            TypeName::Trust => Self::Trust,
            TypeName::Resource => Self::Resource,
            TypeName::Session => Self::Session,
            TypeName::Scp => Self::ServiceControl,
            TypeName::Rcp => Self::ResourceControl,
        }
    }
}

impl From<ResourceName> for PolicyResource {
    fn from(name: ResourceName) -> Self {
        match name {
            ResourceName::S3Bucket => Self::S3Bucket,
            ResourceName::S3AccessPoint => Self::S3AccessPoint,
            ResourceName::S3MultiRegionAccessPoint => Self::S3MultiRegionAccessPoint,
            ResourceName::S3ObjectLambdaAccessPoint => Self::S3ObjectLambdaAccessPoint,
            ResourceName::DynamoDbTable => Self::DynamoDbTable,
        }
    }
}
