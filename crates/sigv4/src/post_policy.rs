//! The policy document of a form upload: what it may say, and whether a form meets it.
//!
//! S3 API reference, "POST Policy". Every field of the form must be spoken of, but for the
//! documented exceptions, so that nothing can be added to a form that was given out.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::present::echo;
use crate::time::Timestamp;
use crate::{PostError, PostForm, PostLimits};

/// More conditions than this are refused.
const MAX_CONDITIONS: usize = 500;

/// A policy, read but not yet compared.
pub(crate) struct PostPolicy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

enum Condition {
    Eq {
        field: String,
        value: String,
    },
    StartsWith {
        field: String,
        value: String,
    },
    ContentLengthRange {
        least: u64,
        most: u64,
    },
    /// What S3 cannot interpret never holds. As it was written.
    Unknown(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expiration: Option<String>,
    conditions: Option<Vec<Written>>,
}

/// A condition as it is written.
enum Written {
    /// `{"acl": "public-read"}`: one name exactly.
    Object(Vec<(String, Value)>),
    /// `["starts-with", "$key", "user/"]`
    List(Vec<Value>),
}

impl PostPolicy {
    /// Reads the form's `policy` field: Base64 of JSON. Line breaks in it are passed over.
    pub(crate) fn parse(field: &str) -> Result<Self, PostError> {
        let invalid = |reason: &str| PostError::InvalidPolicy { reason: reason.to_owned() };
        let compact: Vec<u8> = field.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let json = BASE64_STANDARD.decode(compact).map_err(|_| invalid("Invalid Base64."))?;
        let document: Document =
            serde_json::from_slice(&json).map_err(|error| PostError::InvalidPolicy {
                reason: format!("Invalid JSON: {}", echo(&error.to_string())),
            })?;
        let expiration =
            document.expiration.ok_or_else(|| invalid("Policy missing expiration."))?;
        let expiration = Timestamp::parse_expiration(expiration.as_bytes())
            .ok_or_else(|| invalid("Invalid 'expiration' value."))?;
        let written = document.conditions.ok_or_else(|| invalid("Policy missing conditions."))?;
        if written.len() > MAX_CONDITIONS {
            return Err(invalid("Too many conditions."));
        }
        let conditions = written.into_iter().map(Condition::read).collect::<Result<_, _>>()?;
        Ok(Self { expiration, conditions })
    }

