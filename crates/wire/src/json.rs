//! Answers of the Query protocol in JSON: what STS writes for `Accept: application/json`.
//!
//! The frame is the XML's, with objects for elements; instants are seconds since the epoch.

pub(crate) mod ser;

use std::io::Write;

use iamd_api::Operation;
use iamd_types::{Error, Timestamp};
use serde::Serialize;

use crate::{EncodeError, form, xml};
pub use ser::write_text;
use ser::{Dialect, Value};

/// The content type of answers.
pub const CONTENT_TYPE: &str = "application/json";

/// Whether an `Accept` header asks for JSON: it names `application/json` and does not refuse it.
pub fn is_asked_for(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let (media_type, parameters) = range.split_once(';').unwrap_or((range, ""));
        let refused = parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().strip_prefix("q="))
            .any(|quality| quality.parse() == Ok(0.0_f32));
        media_type.trim().eq_ignore_ascii_case(CONTENT_TYPE) && !refused
    })
}

/// Appends the answer of an operation that has an output.
pub fn write_response<T: Serialize>(
    out: &mut Vec<u8>,
    operation: &Operation,
    request_id: &str,
    output: &T,
) -> Result<(), EncodeError> {
    let start = out.len();
    let name = operation.name;
    // Writing to memory does not fail.
    let _ = write!(out, "{{\"{name}Response\":{{\"{name}Result\":");
    if let Err(error) = output.serialize(Value::of(out, Plain)) {
        out.truncate(start);
        return Err(error);
    }
    out.push(b',');
    close_response(out, request_id);
    Ok(())
}

/// Appends the answer of an operation without output: only the request's id.
pub fn write_empty_response(out: &mut Vec<u8>, operation: &Operation, request_id: &str) {
    let _ = write!(out, "{{\"{}Response\":{{", operation.name);
    close_response(out, request_id);
}

/// Appends the error envelope.
pub fn write_error(out: &mut Vec<u8>, error: &Error, request_id: &str) {
    let _ = write!(out, "{{\"Error\":{{\"Code\":\"{}\"", error.code());
    if !error.message().is_empty() {
        out.extend_from_slice(b",\"Message\":");
        write_text(out, error.message());
    }
    let _ = write!(out, ",\"Type\":\"{}\"}},\"RequestId\":", xml::error_type(error));
    write_text(out, request_id);
    out.push(b'}');
}

fn close_response(out: &mut Vec<u8>, request_id: &str) {
    out.extend_from_slice(b"\"ResponseMetadata\":{\"RequestId\":");
    write_text(out, request_id);
    out.extend_from_slice(b"}}}");
}

/// The dialect of answers: names as in the model.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Dialect for Plain {
    fn member(self, out: &mut Vec<u8>, name: &'static str) -> Option<Self> {
        write_text(out, name);
        Some(self)
    }

    fn inner(self) -> Self {
        self
    }

    fn timestamp(self, out: &mut Vec<u8>, at: Timestamp) {
        let _ = match at.millis().rem_euclid(1000) {
            0 => write!(out, "{}", at.seconds()),
            millis => write!(out, "{}.{millis:03}", at.seconds()),
        };
    }

    fn document(self, out: &mut Vec<u8>, document: &str) {
        out.push(b'"');
        form::encode_document(out, document);
        out.push(b'"');
    }
}
