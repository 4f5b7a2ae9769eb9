//! Answers of the Query protocol in XML, and its error envelope.

mod ser;
mod text;

use iamd_api::{Operation, Service};
use iamd_types::Error;
use serde::Serialize;

use crate::EncodeError;
use ser::Content;
pub(crate) use text::write_text;

/// The content type of answers.
pub const CONTENT_TYPE: &str = "text/xml";

/// Appends the answer of an operation that has an output. The members' order is that of the struct.
pub fn write_response<T: Serialize>(
    out: &mut Vec<u8>,
    service: &Service,
    operation: &Operation,
    request_id: &str,
    output: &T,
) -> Result<(), EncodeError> {
    let start = out.len();
    open_response(out, service, operation);
    push(out, &["<", operation.name, "Result>"]);
    if let Err(error) = output.serialize(Content::of(out)) {
        out.truncate(start);
        return Err(error);
    }
    push(out, &["</", operation.name, "Result>"]);
    close_response(out, operation, request_id);
    Ok(())
}

/// Appends the answer of an operation without output: only the request's id.
pub fn write_empty_response(
    out: &mut Vec<u8>,
    service: &Service,
    operation: &Operation,
    request_id: &str,
) {
    open_response(out, service, operation);
    close_response(out, operation, request_id);
}

/// Appends the error envelope. `Type` tells whose fault it was, by the code's status; an empty
/// message is left out, as in `ReportNotPresent`.
pub fn write_error(out: &mut Vec<u8>, xml_namespace: &str, error: &Error, request_id: &str) {
    push(out, &["<ErrorResponse xmlns=\"", xml_namespace, "\"><Error><Type>"]);
    push(out, &[error_type(error), "</Type><Code>", error.code().as_str(), "</Code>"]);
    if !error.message().is_empty() {
        push(out, &["<Message>"]);
        write_text(out, error.message());
        push(out, &["</Message>"]);
    }
    push(out, &["</Error><RequestId>"]);
    write_text(out, request_id);
    push(out, &["</RequestId></ErrorResponse>"]);
}

pub(crate) fn error_type(error: &Error) -> &'static str {
    if error.code().http_status() < 500 { "Sender" } else { "Receiver" }
}

fn open_response(out: &mut Vec<u8>, service: &Service, operation: &Operation) {
    push(out, &["<", operation.name, "Response xmlns=\"", service.xml_namespace, "\">"]);
}

fn close_response(out: &mut Vec<u8>, operation: &Operation, request_id: &str) {
    push(out, &["<ResponseMetadata><RequestId>"]);
    write_text(out, request_id);
    push(out, &["</RequestId></ResponseMetadata></", operation.name, "Response>"]);
}

/// Appends markup: names and namespaces of the models, which need no escaping.
pub(crate) fn push(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}
