//! Parameters against the constraints of the model, with AWS's validation messages.
//!
//! All violations of a request are told at once:
//! `2 validation errors detected: Value 'x' at 'userName' failed to satisfy constraint: …; …`.

use std::fmt::{self, Display, Write};

use iamd_api::shape::Bounds;
use iamd_api::{Kind, Member, Operation, Pattern, Service, Shape};

use super::rule::{End, Rule, Told, broken_bounds, broken_rules};
use super::{Node, Parameters};
use crate::DecodeError;

/// Violations beyond this number are not told. AWS's own limit is not known.
const MAX_VIOLATIONS: usize = 100;

/// Longer values are not repeated in messages, in bytes.
const MAX_ECHO: usize = 16 * 1024;

/// Holds the parameters of a request against the operation's constraints. Parameters that the model
/// does not know are passed over, as on AWS.
///
/// A value of the wrong type is `MalformedInput`, told before anything else; then all violations
/// together; then, for names and paths of IAM, the first that is told in a sentence of its own.
pub fn check(
    parameters: &Parameters<'_>,
    service: &Service,
    operation: &Operation,
) -> Result<(), DecodeError> {
    let mut checker =
        Checker { echo: service.echoes_values, violations: Vec::new(), sentence: None };
    checker.structure(parameters.root(), operation.input.members(), None)?;
    checker.finish()
}

struct Checker {
    echo: bool,
    violations: Vec<String>,
    sentence: Option<String>,
}

/// Where a value stands, as messages name it: `tags.1.member.key`.
struct Path<'a> {
    above: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
    Key(&'a str),
}

impl Checker {
    fn finish(self) -> Result<(), DecodeError> {
        let message = match (self.violations.len(), self.sentence) {
            (0, None) => return Ok(()),
            (0, Some(sentence)) => sentence,
            (1, _) => format!("1 validation error detected: {}", self.violations.join("; ")),
            (count, _) => {
                format!("{count} validation errors detected: {}", self.violations.join("; "))
            }
        };
        Err(DecodeError::Invalid(message))
    }

    fn structure(
        &mut self,
        node: Node<'_>,
        members: &[Member],
        above: Option<&Path<'_>>,
    ) -> Result<(), DecodeError> {
        let node = node.structure()?;
        for member in members {
            let path = Path { above, step: Step::Member(member.name) };
            match node.child(member.name) {
                Some(value) => self.value(value, member.shape, &path)?,
                None if member.required => self.violation(&path, Rule::NotNull, Some("null")),
                None => {}
            }
        }
        Ok(())
    }

    fn value(&mut self, node: Node<'_>, shape: &Shape, path: &Path<'_>) -> Result<(), DecodeError> {
        match &shape.kind {
            Kind::Structure(members) => self.structure(node, members, Some(path)),
            Kind::List { member, length } => {
                let elements = node.list()?;
                self.size(elements.len(), *length, path);
                self.elements(&elements, member, path)
            }
            Kind::Map { key, value, length } => {
                let entries = node.map()?;
                self.size(entries.len(), *length, path);
                self.entries(&entries, key, value, path)
            }
            _ => self.scalar(node, shape, path),
        }
    }

    fn scalar(
        &mut self,
        node: Node<'_>,
        shape: &Shape,
        path: &Path<'_>,
    ) -> Result<(), DecodeError> {
        let text = scalar_text(node, shape)?;
        let shown = (!shape.sensitive).then_some(text);
        broken_rules(text, shape, |rule| match rule {
            Rule::Pattern(Pattern { sentence: Some(sentence), .. }) => {
                self.sentence.get_or_insert_with(|| {
                    format!("The specified value for {path} is invalid. {sentence}")
                });
            }
            rule => self.quoted_violation(path, rule, shown),
        });
        Ok(())
    }

