//! `Condition`: operators and keys that exist, and that go together. The values are looked at in [`super::operand`].

use std::collections::BTreeMap;

use super::draft::{Condition, Statement};
use super::place::{Report, quoted};
use super::similar::{hint, nearest};
use super::{FindingCode, Subject, operand};
use crate::operator::{Operator, Quantifier, Relation, Test};
use crate::vocabulary::{self, ConditionKey, KeyType};

/// The operators without qualifier and `IfExists`.
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "Null",
];

/// Keys that say little without one of their companions (AWS: their descriptions among the global keys).
const PAIRED: [(&str, &[&str]); 2] = [
    ("aws:VpcSourceIp", &["aws:SourceVpc", "aws:SourceVpce"]),
    ("aws:Ec2InstanceSourcePrivateIPv4", &["aws:Ec2InstanceSourceVpc"]),
];

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    for statement in &subject.draft.statements {
        repeated_keys(statement, report);
        let mut operator_before = None;
        for condition in &statement.conditions {
            if report.is_full() {
                return;
            }
            let operator_place = &condition.operator.place;
            if operator_before != Some(operator_place.span) {
                operator_before = Some(operator_place.span);
                operator(condition, report);
            }
            let key = key(condition, report);
            paired(statement, condition, report);
            let Some(operator) = condition.parsed else { continue };
            if let Some(key) = key {
                qualifier(condition, operator, key, report);
                types(condition, operator, key, report);
            }
            count(condition, operator, report);
            operand::check(condition, operator, report);
        }
    }
}

fn operator(condition: &Condition<'_>, report: &mut Report) {
    let name = condition.operator.value;
    let place = &condition.operator.place;
    if let Some(operator) = condition.parsed {
        if operator.test == Test::Null && operator.quantifier.is_some() {
            let message = "`Null` asks for the key, not for its values; leave out the qualifier";
            report.add(FindingCode::NullWithQualifier, place, message);
        }
        return;
    }
    let bare = name.rsplit(':').next().unwrap_or_default();
    if bare == "NullIfExists" {
        let message = "`Null` asks whether the key is there, so `IfExists` makes no sense with it";
        return report.add(FindingCode::NullWithIfExists, place, message);
    }
    let message = format!("there is no condition operator {}{}", quoted(name), operator_hint(name));
    report.add(FindingCode::InvalidConditionOperator, place, message);
}

/// The operator that was meant, its qualifier and suffix put back.
fn operator_hint(name: &str) -> String {
    let (qualifier, bare) = name.rsplit_once(':').unwrap_or(("", name));
    let (bare, suffix) = match bare.len().checked_sub("IfExists".len()) {
        Some(at) if bare.get(at..).is_some_and(|end| end.eq_ignore_ascii_case("IfExists")) => {
            (bare.get(..at).unwrap_or_default(), "IfExists")
        }
        _ => (bare, ""),
    };
    let qualifier = match qualifier {
        "" => Some(String::new()),
        other => nearest(other, ["ForAllValues", "ForAnyValue"]).map(|it| format!("{it}:")),
    };
    match (qualifier, nearest(bare, OPERATORS)) {
        (Some(qualifier), Some(bare)) => format!("; did you mean `{qualifier}{bare}{suffix}`?"),
        _ => String::new(),
    }
}

