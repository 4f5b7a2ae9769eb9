//! The REST-JSON protocol: method and path name the operation, the input stands in the query string and in a JSON
//! body, answers and errors are JSON.
//!
//! A request becomes the same [`Parameters`] that a form becomes, so that everything behind (constraints, inputs,
//! audit records) is written once. The shape of the input leads the way through the body: what it does not know
//! is passed over, what is of another type is refused.

use std::io::Write;

use iamd_api::{Kind, Member, Operation, Route, Shape};
use iamd_types::{Code, Error, Timestamp};
use serde::Serialize;
use serde_json::Value as Json;

use crate::json::ser::{Value, write_text};
use crate::json::{CONTENT_TYPE as JSON, Plain};
use crate::query::{MAX_PARAMETERS, Parameters};
use crate::{DecodeError, EncodeError};

/// The content type of answers.
pub const CONTENT_TYPE: &str = JSON;

/// Reads a request for the operation that a route leads to. serde_json bounds the depth of the body.
///
/// # Errors
/// `Malformed` for a body that is not JSON or not of the input's types.
pub fn read(
    route: &Route,
    operation: &Operation,
    query: &str,
    body: &[u8],
) -> Result<Parameters<'static>, DecodeError> {
    let mut pairs = Pairs(Vec::new());
    let given = Parameters::parse(query.as_bytes())?;
    for &name in route.query {
        if let Some(value) = given.get(name) {
            pairs.put(name.to_owned(), value.to_owned())?;
        }
    }
    if !body.is_empty() {
        let body: Json = serde_json::from_slice(body)
            .map_err(|_| DecodeError::malformed("The body of the request is not JSON."))?;
        let in_body = |member: &&Member| !route.query.contains(&member.name);
        pairs.structure("", operation.input.members().iter().filter(in_body), &body)?;
    }
    Parameters::of_pairs(pairs.0)
}

/// The parameters made so far.
struct Pairs(Vec<(String, String)>);

impl Pairs {
    fn put(&mut self, name: String, value: String) -> Result<(), DecodeError> {
        if self.0.len() == MAX_PARAMETERS {
            return Err(DecodeError::malformed("Too many parameters."));
        }
        self.0.push((name, value));
        Ok(())
    }

    fn structure<'m>(
        &mut self,
        above: &str,
        members: impl Iterator<Item = &'m Member>,
        json: &Json,
    ) -> Result<(), DecodeError> {
        let object = json.as_object().ok_or_else(|| mistyped(above, "an object"))?;
        for member in members {
            // A null is a member that was left out.
            if let Some(value) = object.get(member.name).filter(|value| !value.is_null()) {
                let point = if above.is_empty() { "" } else { "." };
                self.value(&format!("{above}{point}{}", member.name), member.shape, value)?;
            }
        }
        Ok(())
    }

    fn value(&mut self, name: &str, shape: &Shape, json: &Json) -> Result<(), DecodeError> {
        let text = match (&shape.kind, json) {
            (Kind::Structure(members), json) => return self.structure(name, members.iter(), json),
            (Kind::List { member, .. }, Json::Array(elements)) => {
                if elements.is_empty() {
                    return self.put(name.to_owned(), String::new());
                }
                for (at, element) in elements.iter().enumerate() {
                    self.value(&format!("{name}.member.{}", at + 1), member, element)?;
                }
                return Ok(());
            }
            (Kind::Map { value, .. }, Json::Object(entries)) => {
                for (at, (key, json)) in entries.iter().enumerate() {
                    let entry = format!("{name}.entry.{}", at + 1);
                    self.put(format!("{entry}.key"), key.clone())?;
                    self.value(&format!("{entry}.value"), value, json)?;
                }
                return Ok(());
            }
            (Kind::Text { .. } | Kind::Blob, Json::String(text)) => text.clone(),
            (Kind::Integer { .. } | Kind::Long { .. }, Json::Number(number)) if number.is_i64() => {
                number.to_string()
            }
            (Kind::Boolean, Json::Bool(value)) => value.to_string(),
            (Kind::Timestamp, Json::Number(seconds)) if seconds.is_i64() => {
                Timestamp::from_seconds(seconds.as_i64().unwrap_or_default()).to_string()
            }
            (kind, _) => return Err(mistyped(name, type_of(kind))),
        };
        self.put(name.to_owned(), text)
    }
}

fn type_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Structure(_) | Kind::Map { .. } => "an object",
        Kind::List { .. } => "a list",
        Kind::Text { .. } | Kind::Blob => "a string",
        Kind::Integer { .. } | Kind::Long { .. } | Kind::Timestamp => "a whole number",
        Kind::Boolean => "true or false",
    }
}

