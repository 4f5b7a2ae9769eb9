//! What is said twice: actions, resources and statements that others cover.

use std::collections::BTreeMap;

use super::draft::{List, Statement, Text};
use super::place::{Report, quoted};
use super::{FindingCode, Subject};
use crate::pattern::Pattern;

/// Longer lists are searched for repetitions alone, not for entries that wildcards cover.
const MAX_COMPARED: usize = 400;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    for statement in &subject.draft.statements {
        if let Some(actions) = &statement.actions {
            entries(actions, FindingCode::RedundantAction, true, report);
        }
        if let Some(resources) = &statement.resources {
            entries(resources, FindingCode::RedundantResource, false, report);
        }
    }
    statements(subject, report);
}

/// Entries that another one covers. Actions compare without regard to case.
fn entries(list: &List<'_>, code: FindingCode, any_case: bool, report: &mut Report) {
    let text = |item: &Text<'_>| match any_case {
        true => item.value.to_ascii_lowercase(),
        false => item.value.to_owned(),
    };
    let texts: Vec<String> = list.items.iter().map(text).collect();
    let patterns: Vec<(usize, Pattern)> = match texts.len() > MAX_COMPARED {
        true => Vec::new(),
        // A question mark stands for one character, which a star in the other text need not be. A variable is text
        // that is not known.
        false => texts
            .iter()
            .enumerate()
            .filter(|(_, it)| it.contains('*') && !it.contains('?') && !it.contains("${"))
            .map(|(at, it)| (at, Pattern::of(it)))
            .collect(),
    };
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, (item, own)) in list.items.iter().zip(&texts).enumerate() {
        if report.is_full() {
            return;
        }
        let before = first.get(own.as_str()).copied();
        first.entry(own).or_insert(at);
        let other = before.or_else(|| {
            let covers = |(other, pattern): &&(usize, Pattern)| {
                *other != at && texts.get(*other) != Some(own) && pattern.matches(own)
            };
            patterns.iter().find(covers).map(|(other, _)| *other)
        });
        if let Some(other) = other.and_then(|other| list.items.get(other)) {
            let message = format!("{} is covered by {}", quoted(item.value), quoted(other.value));
            report.add(code, &item.place, message);
        }
    }
}

/// Statements that are the same but for the Sid and the order of their lists.
fn statements(subject: &Subject<'_>, report: &mut Report) {
    let mut first: BTreeMap<String, &Statement<'_>> = BTreeMap::new();
    for statement in &subject.draft.statements {
        if statement.spoilt {
            continue;
        }
        let content = content(statement);
        if let Some(other) = first.get(&content) {
            let line = other.place.span.start.line;
            let message = format!("the statement says what that of line {line} says");
            let code = FindingCode::RedundantStatement;
            report.add_all(code, &[&statement.place, &other.place], message);
        } else {
            first.insert(content, statement);
        }
    }
}

/// What a statement says, in one text for all ways to write it.
fn content(statement: &Statement<'_>) -> String {
    let list = |list: &Option<List<'_>>, any_case: bool| {
        let mut texts: Vec<String> = list
            .iter()
            .flat_map(|list| &list.items)
            .map(|item| match any_case {
                true => item.value.to_ascii_lowercase(),
                false => item.value.to_owned(),
            })
            .collect();
        texts.sort_unstable();
        (list.as_ref().map(|list| list.negated), texts)
    };
    let mut principals: Vec<String> = statement
        .principals
        .iter()
        .flat_map(|principals| &principals.names)
        .map(|(kind, name)| format!("{kind:?} {}", name.value))
        .collect();
    principals.sort_unstable();
    let mut conditions: Vec<String> = statement
        .conditions
        .iter()
        .map(|condition| {
            let mut values: Vec<&str> = condition.values.iter().map(|it| &*it.text).collect();
            values.sort_unstable();
            let key = condition.key.value.to_ascii_lowercase();
            format!("{:?} {key:?} {values:?}", condition.operator.value)
        })
        .collect();
    conditions.sort_unstable();
    let negated = statement.principals.as_ref().map(|principals| principals.negated);
    format!(
        "{:?} {negated:?} {principals:?} {:?} {:?} {conditions:?}",
        statement.effect,
        list(&statement.actions, true),
        list(&statement.resources, false)
    )
}
