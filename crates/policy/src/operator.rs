//! Condition operators: their names, and how each compares one value of the request with one of the policy.

use std::cmp::Ordering;
use std::net::IpAddr;

use crate::pattern::{Pattern, Token};
use crate::value::{self, Decimal};
use crate::variable::{self, Expansion};
use crate::{Context, Version};

/// An operator, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    /// `ForAllValues:` or `ForAnyValue:`.
    pub(crate) quantifier: Option<Quantifier>,
    /// The comparison without its negation.
    pub(crate) test: Test,
    /// Whether it is one of the `Not` forms.
    pub(crate) negated: bool,
    /// Whether a missing key satisfies it.
    pub(crate) if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    All,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    String,
    StringIgnoreCase,
    StringLike,
    Numeric(Relation),
    Date(Relation),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The outcome of a comparison, a condition or an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Yes,
    No,
    /// What the policy says makes no sense. A Deny applies all the same, an Allow does not.
    Unreadable,
}

impl Operator {
    /// Reads an operator's name, which is exact about case. `None` is an operator nobody knows.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (quantifier, name) = match name.split_once(':') {
            None => (None, name),
            Some(("ForAllValues", name)) => (Some(Quantifier::All), name),
            Some(("ForAnyValue", name)) => (Some(Quantifier::Any), name),
            Some(_) => return None,
        };
        let (if_exists, name) = match name.strip_suffix("IfExists") {
            Some("Null") => return None,
            Some(name) => (true, name),
            None => (false, name),
        };
        let (test, negated) = test_of(name)?;
        Some(Self { quantifier, test, negated, if_exists })
    }
}

fn test_of(name: &str) -> Option<(Test, bool)> {
    use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    Some(match name {
        "StringEquals" => (Test::String, false),
        "StringNotEquals" => (Test::String, true),
        "StringEqualsIgnoreCase" => (Test::StringIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Test::StringIgnoreCase, true),
        "StringLike" => (Test::StringLike, false),
        "StringNotLike" => (Test::StringLike, true),
        "NumericEquals" => (Test::Numeric(Equal), false),
        "NumericNotEquals" => (Test::Numeric(Equal), true),
        "NumericLessThan" => (Test::Numeric(Less), false),
        "NumericLessThanEquals" => (Test::Numeric(LessOrEqual), false),
        "NumericGreaterThan" => (Test::Numeric(Greater), false),
        "NumericGreaterThanEquals" => (Test::Numeric(GreaterOrEqual), false),
        "DateEquals" => (Test::Date(Equal), false),
        "DateNotEquals" => (Test::Date(Equal), true),
        "DateLessThan" => (Test::Date(Less), false),
        "DateLessThanEquals" => (Test::Date(LessOrEqual), false),
        "DateGreaterThan" => (Test::Date(Greater), false),
        "DateGreaterThanEquals" => (Test::Date(GreaterOrEqual), false),
        "Bool" => (Test::Bool, false),
        "BinaryEquals" => (Test::Binary, false),
        "IpAddress" => (Test::Address, false),
        "NotIpAddress" => (Test::Address, true),
        "ArnEquals" | "ArnLike" => (Test::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
        "Null" => (Test::Null, false),
        _ => return None,
    })
}

impl Test {
    /// Whether a value of the request stands in this relation to a value of the policy.
    pub(crate) fn compare(
        self,
        value: &str,
        operand: &str,
        version: Version,
        context: &Context,
    ) -> Truth {
        match self {
            Self::String | Self::StringIgnoreCase | Self::StringLike | Self::Arn => {
                let token = match self {
                    Self::String | Self::StringIgnoreCase => Token::Literal,
                    _ => Token::of,
                };
                match expand(operand, version, context, token) {
                    Expansion::Tokens(tokens) => self.compare_text(value, &tokens).into(),
                    Expansion::Unresolved => Truth::No,
                    Expansion::Unreadable => Truth::Unreadable,
                }
            }
            // Variables belong to strings and ARNs; elsewhere they equal nothing (our reading).
            _ if version == Version::V2012 && operand.contains("${") => Truth::No,
            Self::Numeric(Relation::Equal) => {
                equal(Decimal::parse, value, operand).unwrap_or(false).into()
            }
            Self::Numeric(relation) => relation.compare(Decimal::parse, value, operand),
            Self::Date(relation) => relation.compare(value::instant, value, operand),
            Self::Bool | Self::Null => Relation::Equal.compare(value::boolean, value, operand),
            Self::Binary => Relation::Equal.compare(value::bytes, value, operand),
            Self::Address => match (value::address_range(operand), value.parse::<IpAddr>()) {
                (None, _) => Truth::Unreadable,
                (Some(range), Ok(address)) => range.contains(&address).into(),
                (Some(_), Err(_)) => Truth::No,
            },
        }
    }

    fn compare_text(self, value: &str, operand: &[Token]) -> bool {
        match self {
            Self::Arn => arn_matches(value, operand),
            Self::StringIgnoreCase => {
                let lower = |token: &Token| match token {
                    Token::Literal(c) => c.to_lowercase().collect::<String>(),
                    Token::One | Token::Any => String::new(),
                };
                value.chars().flat_map(char::to_lowercase).collect::<String>()
                    == operand.iter().map(lower).collect::<String>()
            }
            _ => Pattern::from_tokens(operand.iter().copied()).matches(value),
        }
    }
}

/// Puts variables in place, in the version of the language that has them.
pub(crate) fn expand(
    text: &str,
    version: Version,
    context: &Context,
    token: fn(char) -> Token,
) -> Expansion {
    match version {
        Version::V2008 => Expansion::Tokens(text.chars().map(token).collect()),
        Version::V2012 => variable::expand(text, context, token),
    }
}

/// AWS: ARN operators compare the six components one by one. A lone `*` is every ARN; shorter patterns match
/// nothing (our reading).
pub(crate) fn arn_matches(value: &str, pattern: &[Token]) -> bool {
    let components: Vec<&str> = value.splitn(6, ':').collect();
    if components.len() < 6 || components.first() != Some(&"arn") {
        return false;
    }
    if pattern == [Token::Any] {
        return true;
    }
    let patterns: Vec<&[Token]> =
        pattern.splitn(6, |&token| token == Token::Literal(':')).collect();
    patterns.len() == 6
        && patterns.iter().zip(components).all(|(pattern, component)| {
            Pattern::from_tokens(pattern.iter().copied()).matches(component)
        })
}

impl Relation {
    fn compare<T: Ord>(self, read: fn(&str) -> Option<T>, value: &str, operand: &str) -> Truth {
        let Some(operand) = read(operand) else { return Truth::Unreadable };
        let Some(value) = read(value) else { return Truth::No };
        self.admits(value.cmp(&operand)).into()
    }

    pub(crate) fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// Whether both can be read and are equal. What is no number is merely unequal to every number.
fn equal<T: PartialEq>(read: fn(&str) -> Option<T>, value: &str, operand: &str) -> Option<bool> {
    Some(read(value)? == read(operand)?)
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Truth {
    pub(crate) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unreadable => Self::Unreadable,
        }
    }

    /// Yes when one is; else unreadable when one is.
    pub(crate) fn any(all: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::No;
        for truth in all {
            match truth {
                Self::Yes => return Self::Yes,
                Self::Unreadable => result = Self::Unreadable,
                Self::No => {}
            }
        }
        result
    }

    /// No when one is; else unreadable when one is.
    pub(crate) fn all(all: impl IntoIterator<Item = Self>) -> Self {
        Self::any(all.into_iter().map(Self::not)).not()
    }
}
