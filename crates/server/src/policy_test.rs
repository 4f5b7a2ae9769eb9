//! `iamd policy test`: policy tests from files, run by the same engine as the server's.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use iamd_policy::cases::{Case, Outcome};
use iamd_policy::{Effect, Engine};
use serde::Serialize;
use serde_json::Value;

use crate::policy_command::{Test, UNREADABLE};
use crate::policy_files;

/// The extensions of files with cases.
const EXTENSIONS: [&str; 3] = ["jsonl", "yaml", "yml"];

/// A case of a file: what to call it, and its text as JSON, or why there is none.
struct Entry {
    place: String,
    case: Result<Case, String>,
}

/// What became of a case.
struct Judged {
    id: String,
    result: Result<Outcome, String>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Test) -> anyhow::Result<ExitCode> {
    let (mut passed, mut failed, mut unreadable) = (0, 0, false);
    let mut out = io::stdout().lock();
    for path in policy_files::find(&arguments.files, &EXTENSIONS)? {
        let entries = match policy_files::read(&path).and_then(|text| entries(&path, &text)) {
            Ok(entries) => entries,
            Err(error) => {
                unreadable = true;
                let _ = writeln!(io::stderr(), "iamd: {error:#}");
                continue;
            }
        };
        let mut seen = BTreeSet::new();
        for entry in entries {
            let judged = judge(&path, entry, &mut seen);
            match judged.has_passed() {
                true => passed += 1,
                false => failed += 1,
            }
            let text = match arguments.json {
                true => judged.json(&path)? + "\n",
                false => judged.text(&path),
            };
            out.write_all(text.as_bytes()).context("cannot print the results")?;
        }
    }
    if !arguments.json {
        writeln!(out, "{passed} passed, {failed} failed").context("cannot print the results")?;
    }
    Ok(match failed {
        _ if unreadable => ExitCode::from(UNREADABLE),
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The cases of a file: a line each, or the items of a list.
fn entries(path: &Path, text: &str) -> anyhow::Result<Vec<Entry>> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let values = match extension {
        Some("yaml" | "yml") => yaml(text).map_err(|error| anyhow::anyhow!("{error}")),
        Some("json") => serde_json::from_str(text).map_err(Into::into),
        _ => return Ok(lines(text)),
    };
    let values: Value = values.with_context(|| format!("cannot read `{}`", path.display()))?;
    let cases = match values {
        Value::Array(cases) => cases,
        case @ Value::Object(_) => vec![case],
        _ => bail!("`{}` is neither a case nor a list of them", path.display()),
    };
    let entry = |(index, case): (usize, Value)| Entry {
        place: format!("case {}", index + 1),
        // Through text, since documents keep theirs.
        case: serde_json::from_str(&case.to_string()).map_err(|error| error.to_string()),
    };
    Ok(cases.into_iter().enumerate().map(entry).collect())
}

fn lines(text: &str) -> Vec<Entry> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let entry = |(index, line): (usize, &str)| Entry {
        place: format!("line {}", index + 1),
        case: serde_json::from_str(line).map_err(|error| error.to_string()),
    };
    lines.map(entry).collect()
}

/// YAML 1.2: `yes`, `no` and `on` are words.
fn yaml(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())
}

fn judge(file: &Path, entry: Entry, seen: &mut BTreeSet<String>) -> Judged {
    let case = match entry.case {
        Ok(case) => case,
        Err(error) => return Judged { id: entry.place, result: Err(error) },
    };
    let id = case.id.clone();
    if !seen.insert(id.clone()) {
        return Judged { id, result: Err("another case of the file has this id".to_owned()) };
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let load =
        |name: &str| policy_files::read(&folder.join(name)).map_err(|error| format!("{error:#}"));
    let result = case.judge(&Engine, &load);
    Judged { id, result }
}

impl Judged {
    fn has_passed(&self) -> bool {
        self.result.as_ref().is_ok_and(|outcome| outcome.problem.is_none())
    }

    /// A failure with its explanation; nothing of a case that passed.
    fn text(&self, file: &Path) -> String {
        let mut text = String::new();
        let (problem, explanation) = match &self.result {
            Ok(Outcome { problem: None, .. }) => return text,
            Ok(Outcome { problem: Some(problem), explanation, .. }) => {
                (problem, explanation.as_slice())
            }
            Err(problem) => (problem, [].as_slice()),
        };
        let _ = writeln!(text, "FAILED {}: {}\n  {problem}", file.display(), self.id);
        for line in explanation {
            let _ = writeln!(text, "  - {line}");
        }
        text
    }

    fn json(&self, file: &Path) -> serde_json::Result<String> {
        let outcome = self.result.as_ref().ok();
        let problem = match &self.result {
            Ok(outcome) => outcome.problem.as_deref(),
            Err(problem) => Some(problem.as_str()),
        };
        serde_json::to_string(&Line {
            file: &file.to_string_lossy(),
            id: &self.id,
            passed: self.has_passed(),
            expected: outcome.map(|outcome| name(outcome.expected)),
            effect: outcome.map(|outcome| name(outcome.effect)),
            decided_by: outcome.and_then(|it| Some(it.decided_by?.to_string())),
            problem,
            explanation: outcome.map(|outcome| outcome.explanation.as_slice()),
        })
    }
}

/// A case in the output of `--json`. Members are null where a case cannot be read.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    id: &'a str,
    passed: bool,
    expected: Option<&'static str>,
    effect: Option<&'static str>,
    decided_by: Option<String>,
    problem: Option<&'a str>,
    explanation: Option<&'a [String]>,
}

/// What cases call an answer.
fn name(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::ImplicitDeny => "implicit_deny",
        Effect::ExplicitDeny => "explicit_deny",
    }
}
