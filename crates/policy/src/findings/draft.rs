//! A document as far as it can be made out, with the place of every string; what has the wrong form is reported and
//! left out.
//!
//! Not [`crate::Document`]: that one is right or refused. Here a fault in one element must not hide those of others.

use std::borrow::Cow;

use super::FindingCode;
use super::place::{Place, Report, quoted};
use super::similar::hint;
use crate::json::{Json, Member, Node};
use crate::operator::Operator;
use crate::{PrincipalType, StatementEffect, Version};

/// The elements of a document.
const DOCUMENT_ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];

/// The elements of a statement.
const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// The keys of a principal.
const PRINCIPAL_KEYS: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

/// A string and its place.
#[derive(Clone, Debug)]
pub(super) struct Text<'n> {
    pub(super) value: &'n str,
    pub(super) place: Place,
}

/// A document.
#[derive(Debug)]
pub(super) struct Draft<'n> {
    pub(super) version: Version,
    pub(super) id: Option<Text<'n>>,
    pub(super) statements: Vec<Statement<'n>>,
    pub(super) place: Place,
}

/// A statement.
#[derive(Debug)]
pub(super) struct Statement<'n> {
    pub(super) sid: Option<Text<'n>>,
    pub(super) effect: Option<StatementEffect>,
    pub(super) principals: Option<Principals<'n>>,
    pub(super) actions: Option<List<'n>>,
    pub(super) resources: Option<List<'n>>,
    pub(super) conditions: Vec<Condition<'n>>,
    /// Whether an element that must be there has the wrong form, which was said already.
    pub(super) spoilt: bool,
    pub(super) place: Place,
}

/// `Action`, `Resource` or their opposites.
#[derive(Debug)]
pub(super) struct List<'n> {
    pub(super) negated: bool,
    /// The element's name.
    pub(super) key: Place,
    pub(super) items: Vec<Text<'n>>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug)]
pub(super) struct Principals<'n> {
    pub(super) negated: bool,
    /// The element's name.
    pub(super) key: Place,
    pub(super) place: Place,
    /// Whether it is a plain star.
    pub(super) star: bool,
    pub(super) names: Vec<(PrincipalType, Text<'n>)>,
}

/// An operator, a key and the values to compare with.
#[derive(Debug)]
pub(super) struct Condition<'n> {
    pub(super) operator: Text<'n>,
    /// The operator's meaning, if it has one.
    pub(super) parsed: Option<Operator>,
    pub(super) key: Text<'n>,
    pub(super) values: Vec<Value<'n>>,
    pub(super) place: Place,
}

/// A value of a condition.
#[derive(Debug)]
pub(super) struct Value<'n> {
    pub(super) text: Cow<'n, str>,
    pub(super) kind: &'static str,
    pub(super) place: Place,
}

impl Statement<'_> {
    /// Whether the statement allows.
    pub(super) fn allows(&self) -> bool {
        self.effect == Some(StatementEffect::Allow)
    }

    /// Whether a condition has a key that fits.
    pub(super) fn has_key(&self, fits: impl Fn(&str) -> bool) -> bool {
        self.conditions.iter().any(|condition| fits(condition.key.value))
    }
}

/// Makes out a document.
pub(super) fn read<'n>(root: &'n Node, report: &mut Report) -> Draft<'n> {
    let place = Place::root(root);
    let mut draft =
        Draft { version: Version::V2008, id: None, statements: Vec::new(), place: place.clone() };
    let Some(members) = object(root, &place, report) else { return draft };
    let mut has = (false, false);
    for member in members {
        let value = place.value(member);
        match member.name.as_str() {
            "Version" => {
                has.0 = true;
                draft.version = version(member, &value, report);
            }
            "Id" => draft.id = string(&member.value, &value, report),
            "Statement" => {
                has.1 = true;
                draft.statements = statements(member, &value, report);
            }
            name => unknown_element(name, &place.key(member), &DOCUMENT_ELEMENTS, report),
        }
    }
    if !has.0 {
        let message =
            "the document has no `Version`; without `2012-10-17`, variables are plain text";
        report.add(FindingCode::MissingVersion, &place, message);
    }
    if !has.1 {
        report.add(FindingCode::MissingStatement, &place, "the document has no `Statement`");
    }
    draft
}

fn version(member: &Member, place: &Place, report: &mut Report) -> Version {
    let Some(text) = string(&member.value, place, report) else { return Version::V2008 };
    match text.value {
        "2012-10-17" => Version::V2012,
        "2008-10-17" => Version::V2008,
        other => {
            let message = format!("there is no version {}; use `2012-10-17`", quoted(other));
            report.add(FindingCode::InvalidVersion, place, message);
            // What was meant is the current language.
            Version::V2012
        }
    }
}

