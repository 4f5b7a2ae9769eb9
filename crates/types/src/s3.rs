//! S3's words for its errors, each condition in one wording.
//!
//! Amazon S3 API Reference, "Error responses"; where its words and those that S3 answers are known to differ, the
//! latter.

use crate::{Code, Error};

/// S3's standard message for a code; empty for a code that has none, or that is not S3's.
pub const fn message(code: Code) -> &'static str {
    match code {
        Code::AccessControlListNotSupported => "The bucket does not allow ACLs",
        Code::AccessDenied => "Access Denied",
        Code::AccessForbidden => "CORSResponse: This CORS request is not allowed.",
        Code::BadDigest => "The Content-MD5 you specified did not match what we received.",
        Code::BucketAlreadyExists => {
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. \
             Please select a different name and try again."
        }
        Code::BucketAlreadyOwnedByYou => {
            "Your previous request to create the named bucket succeeded and you already own it."
        }
        Code::BucketNotEmpty => "The bucket you tried to delete is not empty",
        Code::ConditionalRequestConflict => {
            "A conflicting operation occurred. If using PutObject you can retry the request. If using multipart upload \
             you should initiate another CreateMultipartUpload request and re-upload each part."
        }
        Code::CredentialsNotSupported => "This request does not support credentials.",
        Code::EntityTooLarge => "Your proposed upload exceeds the maximum allowed size",
        Code::EntityTooSmall => "Your proposed upload is smaller than the minimum allowed size",
        Code::ExpiredToken => "The provided token has expired.",
        Code::IllegalLocationConstraint => {
            "The unspecified location constraint is incompatible for the region specific endpoint this request was \
             sent to."
        }
        Code::IllegalVersioningConfiguration => {
            "The Versioning element must be specified with a valid status."
        }
        Code::IncompleteBody => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        Code::InternalError => "We encountered an internal error. Please try again.",
        Code::InvalidAccessKeyId => {
            "The AWS Access Key Id you provided does not exist in our records."
        }
        Code::InvalidArgument => "Invalid Argument",
        Code::InvalidBucketAclWithObjectOwnership => {
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        }
        Code::InvalidBucketName => "The specified bucket is not valid.",
        Code::InvalidBucketState => {
            "The request is not valid with the current state of the bucket."
        }
        Code::InvalidDigest => "The Content-MD5 you specified was invalid.",
        Code::InvalidEncryptionAlgorithm => {
            "The encryption request you specified is not valid. The valid value is AES256."
        }
        Code::InvalidLocationConstraint => "The specified location-constraint is not valid",
        Code::InvalidObjectState => "The operation is not valid for the object's storage class",
        Code::InvalidPart => {
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
             specified entity tag may not match the part's entity tag."
        }
        Code::InvalidPartNumber => "The requested partnumber is not satisfiable",
        Code::InvalidPartOrder => {
            "The list of parts was not in ascending order. Parts must be ordered by part number."
        }
        Code::InvalidPolicyDocument => {
            "The content of the form does not meet the conditions specified in the policy document."
        }
        Code::InvalidRange => "The requested range is not satisfiable",
        Code::InvalidRequest => "Invalid Request",
        Code::InvalidStorageClass => "The storage class you specified is not valid",
        Code::InvalidTag => "The tag provided was not a valid tag.",
        Code::InvalidToken => "The provided token is malformed or otherwise invalid.",
        Code::InvalidUri => "Couldn't parse the specified URI.",
        Code::KeyTooLong => "Your key is too long",
        Code::MalformedAcl => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        Code::MalformedPolicy => "This policy contains invalid Json",
        Code::MalformedPostRequest => {
            "The body of your POST request is not well-formed multipart/form-data."
        }
        Code::MalformedXml => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        Code::MaxMessageLengthExceeded => "Your request was too big.",
        Code::MaxPostPreDataLengthExceeded => {
            "Your POST request fields preceding the upload file were too large."
        }
        Code::MetadataTooLarge => "Your metadata headers exceed the maximum allowed metadata size",
        Code::MethodNotAllowed => "The specified method is not allowed against this resource.",
        Code::MissingContentLength => "You must provide the Content-Length HTTP header.",
        Code::MissingRequestBody => "Request Body is empty",
        Code::NoSuchBucket => "The specified bucket does not exist",
        Code::NoSuchBucketPolicy => "The bucket policy does not exist",
        Code::NoSuchCorsConfiguration => "The CORS configuration does not exist",
        Code::NoSuchKey => "The specified key does not exist.",
        Code::NoSuchLifecycleConfiguration => "The lifecycle configuration does not exist",
        Code::NoSuchObjectLockConfiguration => {
            "The specified object does not have a ObjectLock configuration"
        }
        Code::NoSuchPublicAccessBlockConfiguration => {
            "The public access block configuration was not found"
        }
        Code::NoSuchTagSet => "The TagSet does not exist",
        Code::NoSuchUpload => {
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted \
             or completed."
        }
        Code::NoSuchVersion => "The specified version does not exist.",
        Code::NoSuchWebsiteConfiguration => {
            "The specified bucket does not have a website configuration"
        }
        Code::NotImplemented => {
            "A header you provided implies functionality that is not implemented"
        }
        Code::ObjectLockConfigurationNotFound => {
            "Object Lock configuration does not exist for this bucket"
        }
        Code::OperationAborted => {
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        }
        Code::OwnershipControlsNotFound => "The bucket ownership controls were not found",
        Code::PreconditionFailed => "At least one of the pre-conditions you specified did not hold",
        Code::ReplicationConfigurationNotFound => "The replication configuration was not found",
        Code::RequestTimeTooSkewed => {
            "The difference between the request time and the current time is too large."
        }
        Code::RequestTimeout => {
            "Your socket connection to the server was not read from or written to within the timeout period. Idle \
             connections will be closed."
        }
        Code::ServerSideEncryptionConfigurationNotFound => {
            "The server side encryption configuration was not found"
        }
        Code::ServiceUnavailable => "Reduce your request rate.",
        Code::SignatureDoesNotMatch => {
            "The request signature we calculated does not match the signature you provided. Check your key and \
             signing method."
        }
        Code::SlowDown => "Please reduce your request rate.",
        Code::TooManyBuckets => "You have attempted to create more buckets than allowed",
        Code::UnexpectedContent => "This request does not support content",
        Code::UserKeyMustBeSpecified => {
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
        }
        Code::XAmzContentSha256Mismatch => {
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        }
        _ => "",
    }
}

impl Error {
    /// An error of S3 in its standard words.
    pub fn s3(code: Code) -> Self {
        Self::new(code, message(code))
    }

    /// `InvalidArgument` of S3 with this message.
    pub fn invalid_argument(message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// `InvalidRequest` of S3 with this message.
    pub fn invalid_request(message: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }
}
