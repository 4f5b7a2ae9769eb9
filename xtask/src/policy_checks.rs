//! `cargo xtask policy-checks`: writes `docs/policy-checks.md`, which findings about policies there are.
//!
//! The list is the one in `iamd-policy`, whose tests show each code that is done.

use std::fmt::Write;
use std::path::Path;

use anyhow::ensure;
use iamd_policy::findings::{Origin, Status};
use iamd_policy::{FindingCode, FindingType};

const HEAD: &str = "\
# Findings about policies

Written by `cargo xtask policy-checks`.

`iamd policy validate` says what is wrong or doubtful in a policy, as Access Analyzer's ValidatePolicy does: AWS's codes
and types, and the places; the messages are our own. How to use it: [policy-cli.md](policy-cli.md).

AWS does not publish how each check decides. Where its reference leaves room, the reading taken is the one under which
AWS's own managed policies come out clean; what they still give is in
`crates/policy/testdata/managed-policy-errors.tsv`. Known services, actions, condition keys, forms of ARNs and regions
are those of the service authorization reference of September 2026: what is newer is reported as unknown.

Codes marked † are not in the data this list was made from: their names are formed as those of all others are, from
titles in AWS's reference or from what they check, and are not confirmed.
";

const TYPES: [(FindingType, &str); 4] = [
    (FindingType::Error, "Errors"),
    (FindingType::SecurityWarning, "Security warnings"),
    (FindingType::Warning, "Warnings"),
    (FindingType::Suggestion, "Suggestions"),
];

/// Writes the page, or with `check` only says whether it is stale.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let path = root.join("docs/policy-checks.md");
    let text = page()?;
    if !check {
        return Ok(std::fs::write(path, text)?);
    }
    let present = std::fs::read_to_string(path).unwrap_or_default();
    ensure!(present == text, "docs/policy-checks.md is stale, run `cargo xtask policy-checks`");
    Ok(())
}

fn page() -> anyhow::Result<String> {
    let mut text = HEAD.to_owned();
    let codes = |kind| FindingCode::ALL.iter().filter(move |code| code.finding_type() == kind);
    let is_done = |code: &&FindingCode| code.status() == Status::Done;
    write!(text, "\n| Type | Done | Codes |\n| --- | --- | --- |\n")?;
    for (kind, title) in TYPES {
        let (done, all) = (codes(kind).filter(is_done).count(), codes(kind).count());
        writeln!(text, "| {title} | {done} | {all} |")?;
    }
    for (kind, title) in TYPES {
        write!(text, "\n## {title}\n\n| Code | Found | |\n| --- | --- | --- |\n")?;
        for code in codes(kind) {
            let mark = if code.origin() == Origin::Titled { " †" } else { "" };
            let state = match code.status() {
                Status::Done => "done".to_owned(),
                Status::NotDone(reason) => format!("not done: {reason}"),
            };
            writeln!(text, "| {code}{mark} | {} | {state} |", code.summary())?;
        }
    }
    Ok(text)
}
