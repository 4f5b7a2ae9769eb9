//! Policy variables: `${…}` where it can stand, and whole.

use super::draft::Text;
use super::place::{Place, Report, quoted};
use super::{FindingCode, Subject};
use crate::Version;
use crate::operator::{Operator, Test};

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    let version = subject.draft.version;
    let id = subject.draft.id.as_ref();
    for statement in &subject.draft.statements {
        if report.is_full() {
            return;
        }
        let actions = statement.actions.iter().flat_map(|actions| &actions.items);
        let principals = statement.principals.iter().flat_map(|principals| &principals.names);
        let elsewhere = statement.sid.iter().chain(actions).chain(principals.map(|(_, name)| name));
        elsewhere.for_each(|text| misplaced(text, report));
        for resource in statement.resources.iter().flat_map(|resources| &resources.items) {
            variables(resource.value, &resource.place, version, report);
        }
        for condition in &statement.conditions {
            for value in &condition.values {
                match condition.parsed {
                    Some(operator) if !takes_variables(operator) => {
                        unfit(&value.text, condition.operator.value, &value.place, report);
                    }
                    _ => variables(&value.text, &value.place, version, report),
                }
            }
        }
    }
    if let Some(id) = id {
        misplaced(id, report);
    }
}

fn takes_variables(operator: Operator) -> bool {
    matches!(operator.test, Test::String | Test::StringIgnoreCase | Test::StringLike | Test::Arn)
}

fn misplaced(text: &Text<'_>, report: &mut Report) {
    if let Some(at) = text.value.find("${") {
        let place = text.place.part(text.value, at, text.value.len());
        let message = "variables stand in resources and condition values alone";
        report.add(FindingCode::VariableUnsupportedInElement, &place, message);
    }
}

fn unfit(text: &str, operator: &str, place: &Place, report: &mut Report) {
    if text.contains("${") {
        let message =
            format!("{} does not know variables, only `String…` and `Arn…` do", quoted(operator));
        report.add(FindingCode::InvalidVariableForOperator, place, message);
    }
}

/// Every variable of a text.
fn variables(text: &str, place: &Place, version: Version, report: &mut Report) {
    let mut from = 0;
    while let Some(rest) = text.get(from..)
        && let Some(at) = rest.find("${")
    {
        let start = from + at;
        let after = text.get(start + 2..).unwrap_or_default();
        let end = match after.find('}') {
            Some(length) => start + 2 + length + 1,
            None => text.len(),
        };
        let part = place.part(text, start, end);
        if version == Version::V2008 {
            let message = "this is a variable from version `2012-10-17` on; here it is plain text";
            return report.add(FindingCode::VariableUnsupportedInVersion, &part, message);
        }
        if let Some((code, message)) = fault(after) {
            report.add(code, &part, message);
        }
        from = end;
    }
}

/// What is wrong with a variable, given all that follows its opening brace.
fn fault(after: &str) -> Option<(FindingCode, String)> {
    let Some((inside, _)) = after.split_once('}') else {
        let message = "the variable has no closing brace".to_owned();
        return Some((FindingCode::MissingBraceInVariable, message));
    };
    if inside.trim().is_empty() {
        let message = "the variable names nothing".to_owned();
        return Some((FindingCode::EmptyVariable, message));
    }
    if ["*", "?", "$"].contains(&inside) {
        return None;
    }
    let (name, default) = match inside.split_once(',') {
        Some((name, default)) => (name, Some(default.trim_start())),
        None => (inside, None),
    };
    // The default may hold a closing brace, so only its beginning is sure to be in sight.
    let whole = after.split_once("'}").is_some();
    if default.is_some_and(|default| !default.starts_with('\'') || !whole) {
        let message = "a default stands in single quotes: `${KEY, 'DEFAULT'}`".to_owned();
        return Some((FindingCode::MissingQuoteInVariable, message));
    }
    if name.contains(char::is_whitespace) {
        let message = format!("the variable's name {} has a blank", quoted(name));
        return Some((FindingCode::UnsupportedSpaceInVariable, message));
    }
    if let Some(symbol) = name.chars().find(|c| ['$', '{', '\'', '"', '*', '?'].contains(c)) {
        let message = format!("a variable's name has no `{symbol}`");
        return Some((FindingCode::UnsupportedSymbolInVariable, message));
    }
    None
}
