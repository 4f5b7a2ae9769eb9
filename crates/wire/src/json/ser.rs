//! Values in JSON, in one of two dialects: answers, and audit records.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_api::document::POLICY_DOCUMENT_TOKEN;
use iamd_types::Timestamp;
use iamd_types::time::TIMESTAMP_TOKEN;
use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use crate::EncodeError;

/// How names, instants and policies are written.
pub(crate) trait Dialect: Copy {
    /// Appends the key of a member and tells the dialect of its value; none leaves the member out,
    /// and appends nothing.
    fn member(self, out: &mut Vec<u8>, name: &'static str) -> Option<Self>;

    /// The dialect of a list's elements and a map's values.
    fn inner(self) -> Self;

    /// Appends an instant.
    fn timestamp(self, out: &mut Vec<u8>, at: Timestamp);

    /// Appends a policy document, in quotes.
    fn document(self, out: &mut Vec<u8>, document: &str);
}

/// Writes one value.
pub(crate) struct Value<'o, D> {
    out: &'o mut Vec<u8>,
    dialect: D,
    form: Form,
}

/// Writes what is inside brackets or braces.
pub(crate) struct Inside<'o, D> {
    out: &'o mut Vec<u8>,
    dialect: D,
    close: u8,
    empty: bool,
}

/// What the next scalar is.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    Timestamp,
    Document,
}

/// Appends a JSON string.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    // Every byte is looked at, many at a time: that is faster than stopping early, and few texts need escapes.
    if text.as_bytes().iter().fold(false, |found, byte| found | is_escaped(byte)) {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

impl<'o, D: Dialect> Value<'o, D> {
    pub(crate) fn of(out: &'o mut Vec<u8>, dialect: D) -> Self {
        Self { out, dialect, form: Form::Plain }
    }

    fn open(self, open: u8, close: u8) -> Inside<'o, D> {
        self.out.push(open);
        Inside { out: self.out, dialect: self.dialect, close, empty: true }
    }
}

impl<D: Dialect> Inside<'_, D> {
    fn separate(&mut self) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
    }

    fn inner(&mut self) -> Value<'_, D> {
        Value::of(self.out, self.dialect.inner())
    }

    fn finish(self) {
        self.out.push(self.close);
    }
}

impl<'o, D: Dialect> Serializer for Value<'o, D> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Inside<'o, D>;
    type SerializeMap = Inside<'o, D>;
    type SerializeStruct = Inside<'o, D>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i32(self, value: i32) -> Result<(), EncodeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), EncodeError> {
        match self.form {
            Form::Timestamp => self.dialect.timestamp(self.out, Timestamp::from_millis(value)),
            Form::Plain | Form::Document => {
                let _ = write!(self.out, "{value}");
            }
        }
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), EncodeError> {
        match self.form {
            Form::Document => self.dialect.document(self.out, text),
            Form::Plain | Form::Timestamp => write_text(self.out, text),
        }
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.serialize_str(&STANDARD.encode(bytes))
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.extend_from_slice(b"null");
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
            _ => self.form,
        };
        value.serialize(Value { form, ..self })
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside<'o, D>, EncodeError> {
        Ok(self.open(b'[', b']'))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Inside<'o, D>, EncodeError> {
        Ok(self.open(b'{', b'}'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside<'o, D>, EncodeError> {
        Ok(self.open(b'{', b'}'))
    }

    crate::ser::unsupported!();
}

impl<D: Dialect> SerializeSeq for Inside<'_, D> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.separate();
        value.serialize(self.inner())
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish();
        Ok(())
    }
}

impl<D: Dialect> SerializeMap for Inside<'_, D> {
    type Ok = ();
    type Error = EncodeError;

    /// Keys are text; nothing else is a map's key in the models.
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.separate();
        key.serialize(self.inner())?;
        self.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self.inner())
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish();
        Ok(())
    }
}

impl<D: Dialect> SerializeStruct for Inside<'_, D> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let (start, was_empty) = (self.out.len(), self.empty);
        self.separate();
        let Some(dialect) = self.dialect.member(self.out, name) else {
            self.out.truncate(start);
            self.empty = was_empty;
            return Ok(());
        };
        self.out.push(b':');
        value.serialize(Value::of(self.out, dialect))
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_escaped_as_serde_json_does_it() {
        for character in ('\0'..='\u{ff}').chain(['\u{2028}', '…', '\u{10ffff}']) {
            for text in [character.to_string(), format!("before {character} and after")] {
                let mut out = Vec::new();
                write_text(&mut out, &text);
                assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
    }
}
