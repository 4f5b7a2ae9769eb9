//! From JSON to a [`Document`]: the grammar of the language, and nothing of what the strings in it mean.
//!
//! As lenient as what AWS stores: empty lists, missing elements that only some kinds of policy need, and
//! operators nobody knows all pass here. [`crate::check`] refuses them on write, the evaluator never lets
//! them weaken a Deny.

use std::sync::OnceLock;

use crate::error::{ParseError, ParseErrorKind};
use crate::json::{self, Json, Member, Node};
use crate::{
    Actions, Condition, Document, NamedPrincipal, PrincipalType, Principals, Resources, Span,
    Statement, StatementEffect, Text, Version,
};

impl Document {
    /// Parses a document as AWS stores it: any kind of policy, either version.
    pub fn parse(text: &str) -> Result<Document, ParseError> {
        let draft = read(text)?;
        draft.inexact_effect.map_or(Ok(draft.document), Err)
    }
}

/// A document in which an effect may still be spelled in the wrong case: AWS refuses that later than syntax.
pub(crate) struct Draft {
    pub(crate) document: Document,
    pub(crate) inexact_effect: Option<ParseError>,
}

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Draft, ParseError> {
    let root = json::parse(text)?;
    let span = root.span;
    let mut draft = Draft {
        document: Document {
            text: text.into(),
            version: Version::default(),
            id: None,
            statements: Vec::new(),
            // A variable outside conditions can only begin with a dollar sign, escaped or not.
            reads_context: text.contains('$') || text.contains("\\u"),
            compiled: OnceLock::new(),
        },
        inexact_effect: None,
    };
    for member in object("document", root)? {
        match member.name.as_str() {
            "Version" => draft.document.version = version(member.value)?,
            "Id" => draft.document.id = Some(string("Id", member.value)?),
            "Statement" => draft.statements(member.value)?,
            _ => return Err(unknown(member)),
        }
    }
    if draft.document.statements.is_empty() {
        return Err(error(ParseErrorKind::MissingElement("Statement"), span));
    }
    Ok(draft)
}

impl Draft {
    fn statements(&mut self, node: Node) -> Result<(), ParseError> {
        let nodes = match node.value {
            Json::Array(nodes) => nodes,
            _ => vec![node],
        };
        for node in nodes {
            let statement = self.statement(node)?;
            self.document.reads_context |= !statement.conditions.is_empty();
            self.document.statements.push(statement);
        }
        Ok(())
    }

    fn statement(&mut self, node: Node) -> Result<Statement, ParseError> {
        let span = node.span;
        let (mut sid, mut effect, mut conditions) = (None, None, Vec::new());
        let (mut principals, mut actions, mut resources) = (None, None, None);
        for Member { name, name_span, value } in object("Statement", node)? {
            let negated = name.starts_with("Not");
            match name.as_str() {
                "Sid" => sid = Some(string("Sid", value)?),
                "Effect" => effect = Some(self.effect(value)?),
                "Principal" | "NotPrincipal" => {
                    let names = principal_names(value)?;
                    once("Principal", &mut principals, Principals { negated, names }, name_span)?;
                }
                "Action" | "NotAction" => {
                    let patterns = strings("Action", value)?;
                    once("Action", &mut actions, Actions { negated, patterns }, name_span)?;
                }
                "Resource" | "NotResource" => {
                    let patterns = strings("Resource", value)?;
                    once("Resource", &mut resources, Resources { negated, patterns }, name_span)?;
                }
                "Condition" => conditions = condition_block(value)?,
                _ => return Err(error(ParseErrorKind::UnknownElement(name), name_span)),
            }
        }
        let effect = effect.ok_or(error(ParseErrorKind::MissingElement("Effect"), span))?;
        Ok(Statement { sid, effect, principals, actions, resources, conditions, span })
    }

    fn effect(&mut self, node: Node) -> Result<StatementEffect, ParseError> {
        let Text { value, span } = string("Effect", node)?;
        let (effect, exact) = match value.to_ascii_lowercase().as_str() {
            "allow" => (StatementEffect::Allow, value == "Allow"),
            "deny" => (StatementEffect::Deny, value == "Deny"),
            _ => return Err(error(ParseErrorKind::Effect(value), span)),
        };
        if !exact {
            self.inexact_effect.get_or_insert(error(ParseErrorKind::Effect(value), span));
        }
        Ok(effect)
    }
}