fn statements<'n>(member: &'n Member, place: &Place, report: &mut Report) -> Vec<Statement<'n>> {
    let Json::Array(nodes) = &member.value.value else {
        return statement(&member.value, place, report).into_iter().collect();
    };
    if nodes.is_empty() {
        report.add(FindingCode::MissingStatement, place, "the document has no statement");
    }
    let placed = nodes.iter().enumerate().map(|(index, node)| (node, place.item(index, node)));
    placed.filter_map(|(node, place)| statement(node, &place, report)).collect()
}

fn statement<'n>(node: &'n Node, place: &Place, report: &mut Report) -> Option<Statement<'n>> {
    let members = object(node, place, report)?;
    let mut statement = Statement {
        sid: None,
        effect: None,
        principals: None,
        actions: None,
        resources: None,
        conditions: Vec::new(),
        spoilt: false,
        place: place.clone(),
    };
    let has = |name: &str| members.iter().any(|member| member.name == name);
    for member in members {
        let (key, value) = (place.key(member), place.value(member));
        let name = member.name.as_str();
        if let Some(positive) = name.strip_prefix("Not").filter(|positive| has(positive))
            && STATEMENT_ELEMENTS.contains(&name)
        {
            let message = format!("a statement cannot have both `{positive}` and `{name}`");
            report.add(FindingCode::UnsupportedElementCombination, &key, message);
            continue;
        }
        statement.element(member, &key, &value, report);
    }
    if !has("Effect") {
        let message = "the statement has no `Effect`; add `Allow` or `Deny`";
        report.add(FindingCode::MissingEffect, place, message);
    }
    Some(statement)
}

impl<'n> Statement<'n> {
    /// Takes in one element. What has a wrong form leaves the statement without it, and spoilt if it needs it.
    fn element(&mut self, member: &'n Member, key: &Place, value: &Place, report: &mut Report) {
        let missing = match member.name.as_str() {
            "Sid" => {
                self.sid = string(&member.value, value, report);
                false
            }
            "Effect" => {
                self.effect = effect(member, value, report);
                self.effect.is_none()
            }
            "Principal" | "NotPrincipal" => {
                self.principals = principals(member, key, value, report);
                self.principals.is_none()
            }
            "Action" | "NotAction" => {
                self.actions = list(member, key, value, report);
                self.actions.is_none()
            }
            "Resource" | "NotResource" => {
                self.resources = list(member, key, value, report);
                self.resources.is_none()
            }
            "Condition" => {
                self.conditions = conditions(member, value, report);
                false
            }
            name => {
                unknown_element(name, key, &STATEMENT_ELEMENTS, report);
                false
            }
        };
        self.spoilt |= missing;
    }
}

fn unknown_element(name: &str, key: &Place, known: &[&'static str], report: &mut Report) {
    let hint = hint(name, known.iter().copied());
    let message = format!("{} is no element of the policy language here{hint}", quoted(name));
    report.add(FindingCode::InvalidPolicyElement, key, message);
}

fn effect(member: &Member, place: &Place, report: &mut Report) -> Option<StatementEffect> {
    let text = string(&member.value, place, report)?;
    match text.value {
        "Allow" => Some(StatementEffect::Allow),
        "Deny" => Some(StatementEffect::Deny),
        other => {
            let message = format!("the effect is `Allow` or `Deny`, not {}", quoted(other));
            report.add(FindingCode::InvalidEffect, place, message);
            None
        }
    }
}

fn principals<'n>(
    member: &'n Member,
    key: &Place,
    place: &Place,
    report: &mut Report,
) -> Option<Principals<'n>> {
    let mut principals = Principals {
        negated: member.name == "NotPrincipal",
        key: key.clone(),
        place: place.clone(),
        star: false,
        names: Vec::new(),
    };
    if let Json::String(value) = &member.value.value {
        if value != "*" {
            let message = format!(
                "a principal is `\"*\"` or an object such as `{{\"AWS\": \"…\"}}`, not {}",
                quoted(value)
            );
            report.add(FindingCode::InvalidPrincipalFormat, place, message);
            return None;
        }
        principals.star = true;
        principals.names.push((PrincipalType::Aws, Text { value, place: place.clone() }));
        return Some(principals);
    }
    let members = object(&member.value, place, report)?;
    if members.is_empty() {
        let message = "the principal names nobody, so the statement applies to nobody";
        report.add(FindingCode::EmptyObjectPrincipal, place, message);
    }
    for kind in members {
        let (key, value) = (place.key(kind), place.value(kind));
        let principal_type = match kind.name.as_str() {
            "AWS" => PrincipalType::Aws,
            "Service" => PrincipalType::Service,
            "Federated" => PrincipalType::Federated,
            "CanonicalUser" => PrincipalType::CanonicalUser,
            other => {
                let hint = hint(other, PRINCIPAL_KEYS);
                let message = format!("there is no kind of principal {}{hint}", quoted(other));
                report.add(FindingCode::InvalidPrincipalKey, &key, message);
                continue;
            }
        };
        let names = strings(&kind.value, &value, report);
        if names.is_empty() && matches!(&kind.value.value, Json::Array(items) if items.is_empty()) {
            let message = "the list names nobody";
            report.add(FindingCode::EmptyArrayPrincipal, &value, message);
        }
        principals.names.extend(names.into_iter().map(|name| (principal_type, name)));
    }
    Some(principals)
}

