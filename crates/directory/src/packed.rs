//! The form of every record, in memory as in the store: one run of bytes, read in place.
//!
//! A record is `version, count, count × varint length, fields`. A field that is missing at the end
//! (written by an older release) reads as empty, and unknown fields at the end are carried by the
//! bytes but not read, so that fields can be added. Views read from the bytes on demand; editing
//! goes through an owned struct that is packed again. One allocation per record is what lets a
//! million users fit in memory.

use iamd_types::{Tag, Timestamp, UniqueId};
use thiserror::Error;

/// The bytes are not a record of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a readable {0} record")]
pub struct Unreadable(pub &'static str);

/// The only version of the layout so far.
const VERSION: u8 = 1;

/// A value that stands in one field of a record.
pub trait Field: Sized {
    /// How the value is read in place.
    type View<'a>;

    /// Appends the field's bytes.
    fn put(&self, out: &mut Vec<u8>);

    /// Reads the field; `None` when the bytes are not a value of this type.
    fn view(bytes: &[u8]) -> Option<Self::View<'_>>;

    /// The owned value of a view.
    fn own(view: Self::View<'_>) -> Self;
}

/// The place of the field that is called so; one behind the last if there is none.
pub(crate) const fn position(fields: &[&[u8]], name: &[u8]) -> usize {
    match fields {
        [first, rest @ ..] if !equal(first, name) => 1 + position(rest, name),
        _ => 0,
    }
}

const fn equal(left: &[u8], right: &[u8]) -> bool {
    match (left, right) {
        ([], []) => true,
        ([one, left @ ..], [other, right @ ..]) => *one == *other && equal(left, right),
        _ => false,
    }
}

/// A record's bytes without their fields' meaning.
pub(crate) fn field(record: &[u8], index: usize) -> Option<&[u8]> {
    let [version, count, rest @ ..] = record else { return None };
    if *version != VERSION {
        return None;
    }
    let count = usize::from(*count);
    let (short, payload) = rest.split_at_checked(count)?;
    let (words, tail) = short.as_chunks::<8>();
    let long = words.iter().fold(0, |long, word| long | u64::from_ne_bytes(*word));
    let long = tail.iter().fold(long, |long, length| long | u64::from(*length));
    if long & 0x8080_8080_8080_8080 == 0 {
        // Nearly always: no length takes more than its one byte.
        let Some(length) = short.get(index) else { return Some(&[]) };
        let mut start = 0;
        for length in short.iter().take(index) {
            start += usize::from(*length);
        }
        return payload.get(start..)?.get(..usize::from(*length));
    }
    let mut lengths = rest;
    let mut before = 0usize;
    let mut length = 0usize;
    for at in 0..count {
        let value = take_varint(&mut lengths)?;
        if at < index {
            before = before.checked_add(value)?;
        } else if at == index {
            length = value;
        }
    }
    if index >= count {
        return Some(&[]);
    }
    lengths.get(before..before.checked_add(length)?)
}

/// A usual record is shorter than this, in bytes.
const USUAL_RECORD: usize = 192;

/// Collects fields in order into a record.
pub(crate) struct Packer {
    /// So much of the record as is known: a length of one byte for each field, until it is known.
    record: Vec<u8>,
    /// Where the next field's length stands.
    length_at: usize,
}

impl Packer {
    /// Of a record with so many fields.
    pub(crate) fn new(count: u8) -> Self {
        let mut record = Vec::with_capacity(USUAL_RECORD);
        record.extend([VERSION, count]);
        record.resize(record.len() + usize::from(count), 0);
        Self { record, length_at: 2 }
    }

    pub(crate) fn push(&mut self, value: &impl Field) {
        let start = self.record.len();
        value.put(&mut self.record);
        let length = self.record.len() - start;
        match (u8::try_from(length), self.record.get_mut(self.length_at)) {
            (Ok(length @ ..=0x7f), Some(place)) => {
                *place = length;
                self.length_at += 1;
            }
            _ => {
                let mut longer = Vec::new();
                put_varint(length, &mut longer);
                let place = self.length_at..=self.length_at;
                self.length_at += longer.len();
                self.record.splice(place, longer);
            }
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.record
    }
}

fn put_varint(mut value: usize, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..35).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Defines a record: its owned fields, and a view that reads them in place. A view is one pointer
/// to one allocation: a count, the bytes, and whatever is cached beside them.
macro_rules! record {
    (
        $(#[$doc:meta])* $view:ident of $fields:ident, cached by $cache:ty { $($body:tt)* }
    ) => {
        $crate::packed::record!(@record $(#[$doc])* $view of $fields, $cache { $($body)* });

        impl $view {
            pub(crate) fn cache(&self) -> &$cache {
                &self.0.header.header
            }
        }
    };
    ($(#[$doc:meta])* $view:ident of $fields:ident { $($body:tt)* }) => {
        $crate::packed::record!(@record $(#[$doc])* $view of $fields, () { $($body)* });
    };
    (@record
        $(#[$doc:meta])* $view:ident of $fields:ident, $cache:ty {
            $($(#[$field_doc:meta])* $name:ident: $type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $view(triomphe::ThinArc<$cache, u8>);

        impl $view {
            /// Takes the bytes as they are in the store.
            pub fn read(bytes: &[u8]) -> Result<Self, $crate::packed::Unreadable> {
                $crate::packed::record!(@check $view, bytes, $($name: $type,)*);
                Ok(Self::from_packed(bytes))
            }

            fn from_packed(bytes: &[u8]) -> Self {
                Self(triomphe::ThinArc::from_header_and_slice(Default::default(), bytes))
            }

            /// The bytes as they are in the store.
            pub fn bytes(&self) -> &[u8] {
                &self.0.slice
            }
        }

        $crate::packed::record!(@common $(#[$doc])* $view of $fields { $($(#[$field_doc])* $name: $type,)* });
    };
    (@check $view:ident, $bytes:ident, $($name:ident: $type:ty,)*) => {
        let mut index = 0;
        $(
            $crate::packed::field($bytes, index)
                .and_then(<$type as $crate::packed::Field>::view)
                .ok_or($crate::packed::Unreadable(stringify!($view)))?;
            index += 1;
            let _ = stringify!($name);
        )*
        let _ = index;
    };
    (@common
        $(#[$doc:meta])* $view:ident of $fields:ident {
            $($(#[$field_doc:meta])* $name:ident: $type:ty,)*
        }
    ) => {
        $(#[$doc])*
        ///
        /// The owned fields, for making and editing a record.
        #[derive(Clone, Debug)]
        pub struct $fields {
            $($(#[$field_doc])* pub $name: $type,)*
        }

        impl $fields {
            /// The record with these fields.
            pub fn pack(&self) -> $view {
                let mut packer = $crate::packed::Packer::new($view::FIELDS.len() as u8);
                $(packer.push(&self.$name);)*
                let bytes = packer.finish();
                $view::from_packed(&bytes)
            }
        }

        impl $view {
            /// What the fields are called, in their order.
            pub(crate) const FIELDS: &[&[u8]] = &[$(stringify!($name).as_bytes()),*];

            $crate::packed::record!(@accessors 0usize; $($(#[$field_doc])* $name: $type,)*);

            /// All fields, to be edited.
            pub fn fields(&self) -> $fields {
                $fields { $($name: <$type as $crate::packed::Field>::own(self.$name()),)* }
            }
        }
    };
    (@accessors $index:expr;) => {};
    (@accessors $index:expr; $(#[$field_doc:meta])* $name:ident: $type:ty, $($rest:tt)*) => {
        $(#[$field_doc])*
        // INVARIANT: the bytes were checked when the record was read or packed.
        pub fn $name(&self) -> <$type as $crate::packed::Field>::View<'_> {
            $crate::packed::field(self.bytes(), $index)
                .and_then(<$type as $crate::packed::Field>::view)
                .expect("checked at construction")
        }
        $crate::packed::record!(@accessors $index + 1usize; $($rest)*);
    };
}
pub(crate) use record;

impl Field for String {
    type View<'a> = &'a str;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.as_bytes());
    }

    fn view(bytes: &[u8]) -> Option<&str> {
        std::str::from_utf8(bytes).ok()
    }

    fn own(view: &str) -> Self {
        view.to_owned()
    }
}

impl Field for Option<String> {
    type View<'a> = Option<&'a str>;

    fn put(&self, out: &mut Vec<u8>) {
        if let Some(text) = self {
            out.push(1);
            out.extend(text.as_bytes());
        }
    }

    fn view(bytes: &[u8]) -> Option<Option<&str>> {
        match bytes {
            [] => Some(None),
            [1, text @ ..] => std::str::from_utf8(text).ok().map(Some),
            _ => None,
        }
    }

    fn own(view: Option<&str>) -> Self {
        view.map(str::to_owned)
    }
}

impl Field for Vec<u8> {
    type View<'a> = &'a [u8];

    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self);
    }

    fn view(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes)
    }

    fn own(view: &[u8]) -> Self {
        view.to_owned()
    }
}

/// Values of a fixed number of bytes, which can also stand in lists.
pub trait Fixed: Copy {
    /// How many bytes one takes.
    const SIZE: usize;

    /// Appends the bytes.
    fn put(self, out: &mut Vec<u8>);

    /// Reads exactly [`Self::SIZE`] bytes.
    fn get(bytes: &[u8]) -> Option<Self>;
}

macro_rules! fixed {
    ($($type:ty, $size:literal, $value:ident => $to:expr, $bytes:ident => $from:expr;)*) => {$(
        impl Fixed for $type {
            const SIZE: usize = $size;

            fn put(self, out: &mut Vec<u8>) {
                let $value = self;
                out.extend($to);
            }

            fn get(bytes: &[u8]) -> Option<Self> {
                let $bytes: [u8; $size] = bytes.try_into().ok()?;
                $from
            }
        }

        impl Field for $type {
            type View<'a> = Self;

            fn put(&self, out: &mut Vec<u8>) {
                Fixed::put(*self, out);
            }

            fn view(bytes: &[u8]) -> Option<Self> {
                Self::get(bytes)
            }

            fn own(view: Self) -> Self {
                view
            }
        }
    )*};
}
pub(crate) use fixed;

fixed! {
    UniqueId, 16, id => id.to_bytes(), bytes => UniqueId::from_bytes(bytes).ok();
    Timestamp, 8, at => at.millis().to_le_bytes(), bytes => Some(Timestamp::from_millis(i64::from_le_bytes(bytes)));
    u32, 4, number => number.to_le_bytes(), bytes => Some(u32::from_le_bytes(bytes));
    bool, 1, flag => [u8::from(flag)], bytes => match bytes { [0] => Some(false), [1] => Some(true), _ => None };
}

impl<T: Fixed> Field for Option<T> {
    type View<'a> = Self;

    fn put(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn view(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() { Some(None) } else { T::get(bytes).map(Some) }
    }

    fn own(view: Self) -> Self {
        view
    }
}

/// A list of fixed-size values, read in place.
#[derive(Clone, Copy)]
pub struct List<'a, T> {
    bytes: &'a [u8],
    item: std::marker::PhantomData<T>,
}

impl<'a, T: Fixed + 'a> List<'a, T> {
    /// The values in order.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        self.bytes.chunks_exact(T::SIZE).filter_map(T::get)
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.bytes.len() / T::SIZE
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether this value is among them.
    pub fn contains(self, value: T) -> bool
    where
        T: PartialEq,
    {
        self.iter().any(|item| item == value)
    }
}

/// A list of fixed-size values, owned. (A type of its own, since `Vec<u8>` is plain bytes.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedList<T>(pub Vec<T>);

impl<T> Default for OwnedList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Fixed + 'static> Field for OwnedList<T> {
    type View<'a> = List<'a, T>;

    fn put(&self, out: &mut Vec<u8>) {
        for value in &self.0 {
            value.put(out);
        }
    }

    fn view(bytes: &[u8]) -> Option<List<'_, T>> {
        let well_formed = bytes.len().is_multiple_of(T::SIZE)
            && bytes.chunks_exact(T::SIZE).all(|item| T::get(item).is_some());
        well_formed.then_some(List { bytes, item: std::marker::PhantomData })
    }

    fn own(view: List<'_, T>) -> Self {
        Self(view.iter().collect())
    }
}

/// A list of texts, read in place.
#[derive(Clone, Copy)]
pub struct Texts<'a>(&'a [u8]);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let length = take_varint(&mut self.0)?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_varint(text.len(), out);
    out.extend(text.as_bytes());
}

/// Counts the texts, or `None` when the bytes hold something else too.
fn count_texts(bytes: &[u8]) -> Option<usize> {
    let mut texts = Texts(bytes);
    let mut count = 0;
    while !texts.0.is_empty() {
        texts.next()?;
        count += 1;
    }
    Some(count)
}

impl Field for Vec<String> {
    type View<'a> = Texts<'a>;

    fn put(&self, out: &mut Vec<u8>) {
        for text in self {
            put_text(text, out);
        }
    }

    fn view(bytes: &[u8]) -> Option<Texts<'_>> {
        count_texts(bytes).map(|_| Texts(bytes))
    }

    fn own(view: Texts<'_>) -> Self {
        view.map(str::to_owned).collect()
    }
}

/// The tags of an entity, read in place as pairs of key and value.
#[derive(Clone, Copy)]
pub struct Tags<'a>(Texts<'a>);

impl<'a> Tags<'a> {
    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.0.is_empty()
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        Some((self.0.next()?, self.0.next()?))
    }
}

impl Field for Vec<Tag> {
    type View<'a> = Tags<'a>;

    fn put(&self, out: &mut Vec<u8>) {
        for tag in self {
            put_text(&tag.key, out);
            put_text(&tag.value, out);
        }
    }

    fn view(bytes: &[u8]) -> Option<Tags<'_>> {
        count_texts(bytes)?.is_multiple_of(2).then_some(Tags(Texts(bytes)))
    }

    fn own(view: Tags<'_>) -> Self {
        view.map(|(key, value)| Tag::new(key, value)).collect()
    }
}