/// The key that a condition has, unless that is none.
fn key(condition: &Condition<'_>, report: &mut Report) -> Option<&'static ConditionKey> {
    let name = condition.key.value;
    let place = &condition.key.place;
    let Some((prefix, rest)) = name.split_once(':') else {
        let message = format!("{} is no condition key; write `SERVICE:NAME`", quoted(name));
        report.add(FindingCode::InvalidConditionKeyFormat, place, message);
        return None;
    };
    if name.eq_ignore_ascii_case("aws:ARN") {
        let message = "no request has `aws:ARN`; use `aws:PrincipalArn` or `aws:SourceArn`";
        report.add(FindingCode::UnsupportedGlobalConditionKey, place, message);
        return None;
    }
    if let Some(key) = vocabulary::condition_key(name) {
        return Some(key);
    }
    // The keys of an identity provider carry its name, which may be any domain.
    if prefix.contains('.') {
        return None;
    }
    let service = vocabulary::service(prefix);
    let own = service.map(|service| service.condition_keys()).unwrap_or_default();
    let known = || own.iter().chain(vocabulary::shared_keys());
    let stem = rest.trim_end_matches('/');
    let tagged = known().find(|key| {
        key.stem().is_some_and(|it| {
            it.trim_end_matches('/').eq_ignore_ascii_case(&format!("{prefix}:{stem}"))
        })
    });
    if let Some(key) = tagged {
        let stem = key.stem().unwrap_or_default();
        let message = format!("{} does not say which tag; write `{stem}TAG-KEY`", quoted(name));
        report.add(FindingCode::MissingTagKeyInCondition, place, message);
        return None;
    }
    let meant = match name.split_inclusive('/').next() {
        // Before a tag's key.
        Some(stem) if stem.len() < name.len() => hint(stem, known().filter_map(|key| key.stem())),
        _ => hint(name, known().map(|key| key.name)),
    };
    let (code, message) = if prefix.eq_ignore_ascii_case("aws") {
        let message = format!("there is no global condition key {}{meant}", quoted(name));
        (FindingCode::InvalidGlobalConditionKey, message)
    } else if let Some(service) = service {
        let message = format!("{} has no condition key {}{meant}", service.name, quoted(name));
        (FindingCode::InvalidServiceConditionKey, message)
    } else if known().any(|key| has_prefix(key, prefix)) {
        let message = format!("there is no condition key {}{meant}", quoted(name));
        (FindingCode::InvalidServiceConditionKey, message)
    } else {
        let meant = hint(prefix, vocabulary::services().chain(["aws"]));
        let message =
            format!("no service has condition keys that begin with {}{meant}", quoted(prefix));
        (FindingCode::InvalidService, message)
    };
    report.add(code, place, message);
    None
}

fn has_prefix(key: &ConditionKey, prefix: &str) -> bool {
    key.name.split(':').next().is_some_and(|it| it.eq_ignore_ascii_case(prefix))
}

/// A key in two spellings is one key.
fn repeated_keys(statement: &Statement<'_>, report: &mut Report) {
    let mut first: BTreeMap<(&str, String), &Condition<'_>> = BTreeMap::new();
    for condition in &statement.conditions {
        let name = condition.key.value.to_ascii_lowercase();
        match first.get(&(condition.operator.value, name.clone())) {
            Some(other) if other.key.value != condition.key.value => {
                let message = format!(
                    "{} and {} are one key; give it once, with all values",
                    quoted(other.key.value),
                    quoted(condition.key.value)
                );
                let code = FindingCode::DuplicateKeysWithDifferentCase;
                report.add(code, &condition.key.place, message);
            }
            Some(_) => {}
            None => {
                first.insert((condition.operator.value, name), condition);
            }
        }
    }
}

fn paired(statement: &Statement<'_>, condition: &Condition<'_>, report: &mut Report) {
    let name = condition.key.value;
    for (key, companions) in PAIRED {
        let alone =
            !statement.has_key(|other| companions.iter().any(|it| it.eq_ignore_ascii_case(other)));
        if name.eq_ignore_ascii_case(key) && alone {
            let wanted = companions.join("` or `");
            let message = format!("private addresses repeat; add a condition on `{wanted}`");
            report.add(FindingCode::MissingPairedConditionKeys, &condition.key.place, message);
        }
    }
}

/// Set operators belong to multivalued keys, and those to set operators.
fn qualifier(
    condition: &Condition<'_>,
    operator: Operator,
    key: &ConditionKey,
    report: &mut Report,
) {
    let place = &condition.operator.place;
    match (operator.quantifier, key.multivalued) {
        (None, true) if operator.test != Test::Null => {
            let message = format!(
                "`{}` can have several values; write `ForAllValues:` or `ForAnyValue:` before {}",
                key.name,
                quoted(condition.operator.value)
            );
            report.add(FindingCode::MissingQualifier, place, message);
        }
        (Some(Quantifier::All), false) if operator.test != Test::Null => {
            let message = format!(
                "`{}` has one value; `ForAllValues` is also true for requests without it",
                key.name
            );
            report.add(FindingCode::ForAllValuesWithSingleValuedKey, place, message);
        }
        _ => {}
    }
}

/// The operators that fit the type of a key.
fn types(condition: &Condition<'_>, operator: Operator, key: &ConditionKey, report: &mut Report) {
    let is_string =
        matches!(operator.test, Test::String | Test::StringIgnoreCase | Test::StringLike);
    let (fits, wanted) = match (key.kind, operator.test) {
        (_, Test::Null) => return,
        // The seconds of `aws:EpochTime` are a number as well.
        (KeyType::Date, Test::Numeric(_)) => (key.name == "aws:EpochTime", "Date…"),
        (KeyType::Date, test) => (matches!(test, Test::Date(_)), "Date…"),
        // Text may be bytes in base64.
        (KeyType::String, test) => (is_string || test == Test::Binary, "String…"),
        (KeyType::Arn, test) => (is_string || test == Test::Arn, "Arn…"),
        (KeyType::Bool, test) => (test == Test::Bool, "Bool"),
        (KeyType::Numeric, test) => (matches!(test, Test::Numeric(_)), "Numeric…"),
        (KeyType::IpAddress, test) => (test == Test::Address, "IpAddress or NotIpAddress"),
    };
    if !fits {
        let message = format!(
            "{} is not for `{}`; use an operator {wanted}",
            quoted(condition.operator.value),
            key.name
        );
        report.add(FindingCode::TypeMismatch, &condition.operator.place, message);
    }
}

/// How many values there are, for operators that care.
fn count(condition: &Condition<'_>, operator: Operator, report: &mut Report) {
    let many = condition.values.len() > 1;
    let empty = condition.values.is_empty();
    if empty {
        return none(condition, operator, report);
    }
    let bounds = match operator.test {
        Test::Numeric(relation) | Test::Date(relation) => relation != Relation::Equal,
        _ => false,
    };
    if many && matches!(operator.test, Test::Bool | Test::Null) {
        let message = "a boolean is compared with one value; with both, the condition says nothing";
        report.add(FindingCode::InvalidConditionMultipleBoolean, &condition.place, message);
    } else if many && bounds {
        let message = format!(
            "{} values are given, but one of them decides; keep that",
            condition.values.len()
        );
        report.add(FindingCode::RedundantConditionValueNum, &condition.place, message);
    }
    let mut kinds: Vec<&str> = condition.values.iter().map(|value| value.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() > 1 {
        let message = format!("the values are of several types ({})", kinds.join(", "));
        report.add(FindingCode::InvalidConditionDataType, &condition.place, message);
    }
}

/// A list without values. One whose items all have a wrong form was reported for them.
fn none(condition: &Condition<'_>, operator: Operator, report: &mut Report) {
    let span = condition.place.span;
    let looks_empty = span.end.line > span.start.line || span.end.column - span.start.column >= 2;
    if !looks_empty {
        return;
    }
    let (code, message) = match operator.quantifier {
        Some(Quantifier::All) => (
            FindingCode::EmptyArrayConditionForAllValues,
            "without values this is true only of requests without the key; say so with `Null`",
        ),
        Some(Quantifier::Any) => (
            FindingCode::EmptyArrayConditionForAnyValue,
            "without values this is never true, so the statement never applies",
        ),
        None if operator.if_exists => (
            FindingCode::EmptyArrayConditionIfExists,
            "without values this is true only of requests without the key; say so with `Null`",
        ),
        None => (FindingCode::EmptyArrayCondition, "there are no values to compare with"),
    };
    report.add(code, &condition.place, message);
}
