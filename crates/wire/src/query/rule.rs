//! The constraints of the model as rules that a value breaks, and AWS's words for them.

use std::fmt::{self, Display, Write};

use iamd_api::shape::Bounds;
use iamd_api::{Kind, Pattern, Shape};

/// A constraint that a value breaks.
#[derive(Clone, Copy)]
pub(crate) enum Rule<'a> {
    NotNull,
    Values(&'a [&'a str]),
    Pattern(&'a Pattern),
    MinLength(i64),
    MaxLength(i64),
    MinValue(i64),
    MaxValue(i64),
    Elements(&'a Shape),
    Keys(&'a Shape),
    MapValues(&'a Shape),
}

/// Tells the rules that a scalar breaks, the pattern first as in AWS's messages.
pub(crate) fn broken_rules<'a>(text: &str, shape: &'a Shape, mut tell: impl FnMut(Rule<'a>)) {
    match &shape.kind {
        Kind::Text { length, pattern, values } => {
            if !values.is_empty() && !values.contains(&text) {
                tell(Rule::Values(values));
            }
            if let Some(pattern) = pattern.filter(|pattern| !pattern.matches(text)) {
                tell(Rule::Pattern(pattern));
            }
            // Code points, as Smithy counts lengths. Java's `length()` would count two for a
            // character beyond U+FFFF, which only STS's and tags' patterns let through.
            let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            broken_bounds(count, *length, |end| match end {
                End::Min(min) => tell(Rule::MinLength(min)),
                End::Max(max) => tell(Rule::MaxLength(max)),
            });
        }
        Kind::Integer { range } | Kind::Long { range } => {
            let Ok(value) = text.parse() else { return };
            broken_bounds(value, *range, |end| match end {
                End::Min(min) => tell(Rule::MinValue(min)),
                End::Max(max) => tell(Rule::MaxValue(max)),
            });
        }
        _ => {}
    }
}

pub(super) enum End {
    Min(i64),
    Max(i64),
}

pub(super) fn broken_bounds(value: i64, bounds: Bounds, mut tell: impl FnMut(End)) {
    if let Some(min) = bounds.min.filter(|min| value < *min) {
        tell(End::Min(min));
    }
    if let Some(max) = bounds.max.filter(|max| value > *max) {
        tell(End::Max(max));
    }
}

/// A rule as messages tell it.
pub(super) struct Told<'a> {
    pub(super) rule: Rule<'a>,
    /// Whether to list the values of an enum. IAM's messages do not since 2026, as they do not
    /// repeat refused values.
    pub(super) list_values: bool,
}

impl Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Rule::NotNull => f.write_str("Member must not be null"),
            Rule::Values(values) => {
                f.write_str("Member must satisfy enum value set")?;
                if self.list_values {
                    write!(f, ": [{}]", values.join(", "))?;
                }
                Ok(())
            }
            Rule::Pattern(pattern) => {
                write!(f, "Member must satisfy regular expression pattern: {}", pattern.text)
            }
            Rule::MinLength(min) => {
                write!(f, "Member must have length greater than or equal to {min}")
            }
            Rule::MaxLength(max) => {
                write!(f, "Member must have length less than or equal to {max}")
            }
            Rule::MinValue(min) => {
                write!(f, "Member must have value greater than or equal to {min}")
            }
            Rule::MaxValue(max) => write!(f, "Member must have value less than or equal to {max}"),
            Rule::Elements(shape) => {
                write!(f, "Member must satisfy constraint: {}", self.all_of(shape))
            }
            Rule::Keys(shape) => {
                write!(f, "Map keys must satisfy constraint: {}", self.all_of(shape))
            }
            Rule::MapValues(shape) => {
                write!(f, "Map value must satisfy constraint: {}", self.all_of(shape))
            }
        }
    }
}

impl<'a> Told<'a> {
    fn all_of(&self, shape: &'a Shape) -> AllRules<'a> {
        AllRules { shape, list_values: self.list_values }
    }
}

/// All rules of an element, broken or not, in the order recorded for `tagKeys`.
struct AllRules<'a> {
    shape: &'a Shape,
    list_values: bool,
}

impl Display for AllRules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        let mut rule =
            |rule: Rule<'_>| write!(f, "{}, ", Told { rule, list_values: self.list_values });
        match &self.shape.kind {
            Kind::Text { length, pattern, values } => {
                length.max.map_or(Ok(()), |max| rule(Rule::MaxLength(max)))?;
                length.min.map_or(Ok(()), |min| rule(Rule::MinLength(min)))?;
                pattern.map_or(Ok(()), |pattern| rule(Rule::Pattern(pattern)))?;
                if !values.is_empty() {
                    rule(Rule::Values(values))?;
                }
            }
            Kind::Integer { range } | Kind::Long { range } => {
                range.max.map_or(Ok(()), |max| rule(Rule::MaxValue(max)))?;
                range.min.map_or(Ok(()), |min| rule(Rule::MinValue(min)))?;
            }
            _ => {}
        }
        write!(f, "{}]", Told { rule: Rule::NotNull, list_values: self.list_values })
    }
}
