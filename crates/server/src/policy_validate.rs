//! `iamd policy validate`: findings about policy files, printed, and turned into an exit status.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use iamd_policy::{Finding, FindingType, PolicyType, validate};
use serde_json::{Value, json};

use crate::policy_command::{Deny, Format, UNREADABLE, Validate};
use crate::{policy_files, policy_sarif, policy_text};

/// A file and what is to be said about it.
pub(crate) struct Checked {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) policy_type: PolicyType,
    pub(crate) findings: Vec<Finding>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Validate) -> anyhow::Result<ExitCode> {
    let (mut checked, mut unreadable) = (Vec::new(), false);
    for path in policy_files::find(&arguments.files, &["json"])? {
        match policy_files::read(&path) {
            Ok(text) => checked.push(check(arguments, path, text)),
            Err(error) => {
                unreadable = true;
                let _ = writeln!(io::stderr(), "iamd: {error:#}");
            }
        }
    }
    let printed = match arguments.format {
        Format::Text => policy_text::render(&checked, colours()),
        Format::Json => pretty(&answers(&checked))?,
        Format::Sarif => pretty(&policy_sarif::log(&checked))?,
    };
    io::stdout().write_all(printed.as_bytes()).context("cannot print the findings")?;
    let mut all = checked.iter().flat_map(|file| &file.findings);
    Ok(match all.any(|finding| is_denied(finding, arguments.deny)) {
        _ if unreadable => ExitCode::from(UNREADABLE),
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn check(arguments: &Validate, path: PathBuf, text: String) -> Checked {
    let policy_type = match (arguments.policy_type, arguments.resource) {
        (Some(name), _) => name.into(),
        (None, Some(_)) => PolicyType::Resource,
        (None, None) => type_of(&text),
    };
    let findings = validate(&text, policy_type, arguments.resource.map(Into::into));
    Checked { path, text, policy_type, findings }
}

/// The type of a policy that only its elements tell.
fn type_of(text: &str) -> PolicyType {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    let has = |element: &str, negated: &str| {
        statements.iter().any(|it| it.get(element).or(it.get(negated)).is_some())
    };
    match (has("Principal", "NotPrincipal"), has("Resource", "NotResource")) {
        (false, _) => PolicyType::Identity,
        (true, false) => PolicyType::Trust,
        (true, true) => PolicyType::Resource,
    }
}

fn is_denied(finding: &Finding, deny: Option<Deny>) -> bool {
    match finding.code.finding_type() {
        FindingType::Error | FindingType::SecurityWarning => true,
        FindingType::Warning => deny.is_some(),
        FindingType::Suggestion => deny == Some(Deny::Suggestions),
    }
}

/// ValidatePolicy's answer for each file.
fn answers(checked: &[Checked]) -> Value {
    let answer = |file: &Checked| {
        json!({
            "file": file.path.display().to_string(),
            "type": type_name(file.policy_type),
            "findings": file.findings,
        })
    };
    checked.iter().map(answer).collect()
}

/// What `--type` calls a type.
pub(crate) fn type_name(policy_type: PolicyType) -> &'static str {
    match policy_type {
        PolicyType::Identity => "identity",
        PolicyType::Trust => "trust",
        PolicyType::Resource => "resource",
        PolicyType::Session => "session",
        PolicyType::ServiceControl => "scp",
        PolicyType::ResourceControl => "rcp",
    }
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// Only a terminal gets colours, and only if its user lets it (no-color.org).
fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !refused
}
