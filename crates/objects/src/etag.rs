//! Entity tags: the MD5 of the data, or for an object made of parts the MD5 of the parts' MD5s and their
//! number.

use std::fmt;

use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::ids::{hex, unhex};

/// An entity tag without its quotes, `9e107d9d372bb6826bd81d3542a419d6` or `…-12`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ETag {
    md5: [u8; 16],
    /// 0 when the object was written in one piece.
    parts: u16,
}

impl ETag {
    pub(crate) fn single(md5: [u8; 16]) -> Self {
        Self { md5, parts: 0 }
    }

    pub(crate) fn of_parts<'a>(parts: impl ExactSizeIterator<Item = &'a [u8; 16]>) -> Self {
        let count = u16::try_from(parts.len()).unwrap_or(u16::MAX);
        let mut hash = Md5::new();
        parts.for_each(|part| hash.update(part));
        Self { md5: hash.finalize().into(), parts: count }
    }

    /// Reads it with or without quotes.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(text);
        let Some((md5, parts)) = bare.split_once('-') else {
            return unhex(bare).map(Self::single);
        };
        let count: u16 = parts.parse().ok().filter(|count| *count > 0)?;
        (count.to_string() == parts).then_some(Self { md5: unhex(md5)?, parts: count })
    }

    pub(crate) fn md5(&self) -> Option<&[u8; 16]> {
        (self.parts == 0).then_some(&self.md5)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.md5))?;
        if self.parts > 0 { write!(f, "-{}", self.parts) } else { Ok(()) }
    }
}

impl Serialize for ETag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ETag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an entity tag"))
    }
}

#[cfg(test)]
mod tests {
    use super::ETag;

    #[test]
    fn texts() {
        for text in ["9e107d9d372bb6826bd81d3542a419d6", "9e107d9d372bb6826bd81d3542a419d6-12"] {
            assert_eq!(ETag::parse(text).unwrap().to_string(), text);
            assert_eq!(ETag::parse(&format!("\"{text}\"")), ETag::parse(text));
        }
        for bad in
            ["", "*", "9e107d9d372bb6826bd81d3542a419d6-0", "9e107d9d372bb6826bd81d3542a419d6-01"]
        {
            assert_eq!(ETag::parse(bad), None);
        }
    }

    // What the CLI prints for two parts, of 8 MiB and of 1 byte, is made the same way.
    #[test]
    fn of_parts() {
        let parts = [[0x11; 16], [0x22; 16]];
        let tag = ETag::of_parts(parts.iter()).to_string();
        assert!(tag.ends_with("-2"), "{tag}");
    }
}
