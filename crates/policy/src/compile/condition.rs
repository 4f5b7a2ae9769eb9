//! Conditions with their values read once: numbers, moments, address ranges, patterns of ARN components.

use std::cell::Cell;
use std::net::IpAddr;

use compact_str::CompactString;
use ipnet::IpNet;
use smallvec::{Array, SmallVec};

use crate::compile::glob::Glob;
use crate::compile::template::{Part, Pattern, Template, Wildcards, match_parts};
use crate::context::Key;
use crate::operator::{self, Operator, Quantifier, Relation, Truth};
use crate::value::{self, Decimal};
use crate::{Context, Values, Version};

/// A condition with an operator that exists.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    key: Key,
    operator: Operator,
    /// Whether the policy gives no value at all.
    empty: bool,
    /// Whether the policy gives a value that makes no sense. Values that equal nothing are left out.
    unreadable: bool,
    test: Test,
}

/// The values to compare with, by how they are compared.
#[derive(Clone, Debug)]
enum Test {
    Text(SmallVec<[Pattern; 1]>),
    IgnoreCase(SmallVec<[Folded; 1]>),
    Arn(SmallVec<[ArnPattern; 1]>),
    Number(Relation, SmallVec<[Decimal; 1]>),
    Moment(Relation, SmallVec<[i128; 1]>),
    /// Whether false, and whether true, is among the values.
    Boolean([bool; 2]),
    /// Base64 as it is written: each sequence of bytes has one form only.
    Binary(SmallVec<[Box<str>; 1]>),
    Address(SmallVec<[IpNet; 2]>),
    /// The same as for booleans, of whether the key is missing.
    Null([bool; 2]),
}

/// What was read from the request's values in one decision: most conditions ask about the same few keys.
#[derive(Default)]
pub(crate) struct Readings {
    address: Reading<IpAddr>,
    moment: Reading<i128>,
}

/// The last text read and what it said.
struct Reading<T>(Cell<Option<(*const u8, usize, Option<T>)>>);

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self(Cell::new(None))
    }
}

impl<T: Copy> Reading<T> {
    /// The request's values do not move while it is decided, so the same place holds the same text.
    fn of(&self, text: &str, read: fn(&str) -> Option<T>) -> Option<T> {
        match self.0.get() {
            Some((start, length, known)) if start == text.as_ptr() && length == text.len() => known,
            _ => {
                let known = read(text);
                self.0.set(Some((text.as_ptr(), text.len(), known)));
                known
            }
        }
    }
}

impl Condition {
    /// Reads a condition's values; `None` when nobody knows the operator.
    pub(crate) fn of(condition: &crate::Condition, version: Version) -> Option<Self> {
        let operator = Operator::parse(&condition.operator.value)?;
        let values = condition.values.iter().map(|text| text.value.as_str());
        let (test, unreadable) = Test::of(operator.test, values, version);
        let (key, empty) = (Key::of(&condition.key.value), condition.values.is_empty());
        Some(Self { key, operator, empty, unreadable, test })
    }

    /// How much work it is, roughly.
    pub(crate) fn cost(&self) -> usize {
        match &self.test {
            Test::Boolean(_) | Test::Null(_) | Test::Number(..) | Test::Moment(..) => 1,
            Test::Address(ranges) => 1 + ranges.len(),
            Test::Text(patterns) => 1 + patterns.len(),
            Test::Binary(values) => 1 + values.len(),
            Test::IgnoreCase(values) => 2 + values.len(),
            Test::Arn(patterns) => 2 + 2 * patterns.len(),
        }
    }

    /// Whether the condition holds in a request.
    pub(crate) fn holds(&self, context: &Context, readings: &Readings) -> Truth {
        let values = context.find(&self.key);
        if let Test::Null(among) = &self.test {
            return self.found(is_among(among, values.is_none()));
        }
        let Some(values) = values else { return self.holds_without_key() };
        let one = |value: &str| {
            let truth = self.compare(value, context, readings);
            if self.operator.negated { truth.not() } else { truth }
        };
        match (self.operator.quantifier, values) {
            (Some(Quantifier::All), _) => Truth::all(values.as_slice().iter().map(|it| one(it))),
            (Some(Quantifier::Any), _) => Truth::any(values.as_slice().iter().map(|it| one(it))),
            (None, Values::Multiple(_)) => Truth::No,
            (None, Values::Single(_)) if self.empty => Truth::No,
            (None, Values::Single(value)) => one(value),
        }
    }

    fn holds_without_key(&self) -> Truth {
        match self.operator.quantifier {
            Some(Quantifier::All) => Truth::Yes,
            Some(Quantifier::Any) => Truth::No,
            None if self.operator.if_exists => Truth::Yes,
            None => (self.operator.negated && !self.empty).into(),
        }
    }

