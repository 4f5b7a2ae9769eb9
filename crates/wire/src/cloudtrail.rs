//! What CloudTrail records say about a request: `requestParameters` and `responseElements`.
//!
//! Keys are member names that begin with a small letter (`userName`, `sAMLProviderArn`). Sensitive
//! members are left out at any depth, by the marks of the tables and not by the code that wrote the
//! value; AWS's records keep session tokens, ours do not, because whoever reads a record must not
//! gain the session.

use iamd_api::{Kind, Member, Operation, Service, Shape};
use iamd_types::Timestamp;
use serde::Serialize;

use crate::json::ser::{Dialect, Value, write_text};
use crate::query::{Node, Parameters};
use crate::{DecodeError, EncodeError, form};

/// Appends the `requestParameters` of a request as JSON: `null` when it gave none.
///
/// Parameters that the model does not know are left out, since nothing tells what they hold; so are
/// those that are not of their type, since such a request was refused.
pub fn write_request_parameters(
    out: &mut Vec<u8>,
    parameters: &Parameters<'_>,
    operation: &Operation,
) {
    let start = out.len();
    write_members(out, parameters.root(), operation.input.members());
    if out.get(start..) == Some(b"{}") {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

/// Appends the `responseElements` of an answer as JSON: `null` where CloudTrail keeps none, that is
/// for reads and for operations without output.
pub fn write_response_elements<T: Serialize>(
    out: &mut Vec<u8>,
    service: &Service,
    operation: &Operation,
    output: &T,
) -> Result<(), EncodeError> {
    let Some(shape) = operation.output.filter(|_| operation.records_output) else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    let start = out.len();
    let dialect = Audit { shape, date_format: service.audit_date_format };
    let written = output.serialize(Value::of(out, dialect));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write_members(out: &mut Vec<u8>, node: Node<'_>, members: &[Member]) {
    out.push(b'{');
    let mut first = true;
    for member in members.iter().filter(|member| !member.shape.sensitive) {
        let Some(value) = node.child(member.name) else { continue };
        let start = out.len();
        if !first {
            out.push(b',');
        }
        write_key(out, member.name);
        out.push(b':');
        match write_value(out, value, member.shape) {
            Ok(()) => first = false,
            Err(_) => out.truncate(start),
        }
    }
    out.push(b'}');
}

fn write_value(out: &mut Vec<u8>, node: Node<'_>, shape: &Shape) -> Result<(), DecodeError> {
    match &shape.kind {
        Kind::Structure(members) => write_members(out, node.structure()?, members),
        Kind::List { member, .. } => {
            out.push(b'[');
            let elements = node.list()?;
            for (at, element) in elements.into_iter().enumerate() {
                separate(out, at);
                write_hidden(out, element, member)?;
            }
            out.push(b']');
        }
        Kind::Map { value, .. } => {
            out.push(b'{');
            for (at, (key, node)) in node.map()?.into_iter().enumerate() {
                separate(out, at);
                write_text(out, key);
                out.push(b':');
                write_hidden(out, node, value)?;
            }
            out.push(b'}');
        }
        Kind::Integer { .. } => out.extend_from_slice(node.integer()?.to_string().as_bytes()),
        Kind::Long { .. } => out.extend_from_slice(node.long()?.to_string().as_bytes()),
        Kind::Boolean => out.extend_from_slice(node.boolean()?.to_string().as_bytes()),
        Kind::Text { .. } | Kind::Timestamp | Kind::Blob => {
            let text = node.text()?;
            // Sent where a certificate belongs, as happens with files that hold both.
            if text.contains("PRIVATE KEY") {
                return Err(node.malformed("holds a private key"));
            }
            write_text(out, text);
        }
    }
    Ok(())
}

/// Elements keep their places, so a sensitive one is written as `null`. No model has such a list.
fn write_hidden(out: &mut Vec<u8>, node: Node<'_>, shape: &Shape) -> Result<(), DecodeError> {
    if shape.sensitive {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    write_value(out, node, shape)
}

fn separate(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.push(b',');
    }
}

/// Appends a member's name as a key, its first letter made small.
fn write_key(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    if let Some(first) = out.get_mut(start) {
        first.make_ascii_lowercase();
    }
    out.push(b'"');
}

/// The dialect of records. It follows the output's shape to know what is sensitive.
#[derive(Clone, Copy)]
struct Audit {
    shape: &'static Shape,
    date_format: &'static str,
}

impl Dialect for Audit {
    fn member(self, out: &mut Vec<u8>, name: &'static str) -> Option<Self> {
        // A member that the model does not know is left out like a sensitive one.
        let shape = self.shape.member(name)?.shape;
        if shape.sensitive {
            return None;
        }
        write_key(out, name);
        Some(Self { shape, ..self })
    }

    fn inner(self) -> Self {
        let shape = match self.shape.kind {
            Kind::List { member, .. } => member,
            Kind::Map { value, .. } => value,
            _ => self.shape,
        };
        Self { shape, ..self }
    }

    fn timestamp(self, out: &mut Vec<u8>, at: Timestamp) {
        let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
        write_text(out, &at.strftime(self.date_format).to_string());
    }

    fn document(self, out: &mut Vec<u8>, document: &str) {
        out.push(b'"');
        form::encode_document(out, document);
        out.push(b'"');
    }
}