/// `Action` or `Resource`; `None` when nothing of it can be made out.
fn list<'n>(
    member: &'n Member,
    key: &Place,
    place: &Place,
    report: &mut Report,
) -> Option<List<'n>> {
    let items = strings(&member.value, place, report);
    let negated = member.name.starts_with("Not");
    if items.is_empty() {
        let Json::Array(nodes) = &member.value.value else { return None };
        if !nodes.is_empty() {
            return None;
        }
        let code = match member.name.ends_with("Action") {
            true => FindingCode::EmptyArrayAction,
            false => FindingCode::EmptyArrayResource,
        };
        let message = format!("`{}` is empty, so the statement has no effect", member.name);
        report.add(code, place, message);
    }
    Some(List { negated, key: key.clone(), items })
}

fn conditions<'n>(member: &'n Member, place: &Place, report: &mut Report) -> Vec<Condition<'n>> {
    let mut conditions = Vec::new();
    let Some(blocks) = object(&member.value, place, report) else { return conditions };
    if blocks.is_empty() {
        report.add(FindingCode::EmptyObjectCondition, place, "the condition is empty");
    }
    for block in blocks {
        let operator = Text { value: &block.name, place: place.key(block) };
        let place = place.value(block);
        let Some(keys) = object(&block.value, &place, report) else { continue };
        if keys.is_empty() {
            let message = format!("{} compares nothing", quoted(&block.name));
            report.add(FindingCode::EmptyObjectCondition, &place, message);
        }
        for key in keys {
            let value = place.value(key);
            conditions.push(Condition {
                operator: operator.clone(),
                parsed: Operator::parse(&block.name),
                key: Text { value: &key.name, place: place.key(key) },
                values: values(&key.value, &value, report),
                place: value,
            });
        }
    }
    conditions
}

fn values<'n>(node: &'n Node, place: &Place, report: &mut Report) -> Vec<Value<'n>> {
    let mut read = |node: &'n Node, place: Place| {
        let (text, kind) = match &node.value {
            Json::String(text) => (Cow::from(text), "string"),
            Json::Number(text) => (Cow::from(text), "number"),
            Json::Bool(value) => (Cow::from(value.to_string()), "boolean"),
            Json::Null | Json::Array(_) | Json::Object(_) => {
                wrong_type(node, "a string, a number or a boolean", &place, report);
                return None;
            }
        };
        Some(Value { text, kind, place })
    };
    match &node.value {
        Json::Array(nodes) => nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| read(node, place.item(index, node)))
            .collect(),
        _ => read(node, place.clone()).into_iter().collect(),
    }
}

/// The strings of a list, or the string that stands for a list of one.
fn strings<'n>(node: &'n Node, place: &Place, report: &mut Report) -> Vec<Text<'n>> {
    match &node.value {
        Json::Array(nodes) => nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| string(node, &place.item(index, node), report))
            .collect(),
        Json::String(value) => vec![Text { value, place: place.clone() }],
        _ => {
            wrong_type(node, "a string or a list of strings", place, report);
            Vec::new()
        }
    }
}

fn string<'n>(node: &'n Node, place: &Place, report: &mut Report) -> Option<Text<'n>> {
    let Json::String(value) = &node.value else {
        wrong_type(node, "a string", place, report);
        return None;
    };
    Some(Text { value, place: place.clone() })
}

fn object<'n>(node: &'n Node, place: &Place, report: &mut Report) -> Option<&'n [Member]> {
    let Json::Object(members) = &node.value else {
        wrong_type(node, "an object", place, report);
        return None;
    };
    Some(members)
}

fn wrong_type(node: &Node, wanted: &str, place: &Place, report: &mut Report) {
    let found = match &node.value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    let message = format!("expected {wanted}, found {found}");
    report.add(FindingCode::DataTypeMismatch, place, message);
}