    /// Whether the form meets the policy now; what it says of the file's size.
    pub(crate) fn allows(
        &self,
        form: &PostForm<'_>,
        now_unix_seconds: i64,
    ) -> Result<PostLimits, PostError> {
        if Timestamp::from_unix_seconds(now_unix_seconds) >= self.expiration {
            return Err(PostError::PolicyExpired);
        }
        let mut limits = PostLimits::NONE;
        for condition in &self.conditions {
            if let Condition::ContentLengthRange { least, most } = *condition {
                limits.least = limits.least.max(least);
                limits.most = limits.most.min(most);
            } else if !condition.holds(form) {
                return Err(PostError::Condition { condition: echo(&condition.to_string()) });
            }
        }
        let fields = form.fields.iter().map(|&(name, _)| name);
        for name in fields.chain(["bucket"]) {
            if needs_condition(name) && !self.conditions.iter().any(|it| it.speaks_of(name)) {
                return Err(PostError::ExtraField { name: echo(name) });
            }
        }
        Ok(limits)
    }
}

/// "Each form field that you specify in a form (except x-amz-signature, file, policy, and field
/// names that have an x-ignore- prefix) must appear in the list of conditions."
fn needs_condition(name: &str) -> bool {
    let exempt = ["x-amz-signature", "file", "policy"];
    !exempt.iter().any(|it| it.eq_ignore_ascii_case(name)) && !has_prefix(name, "x-ignore-")
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Fields that a condition must name exactly, as the page's table says: `bucket`,
/// `success_action_status` and every `x-amz-` field that is no metadata.
fn exact_only(field: &str) -> bool {
    field.eq_ignore_ascii_case("bucket")
        || field.eq_ignore_ascii_case("success_action_status")
        || has_prefix(field, "x-amz-") && !has_prefix(field, "x-amz-meta-")
}

impl Condition {
    fn read(written: Written) -> Result<Self, PostError> {
        let list = match written {
            Written::Object(pairs) => {
                let single = <[_; 1]>::try_from(pairs).map_err(|_| PostError::InvalidPolicy {
                    reason: "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
                        .to_owned(),
                })?;
                let [(field, value)] = single;
                return Ok(match value {
                    Value::String(value) => Self::Eq { field, value },
                    other => Self::Unknown(Value::Array(vec!["eq".into(), other]).to_string()),
                });
            }
            Written::List(list) => list,
        };
        let known = match list.as_slice() {
            [Value::String(operator), least, most]
                if operator.eq_ignore_ascii_case("content-length-range") =>
            {
                size(least)
                    .zip(size(most))
                    .map(|(least, most)| Self::ContentLengthRange { least, most })
            }
            [Value::String(operator), Value::String(field), Value::String(value)] => {
                field.strip_prefix('$').and_then(|field| {
                    let (field, value) = (field.to_owned(), value.clone());
                    match operator.to_ascii_lowercase().as_str() {
                        "eq" => Some(Self::Eq { field, value }),
                        "starts-with" if !exact_only(&field) => {
                            Some(Self::StartsWith { field, value })
                        }
                        _ => None,
                    }
                })
            }
            _ => None,
        };
        Ok(known.unwrap_or_else(|| Self::Unknown(Value::Array(list).to_string())))
    }

    /// Whether the field is there and has a value that the condition takes. A field that is not
    /// there meets no condition, not even that it starts with nothing.
    fn holds(&self, form: &PostForm<'_>) -> bool {
        match self {
            Self::Eq { field, value } if field.eq_ignore_ascii_case("bucket") => {
                value == form.bucket && form.value("bucket").is_none_or(|sent| sent == value)
            }
            Self::Eq { field, value } => form.value(field) == Some(value),
            Self::StartsWith { field, value } => form.value(field).is_some_and(|sent| {
                // "Content-Types values for a starts-with condition that include commas are
                // interpreted as lists. Each value in the list must meet the condition."
                match field.eq_ignore_ascii_case("content-type") {
                    true => sent.split(',').all(|kind| kind.trim_ascii().starts_with(value)),
                    false => sent.starts_with(value),
                }
            }),
            Self::ContentLengthRange { .. } => true,
            Self::Unknown(_) => false,
        }
    }

    fn speaks_of(&self, name: &str) -> bool {
        match self {
            Self::Eq { field, .. } | Self::StartsWith { field, .. } => {
                field.eq_ignore_ascii_case(name)
            }
            Self::ContentLengthRange { .. } | Self::Unknown(_) => false,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |operator: &str, field: &str, value: &str| {
            let quoted =
                [operator, &format!("${field}"), value].map(|it| Value::from(it).to_string());
            format!("[{}]", quoted.join(", "))
        };
        match self {
            Self::Eq { field, value } => f.write_str(&list("eq", field, value)),
            Self::StartsWith { field, value } => f.write_str(&list("starts-with", field, value)),
            Self::ContentLengthRange { least, most } => {
                write!(f, "[\"content-length-range\", {least}, {most}]")
            }
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

/// A size: a number, or the digits of one.
fn size(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()
        }
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WrittenVisitor;

        impl<'de> Visitor<'de> for WrittenVisitor {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() == 2 {
                        return Err(de::Error::custom("more than one property in a condition"));
                    }
                    pairs.push(pair);
                }
                Ok(Written::Object(pairs))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Written, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Written::List(values))
            }
        }

        deserializer.deserialize_any(WrittenVisitor)
    }
}
