//! The ten checksum members that many shapes have.

use iamd_api::s3;
use iamd_objects::{Algorithm, Checksum, ChecksumType};
use iamd_types::Error;

/// A shape that can tell a checksum.
pub(super) trait ShowsChecksum {
    /// Its member for the algorithm.
    fn slot(&mut self, algorithm: Algorithm) -> &mut Option<String>;

    /// Tells this checksum, if there is one.
    fn show(&mut self, checksum: Option<&Checksum>) {
        if let Some(checksum) = checksum {
            *self.slot(checksum.algorithm) = Some(checksum.value.clone());
        }
    }
}

/// A shape that can declare checksums.
pub(super) trait DeclaresChecksums {
    /// Its members.
    fn members(&self) -> [(Algorithm, &Option<String>); 10];

    /// What is declared.
    fn declared(&self) -> Vec<(Algorithm, &str)> {
        let members = self.members().into_iter();
        members.filter_map(|(algorithm, text)| Some((algorithm, text.as_deref()?))).collect()
    }
}

macro_rules! shows {
    ($($shape:ident)*) => { $(
        impl ShowsChecksum for s3::$shape {
            fn slot(&mut self, algorithm: Algorithm) -> &mut Option<String> {
                match algorithm {
                    Algorithm::Crc32 => &mut self.checksum_crc32,
                    Algorithm::Crc32c => &mut self.checksum_crc32_c,
                    Algorithm::Crc64Nvme => &mut self.checksum_crc64_nvme,
                    Algorithm::Sha1 => &mut self.checksum_sha1,
                    Algorithm::Sha256 => &mut self.checksum_sha256,
                    Algorithm::Sha512 => &mut self.checksum_sha512,
                    Algorithm::Md5 => &mut self.checksum_md5,
                    Algorithm::Xxhash64 => &mut self.checksum_xxhash64,
                    Algorithm::Xxhash3 => &mut self.checksum_xxhash3,
                    Algorithm::Xxhash128 => &mut self.checksum_xxhash128,
                }
            }
        }
    )* };
}

macro_rules! declares {
    ($($shape:ident)*) => { $(
        impl DeclaresChecksums for s3::$shape {
            fn members(&self) -> [(Algorithm, &Option<String>); 10] {
                [
                    (Algorithm::Crc32, &self.checksum_crc32),
                    (Algorithm::Crc32c, &self.checksum_crc32_c),
                    (Algorithm::Crc64Nvme, &self.checksum_crc64_nvme),
                    (Algorithm::Sha1, &self.checksum_sha1),
                    (Algorithm::Sha256, &self.checksum_sha256),
                    (Algorithm::Sha512, &self.checksum_sha512),
                    (Algorithm::Md5, &self.checksum_md5),
                    (Algorithm::Xxhash64, &self.checksum_xxhash64),
                    (Algorithm::Xxhash3, &self.checksum_xxhash3),
                    (Algorithm::Xxhash128, &self.checksum_xxhash128),
                ]
            }
        }
    )* };
}

shows! {
    GetObjectOutput HeadObjectOutput PutObjectOutput CopyObjectResult UploadPartOutput CopyPartResult
    CompleteMultipartUploadOutput Part Checksum ObjectPart
}

declares! { PutObjectRequest UploadPartRequest CompletedPart CompleteMultipartUploadRequest }

/// The algorithm of a header or trailer of this name.
pub(super) fn of_header(name: &str) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.header() == name)
}

/// A declared checksum.
///
/// # Errors
/// `InvalidRequest` for what can be none.
pub(super) fn parse(algorithm: Algorithm, text: &str) -> Result<Checksum, Error> {
    Checksum::parse(algorithm, text).ok_or_else(|| invalid(algorithm.header()))
}

pub(super) fn invalid(header: &str) -> Error {
    Error::invalid_request(format!("Value for {header} header is invalid."))
}

/// The model's name of an algorithm.
pub(super) fn name(algorithm: Algorithm) -> Option<s3::ChecksumAlgorithm> {
    s3::ChecksumAlgorithm::ALL.iter().copied().find(|it| it.as_str() == algorithm.as_str())
}

/// The algorithm of the model's name.
pub(super) fn named(name: s3::ChecksumAlgorithm) -> Option<Algorithm> {
    Algorithm::parse(name.as_str())
}

/// The model's name of a type.
pub(super) fn kind(kind: ChecksumType) -> s3::ChecksumType {
    match kind {
        ChecksumType::FullObject => s3::ChecksumType::FullObject,
        ChecksumType::Composite => s3::ChecksumType::Composite,
    }
}

/// The type of the model's name.
pub(super) fn kind_named(kind: s3::ChecksumType) -> ChecksumType {
    match kind {
        s3::ChecksumType::FullObject => ChecksumType::FullObject,
        s3::ChecksumType::Composite => ChecksumType::Composite,
    }
}
