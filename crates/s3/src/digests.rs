//! Digests that a request declares of its document, held against it.
//!
//! S3 API reference, `Content-MD5` and `x-amz-checksum-…`. Digests of objects are the backend's affair: they are kept
//! with the object.

use iamd_objects::{Algorithm, Checksum, Hasher};
use iamd_types::{Code, Error};
use iamd_wire::rest_xml::Request;

use crate::backend::Trailer;

/// Operations whose requests must declare a digest of the document, as S3 was seen to have it. Its model marks more of
/// them (`requestChecksumRequired`): that is what its clients send, and S3 takes the others without.
const REQUIRED: [&str; 5] = [
    "DeleteObjects",
    "PutBucketCors",
    "PutBucketTagging",
    "PutObjectTagging",
    "PutPublicAccessBlock",
];

/// Holds every digest that is declared, in a header or behind the body, against the document.
///
/// # Errors
/// `InvalidDigest` and `InvalidRequest` for what can be none, `BadDigest` for one of something else; `InvalidRequest`
/// where one must be declared and is not.
pub fn ensure(
    operation: &str,
    request: &Request<'_>,
    trailer: Option<&Trailer>,
    document: &[u8],
) -> Result<(), Error> {
    let mut any = false;
    if let Some(declared) = request.header("content-md5")? {
        any = true;
        let declared = Checksum::parse(Algorithm::Md5, declared);
        if declared.ok_or_else(|| Error::s3(Code::InvalidDigest))? != of(Algorithm::Md5, document) {
            return Err(Error::s3(Code::BadDigest));
        }
    }
    for algorithm in Algorithm::ALL {
        let header = algorithm.header();
        let behind = trailer.filter(|trailer| trailer.name == header);
        let behind = behind.and_then(|trailer| trailer.value.get()).map(String::as_str);
        for declared in [request.header(header)?, behind].into_iter().flatten() {
            any = true;
            let Some(declared) = Checksum::parse(algorithm, declared) else {
                let message = format!("Value for {header} header is invalid.");
                return Err(Error::invalid_request(message));
            };
            if declared != of(algorithm, document) {
                let name = algorithm.as_str();
                let message =
                    format!("The {name} you specified did not match the calculated checksum.");
                return Err(Error::new(Code::BadDigest, message));
            }
        }
    }
    // That there is no document at all is told first.
    if !any && !document.is_empty() && REQUIRED.contains(&operation) {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(Error::invalid_request(message));
    }
    Ok(())
}

fn of(algorithm: Algorithm, document: &[u8]) -> Checksum {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(document);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use iamd_wire::rest_xml;

    use super::*;

    fn refused_of(
        operation: &str,
        query: &str,
        headers: &[(&str, &str)],
        trailer: Option<&str>,
    ) -> Option<Code> {
        let query = rest_xml::query(query).unwrap();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let request = Request {
            method: "PUT",
            bucket: Some("b"),
            key: None,
            query: &query,
            headers: &headers,
        };
        let trailer = trailer.map(|value| Trailer {
            name: "x-amz-checksum-crc32".to_owned(),
            value: Arc::new(OnceLock::from(value.to_owned())),
        });
        ensure(operation, &request, trailer.as_ref(), b"123456789").err().map(|error| error.code())
    }

    fn refused(query: &str, headers: &[(&str, &str)], trailer: Option<&str>) -> Option<Code> {
        refused_of("PutBucketPolicy", query, headers, trailer)
    }

    #[test]
    fn what_is_declared_must_be_so() {
        const MD5: &str = "JfnnlDI7RTiF9RgfG2JNCw==";
        const CRC32: &str = "y/Q5Jg==";
        assert_eq!(refused("", &[], None), None);
        assert_eq!(
            refused("", &[("Content-MD5", MD5), ("x-amz-checksum-crc32", CRC32)], None),
            None
        );
        assert_eq!(refused("x-amz-checksum-crc32=y%2FQ5Jg%3D%3D", &[], Some(CRC32)), None);
        let other = "AAAAAA==";
        for (query, headers, trailer, code) in [
            ("", &[("content-md5", "x")][..], None, Code::InvalidDigest),
            ("", &[("content-md5", "")], None, Code::InvalidDigest),
            ("", &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], None, Code::BadDigest),
            ("", &[("x-amz-checksum-crc32", other)], None, Code::BadDigest),
            (
                "",
                &[("x-amz-checksum-crc32", CRC32), ("x-amz-checksum-sha1", other)],
                None,
                Code::InvalidRequest,
            ),
            ("", &[("x-amz-checksum-crc32", CRC32)], Some(other), Code::BadDigest),
            ("x-amz-checksum-crc32=AAAAAA%3D%3D", &[], None, Code::BadDigest),
            ("", &[("content-md5", MD5), ("Content-MD5", MD5)], None, Code::InvalidArgument),
        ] {
            assert_eq!(refused(query, headers, trailer), Some(code), "{query} {headers:?}");
        }
    }

    #[test]
    fn some_documents_must_come_with_a_digest() {
        for operation in REQUIRED {
            assert!(iamd_api::s3::SERVICE.operation(operation).is_some(), "{operation}");
            assert_eq!(refused_of(operation, "", &[], None), Some(Code::InvalidRequest));
            let other = [("x-amz-sdk-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "x")];
            assert_eq!(refused_of(operation, "", &other, None), Some(Code::InvalidRequest));
            let md5 = [("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")];
            assert_eq!(refused_of(operation, "", &md5, None), None);
            let crc32 = [("x-amz-checksum-crc32", "y/Q5Jg==")];
            assert_eq!(refused_of(operation, "", &crc32, None), None);
            assert_eq!(refused_of(operation, "", &[], Some("y/Q5Jg==")), None);
            let hoisted = "x-amz-checksum-crc32=y%2FQ5Jg%3D%3D";
            assert_eq!(refused_of(operation, hoisted, &[], None), None);
        }
    }
}
