//! A request for S3 whose operation is known.

use iamd_api::Operation;
use iamd_types::{Code, Error};
use iamd_wire::query::Parameters;
use percent_encoding::percent_decode_str;

/// The longest key, in bytes of UTF-8 (S3 User Guide, "Naming Amazon S3 objects").
pub const MAX_KEY_BYTES: usize = 1024;

/// The most objects of one DeleteObjects request (S3 API reference, DeleteObjects).
const MAX_DELETIONS: usize = 1000;

/// A request for S3: what is asked for, read once.
pub struct Call {
    /// The operation.
    pub operation: &'static Operation,
    /// The bucket, for all operations but ListBuckets.
    pub bucket: Option<String>,
    /// The key, for operations on an object: exactly the text that the request names, decoded once.
    pub key: Option<String>,
    /// The input.
    pub parameters: Parameters<'static>,
    /// The object to copy.
    pub source: Option<CopySource>,
}

/// The object that CopyObject or UploadPartCopy reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: String,
    /// Its key, decoded.
    pub key: String,
    /// Its version, if a certain one is meant.
    pub version: Option<String>,
}

impl Call {
    /// Reads what the parameters name besides: the source of a copy.
    ///
    /// # Errors
    /// `KeyTooLongError`; `InvalidArgument` for a copy source that names no object.
    pub fn new(
        operation: &'static Operation,
        bucket: Option<String>,
        key: Option<String>,
        parameters: Parameters<'static>,
    ) -> Result<Self, Error> {
        if key.as_ref().is_some_and(|key| key.len() > MAX_KEY_BYTES) {
            return Err(Error::s3(Code::KeyTooLong));
        }
        let one_more = format!("Delete.Objects.member.{}.Key", MAX_DELETIONS + 1);
        if parameters.get(&one_more).is_some() {
            return Err(Error::s3(Code::MalformedXml));
        }
        let source = parameters.get("CopySource").map(CopySource::parse).transpose()?;
        Ok(Self { operation, bucket, key, parameters, source })
    }

    /// A member of the input that holds a single value.
    pub fn get(&self, member: &str) -> Option<&str> {
        self.parameters.get(member)
    }

    /// The version of the object that is meant, if a certain one is.
    pub fn version(&self) -> Option<&str> {
        self.get("VersionId")
    }
}

impl CopySource {
    /// `[/]BUCKET/KEY[?versionId=ID]`, URL-encoded (S3 API reference, CopyObject, `x-amz-copy-source`).
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn parse(header: &str) -> Result<Self, Error> {
        let invalid = || {
            let message =
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
            Error::new(Code::InvalidArgument, message)
        };
        let (path, version) = match header.rsplit_once("?versionId=") {
            Some((path, version)) => (path, Some(version)),
            None => (header, None),
        };
        let decoded = |text: &str| {
            percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| invalid())
        };
        // The bucket's name holds nothing that is encoded, but some clients encode the slash behind it.
        let path = decoded(path)?;
        let (bucket, key) =
            path.strip_prefix('/').unwrap_or(&path).split_once('/').ok_or_else(invalid)?;
        if bucket.is_empty() || key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(invalid());
        }
        let version = version.filter(|version| !version.is_empty()).map(decoded).transpose()?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(header: &str) -> Option<(String, String, Option<String>)> {
        let source = CopySource::parse(header).ok()?;
        Some((source.bucket, source.key, source.version))
    }

    #[test]
    fn a_copy_source_is_decoded_once() {
        let named = |bucket: &str, key: &str, version: Option<&str>| {
            Some((bucket.to_owned(), key.to_owned(), version.map(str::to_owned)))
        };
        assert_eq!(source("b/k"), named("b", "k", None));
        assert_eq!(source("/b/a%2Fb%20c"), named("b", "a/b c", None));
        assert_eq!(source("b%2Fk"), named("b", "k", None));
        assert_eq!(source("b/%252e"), named("b", "%2e", None));
        assert_eq!(source("b/../k"), named("b", "../k", None));
        assert_eq!(source("b/k?versionId=v1"), named("b", "k", Some("v1")));
        assert_eq!(source("b/what?is=this"), named("b", "what?is=this", None));
        for refused in ["", "/", "b", "b/", "/b", "//k", "b/%ff"] {
            assert_eq!(source(refused), None, "{refused}");
        }
    }
}
