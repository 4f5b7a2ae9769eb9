//! The store's errors by S3's codes and words (S3 API Reference, "Error responses").

use iamd_objects::{ChecksumType, Error as StoreError, WriteError};
use iamd_types::{Code, Error};

/// What the store says, for the caller.
pub(super) fn of_store(error: StoreError) -> Error {
    use StoreError as E;
    match error {
        E::NoSuchBucket => Error::s3(Code::NoSuchBucket),
        E::BucketExists => Error::s3(Code::BucketAlreadyExists),
        E::BucketNotEmpty => Error::s3(Code::BucketNotEmpty),
        E::EmptyKey => Error::invalid_argument("The key must not be empty"),
        E::KeyTooLong { .. } => Error::s3(Code::KeyTooLong),
        E::NoSuchKey { marker: None } => Error::s3(Code::NoSuchKey),
        E::NoSuchKey { marker: Some(version) } => Error::s3(Code::NoSuchKey)
            .with_header("x-amz-delete-marker", "true")
            .with_header("x-amz-version-id", version.to_string()),
        E::NoSuchVersion => Error::s3(Code::NoSuchVersion),
        E::IsDeleteMarker { version, modified } => Error::s3(Code::MethodNotAllowed)
            .with_header("allow", "DELETE")
            .with_header("x-amz-delete-marker", "true")
            .with_header("x-amz-version-id", version.to_string())
            .with_header("last-modified", iamd_wire::rest_xml::http_date(modified)),
        E::NoSuchUpload => Error::s3(Code::NoSuchUpload),
        E::PreconditionFailed(_) => Error::s3(Code::PreconditionFailed),
        E::OtherTags => Error::s3(Code::ConditionalRequestConflict),
        E::NotModified { .. } => Error::s3(Code::NotModified),
        E::InvalidRange { size } => {
            Error::s3(Code::InvalidRange).with_header("content-range", format!("bytes */{size}"))
        }
        E::InvalidPartNumber => Error::s3(Code::InvalidPartNumber),
        E::BadDigest => Error::s3(Code::BadDigest),
        E::ChecksumMismatch(algorithm) => Error::new(
            Code::BadDigest,
            format!(
                "The {} you specified did not match the calculated checksum.",
                algorithm.as_str()
            ),
        ),
        E::WrongLength { .. } => Error::s3(Code::IncompleteBody),
        E::TooLarge => Error::s3(Code::EntityTooLarge),
        E::PartNumberOutOfRange => {
            Error::invalid_argument("Part number must be an integer between 1 and 10000, inclusive")
        }
        E::InvalidPartOrder => Error::s3(Code::InvalidPartOrder),
        E::InvalidPart(_) => Error::s3(Code::InvalidPart),
        E::PartTooSmall { .. } => Error::s3(Code::EntityTooSmall),
        E::NoParts => Error::s3(Code::MalformedXml),
        E::OtherChecksum { expected, actual } => Error::invalid_request(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            expected.as_str().to_ascii_lowercase(),
            actual.as_str().to_ascii_lowercase()
        )),
        E::PartChecksumMissing { algorithm, number } => Error::invalid_request(format!(
            "The upload was created using a {} checksum. The complete request must include the checksum for each \
             part. It was missing for part {number} in the request.",
            algorithm.as_str().to_ascii_lowercase()
        )),
        E::ChecksumType(algorithm) => {
            let kind = match algorithm.has_type(ChecksumType::Composite) {
                true => ChecksumType::FullObject,
                false => ChecksumType::Composite,
            };
            Error::invalid_request(format!(
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                kind.as_str(),
                algorithm.as_str().to_ascii_lowercase()
            ))
        }
        E::OtherChecksumType { expected } => Error::invalid_request(format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            expected.as_str()
        )),
        E::WrongObjectSize { declared, actual } => Error::invalid_request(format!(
            "The provided 'x-amz-mp-object-size' header value {declared} does not match what was computed: {actual}"
        )),
        E::DiskFull => Error::unavailable(error),
        E::Damaged(_) | E::Io(_) | E::Stopped => Error::internal(error),
    }
}

/// Why a body was not stored: it failed by itself, or at the store.
pub(super) fn of_write(error: WriteError<Error>) -> Error {
    match error {
        WriteError::Body(error) => error,
        WriteError::Store(error) => of_store(error),
    }
}

/// What the store says about a source that is copied.
pub(super) fn of_copy(error: StoreError) -> Error {
    match error {
        StoreError::TooLarge => Error::invalid_request(format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {}",
            iamd_objects::MAX_SINGLE
        )),
        StoreError::InvalidRange { size } => Error::invalid_argument(format!(
            "Range specified is not valid for source object of size: {size}"
        )),
        StoreError::IsDeleteMarker { .. } => Error::invalid_request(
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ),
        other => of_store(other),
    }
}
