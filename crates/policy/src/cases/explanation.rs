//! What each statement did in a case, in words.

use crate::explain::{StatementTrace, explain};
use crate::{Element, Mismatch, Policies, Request, StatementEffect};

/// A line for each statement of the policies that bind the request.
pub(super) fn lines(request: &Request<'_>, policies: &Policies<'_>) -> Vec<String> {
    explain(request, policies).iter().map(line).collect()
}

fn line(trace: &StatementTrace<'_>) -> String {
    let statement = &trace.statement;
    let kind = statement.kind.to_string();
    let name = statement.policy.name;
    // Without a file, the name is the kind in short.
    let file = if kind.starts_with(name) { String::new() } else { format!(" `{name}`") };
    let sid = statement.sid.map(|sid| format!(" `{sid}`")).unwrap_or_default();
    let effect = match trace.effect {
        StatementEffect::Allow => "allows",
        StatementEffect::Deny => "denies",
    };
    let verdict = match &trace.mismatch {
        None => effect.to_owned(),
        Some(mismatch) => format!("does not apply: {}", reason(mismatch)),
    };
    format!(
        "{kind}{file}, statement {}{sid} (line {}) {verdict}",
        statement.index + 1,
        statement.span.start.line
    )
}

fn reason(mismatch: &Mismatch<'_>) -> String {
    let not = if mismatch.unreadable { "makes no sense" } else { "does not match" };
    match &mismatch.element {
        Element::Principal => format!("its principal {not}"),
        Element::Action => format!("its action {not}"),
        Element::Resource => format!("its resource {not}"),
        Element::Condition { operator, key, expected, actual } => {
            let list = |values: &mut dyn Iterator<Item = &str>| {
                values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
            };
            let wanted = list(&mut expected.iter().map(|text| text.value.as_str()));
            let found = match actual.as_slice() {
                [] => format!("no `{key}`"),
                values => list(&mut values.iter().map(String::as_str)),
            };
            format!("`{operator}` `{key}` wants {wanted}; the request has {found}")
        }
    }
}
