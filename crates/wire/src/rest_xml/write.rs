//! Typed outputs as status, headers and body.
//!
//! The shape of the output leads, as it does for requests: it tells for each member where it stands and what its
//! element is called. Elements come in the model's order, which is that of the struct's fields.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_api::shape::DateForm;
use iamd_api::{Kind, Member, Operation, Place, Service, Shape};
use iamd_types::Timestamp;
use iamd_types::time::TIMESTAMP_TOKEN;
use serde::Serialize;
use serde::ser::{Impossible, SerializeSeq, SerializeStruct, Serializer};

use super::lines::Lines;
use super::{CONTENT_TYPE, DECLARATION, XSI, date};
use crate::EncodeError;
use crate::xml::{push, write_text};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status of the model. An operation that answers ranges or conditions has others.
    pub status: u16,
    /// Names in small letters, and values.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body; empty where there is none, and where it is a stream.
    pub body: Vec<u8>,
}

/// Writes the output of an operation.
///
/// # Errors
/// A header that could not be one: a value with a control character.
pub fn write<T: Serialize>(
    service: &Service,
    operation: &Operation,
    output: &T,
) -> Result<Answer, EncodeError> {
    let mut answer = write_empty(service, operation);
    let Some(shape) = operation.output else { return Ok(answer) };
    let root = service.binding(operation.name).and_then(|binding| binding.root);
    let namespace = service.xml_namespace;
    if let Some(root) = root {
        push_root(&mut answer.body, root, namespace);
    }
    let start = answer.body.len();
    output.serialize(Top { answer: &mut answer, members: shape.members(), namespace })?;
    if let Some(root) = root {
        if answer.body.len() == start {
            answer.body.pop();
            push(&mut answer.body, &["/>"]);
        } else {
            push(&mut answer.body, &["</", root, ">"]);
        }
    }
    if !answer.body.is_empty() && !answer.headers.iter().any(|(name, _)| name == "content-type") {
        answer.headers.push((Cow::Borrowed("content-type"), CONTENT_TYPE.to_owned()));
    }
    Ok(answer)
}

/// The answer of an operation without output.
pub fn write_empty(service: &Service, operation: &Operation) -> Answer {
    let status = service.binding(operation.name).map_or(200, |binding| binding.status);
    Answer { status, headers: Vec::new(), body: Vec::new() }
}

fn push_root(out: &mut Vec<u8>, root: &str, namespace: &str) {
    push(out, &[DECLARATION, "<", root, " xmlns=\"", namespace, "\">"]);
}

/// The output itself: its members go to their places.
struct Top<'a> {
    answer: &'a mut Answer,
    members: &'static [Member],
    namespace: &'static str,
}

impl Top<'_> {
    fn header(&mut self, name: Cow<'static, str>, value: String) -> Result<(), EncodeError> {
        if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(EncodeError::unsupported("a control character in a header"));
        }
        self.answer.headers.push((name, value));
        Ok(())
    }

    /// A map: one header for each entry.
    fn headers(&mut self, prefix: &str, entries: Vec<String>) -> Result<(), EncodeError> {
        let mut entries = entries.into_iter();
        while let (Some(key), Some(mut value)) = (entries.next(), entries.next()) {
            if !value.is_ascii() {
                // RFC 2047, as S3 answers what no header carries by itself.
                value = format!("=?UTF-8?B?{}?=", STANDARD.encode(value));
            }
            self.header(Cow::Owned(format!("{prefix}{key}")), value)?;
        }
        Ok(())
    }
}

impl Serializer for Top<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Self;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_bool(self, _: bool) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_i32(self, _: i32) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_i64(self, _: i64) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_str(self, _: &str) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, EncodeError> {
        Err(NO_STRUCT)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        Err(NO_STRUCT)
    }

    crate::ser::unsupported!();
}

/// Outputs are structs.
const NO_STRUCT: EncodeError = EncodeError::unsupported("an output that is no struct");

impl SerializeStruct for Top<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let member = find(self.members, name)?;
        match member.place {
            Some(Place::Header { name, date }) => {
                let mut lines = value.serialize(Lines::of(*date))?;
                match lines.pop() {
                    Some(line) => self.header(Cow::Borrowed(name), line),
                    None => Ok(()),
                }
            }
            Some(Place::Headers(prefix)) => {
                self.headers(prefix, value.serialize(Lines::of(DateForm::Http))?)
            }
            Some(Place::Body) => {
                // Bucket policies are the only such bodies.
                push(&mut self.answer.body, &[&text(value)?]);
                self.header(Cow::Borrowed("content-type"), "application/json".to_owned())
            }
            Some(Place::Document(root)) => {
                let out = &mut self.answer.body;
                push_root(out, root, self.namespace);
                close(out, root, |out, attributes| {
                    value.serialize(Content::of(out, member.shape, attributes))
                })
            }
            Some(Place::Text) => {
                write_text(&mut self.answer.body, &text(value)?);
                Ok(())
            }
            Some(Place::Label | Place::Query(_)) => {
                Err(EncodeError::unsupported("a member of requests"))
            }
            _ => write_member(&mut self.answer.body, member, None, value),
        }
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// The text of a scalar.
fn text<T: ?Sized + Serialize>(value: &T) -> Result<String, EncodeError> {
    Ok(value.serialize(Lines::of(DateForm::Iso8601))?.pop().unwrap_or_default())
}

