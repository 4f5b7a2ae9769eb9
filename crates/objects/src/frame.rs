//! How data stands in a file: segments of 64 KiB, each followed by a tag that proves it.
//!
//! The tag says that the segment is whole, belongs to this file, has this number, and is or is not the last;
//! so damage, truncation and exchange are found when a segment is read, and a range needs only its own
//! segments. Encrypted data has the 16 bytes of AES-256-GCM, with the number and the end mark in the nonce;
//! other data has 8 bytes of XXH3, seeded with them, which finds accidents and no attacks.

use std::path::Path;

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Error;
use crate::ids::FileId;

/// Bytes of data in every segment but the last.
pub(crate) const SEGMENT: usize = 64 * 1024;
/// How many segments are written at once.
const SEGMENTS_PER_BLOCK: usize = 2;

/// The most bytes that a tag takes.
pub(crate) const MOST_OVERHEAD: usize = 16;

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
            Self::Encrypt(_) => MOST_OVERHEAD,
        }
    }

    /// Ends a segment in place: its tag is written behind it, where there is room for it.
    pub(crate) fn close(&self, number: u32, last: bool, framed: &mut [u8]) {
        match self {
            Self::Check(seed) => {
                if let Some((segment, tag)) = framed.split_last_chunk_mut() {
                    let sum = xxh3_64_with_seed(segment, seed ^ place(number, last));
                    *tag = sum.to_be_bytes();
                }
            }
            Self::Encrypt(key) => {
                if let Some((segment, tag)) = framed.split_last_chunk_mut() {
                    #[expect(clippy::expect_used, reason = "AES-GCM seals up to 64 GiB")]
                    let sealed = key
                        .seal_in_place_separate_tag(nonce(number, last), Aad::empty(), segment)
                        .expect("a segment is small");
                    *tag = <[u8; MOST_OVERHEAD]>::try_from(sealed.as_ref()).unwrap_or_default();
                }
            }
        }
    }

    /// What of a segment is data.
    pub(crate) fn data<'f>(&self, framed: &'f [u8]) -> &'f [u8] {
        framed.get(..framed.len().saturating_sub(self.overhead())).unwrap_or_default()
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

/// Data as it is to stand in a file: some segments, each with room for its tag behind it.
pub(crate) struct Block {
    framed: Vec<u8>,
    overhead: usize,
}

impl Block {
    /// An empty block for segments that the seal ends.
    pub(crate) fn new(seal: &Seal) -> Self {
        Self { framed: Vec::new(), overhead: seal.overhead() }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.framed.len() == self.full()
    }

    /// Takes as much off the front of the data as there is room for.
    pub(crate) fn fill(&mut self, data: &mut Bytes) {
        while !data.is_empty() && !self.is_full() {
            let room = SEGMENT - self.framed.len() % (SEGMENT + self.overhead);
            let now = data.split_to(data.len().min(room));
            let ends = now.len() == room;
            let more = now.len() + if ends { self.overhead } else { 0 };
            if self.framed.len() + more > self.framed.capacity().max(SEGMENT / 2) {
                // What is not small is likely to go on.
                self.framed.reserve_exact(self.full() - self.framed.len());
            }
            self.framed.extend_from_slice(&now);
            if ends {
                self.make_room_for_tag();
            }
        }
    }

    /// There is no more data: the last segment gets room for its tag. No data at all is an empty segment.
    pub(crate) fn end(&mut self) {
        if self.framed.is_empty() || !self.framed.len().is_multiple_of(SEGMENT + self.overhead) {
            self.make_room_for_tag();
        }
    }

    /// The segments, each with its tag or the room for it.
    pub(crate) fn segments(&mut self) -> impl ExactSizeIterator<Item = &mut [u8]> {
        self.framed.chunks_mut(SEGMENT + self.overhead)
    }

    pub(crate) fn clear(&mut self) {
        self.framed.clear();
    }

    /// The bytes for the file.
    pub(crate) fn framed(&self) -> &[u8] {
        &self.framed
    }

    pub(crate) fn into_framed(self) -> Vec<u8> {
        self.framed
    }

    fn full(&self) -> usize {
        SEGMENTS_PER_BLOCK * (SEGMENT + self.overhead)
    }

    fn make_room_for_tag(&mut self) {
        self.framed.resize(self.framed.len() + self.overhead, 0);
    }
}
