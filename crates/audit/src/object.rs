//! Writes a JSON object member by member.
//!
//! Each recorded request writes some forty members, most of them short texts under names that are known
//! here; through a serializer that knows neither, this was a quarter of what a record costs.

use std::fmt::Display;
use std::io::Write;

use iamd_wire::json::write_text;

/// An object that is being written. Names are those of CloudTrail, of which none needs an escape.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Appends an object with these members.
    pub(crate) fn write(out: &'o mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let mut object = Object { out, empty: true };
        members(&mut object);
        object.out.push(b'}');
    }

    /// Appends a member's name; where its value goes.
    pub(crate) fn member(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.empty { b"\"" } else { b",\"" });
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.empty = false;
        self.out
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        write_text(self.member(name), text);
    }

    /// A text, if there is one.
    pub(crate) fn optional(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// An id or an instant: a text that needs no escape.
    pub(crate) fn shown(&mut self, name: &'static str, value: impl Display) {
        let out = self.member(name);
        out.push(b'"');
        // Writing to memory does not fail.
        let _ = write!(out, "{value}");
        out.push(b'"');
    }

    /// True or false.
    pub(crate) fn boolean(&mut self, name: &'static str, value: bool) {
        self.member(name).extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &'static str, members: impl FnOnce(&mut Object<'_>)) {
        Object::write(self.member(name), members);
    }
}
