//! Values as the content of an XML element.
//!
//! Structures become one element per member, lists `<member>` elements, maps `<entry>` elements. An
//! element without content is written short, `<Tags/>`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_api::document::POLICY_DOCUMENT_TOKEN;
use iamd_types::Timestamp;
use iamd_types::blob::BLOB_TOKEN;
use iamd_types::time::TIMESTAMP_TOKEN;
use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use std::io::Write;

use super::{push, write_text};
use crate::{EncodeError, form};

/// Writes the content of one element.
pub(super) struct Content<'o> {
    out: &'o mut Vec<u8>,
    form: Form,
}

/// What the next scalar is.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Plain,
    Timestamp,
    Document,
}

impl<'o> Content<'o> {
    pub(super) fn of(out: &'o mut Vec<u8>) -> Self {
        Self { out, form: Form::Plain }
    }

    fn element<T: ?Sized + Serialize>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        push(self.out, &["<", name, ">"]);
        let start = self.out.len();
        value.serialize(Content::of(self.out))?;
        if self.out.len() == start {
            self.out.pop();
            push(self.out, &["/>"]);
        } else {
            push(self.out, &["</", name, ">"]);
        }
        Ok(())
    }
}

impl Serializer for Content<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Self;
    type SerializeMap = Self;
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
        // Writing to memory does not fail.
        let _ = match self.form {
            Form::Timestamp => write!(self.out, "{}", Timestamp::from_millis(value)),
            Form::Plain | Form::Document => write!(self.out, "{value}"),
        };
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), EncodeError> {
        match self.form {
            Form::Document => form::encode_document(self.out, text),
            Form::Plain | Form::Timestamp => write_text(self.out, text),
        }
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
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
        let form = match name {
            TIMESTAMP_TOKEN => Form::Timestamp,
            POLICY_DOCUMENT_TOKEN => Form::Document,
            BLOB_TOKEN => Form::Plain,
            _ => self.form,
        };
        value.serialize(Content { form, ..self })
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, EncodeError> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        Ok(self)
    }

    crate::ser::unsupported!();
}

impl SerializeSeq for Content<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.element("member", value)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl SerializeMap for Content<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), EncodeError> {
        push(self.out, &["<entry>"]);
        self.element("key", key)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.element("value", value)?;
        push(self.out, &["</entry>"]);
        Ok(())
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl SerializeStruct for Content<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.element(name, value)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}