fn find(members: &'static [Member], name: &str) -> Result<&'static Member, EncodeError> {
    let mut members = members.iter();
    members
        .find(|member| member.name == name)
        .ok_or(EncodeError::unsupported("a member that the model does not have"))
}

/// Appends a member of a body. `attributes` is where those of the element around are put.
fn write_member<T: ?Sized + Serialize>(
    out: &mut Vec<u8>,
    member: &'static Member,
    attributes: Option<usize>,
    value: &T,
) -> Result<(), EncodeError> {
    match (member.place, &member.shape.kind) {
        (Some(Place::Attribute(local)), _) => {
            let text = text(value)?;
            let mut attribute = Vec::new();
            push(&mut attribute, &[" xmlns:xsi=\"", XSI, "\" xsi:", local, "=\""]);
            write_text(&mut attribute, &text);
            attribute.push(b'"');
            let at = attributes.ok_or(EncodeError::unsupported("an attribute of the root"))?;
            out.splice(at..at, attribute);
            Ok(())
        }
        (Some(Place::Flat(name)), Kind::List { member, .. }) => {
            value.serialize(Content::of_list(out, member, name))
        }
        (Some(Place::List { element, member: name }), Kind::List { member, .. }) => {
            write_element(out, element, |out, _| {
                value.serialize(Content::of_list(out, member, name))
            })
        }
        (place, _) => {
            let name = match place {
                Some(Place::Element(name)) => name,
                _ => member.name,
            };
            write_element(out, name, |out, attributes| {
                value.serialize(Content::of(out, member.shape, attributes))
            })
        }
    }
}

fn write_element(
    out: &mut Vec<u8>,
    name: &str,
    content: impl FnOnce(&mut Vec<u8>, usize) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    push(out, &["<", name, ">"]);
    close(out, name, content)
}

/// Appends the content and the end of an element whose start stands at the end of what is written.
fn close(
    out: &mut Vec<u8>,
    name: &str,
    content: impl FnOnce(&mut Vec<u8>, usize) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    content(out, start.saturating_sub(1))?;
    if out.len() == start {
        out.pop();
        push(out, &["/>"]);
    } else {
        push(out, &["</", name, ">"]);
    }
    Ok(())
}

/// The content of one element.
struct Content<'o> {
    out: &'o mut Vec<u8>,
    shape: &'static Shape,
    /// Whether the next number is an instant.
    is_date: bool,
    /// Where the element's attributes are put.
    attributes: usize,
    /// What the elements of a list are called.
    element: Option<&'static str>,
}

impl<'o> Content<'o> {
    fn of(out: &'o mut Vec<u8>, shape: &'static Shape, attributes: usize) -> Self {
        Self { out, shape, is_date: false, attributes, element: None }
    }

    fn of_list(out: &'o mut Vec<u8>, shape: &'static Shape, element: &'static str) -> Self {
        Self { element: Some(element), ..Self::of(out, shape, 0) }
    }
}

impl Serializer for Content<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Self;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        push(self.out, &[if value { "true" } else { "false" }]);
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        let text = match self.is_date {
            true => date::iso8601(Timestamp::from_millis(value)),
            false => value.to_string(),
        };
        push(self.out, &[&text]);
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), EncodeError> {
        write_text(self.out, text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), EncodeError> {
        push(self.out, &[&STANDARD.encode(bytes)]);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(Content { is_date: name == TIMESTAMP_TOKEN, ..self })
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, EncodeError> {
        match self.element {
            Some(_) => Ok(self),
            None => Err(EncodeError::unsupported("a list in a list")),
        }
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        Err(EncodeError::unsupported("a map in XML"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    crate::ser::unsupported!();
}

impl SerializeStruct for Content<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let member = find(self.shape.members(), name)?;
        write_member(self.out, member, Some(self.attributes), value)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl SerializeSeq for Content<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        let shape = self.shape;
        write_element(self.out, self.element.unwrap_or_default(), |out, attributes| {
            value.serialize(Content::of(out, shape, attributes))
        })
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}