    /// Whether a value of the request stands in the operator's relation to any value of the policy.
    fn compare(&self, value: &str, context: &Context, readings: &Readings) -> Truth {
        match &self.test {
            Test::Text(patterns) => self.any(patterns, |it| it.matches(value, context)),
            Test::IgnoreCase(texts) => self.any(texts, |it| it.equals(value, context)),
            Test::Arn(patterns) => self.any(patterns, |it| it.matches(value, context)),
            Test::Number(relation, numbers) => {
                self.found(numbers.iter().any(|number| {
                    number.order_of(value).is_some_and(|order| relation.admits(order))
                }))
            }
            Test::Moment(relation, moments) => {
                let moment = readings.moment.of(value, value::instant);
                self.found(moment.is_some_and(|moment| {
                    moments.iter().any(|other| relation.admits(moment.cmp(other)))
                }))
            }
            Test::Boolean(among) => {
                self.found(value::boolean(value).is_some_and(|value| is_among(among, value)))
            }
            Test::Binary(texts) => self.found(texts.iter().any(|text| **text == *value)),
            Test::Address(ranges) => {
                let address = readings.address.of(value, |text| text.parse().ok());
                self.found(address.is_some_and(|it| ranges.iter().any(|range| range.contains(&it))))
            }
            Test::Null(_) => Truth::No,
        }
    }

    fn any<T>(&self, all: &[T], holds: impl Fn(&T) -> Truth) -> Truth {
        match Truth::any(all.iter().map(holds)) {
            Truth::No => self.found(false),
            truth => truth,
        }
    }

    fn found(&self, found: bool) -> Truth {
        match (found, self.unreadable) {
            (true, _) => Truth::Yes,
            (false, true) => Truth::Unreadable,
            (false, false) => Truth::No,
        }
    }
}

/// Whether a boolean is among the values that were given as (has false, has true).
fn is_among(among: &[bool; 2], value: bool) -> bool {
    let [has_false, has_true] = *among;
    if value { has_true } else { has_false }
}

impl Test {
    /// Reads the values, and whether one of them makes no sense.
    fn of<'a>(
        test: operator::Test,
        values: impl Iterator<Item = &'a str>,
        version: Version,
    ) -> (Self, bool) {
        use operator::Test as Operator;
        let wildcards = match test {
            Operator::StringLike => Wildcards::Yes,
            _ => Wildcards::No,
        };
        match test {
            Operator::String | Operator::StringLike => {
                let (patterns, bad) = read(values, |it| Pattern::of(it, version, wildcards));
                (Self::Text(patterns), bad)
            }
            Operator::StringIgnoreCase => {
                let (texts, bad) = read(values, |it| Folded::of(it, version));
                (Self::IgnoreCase(texts), bad)
            }
            Operator::Arn => {
                let (patterns, bad) = read(values, |it| ArnPattern::of(it, version));
                (Self::Arn(patterns), bad)
            }
            _ => {
                // Variables belong to strings and ARNs; elsewhere they equal nothing.
                let has_variable = |it: &&str| version == Version::V2012 && it.contains("${");
                Self::of_typed(test, values.filter(|it| !has_variable(it)))
            }
        }
    }

    fn of_typed<'a>(test: operator::Test, values: impl Iterator<Item = &'a str>) -> (Self, bool) {
        use operator::Test as Operator;
        match test {
            Operator::Numeric(relation) => {
                let (numbers, bad) = read(values, Decimal::parse);
                // What is no number is merely unequal to every number.
                (Self::Number(relation, numbers), bad && relation != Relation::Equal)
            }
            Operator::Date(relation) => {
                let (moments, bad) = read(values, value::instant);
                (Self::Moment(relation, moments), bad)
            }
            Operator::Binary => {
                let (texts, bad) = read(values, |it| value::bytes(it).map(|_| it.into()));
                (Self::Binary(texts), bad)
            }
            Operator::Address => {
                let (ranges, bad) = read(values, value::address_range);
                (Self::Address(ranges), bad)
            }
            _ => {
                let (booleans, bad): (SmallVec<[bool; 2]>, bool) = read(values, value::boolean);
                let among = [booleans.contains(&false), booleans.contains(&true)];
                match test {
                    Operator::Null => (Self::Null(among), bad),
                    _ => (Self::Boolean(among), bad),
                }
            }
        }
    }
}

/// Those values that can be read, and whether there are others.
fn read<'a, A: Array>(
    values: impl Iterator<Item = &'a str>,
    read: impl Fn(&'a str) -> Option<A::Item>,
) -> (SmallVec<A>, bool) {
    let mut bad = false;
    let values = values.filter_map(|value| {
        let value = read(value);
        bad |= value.is_none();
        value
    });
    (values.collect(), bad)
}

/// A text to compare without regard to case.
#[derive(Clone, Debug)]
enum Folded {
    /// In lower case.
    Plain(CompactString),
    Template(Box<Template>),
}

impl Folded {
    fn of(text: &str, version: Version) -> Option<Self> {
        let template = Template::of(text, version, Wildcards::No)?;
        Some(match template.plain() {
            Some(Glob::Exact(text)) => Self::Plain(lower(&text).collect()),
            _ => Self::Template(Box::new(template)),
        })
    }

