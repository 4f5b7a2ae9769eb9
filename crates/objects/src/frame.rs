//! How data stands in a file: segments of 64 KiB, each followed by a tag that proves it.
//!
//! The tag says that the segment is whole, belongs to this file, has this number, and is or is not the last;
//! so damage, truncation and exchange are found when a segment is read, and a range needs only its own
//! segments. Encrypted data has the 16 bytes of AES-256-GCM, with the number and the end mark in the nonce;
//! other data has 8 bytes of XXH3, seeded with them, which finds accidents and no attacks.

use std::path::Path;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Error;
use crate::ids::FileId;

/// Bytes of data in every segment but the last.
pub(crate) const SEGMENT: usize = 64 * 1024;

/// What makes and checks tags.
pub(crate) enum Seal {
    /// Damage is found.
    Check(u64),
    /// Nothing can be read or changed without the key.
    Encrypt(Box<LessSafeKey>),
}

impl Seal {
    pub(crate) fn check(file: &FileId) -> Self {
        let first = file.bytes().first_chunk().copied().unwrap_or_default();
        Self::Check(u64::from_be_bytes(first))
    }

    pub(crate) const fn overhead(&self) -> usize {
        match self {
            Self::Check(_) => 8,
            Self::Encrypt(_) => 16,
        }
    }

    /// Appends the segment and its tag.
    fn append(&self, number: u32, last: bool, segment: &mut [u8], out: &mut Vec<u8>) {
        match self {
            Self::Check(seed) => {
                let tag = xxh3_64_with_seed(segment, seed ^ place(number, last));
                out.extend_from_slice(segment);
                out.extend_from_slice(&tag.to_be_bytes());
            }
            Self::Encrypt(key) => {
                #[expect(clippy::expect_used, reason = "AES-GCM seals up to 64 GiB")]
                let tag = key
                    .seal_in_place_separate_tag(nonce(number, last), Aad::empty(), segment)
                    .expect("a segment is small");
                out.extend_from_slice(segment);
                out.extend_from_slice(tag.as_ref());
            }
        }
    }

    /// Opens a segment with its tag in place; the data is what is in front of the tag.
    pub(crate) fn open(
        &self,
        number: u32,
        last: bool,
        framed: &mut [u8],
        file: &Path,
    ) -> Result<usize, Error> {
        let Some(size) = framed.len().checked_sub(self.overhead()) else {
            return Err(Error::damaged(file, "a segment is cut short"));
        };
        let whole = match self {
            Self::Check(seed) => {
                let (segment, tag) = framed.split_at(size);
                xxh3_64_with_seed(segment, seed ^ place(number, last)).to_be_bytes() == tag
            }
            Self::Encrypt(key) => {
                key.open_in_place(nonce(number, last), Aad::empty(), framed).is_ok()
            }
        };
        if whole { Ok(size) } else { Err(Error::damaged(file, "a segment is altered")) }
    }

    /// The size in the file of so many bytes of data.
    pub(crate) fn framed_size(&self, size: u64) -> u64 {
        size + segments(size) * self.overhead() as u64
    }
}

/// How many segments so many bytes take. No data is one empty segment.
pub(crate) fn segments(size: u64) -> u64 {
    size.div_ceil(SEGMENT as u64).max(1)
}

fn place(number: u32, last: bool) -> u64 {
    u64::from(number) << 1 | u64::from(last)
}

fn nonce(number: u32, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    let parts = number.to_be_bytes().into_iter().chain([u8::from(last)]);
    bytes.iter_mut().skip(7).zip(parts).for_each(|(to, from)| *to = from);
    Nonce::assume_unique_for_key(bytes)
}

/// Cuts a stream of data into segments with tags.
pub(crate) struct Framer {
    seal: Seal,
    segment: Vec<u8>,
    number: u32,
}

impl Framer {
    pub(crate) fn new(seal: Seal) -> Self {
        Self { seal, segment: Vec::new(), number: 0 }
    }

    /// Takes data and appends the segments that became whole. The newest stays back: it may be the last.
    pub(crate) fn push(&mut self, mut data: &[u8], out: &mut Vec<u8>) {
        while !data.is_empty() {
            if self.segment.len() == SEGMENT {
                self.end_segment(false, out);
            }
            let room = SEGMENT - self.segment.len();
            let (now, later) = data.split_at_checked(room).unwrap_or((data, &[]));
            self.segment.extend_from_slice(now);
            data = later;
        }
    }

    /// Appends the last segment.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.end_segment(true, out);
    }

    fn end_segment(&mut self, last: bool, out: &mut Vec<u8>) {
        self.seal.append(self.number, last, &mut self.segment, out);
        self.segment.clear();
        // No file is that long: 2^32 segments are 256 TiB.
        self.number = self.number.saturating_add(1);
    }
}
