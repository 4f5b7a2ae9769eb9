//! Values as lines of text, for headers and attributes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_api::shape::DateForm;
use iamd_types::Timestamp;
use iamd_types::time::TIMESTAMP_TOKEN;
use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeSeq, Serializer};

use super::date;
use crate::EncodeError;

/// Makes one line of a scalar, and of a list with commas between its elements; two of each entry of a map; and
/// none of what is not there.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    date: DateForm,
    /// Whether the next number is an instant.
    is_date: bool,
}

impl Lines {
    pub(super) const fn of(date: DateForm) -> Self {
        Self { date, is_date: false }
    }
}

type Made = Result<Vec<String>, EncodeError>;

/// The lines of a list or a map.
pub(super) struct Several {
    lines: Lines,
    made: Vec<String>,
}

impl Several {
    fn add<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.made.push(value.serialize(self.lines)?.pop().unwrap_or_default());
        Ok(())
    }
}

impl Serializer for Lines {
    type Ok = Vec<String>;
    type Error = EncodeError;
    type SerializeSeq = Several;
    type SerializeMap = Several;
    type SerializeStruct = Impossible<Vec<String>, EncodeError>;
    type SerializeTuple = Impossible<Vec<String>, EncodeError>;
    type SerializeTupleStruct = Impossible<Vec<String>, EncodeError>;
    type SerializeTupleVariant = Impossible<Vec<String>, EncodeError>;
    type SerializeStructVariant = Impossible<Vec<String>, EncodeError>;

    fn serialize_bool(self, value: bool) -> Made {
        self.serialize_str(if value { "true" } else { "false" })
    }

    fn serialize_i32(self, value: i32) -> Made {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Made {
        let at = Timestamp::from_millis(value);
        Ok(vec![match (self.is_date, self.date) {
            (false, _) => value.to_string(),
            (true, DateForm::Http) => date::http(at),
            (true, DateForm::Iso8601) => date::iso8601(at),
        }])
    }

    fn serialize_str(self, text: &str) -> Made {
        Ok(vec![text.to_owned()])
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Made {
        self.serialize_str(&STANDARD.encode(bytes))
    }

    fn serialize_none(self) -> Made {
        Ok(Vec::new())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Made {
        Ok(Vec::new())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Made {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Made {
        value.serialize(Self { is_date: name == TIMESTAMP_TOKEN, ..self })
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Several, EncodeError> {
        Ok(Several { lines: self, made: Vec::new() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Several, EncodeError> {
        Ok(Several { lines: self, made: Vec::new() })
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, EncodeError> {
        Err(EncodeError::unsupported("a structure in a header"))
    }

    crate::ser::unsupported!();
}

impl SerializeSeq for Several {
    type Ok = Vec<String>;
    type Error = EncodeError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.add(value)
    }

    fn end(self) -> Made {
        Ok(if self.made.is_empty() { self.made } else { vec![self.made.join(",")] })
    }
}

impl SerializeMap for Several {
    type Ok = Vec<String>;
    type Error = EncodeError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.add(key)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.add(value)
    }

    fn end(self) -> Made {
        Ok(self.made)
    }
}
