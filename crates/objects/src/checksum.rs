//! The checksums that clients may declare and ask for: how they are computed, written, and put together
//! from parts (S3 User Guide, "Checking object integrity in Amazon S3").

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// CRC-32 of ISO 3309.
    Crc32,
    /// CRC-32 of Castagnoli.
    Crc32c,
    /// CRC-64 of NVMe; what S3 computes when nothing is asked for.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// MD5.
    Md5,
    /// xxHash of 64 bits.
    Xxhash64,
    /// XXH3 of 64 bits.
    Xxhash3,
    /// XXH3 of 128 bits.
    Xxhash128,
}

/// What a checksum covers when the object was made of parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChecksumType {
    /// The bytes of the object.
    FullObject,
    /// The checksums of its parts.
    Composite,
}

impl ChecksumType {
    /// S3's name of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite].into_iter().find(|it| it.as_str() == name)
    }
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Md5,
        Self::Xxhash64,
        Self::Xxhash3,
        Self::Xxhash128,
    ];

    /// S3's name of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
            Self::Md5 => "MD5",
            Self::Xxhash64 => "XXHASH64",
            Self::Xxhash3 => "XXHASH3",
            Self::Xxhash128 => "XXHASH128",
        }
    }

    /// The header or trailer that its checksums stand in.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Sha512 => "x-amz-checksum-sha512",
            Self::Md5 => "x-amz-checksum-md5",
            Self::Xxhash64 => "x-amz-checksum-xxhash64",
            Self::Xxhash3 => "x-amz-checksum-xxhash3",
            Self::Xxhash128 => "x-amz-checksum-xxhash128",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The bytes of its result.
    pub const fn size(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme | Self::Xxhash64 | Self::Xxhash3 => 8,
            Self::Md5 | Self::Xxhash128 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    const fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            _ => None,
        }
    }

    /// The type that an upload in parts has when none was named.
    pub const fn default_type(self) -> ChecksumType {
        match self {
            Self::Crc64Nvme => ChecksumType::FullObject,
            _ => ChecksumType::Composite,
        }
    }

    /// Whether parts can be put together to this type: what covers the object can be computed from parts
    /// for the cyclic checksums alone, and S3 has no composite CRC64NVME.
    pub const fn has_type(self, kind: ChecksumType) -> bool {
        match kind {
            ChecksumType::FullObject => self.crc().is_some(),
            ChecksumType::Composite => !matches!(self, Self::Crc64Nvme),
        }
    }
}

/// A checksum as it is sent: base64, and for a composite one `-` and the number of parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: Algorithm,
    /// What it covers.
    #[serde(rename = "type")]
    pub kind: ChecksumType,
    /// Its text.
    pub value: String,
}

impl Checksum {
    /// A checksum of bytes that a client declares, in its one spelling; `None` if it cannot be one.
    pub fn parse(algorithm: Algorithm, text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        (bytes.len() == algorithm.size()).then(|| Self::of_bytes(algorithm, &bytes))
    }

    fn of_bytes(algorithm: Algorithm, bytes: &[u8]) -> Self {
        Self { algorithm, kind: ChecksumType::FullObject, value: STANDARD.encode(bytes) }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.value).ok()
    }

    /// The checksum of checksums. Each must be of one part and of this algorithm.
    pub(crate) fn composite<'a>(
        algorithm: Algorithm,
        parts: impl Iterator<Item = &'a Self>,
    ) -> Option<Self> {
        let (mut hasher, mut count) = (Hasher::new(algorithm), 0u32);
        for part in parts {
            hasher.update(&part.bytes().filter(|_| part.algorithm == algorithm)?);
            count += 1;
        }
        let value = format!("{}-{count}", hasher.finish().value);
        Some(Self { algorithm, kind: ChecksumType::Composite, value })
    }

    /// The checksum of the whole from those of the parts, each with its size.
    pub(crate) fn combine<'a>(
        algorithm: Algorithm,
        parts: impl Iterator<Item = (&'a Self, u64)>,
    ) -> Option<Self> {
        let crc = algorithm.crc()?;
        let mut whole: Option<u64> = None;
        for (part, size) in parts {
            let bytes = part.bytes().filter(|_| part.algorithm == algorithm)?;
            let next = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
            whole = Some(match whole {
                Some(before) => crc_fast::checksum_combine(crc, before, next, size),
                None => next,
            });
        }
        let value = whole?.to_be_bytes();
        Some(Self::of_bytes(algorithm, value.get(8 - algorithm.size()..)?))
    }
}

