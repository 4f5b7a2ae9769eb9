//! Names and ids: what a key, a bucket's name, a version id may be, and how they become file names.
//!
//! A key never becomes a part of a path; its hash does. What does become one is checked here, in one place.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use iamd_types::Entropy;
use iamd_types::entropy::random;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Error;

/// The longest key in bytes (S3 User Guide, "Naming Amazon S3 objects").
pub(crate) const MAX_KEY: usize = 1024;

/// The key of an object: 1 to 1,024 bytes of UTF-8, ordered by its bytes. Nothing in it has a meaning here:
/// `..`, `//`, `\` and NUL are characters like others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key(Arc<str>);

impl Key {
    /// Checks the length.
    pub fn new(text: &str) -> Result<Self, Error> {
        match text.len() {
            0 => Err(Error::EmptyKey),
            1..=MAX_KEY => Ok(Self(text.into())),
            size => Err(Error::KeyTooLong { size }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// A place among keys that need not be one.
    pub(crate) fn bound(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// The order of texts is that of their bytes, so that a range can begin at bytes that are no text.
impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// SHA-256 of a key: its name among files.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyHash([u8; 32]);

impl KeyHash {
    fn of(key: &str) -> Self {
        let mut hash = [0; 32];
        let digest = digest(&SHA256, key.as_bytes());
        hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }

    /// The directory of 256 that the record is in.
    pub(crate) fn shard(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    /// The name of the record of a version within its shard.
    pub(crate) fn file_name(&self, version: VersionId) -> String {
        format!("{}.{version}", hex(&self.0))
    }

    /// The reverse of [`Self::file_name`].
    pub(crate) fn parse_file_name(name: &str) -> Option<(Self, VersionId)> {
        let (hash, version) = name.split_once('.')?;
        Some((Self(unhex(hash)?), VersionId::parse(version)?))
    }
}

/// The name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a
/// letter or digit (S3 User Guide, "General purpose bucket naming rules"). So it is a harmless name of a
/// directory on every file system.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BucketName(Arc<str>);

impl BucketName {
    /// Checks the characters and the length; `None` if it could be no bucket's name.
    pub fn new(name: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = name.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        let good = (3..=63).contains(&bytes.len())
            && ends.iter().all(|end| end.is_some_and(|b| plain(*b)))
            && bytes.iter().all(|b| plain(*b) || matches!(b, b'.' | b'-'))
            && !name.contains("..");
        good.then(|| Self(name.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a version of an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum VersionId {
    /// `null`: what is written while versioning is off or suspended. A key has at most one.
    Null,
    /// 32 hexadecimal digits, drawn at random.
    Id([u8; 16]),
}

impl VersionId {
    /// Reads what [`Display`](fmt::Display) writes; `None` for what is no version id of this store.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "null" => Some(Self::Null),
            _ => unhex(text).map(Self::Id),
        }
    }

    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        Self::Id(random(entropy))
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => f.write_str(&hex(id)),
        }
    }
}

/// The id of a multipart upload: 32 hexadecimal digits, drawn at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UploadId([u8; 16]);

impl UploadId {
    /// No id comes before it.
    pub(crate) const LOWEST: Self = Self([0; 16]);

    /// Reads what [`Display`](fmt::Display) writes; `None` for what is no upload id of this store.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// The id of a run of data that is written once: a data file, or what stands behind a record. Random and
/// never used again, so that data cannot be taken for other data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct FileId([u8; 16]);

impl FileId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    pub(crate) fn draw(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn shard(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {
        $(
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = String::deserialize(deserializer)?;
                    Self::parse(&text).ok_or_else(|| D::Error::custom("not an id"))
                }
            }
        )*
    };
}

as_text!(VersionId UploadId FileId);

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut text = vec![0; 2 * bytes.len()];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    String::from_utf8(text).unwrap_or_default()
}

/// Exactly `N` bytes from lower-case hexadecimal digits. One id has one text.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let (high, low) = (pair.first()?, pair.last()?);
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_buckets() {
        for good in ["abc", "a-b", "my.bucket.1", "0x0", &"a".repeat(63)] {
            assert!(BucketName::new(good).is_some(), "{good}");
        }
        for bad in
            ["", "ab", "..", "...", "a..b", ".ab", "ab-", "a/b", "a\\b", "Abc", "a\0b", "äbc"]
        {
            assert!(BucketName::new(bad).is_none(), "{bad}");
        }
        assert!(BucketName::new(&"a".repeat(64)).is_none());
    }

    #[test]
    fn ids_have_one_text() {
        let id = "00ff00112233445566778899aabbccdd";
        assert_eq!(VersionId::parse(id).unwrap().to_string(), id);
        assert_eq!(VersionId::parse("null"), Some(VersionId::Null));
        for bad in ["", "NULL", "00FF00112233445566778899aabbccdd", "00", "../../../../etc/passwd"]
        {
            assert_eq!(VersionId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn file_names_of_records() {
        let hash = Key::new("a").unwrap().hash();
        let name = hash.file_name(VersionId::Null);
        assert_eq!(name.len(), 69);
        assert!(KeyHash::parse_file_name(&name) == Some((hash, VersionId::Null)));
        assert!(KeyHash::parse_file_name("x.null").is_none());
    }
}
