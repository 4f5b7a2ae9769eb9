//! The parameter tree as a serde format.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_types::Timestamp;
use iamd_types::blob::BLOB_TOKEN;
use iamd_types::time::TIMESTAMP_TOKEN;
use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{Node, Parameters};
use crate::DecodeError;

/// Makes an operation's input of the parameters. Parameters that the type does not know are passed
/// over, as on AWS: `Action`, `Version` and those of a presigned request are among them.
pub fn from_parameters<'p, T: Deserialize<'p>>(
    parameters: &'p Parameters<'_>,
) -> Result<T, DecodeError> {
    T::deserialize(parameters.root())
}

impl<'p> Node<'p> {
    pub(crate) fn boolean(self) -> Result<bool, DecodeError> {
        match self.text()? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.malformed("must be true or false")),
        }
    }

    pub(crate) fn integer(self) -> Result<i32, DecodeError> {
        self.text()?.parse().map_err(|_| self.malformed("must be a whole number"))
    }

    pub(crate) fn long(self) -> Result<i64, DecodeError> {
        self.text()?.parse().map_err(|_| self.malformed("must be a whole number"))
    }

    pub(super) fn timestamp(self) -> Result<Timestamp, DecodeError> {
        Timestamp::parse(self.text()?)
            .ok_or_else(|| self.malformed("must be an ISO 8601 time, such as 2026-02-12T09:30:00Z"))
    }

    pub(super) fn blob(self) -> Result<Vec<u8>, DecodeError> {
        STANDARD.decode(self.text()?).map_err(|_| self.malformed("must be base64"))
    }
}

impl<'p> Deserializer<'p> for Node<'p> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'p>>(self, _: V) -> Result<V::Value, DecodeError> {
        Err(self.malformed("has a type that forms cannot carry"))
    }

    fn deserialize_bool<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_i32<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i32(self.integer()?)
    }

    fn deserialize_i64<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i64(self.long()?)
    }

    fn deserialize_str<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'p>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match name {
            TIMESTAMP_TOKEN => visitor.visit_i64(self.timestamp()?.millis()),
            BLOB_TOKEN => visitor.visit_byte_buf(self.blob()?),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_seq(SeqDeserializer::new(self.list()?.into_iter()))
    }

    fn deserialize_map<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_map(MapDeserializer::new(self.map()?.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'p>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_map(MapDeserializer::new(self.structure()?.children()))
    }

    fn deserialize_enum<V: Visitor<'p>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    fn deserialize_unit<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'p>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { <V: Visitor<'p>>
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit_struct tuple
        tuple_struct identifier
    }
}

impl<'p> IntoDeserializer<'p, DecodeError> for Node<'p> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