/// Keeps an element, unless its opposite was there already.
fn once<T>(name: &'static str, slot: &mut Option<T>, it: T, span: Span) -> Result<(), ParseError> {
    match slot.replace(it) {
        None => Ok(()),
        Some(_) => Err(error(ParseErrorKind::ExclusiveElements(name), span)),
    }
}

fn version(node: Node) -> Result<Version, ParseError> {
    let Text { value, span } = string("Version", node)?;
    match value.as_str() {
        "2008-10-17" => Ok(Version::V2008),
        "2012-10-17" => Ok(Version::V2012),
        _ => Err(error(ParseErrorKind::Version(value), span)),
    }
}

fn principal_names(node: Node) -> Result<Vec<NamedPrincipal>, ParseError> {
    if let Json::String(value) = node.value {
        let kind = PrincipalType::Aws;
        let name = Text { value, span: node.span };
        if name.value != "*" {
            return Err(error(ParseErrorKind::Principal(name.value), name.span));
        }
        return Ok(vec![NamedPrincipal { kind, name }]);
    }
    let mut names = Vec::new();
    for Member { name, name_span, value } in object("Principal", node)? {
        let kind = match name.as_str() {
            "AWS" => PrincipalType::Aws,
            "Service" => PrincipalType::Service,
            "Federated" => PrincipalType::Federated,
            "CanonicalUser" => PrincipalType::CanonicalUser,
            _ => return Err(error(ParseErrorKind::Principal(name), name_span)),
        };
        let values = strings("Principal", value)?;
        names.extend(values.into_iter().map(|name| NamedPrincipal { kind, name }));
    }
    Ok(names)
}

/// An operator without keys asks for nothing, so nothing is kept of it.
fn condition_block(node: Node) -> Result<Vec<Condition>, ParseError> {
    let mut conditions = Vec::new();
    for block in object("Condition", node)? {
        let operator = Text { value: block.name, span: block.name_span };
        for key in object("Condition", block.value)? {
            conditions.push(Condition {
                operator: operator.clone(),
                key: Text { value: key.name, span: key.name_span },
                values: list(key.value)
                    .map(condition_value)
                    .collect::<Result<Vec<Text>, ParseError>>()?,
            });
        }
    }
    Ok(conditions)
}

/// Numbers and booleans without quotes compare by their text.
fn condition_value(node: Node) -> Result<Text, ParseError> {
    let value = match node.value {
        Json::String(value) | Json::Number(value) => value,
        Json::Bool(value) => value.to_string(),
        _ => {
            return Err(wrong_type(
                "Condition",
                "a string, number or boolean, or a list",
                node.span,
            ));
        }
    };
    Ok(Text { value, span: node.span })
}

fn strings(element: &'static str, node: Node) -> Result<Vec<Text>, ParseError> {
    list(node).map(|node| string(element, node)).collect()
}

/// The items of a list, or the one thing that stands for a list of one.
fn list(node: Node) -> impl Iterator<Item = Node> {
    match node.value {
        Json::Array(nodes) => nodes,
        _ => vec![node],
    }
    .into_iter()
}

fn string(element: &'static str, node: Node) -> Result<Text, ParseError> {
    match node.value {
        Json::String(value) => Ok(Text { value, span: node.span }),
        _ => Err(wrong_type(element, "a string", node.span)),
    }
}

fn object(element: &'static str, node: Node) -> Result<Vec<Member>, ParseError> {
    match node.value {
        Json::Object(members) => Ok(members),
        _ => Err(wrong_type(element, "an object", node.span)),
    }
}

fn unknown(member: Member) -> ParseError {
    error(ParseErrorKind::UnknownElement(member.name), member.name_span)
}

fn wrong_type(element: &'static str, wanted: &'static str, span: Span) -> ParseError {
    error(ParseErrorKind::Type { element, wanted }, span)
}

fn error(kind: ParseErrorKind, span: Span) -> ParseError {
    ParseError { kind, span }
}
