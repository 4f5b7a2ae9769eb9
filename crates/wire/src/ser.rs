//! What no serializer here supports.

/// The methods of `Serializer` for types that no shape of the models has.
macro_rules! unsupported {
    (scalars: $($method:ident: $type:ty,)*) => {
        $(fn $method(self, _: $type) -> Result<Self::Ok, $crate::EncodeError> {
            Err($crate::EncodeError::unsupported(stringify!($type)))
        })*
    };
    () => {
        $crate::ser::unsupported! {
            scalars:
            serialize_i8: i8,
            serialize_i16: i16,
            serialize_u8: u8,
            serialize_u16: u16,
            serialize_u32: u32,
            serialize_u64: u64,
            serialize_f32: f32,
            serialize_f64: f64,
            serialize_char: char,
            serialize_unit_struct: &'static str,
        }

        fn serialize_newtype_variant<T: ?Sized + serde::Serialize>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Self::Ok, $crate::EncodeError> {
            Err($crate::EncodeError::unsupported("enum with data"))
        }

        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, $crate::EncodeError> {
            Err($crate::EncodeError::unsupported("tuple"))
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, $crate::EncodeError> {
            Err($crate::EncodeError::unsupported("tuple"))
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, $crate::EncodeError> {
            Err($crate::EncodeError::unsupported("enum with data"))
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, $crate::EncodeError> {
            Err($crate::EncodeError::unsupported("enum with data"))
        }
    };
}

pub(crate) use unsupported;