    fn equals(&self, value: &str, context: &Context) -> Truth {
        match self {
            Self::Plain(text) if text.is_ascii() && value.is_ascii() => {
                text.eq_ignore_ascii_case(value).into()
            }
            Self::Plain(text) => lower(value).eq(text.chars()).into(),
            Self::Template(template) => template.resolve(context, |values| {
                let parts = template.parts().iter();
                lower(value).eq(parts.flat_map(|part| lower(part.text(values).unwrap_or_default())))
            }),
        }
    }
}

/// The characters of a text, each in lower case.
fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// The pattern of an ARN operator: six components, compared one by one.
#[derive(Clone, Debug)]
enum ArnPattern {
    /// A lone `*`: every ARN.
    Any,
    /// Fewer than six components: nothing.
    Nothing,
    Plain(Box<[Glob; 6]>),
    /// With variables, and its components as long as no value has a colon in it.
    Template(Box<(Template, Option<[Component; 6]>)>),
}

/// The pieces of one component.
type Component = Box<[Part]>;

impl ArnPattern {
    fn of(text: &str, version: Version) -> Option<Self> {
        let template = Template::of(text, version, Wildcards::Yes)?;
        let components = components(&template);
        if template.plain().is_none() {
            return Some(Self::Template(Box::new((template, components))));
        }
        Some(match components {
            Some(components) => Self::Plain(Box::new(components.map(|it| plain(&it)))),
            None if text == "*" => Self::Any,
            None => Self::Nothing,
        })
    }

    fn matches(&self, value: &str, context: &Context) -> Truth {
        match self {
            Self::Any => is_arn(value).into(),
            Self::Nothing => Truth::No,
            Self::Plain(globs) => {
                let mut components = globs.iter().zip(value.splitn(6, ':'));
                (is_arn(value) && components.all(|(glob, text)| glob.matches(text))).into()
            }
            Self::Template(it) => {
                let (template, components) = &**it;
                template.resolve(context, |values| {
                    // A colon in a value separates components, too.
                    if values.iter().any(|value| value.contains(':')) || components.is_none() {
                        return operator::arn_matches(value, &template.tokens(values));
                    }
                    is_arn(value)
                        && components
                            .iter()
                            .flatten()
                            .zip(value.splitn(6, ':'))
                            .all(|(component, text)| match_parts(component, text, values))
                })
            }
        }
    }
}

fn is_arn(value: &str) -> bool {
    value.starts_with("arn:") && value.bytes().filter(|byte| *byte == b':').count() >= 5
}

/// The text cut at its first five colons.
fn components(template: &Template) -> Option<[Component; 6]> {
    let mut components: Vec<Vec<Part>> = vec![Vec::new()];
    let push = |components: &mut Vec<Vec<Part>>, part: Part| {
        if let Some(component) = components.last_mut() {
            component.push(part);
        }
    };
    for part in template.parts() {
        let Part::Text(text) = part else {
            push(&mut components, part.clone());
            continue;
        };
        for (index, piece) in text.splitn(7 - components.len(), ':').enumerate() {
            if index > 0 {
                components.push(Vec::new());
            }
            if !piece.is_empty() {
                push(&mut components, Part::Text(piece.into()));
            }
        }
    }
    let components: Vec<Component> = components.into_iter().map(Into::into).collect();
    components.try_into().ok()
}

fn plain(component: &Component) -> Glob {
    Glob::from_atoms(component.iter().filter_map(Part::atom))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::Token;
    use crate::variable::Expansion;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn arn_patterns_match_as_the_expanded_text_does(
            pieces in prop::collection::vec(prop::sample::select(&[
                "arn", ":", ":", ":", ":", ":", "a", "*", "?", "${k:a}", "${k:b}", "${k:c}",
            ][..]), 0..14),
            value in prop::collection::vec(prop::sample::select(&["a", "b", ":", "ab"][..]), 0..9),
            a in prop::sample::select(&["", "a", ":", "a:b", "arn:a::", "arn:::::"][..]),
            b in prop::sample::select(&["", "a", "b"][..]),
        ) {
            let mut context = Context::new();
            context.set("k:a", a);
            context.set("k:b", b);
            let (pattern, value) = (pieces.concat(), format!("arn:{}", value.concat()));
            for version in [Version::V2008, Version::V2012] {
                let wanted = match operator::expand(&pattern, version, &context, Token::of) {
                    Expansion::Tokens(tokens) => operator::arn_matches(&value, &tokens).into(),
                    Expansion::Unresolved => Truth::No,
                    Expansion::Unreadable => Truth::Unreadable,
                };
                let found = ArnPattern::of(&pattern, version)
                    .map_or(Truth::Unreadable, |pattern| pattern.matches(&value, &context));
                prop_assert_eq!(found, wanted, "{} against {}", pattern, value);
            }
        }
    }
}
