//! Places while a document is walked, and the list into which findings go.

use super::{Finding, FindingCode, Location, PathElement};
use crate::json::{Member, Node};
use crate::{Position, Span};

/// The most findings about one document; what comes after is not reported.
pub const MAX_FINDINGS: usize = 1_000;

/// The most text that all findings about one document hold together, in bytes: names from the document stand in
/// every path and in messages.
const MAX_REPORT_BYTES: usize = 2 * 1024 * 1024;

/// The most characters of a document's text that a message quotes.
const MAX_QUOTED: usize = 100;

/// A place that is being looked at. Names on the path are shared.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: Vec<PathElement>,
    pub(super) span: Span,
}

impl Place {
    pub(super) fn root(node: &Node) -> Self {
        Self { path: Vec::new(), span: node.span }
    }

    /// A place that has no path.
    pub(super) fn bare(span: Span) -> Self {
        Self { path: Vec::new(), span }
    }

    /// The name of a member.
    pub(super) fn key(&self, member: &Member) -> Self {
        self.step(PathElement::Key(member.name.as_str().into()), member.name_span)
    }

    /// The value of a member.
    pub(super) fn value(&self, member: &Member) -> Self {
        self.step(PathElement::Value(member.name.as_str().into()), member.value.span)
    }

    /// An item of a list.
    pub(super) fn item(&self, index: usize, node: &Node) -> Self {
        self.step(PathElement::Index(index), node.span)
    }

    /// Bytes of the string that stands here. The span narrows where the string has no escapes.
    pub(super) fn part(&self, string: &str, start: usize, end: usize) -> Self {
        let (Some(before), Some(part)) = (string.get(..start), string.get(start..end)) else {
            return self.clone();
        };
        let (start, length) = (before.chars().count(), part.chars().count());
        let Span { start: first, end: last } = self.span;
        // Two quotes and no escapes, so bytes of the text are bytes of the string.
        let plain = (last.offset - first.offset) as usize == string.len() + 2;
        let at = |text: &str, from: Position| Position {
            line: from.line,
            column: from.column + text.chars().count() as u32,
            offset: from.offset + text.len() as u32,
        };
        let from = at("\"", first);
        let from = at(before, from);
        let span = if plain { Span { start: from, end: at(part, from) } } else { self.span };
        self.step(PathElement::Substring { start, length }, span)
    }

    fn step(&self, element: PathElement, span: Span) -> Self {
        let mut path = Vec::with_capacity(self.path.len() + 1);
        path.extend_from_slice(&self.path);
        path.push(element);
        Self { path, span }
    }

    fn location(&self) -> Location {
        Location { path: self.path.clone(), span: self.span }
    }

    fn weight(&self) -> usize {
        let names = self.path.iter().map(|element| match element {
            PathElement::Key(name) | PathElement::Value(name) => name.len(),
            PathElement::Index(_) | PathElement::Substring { .. } => 0,
        });
        names.sum::<usize>() + size_of::<Location>()
    }
}

/// Collects findings until there are too many.
#[derive(Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    bytes: usize,
}

impl Report {
    /// Adds a finding about one place.
    pub(super) fn add(&mut self, code: FindingCode, place: &Place, message: impl Into<String>) {
        self.add_all(code, &[place], message);
    }

    /// Adds a finding about several places.
    pub(super) fn add_all(
        &mut self,
        code: FindingCode,
        places: &[&Place],
        message: impl Into<String>,
    ) {
        if self.is_full() {
            return;
        }
        let message = message.into();
        let weight: usize = places.iter().map(|place| place.weight()).sum();
        self.bytes = self.bytes.saturating_add(weight + message.len());
        let locations = places.iter().map(|place| place.location()).collect();
        self.findings.push(Finding { code, message, locations });
    }

    /// Whether nothing more is taken, so that looking for more is idle.
    pub(super) fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS || self.bytes >= MAX_REPORT_BYTES
    }

    /// The findings in the order of their places; at one place the worst first.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|finding| {
            let first = finding.locations.first().map(|location| location.span.start);
            (first, finding.code.finding_type())
        });
        self.findings
    }
}

/// A text from the document as messages show it.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
    }
}