    fn elements(
        &mut self,
        elements: &[Node<'_>],
        shape: &Shape,
        path: &Path<'_>,
    ) -> Result<(), DecodeError> {
        if is_composite(shape) {
            for (at, element) in elements.iter().enumerate() {
                let path = Path { above: Some(path), step: Step::Element(at + 1) };
                self.value(*element, shape, &path)?;
            }
            return Ok(());
        }
        let texts = scalar_texts(elements.iter().copied(), shape)?;
        if texts.iter().any(|text| breaks_a_rule(text, shape)) {
            let shown = (!shape.sensitive).then(|| format!("'[{}]'", texts.join(", ")));
            self.violation(path, Rule::Elements(shape), shown.as_deref());
        }
        Ok(())
    }

    fn entries(
        &mut self,
        entries: &[(&str, Node<'_>)],
        key: &Shape,
        value: &Shape,
        path: &Path<'_>,
    ) -> Result<(), DecodeError> {
        if is_composite(value) {
            for (key, node) in entries {
                let path = Path { above: Some(path), step: Step::Key(key) };
                self.value(*node, value, &path)?;
            }
        }
        let values = match is_composite(value) {
            true => Vec::new(),
            false => scalar_texts(entries.iter().map(|(_, node)| *node), value)?,
        };
        let shown = (!key.sensitive && !value.sensitive && !is_composite(value)).then(|| {
            let pairs =
                entries.iter().zip(&values).map(|((key, _), value)| format!("{key}={value}"));
            format!("'{{{}}}'", pairs.collect::<Vec<_>>().join(", "))
        });
        if entries.iter().any(|(text, _)| breaks_a_rule(text, key)) {
            self.violation(path, Rule::Keys(key), shown.as_deref());
        }
        if values.iter().any(|text| breaks_a_rule(text, value)) {
            self.violation(path, Rule::MapValues(value), shown.as_deref());
        }
        Ok(())
    }

    /// Elements of a list, or entries of a map. AWS echoes them in Java's notation, which tells
    /// nothing of use; the value is left out.
    fn size(&mut self, count: usize, length: Bounds, path: &Path<'_>) {
        broken_bounds(i64::try_from(count).unwrap_or(i64::MAX), length, |end| {
            let rule = match end {
                End::Min(min) => Rule::MinLength(min),
                End::Max(max) => Rule::MaxLength(max),
            };
            self.violation(path, rule, None);
        });
    }

    fn quoted_violation(&mut self, path: &Path<'_>, rule: Rule<'_>, value: Option<&str>) {
        let quoted = value
            .filter(|value| self.echo && value.len() <= MAX_ECHO)
            .map(|value| format!("'{value}'"));
        self.violation(path, rule, quoted.as_deref());
    }

    fn violation(&mut self, path: &Path<'_>, rule: Rule<'_>, value: Option<&str>) {
        if self.violations.len() == MAX_VIOLATIONS {
            return;
        }
        let value = match value {
            Some(value) if self.echo && value.len() <= MAX_ECHO => format!("Value {value}"),
            _ => "Value".to_owned(),
        };
        self.violations.push(format!(
            "{value} at '{path}' failed to satisfy constraint: {}",
            Told { rule, list_values: self.echo }
        ));
    }
}

fn is_composite(shape: &Shape) -> bool {
    matches!(shape.kind, Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. })
}

/// The text of a scalar, once it is known to be of its type.
fn scalar_text<'p>(node: Node<'p>, shape: &Shape) -> Result<&'p str, DecodeError> {
    match shape.kind {
        Kind::Integer { .. } => node.integer().map(drop)?,
        Kind::Long { .. } => node.long().map(drop)?,
        Kind::Boolean => node.boolean().map(drop)?,
        Kind::Timestamp => node.timestamp().map(drop)?,
        Kind::Blob => node.blob().map(drop)?,
        _ => {}
    }
    node.text()
}

fn scalar_texts<'p>(
    nodes: impl Iterator<Item = Node<'p>>,
    shape: &Shape,
) -> Result<Vec<&'p str>, DecodeError> {
    nodes.map(|node| scalar_text(node, shape)).collect()
}

fn breaks_a_rule(text: &str, shape: &Shape) -> bool {
    let mut broken = false;
    broken_rules(text, shape, |_| broken = true);
    broken
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above {
            write!(f, "{above}.")?;
        }
        match self.step {
            Step::Member(name) => write_lower_first(f, name),
            Step::Element(number) => write!(f, "{number}.member"),
            Step::Key(key) => write!(f, "{key}.member"),
        }
    }
}

fn write_lower_first(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let mut chars = name.chars();
    if let Some(first) = chars.next() {
        f.write_char(first.to_ascii_lowercase())?;
    }
    f.write_str(chars.as_str())
}
