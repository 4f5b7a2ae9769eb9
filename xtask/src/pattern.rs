//! Patterns of the models (Java's dialect) as expressions of `iamd_api::pattern`.

use std::fmt::Write;

use anyhow::{Context, bail};
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

/// Stands for `(?!-)`, which the parser does not know; only the account alias has it.
const NOT_BEFORE_HYPHEN: char = '\u{E000}';

/// The character ranges beyond ASCII that patterns share, as constants.
#[derive(Default)]
pub(crate) struct Ranges(Vec<String>);

impl Ranges {
    /// An expression for these ranges.
    fn expression(&mut self, ranges: String) -> String {
        if ranges.is_empty() {
            return "&[]".to_owned();
        }
        let at = self.0.iter().position(|known| *known == ranges).unwrap_or_else(|| {
            self.0.push(ranges);
            self.0.len() - 1
        });
        format!("RANGES_{at}")
    }

    /// The constants.
    pub(crate) fn declarations(&self) -> String {
        let mut out = String::new();
        for (at, ranges) in self.0.iter().enumerate() {
            let _ = writeln!(out, "const RANGES_{at}: &[(char, char)] = &[{ranges}];");
        }
        out
    }
}

/// The `Node` expression of a pattern.
pub(crate) fn expression(pattern: &str, ranges: &mut Ranges) -> anyhow::Result<String> {
    let plain = pattern
        .replace(r"\w", "[A-Za-z0-9_]")
        .replace(r"\d", "[0-9]")
        .replace("(?!-)", &NOT_BEFORE_HYPHEN.to_string())
        // Java reads four digits after `\u`; six are what the authors meant: the characters of XML.
        .replace(r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF");
    let hir = regex_syntax::parse(&plain).with_context(|| pattern.to_owned())?;
    node(&hir, ranges).with_context(|| pattern.to_owned())
}

fn node(hir: &Hir, ranges: &mut Ranges) -> anyhow::Result<String> {
    Ok(match hir.kind() {
        // The whole value is matched, so anchors say nothing.
        HirKind::Empty | HirKind::Look(_) => "Node::Sequence(&[])".to_owned(),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0)?;
            sequence(text.chars().map(|char| one(char, ranges)).collect())
        }
        HirKind::Class(Class::Unicode(set)) => class(set, ranges),
        HirKind::Repetition(repetition) => format!(
            "Node::Repeat {{ node: &{}, min: {}, max: {:?} }}",
            node(&repetition.sub, ranges)?,
            repetition.min,
            repetition.max
        ),
        HirKind::Capture(capture) => node(&capture.sub, ranges)?,
        HirKind::Concat(parts) => {
            let parts = parts.iter().filter(|part| !matches!(part.kind(), HirKind::Look(_)));
            sequence(parts.map(|part| node(part, ranges)).collect::<Result<_, _>>()?)
        }
        HirKind::Alternation(parts) => {
            let parts: Vec<_> =
                parts.iter().map(|part| node(part, ranges)).collect::<Result<_, _>>()?;
            format!("Node::Choice(&[{}])", parts.join(", "))
        }
        other => bail!("cannot express {other:?}"),
    })
}

fn sequence(mut nodes: Vec<String>) -> String {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => format!("Node::Sequence(&[{}])", nodes.join(", ")),
    }
}

fn one(char: char, ranges: &mut Ranges) -> String {
    if char == NOT_BEFORE_HYPHEN {
        return "Node::NotBefore('-')".to_owned();
    }
    let mut set = ClassUnicode::empty();
    set.push(regex_syntax::hir::ClassUnicodeRange::new(char, char));
    class(&set, ranges)
}

fn class(set: &ClassUnicode, ranges: &mut Ranges) -> String {
    let mut ascii = 0_u128;
    let mut others = String::new();
    for range in set.ranges() {
        for char in range.start()..=range.end().min('\u{7F}') {
            ascii |= 1 << u32::from(char);
        }
        if range.end() > '\u{7F}' {
            let start = range.start().max('\u{80}');
            let (start, end) = (u32::from(start), u32::from(range.end()));
            let _ = write!(others, "('\\u{{{start:x}}}', '\\u{{{end:x}}}'),");
        }
    }
    format!("Node::Class(Class {{ ascii: {ascii:#x}, ranges: {} }})", ranges.expression(others))
}