fn mistyped(name: &str, wanted: &str) -> DecodeError {
    let name = if name.is_empty() { "The body of the request" } else { name };
    DecodeError::malformed(format!("{name} must be {wanted}."))
}

/// Appends the answer of an operation.
pub fn write_response<T: Serialize>(out: &mut Vec<u8>, output: &T) -> Result<(), EncodeError> {
    let start = out.len();
    let written = output.serialize(Value::of(out, Plain));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Appends the body of an error. Its type stands in the header `x-amzn-ErrorType`.
pub fn write_error(out: &mut Vec<u8>, error: &Error) {
    out.extend_from_slice(b"{\"message\":");
    write_text(out, error.message());
    let reason = match error.code() {
        Code::MalformedInput | Code::MalformedQueryString => Some("cannotParse"),
        Code::ValidationError => Some("fieldValidationFailed"),
        Code::InvalidInput | Code::RequestEntityTooLarge => Some("other"),
        _ => None,
    };
    if let Some(reason) = reason {
        // Writing to memory does not fail.
        let _ = write!(out, ",\"reason\":\"{reason}\"");
    }
    out.push(b'}');
}

/// The name of an error in this protocol, and its HTTP status: those of the models, and for what all services
/// have in common those of AWS's front ends.
pub fn error_type(code: Code) -> (&'static str, u16) {
    match code {
        Code::AccessDenied => ("AccessDeniedException", 403),
        Code::ExpiredToken => ("ExpiredTokenException", 403),
        Code::IncompleteSignature => ("IncompleteSignatureException", 403),
        Code::InternalFailure | Code::ServiceFailure => ("InternalServerException", 500),
        Code::InvalidAction | Code::MissingAction | Code::NoSuchVersion => {
            ("UnknownOperationException", 404)
        }
        Code::InvalidClientTokenId => ("UnrecognizedClientException", 403),
        Code::InvalidInput
        | Code::MalformedInput
        | Code::MalformedQueryString
        | Code::RequestEntityTooLarge
        | Code::ValidationError => ("ValidationException", 400),
        Code::MissingAuthenticationToken => ("MissingAuthenticationTokenException", 403),
        Code::RequestExpired | Code::SignatureDoesNotMatch => ("InvalidSignatureException", 403),
        Code::ServiceUnavailable => ("ServiceUnavailableException", 503),
        Code::Throttling => ("ThrottlingException", 429),
        other => (other.as_str(), other.http_status()),
    }
}

#[cfg(test)]
mod tests {
    use iamd_api::accessanalyzer::{SERVICE, ValidatePolicyRequest};
    use proptest::prelude::*;

    use super::*;
    use crate::query::decode;

    fn request(query: &str, body: &str) -> Result<ValidatePolicyRequest, DecodeError> {
        let route = SERVICE.route("POST", "/policy/validation").unwrap();
        let operation = SERVICE.operation(route.operation).unwrap();
        let parameters = read(route, operation, query, body.as_bytes())?;
        decode(&parameters, &SERVICE, operation)
    }

    #[test]
    fn members_come_from_query_and_body_each_from_its_own_place() {
        let body = r#"{"policyDocument":"{\"a\":\"b\"}","policyType":"IDENTITY_POLICY","locale":null,
            "nextToken":"not here","more":[1]}"#;
        let input = request("maxResults=7&x=y", body).unwrap();
        assert_eq!(input.policy_document, r#"{"a":"b"}"#);
        assert_eq!((input.max_results, input.next_token, input.locale), (Some(7), None, None));
    }

    #[test]
    fn what_is_not_of_its_type_is_refused() {
        for (query, body) in [
            ("", "{"),
            ("", "[]"),
            ("", r#"{"policyDocument":7,"policyType":"IDENTITY_POLICY"}"#),
            ("", r#"{"policyDocument":["x"],"policyType":"IDENTITY_POLICY"}"#),
            ("maxResults=x", r#"{"policyDocument":"x","policyType":"IDENTITY_POLICY"}"#),
            (
                "maxResults=1&maxResults=2",
                r#"{"policyDocument":"x","policyType":"IDENTITY_POLICY"}"#,
            ),
        ] {
            let refused = request(query, body).unwrap_err();
            assert_eq!(refused.code(), Code::MalformedInput, "{query} {body}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(request("", &deep).unwrap_err().code(), Code::MalformedInput);
        let missing = request("", "").unwrap_err();
        assert_eq!(missing.code(), Code::ValidationError);
        assert!(missing.to_string().starts_with("2 validation errors detected"), "{missing}");
    }

    proptest! {
        #[test]
        fn no_request_panics(query in ".{0,40}", body in "[\\[\\]{}:,\"a-z0-9.]{0,60}") {
            let _ = request(&query, &body);
        }
    }
}
