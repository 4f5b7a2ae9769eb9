//! Findings as SARIF 2.1.0, the form in which code hosts take the results of checkers.

use std::collections::BTreeSet;
use std::path::Path;

use iamd_policy::{Finding, FindingCode, FindingType, Location};
use serde_json::{Value, json};

use crate::policy_validate::Checked;

/// The whole log: one run.
pub(crate) fn log(checked: &[Checked]) -> Value {
    let findings =
        || checked.iter().flat_map(|file| file.findings.iter().map(move |it| (file, it)));
    let codes: BTreeSet<FindingCode> = findings().map(|(_, finding)| finding.code).collect();
    let rules: Vec<Value> = codes.iter().map(|&code| rule(code)).collect();
    let results: Vec<Value> = findings().map(|(file, finding)| result(file, finding)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "iamd policy validate",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: FindingCode) -> Value {
    json!({
        "id": code.name(),
        "shortDescription": { "text": code.summary() },
        "helpUri": code.learn_more_link(),
        "defaultConfiguration": { "level": level(code) },
        "properties": { "tags": [code.finding_type().name()] },
    })
}

/// What fails a check by default is an error here too.
fn level(code: FindingCode) -> &'static str {
    match code.finding_type() {
        FindingType::Error | FindingType::SecurityWarning => "error",
        FindingType::Warning => "warning",
        FindingType::Suggestion => "note",
    }
}

fn result(file: &Checked, finding: &Finding) -> Value {
    let mut places = finding.locations.iter().map(|location| physical(&file.path, location));
    let first: Vec<Value> = places.by_ref().take(1).collect();
    let others: Vec<Value> = places.collect();
    json!({
        "ruleId": finding.code.name(),
        "level": level(finding.code),
        "message": { "text": finding.message },
        "locations": first,
        "relatedLocations": others,
    })
}

/// SARIF counts lines and columns from 1, and a region ends just after its last character.
fn physical(path: &Path, location: &Location) -> Value {
    let (start, end) = (location.span.start, location.span.end);
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(path) },
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        },
    })
}

/// A relative reference (RFC 3986); what is not plain is escaped.
fn uri(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(escape).collect()
}
