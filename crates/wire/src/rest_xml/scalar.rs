//! Single values against the model, with S3's words for each place.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_api::{Kind, Shape};
use iamd_types::Code;

use super::date;
use crate::DecodeError;
use crate::query::broken_rules;

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    /// An element of the body. S3 has one answer for all that is wrong there.
    Element,
    /// A header or a parameter of the query string, by name.
    Named(&'a str),
    /// The path.
    Path,
}

/// A value as the parameters hold it, once it is known to be what the model says: numbers and dates in one
/// form, texts as they are.
pub(super) fn scalar(text: Cow<'_, str>, shape: &Shape, at: At<'_>) -> Result<String, DecodeError> {
    let refused = || refuse(&text, shape, at);
    let value = match shape.kind {
        Kind::Integer { .. } => {
            text.trim_ascii().parse::<i32>().map_err(|_| refused())?.to_string()
        }
        Kind::Long { .. } => text.trim_ascii().parse::<i64>().map_err(|_| refused())?.to_string(),
        Kind::Boolean => {
            let mut value = text.trim_ascii().to_owned();
            value.make_ascii_lowercase();
            if !["true", "false"].contains(&value.as_str()) {
                return Err(refused());
            }
            value
        }
        Kind::Timestamp => date::iso8601(date::parse(text.trim_ascii()).ok_or_else(refused)?),
        Kind::Blob => {
            STANDARD.decode(&*text).map_err(|_| refused())?;
            text.into_owned()
        }
        Kind::Text { .. } => {
            if breaks_a_rule(&text, shape) {
                return Err(refused());
            }
            return Ok(text.into_owned());
        }
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => return Err(refused()),
    };
    let bad = breaks_a_rule(&value, shape) || is_out_of_range(&value, at);
    if bad { Err(refuse(&value, shape, at)) } else { Ok(value) }
}

fn breaks_a_rule(text: &str, shape: &Shape) -> bool {
    let mut broken = false;
    broken_rules(text, shape, |_| broken = true);
    broken
}

/// Counts whose range S3 checks and the model does not tell.
fn is_out_of_range(value: &str, at: At<'_>) -> bool {
    let At::Named(name) = at else { return false };
    let Ok(number) = value.parse::<i64>() else { return false };
    match name {
        "partNumber" => !(1..=10_000).contains(&number),
        "part-number-marker" => number < 0,
        _ => name.starts_with("max-") && number < 0,
    }
}

/// S3's answer to a value that it does not take.
fn refuse(text: &str, shape: &Shape, at: At<'_>) -> DecodeError {
    let name = match at {
        At::Element => return DecodeError::of_s3(Code::MalformedXml),
        At::Path => return DecodeError::of_s3(Code::InvalidUri),
        At::Named(name) => name,
    };
    let message = match name {
        "x-amz-storage-class" => return DecodeError::of_s3(Code::InvalidStorageClass),
        "x-amz-sdk-checksum-algorithm" | "x-amz-checksum-algorithm" => {
            let message = format!("Value for {name} header is invalid.");
            return DecodeError::refused(Code::InvalidRequest, message);
        }
        "x-amz-server-side-encryption" => {
            "The encryption method specified is not supported".to_owned()
        }
        "x-amz-metadata-directive" => "Unknown metadata directive.".to_owned(),
        "x-amz-tagging-directive" => "Unknown tagging directive.".to_owned(),
        "x-amz-copy-source" => {
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey".to_owned()
        }
        "encoding-type" => "Invalid Encoding Method specified in Request".to_owned(),
        "partNumber" => "Part number must be an integer between 1 and 10000, inclusive".to_owned(),
        _ => match shape.kind {
            Kind::Integer { .. } if text.trim_ascii().parse::<i32>().is_ok() => {
                format!("Argument {name} must be an integer between 0 and 2147483647")
            }
            Kind::Integer { .. } | Kind::Long { .. } => {
                format!("Provided {name} not an integer or within integer range")
            }
            _ => format!("Argument {name} is not valid."),
        },
    };
    DecodeError::argument(message, name, if shape.sensitive { "" } else { text })
}