/// A checksum being computed.
pub struct Hasher {
    algorithm: Algorithm,
    state: State,
}

/// The large ones are boxed.
enum State {
    Crc(Box<crc_fast::Digest>),
    Sha(digest::Context),
    Md5(Md5),
    Xxh64(Xxh64),
    Xxh3(Box<Xxh3>),
}

impl Hasher {
    /// Nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let sha = |it| State::Sha(digest::Context::new(it));
        let state = match (algorithm.crc(), algorithm) {
            (Some(crc), _) => State::Crc(Box::new(crc_fast::Digest::new(crc))),
            (None, Algorithm::Sha1) => sha(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            (None, Algorithm::Sha256) => sha(&digest::SHA256),
            (None, Algorithm::Sha512) => sha(&digest::SHA512),
            (None, Algorithm::Xxhash64) => State::Xxh64(Xxh64::new(0)),
            (None, Algorithm::Xxhash3 | Algorithm::Xxhash128) => State::Xxh3(Box::default()),
            (None, _) => State::Md5(Md5::new()),
        };
        Self { algorithm, state }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(it) => it.update(bytes),
            State::Sha(it) => it.update(bytes),
            State::Md5(it) => it.update(bytes),
            State::Xxh64(it) => it.update(bytes),
            State::Xxh3(it) => it.update(bytes),
        }
    }

    /// The checksum of all that was taken.
    pub fn finish(self) -> Checksum {
        let size = self.algorithm.size();
        let of = |bytes: &[u8]| Checksum::of_bytes(self.algorithm, bytes);
        match self.state {
            // A shorter result stands in the lower bytes.
            State::Crc(it) => of(it
                .finalize()
                .to_be_bytes()
                .get(8usize.saturating_sub(size)..)
                .unwrap_or_default()),
            State::Sha(it) => of(it.finish().as_ref()),
            State::Md5(it) => of(&it.finalize()),
            State::Xxh64(it) => of(&it.digest().to_be_bytes()),
            State::Xxh3(it) if size == 8 => of(&it.digest().to_be_bytes()),
            State::Xxh3(it) => of(&it.digest128().to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    // The check values of the CRC catalogue and of the hashes' own documents, for `123456789` and `abc`.
    #[test]
    fn known_values() {
        for (algorithm, text, expected) in [
            (Algorithm::Crc32, "123456789", "cbf43926"),
            (Algorithm::Crc32c, "123456789", "e3069283"),
            (Algorithm::Crc64Nvme, "123456789", "ae8b14860a799888"),
            (Algorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Algorithm::Md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Xxhash64, "", "ef46db3751d8e999"),
            (Algorithm::Xxhash3, "", "2d06800538d394c2"),
            (Algorithm::Xxhash128, "", "99aa06d3014798d86001c324468d497f"),
        ] {
            let bytes = of(algorithm, text.as_bytes()).bytes().unwrap();
            assert_eq!(crate::ids::hex(&bytes), expected, "{algorithm:?}");
        }
    }

    #[test]
    fn every_algorithm_has_one_name_and_reads_its_own_text() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
            let json = serde_json::to_string(&algorithm).unwrap();
            assert_eq!(json, format!("\"{}\"", algorithm.as_str()));
            let sum = of(algorithm, b"data");
            assert_eq!(Checksum::parse(algorithm, &sum.value), Some(sum));
            assert_eq!(Checksum::parse(algorithm, "AAA="), None);
            assert!(algorithm.has_type(algorithm.default_type()));
        }
    }

    #[test]
    fn parts_combine_to_the_whole() {
        let parts: [&[u8]; 3] = [b"12345", b"", b"6789"];
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let sums: Vec<_> =
                parts.iter().map(|it| (of(algorithm, it), it.len() as u64)).collect();
            let whole = Checksum::combine(algorithm, sums.iter().map(|(sum, size)| (sum, *size)));
            assert_eq!(whole.unwrap(), of(algorithm, b"123456789"));
        }
        assert_eq!(Checksum::combine(Algorithm::Sha256, [].into_iter()), None);
    }

    #[test]
    fn a_composite_counts_its_parts() {
        let sums = [of(Algorithm::Sha256, b"a"), of(Algorithm::Sha256, b"b")];
        let composite = Checksum::composite(Algorithm::Sha256, sums.iter()).unwrap();
        assert!(composite.value.ends_with("-2"));
        assert_eq!(Checksum::composite(Algorithm::Sha1, sums.iter()), None);
    }
}
