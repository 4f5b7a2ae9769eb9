//! S3's requests through the public doors.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

use iamd_api::s3::{self, SERVICE};
use iamd_api::{Binding, Resource};
use iamd_types::{Code, Timestamp};
use iamd_wire::query::{self, Parameters, from_parameters};
use iamd_wire::rest_xml::{self, Asked, Request};
use iamd_wire::{DecodeError, cloudtrail};
use proptest::prelude::*;
use proptest::sample::select;
use serde::de::DeserializeOwned;

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Splits `METHOD /bucket/key?query` as the service does for path style, and runs with the request.
fn with<T>(line: &str, headers: Headers<'_>, run: impl FnOnce(&Request<'_>) -> T) -> T {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.strip_prefix('/').unwrap();
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let query = rest_xml::query(query).unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    run(&Request {
        method,
        bucket: Some(bucket).filter(|bucket| !bucket.is_empty()),
        key: Some(key).filter(|key| !key.is_empty()),
        query: &query,
        headers: &headers,
    })
}

fn asked(line: &str, headers: Headers<'_>) -> String {
    with(line, headers, |request| match rest_xml::identify(&SERVICE, request) {
        Ok(Asked::Operation(operation)) => operation.name.to_owned(),
        Ok(Asked::Form) => "(form)".to_owned(),
        Ok(Asked::Preflight) => "(preflight)".to_owned(),
        Err(error) => format!("{}: {error}", error.code()),
    })
}

fn parameters(
    line: &str,
    headers: Headers<'_>,
    body: &str,
) -> Result<(&'static str, Parameters<'static>), DecodeError> {
    with(line, headers, |request| {
        let Asked::Operation(operation) = rest_xml::identify(&SERVICE, request)? else {
            panic!("{line} is no operation")
        };
        let read = rest_xml::read(&SERVICE, operation, request, body.as_bytes())?;
        Ok((operation.name, read))
    })
}

fn read<T: DeserializeOwned>(line: &str, headers: Headers<'_>, body: &str) -> T {
    from_parameters(&parameters(line, headers, body).unwrap().1).unwrap()
}

#[track_caller]
fn refused(line: &str, headers: Headers<'_>, body: &str, code: Code) -> String {
    let error = parameters(line, headers, body).map(|(name, _)| name).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    error.to_string()
}

#[test]
fn every_operation_that_can_be_asked_for_is_found_by_its_own_route() {
    let is_asked = |binding: &&Binding| {
        SERVICE.asked(binding.resource, binding.method).any(|it| std::ptr::eq(it, *binding))
    };
    for binding in SERVICE.bindings().iter().filter(is_asked) {
        let path = match binding.resource {
            Resource::Service => "/",
            Resource::Bucket => "/b",
            _ => "/b/k",
        };
        let given = binding.sub_resources.iter().map(|(name, value)| format!("{name}={value}"));
        let given = given.chain(binding.parameters.iter().map(|name| format!("{name}=1")));
        let mut query = given.collect::<Vec<_>>().join("&");
        if binding.operation == "ListDirectoryBuckets" {
            query = "max-directory-buckets=1".to_owned();
        }
        let headers: Vec<_> = binding.header.iter().map(|header| (*header, "/b/k")).collect();
        let line = format!("{} {path}?{query}&x-id=X", binding.method);
        assert_eq!(asked(&line, &headers), binding.operation, "{line}");
    }
    assert_eq!(SERVICE.operations.len(), 116);
    assert_eq!(SERVICE.bindings().len(), 116);
    let unasked = SERVICE.bindings().iter().filter(|binding| !is_asked(binding));
    assert_eq!(
        unasked.map(|binding| binding.operation).collect::<Vec<_>>(),
        [
            "GetBucketLifecycle",
            "GetBucketNotification",
            "PutBucketLifecycle",
            "PutBucketNotification",
            "WriteGetObjectResponse",
        ]
    );
}

#[test]
fn requests_are_found_by_what_they_need_most() {
    const COPY: Headers<'_> = &[("x-amz-copy-source", "/b/k")];
    for (line, headers, expected) in [
        ("GET /", &[][..], "ListBuckets"),
        ("GET /?prefix=a", &[], "ListBuckets"),
        ("GET /b", &[], "ListObjects"),
        ("GET /b/", &[], "ListObjects"),
        ("GET /b?list-type=2&prefix=a&marker=x", &[], "ListObjectsV2"),
        ("GET /b?versions&prefix=a", &[], "ListObjectVersions"),
        ("GET /b?uploads=", &[], "ListMultipartUploads"),
        ("GET /b/k", &[], "GetObject"),
        ("GET /b/k?partNumber=1&versionId=2", &[], "GetObject"),
        ("GET /b/k?response-content-type=a&v=7", &[], "GetObject"),
        ("GET /b/k?uploadId=1", &[], "ListParts"),
        ("HEAD /b/k?versionId=2", &[], "HeadObject"),
        ("PUT /b/k", &[], "PutObject"),
        ("PUT /b/k", COPY, "CopyObject"),
        ("PUT /b/k?x-amz-copy-source=%2Fb%2Fk", &[], "CopyObject"),
        ("PUT /b/k?partNumber=1&uploadId=2", &[], "UploadPart"),
        ("PUT /b/k?partNumber=1&uploadId=2", COPY, "UploadPartCopy"),
        ("POST /b?delete", &[], "DeleteObjects"),
        ("POST /b/k?uploads", &[], "CreateMultipartUpload"),
        ("POST /b/k?uploadId=2", &[], "CompleteMultipartUpload"),
        ("POST /b/k?restore", &[], "RestoreObject"),
        ("POST /b/k?select&select-type=2", &[], "SelectObjectContent"),
        ("DELETE /b/k?uploadId=2", &[], "AbortMultipartUpload"),
        ("DELETE /b/k?versionId=2", &[], "DeleteObject"),
        ("GET /b?session", &[], "CreateSession"),
        ("PUT /b/k?renameObject", &[], "RenameObject"),
        ("GET /b?inventory", &[], "ListBucketInventoryConfigurations"),
        ("GET /b?inventory&id=1", &[], "GetBucketInventoryConfiguration"),
        ("GET /b/k?X-Amz-Signature=1&X-Amz-Date=2&x-id=GetObject", &[], "GetObject"),
        ("POST /b", &[("Content-Type", "multipart/form-data; boundary=x")], "(form)"),
        ("OPTIONS /b/k", &[], "(preflight)"),
    ] {
        assert_eq!(asked(line, headers), expected, "{line}");
    }
}

#[test]
fn what_could_be_another_request_is_refused_and_never_guessed() {
    const COPY: Headers<'_> = &[("X-Amz-Copy-Source", "")];
    let method = "MethodNotAllowed: The specified method is not allowed against this resource.";
    let copy = "InvalidArgument: You can only specify a copy source header for copy requests.";
    let unknown =
        "NotImplemented: A parameter you provided implies functionality that is not implemented";
    let version = "InvalidArgument: This operation does not accept a version-id.";
    for (line, headers, expected) in [
        (
            "GET /b?acl&policy",
            &[][..],
            "InvalidArgument: Conflicting query string parameters: acl, policy",
        ),
        (
            "PUT /b/k?acl&tagging",
            &[],
            "InvalidArgument: Conflicting query string parameters: acl, tagging",
        ),
        (
            "GET /b?list-type=2&uploads",
            &[],
            "InvalidArgument: Conflicting query string parameters: uploads, list-type",
        ),
        (
            "GET /b/k?acl&uploadId=1",
            &[],
            "InvalidArgument: This operation does not accept the parameter uploadId.",
        ),
        ("GET /b?list-type=3", &[], "InvalidArgument: Argument list-type is not valid."),
        (
            "PUT /b/k?uploadId=1",
            &[],
            "InvalidArgument: This operation does not accept the parameter uploadId.",
        ),
        (
            "PUT /b/k?partNumber=1",
            &[],
            "InvalidArgument: This operation does not accept the parameter partNumber.",
        ),
        (
            "DELETE /b?uploadId=1",
            &[],
            "InvalidArgument: This operation does not accept the parameter uploadId.",
        ),
        ("PUT /b/k?versionId=1", &[], version),
        ("DELETE /b?versionId=1", &[], version),
        ("DELETE /b?inventory", &[], method),
        ("DELETE /b?acl", &[], method),
        ("GET /b/k?policy", &[], method),
        ("HEAD /b/k?acl", &[], method),
        ("PUT /b/k?unknown=1", &[], unknown),
        ("DELETE /b/k?unknown", &[], unknown),
        ("GET /b/k?unknown", &[], unknown),
        ("POST /b", &[], method),
        ("POST /b/k", &[], method),
        ("POST /b?policy", &[("content-type", "multipart/form-data")], method),
        ("DELETE /", &[], method),
        ("PATCH /b/k", &[], method),
        ("get /b/k", &[], method),
        ("PUT /b/k?acl", COPY, copy),
        ("GET /b/k", COPY, copy),
        ("POST /WriteGetObjectResponse", &[], method),
    ] {
        assert_eq!(asked(line, headers), expected, "{line}");
    }
    for (query, code) in [
        ("acl&acl", Code::InvalidArgument),
        ("uploadId=1&uploadId=2", Code::InvalidArgument),
        ("X-Amz-Acl=private&x-amz-acl=public-read", Code::InvalidArgument),
        ("a=%zz", Code::InvalidUri),
        ("=1", Code::InvalidUri),
        (&"a=1&".repeat(100), Code::InvalidUri),
    ] {
        assert_eq!(rest_xml::query(query).unwrap_err().code(), code, "{query}");
    }
}

#[test]
fn members_come_from_their_places() {
    let input: s3::PutObjectRequest = read(
        "PUT /b/a/../b//c?x-id=PutObject",
        &[
            ("Content-Length", "9000000000"),
            ("content-type", "text/plain"),
            ("content-encoding", "gzip"),
            ("Content-Encoding", "aws-chunked"),
            ("X-Amz-Meta-Color", " blue "),
            ("x-amz-meta-color", "é"),
            ("x-amz-meta-size", "7"),
            ("x-amz-storage-class", "STANDARD"),
            ("x-amz-object-lock-retain-until-date", "2030-01-02T03:04:05Z"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "True"),
            ("if-none-match", "*"),
        ],
        "the body is a stream",
    );
    assert_eq!((input.bucket.as_str(), input.key.as_str()), ("b", "a/../b//c"));
    assert_eq!(input.content_length, Some(9_000_000_000));
    assert_eq!(input.content_encoding.as_deref(), Some("gzip,aws-chunked"));
    let metadata = input.metadata.unwrap();
    assert_eq!(metadata.get("color").map(String::as_str), Some("blue,é"));
    assert_eq!(metadata.get("size").map(String::as_str), Some("7"));
    assert_eq!(input.storage_class, Some(s3::StorageClass::Standard));
    assert_eq!(input.bucket_key_enabled, Some(true));
    assert_eq!(input.object_lock_retain_until_date, Timestamp::parse("2030-01-02T03:04:05Z"));

    let input: s3::GetObjectRequest = read(
        "GET /b/k?versionId=v&response-expires=Sun,%2006%20Nov%201994%2008:49:37%20GMT&partNumber=",
        &[
            ("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT"),
            ("if-unmodified-since", "yesterday"),
            ("range", "bytes=0-1"),
        ],
        "",
    );
    let at = Some(Timestamp::from_seconds(784_111_777));
    assert_eq!((input.if_modified_since, input.response_expires), (at, at));
    assert_eq!((input.if_unmodified_since, input.part_number), (None, None));

    let input: s3::GetObjectAttributesRequest = read(
        "GET /b/k?attributes",
        &[("x-amz-object-attributes", "ETag, ObjectSize"), ("x-amz-object-attributes", "Checksum")],
        "",
    );
    assert_eq!(
        input.object_attributes.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        ["ETag", "ObjectSize", "Checksum"]
    );
    let input: s3::PutBucketPolicyRequest = read("PUT /b?policy", &[], "{\"é\": 1}\n");
    assert_eq!(input.policy, "{\"é\": 1}\n");
}

#[test]
fn headers_may_stand_in_a_signed_url() {
    let line = "PUT /b/k?x-amz-acl=bucket-owner-full-control&X-Amz-Meta-A=1&X-Amz-Date=2";
    let input: s3::PutObjectRequest = read(line, &[], "");
    assert_eq!(input.acl, Some(s3::ObjectCannedACL::BucketOwnerFullControl));
    assert_eq!(input.metadata.unwrap().get("a").map(String::as_str), Some("1"));
    for header in ["x-amz-acl", "x-amz-meta-a"] {
        refused(line, &[(header, "private")], "", Code::InvalidArgument);
    }
}

#[test]
fn each_place_has_its_own_refusals() {
    let cases: &[(&str, Headers<'_>, Code, &str)] = &[
        (
            "GET /b?max-keys=x",
            &[],
            Code::InvalidArgument,
            "Provided max-keys not an integer or within integer range",
        ),
        (
            "GET /b?max-keys=-1",
            &[],
            Code::InvalidArgument,
            "Argument max-keys must be an integer between 0 and 2147483647",
        ),
        (
            "GET /b?max-keys=2147483648",
            &[],
            Code::InvalidArgument,
            "Provided max-keys not an integer or within integer range",
        ),
        (
            "GET /b?encoding-type=utf",
            &[],
            Code::InvalidArgument,
            "Invalid Encoding Method specified in Request",
        ),
        (
            "GET /?max-buckets=0",
            &[],
            Code::InvalidArgument,
            "Argument max-buckets must be an integer between 0 and 2147483647",
        ),
        (
            "PUT /b/k?uploadId=1&partNumber=10001",
            &[],
            Code::InvalidArgument,
            "Part number must be an integer between 1 and 10000, inclusive",
        ),
        (
            "PUT /b/k?uploadId=1&partNumber=",
            &[],
            Code::InvalidArgument,
            "Missing required parameter: partNumber",
        ),
        (
            "PUT /b/k",
            &[("x-amz-storage-class", "COLD")],
            Code::InvalidStorageClass,
            "The storage class you specified is not valid",
        ),
        (
            "PUT /b/k",
            &[("x-amz-acl", "public")],
            Code::InvalidArgument,
            "Argument x-amz-acl is not valid.",
        ),
        (
            "PUT /b/k",
            &[("x-amz-acl", "private"), ("X-Amz-Acl", "private")],
            Code::InvalidArgument,
            "Header x-amz-acl was given more than once.",
        ),
        (
            "PUT /b/k",
            &[("x-amz-server-side-encryption", "AES")],
            Code::InvalidArgument,
            "The encryption method specified is not supported",
        ),
        (
            "PUT /b/k",
            &[("x-amz-copy-source", "k")],
            Code::InvalidArgument,
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        ),
        (
            "PUT /b/k",
            &[("x-amz-sdk-checksum-algorithm", "X")],
            Code::InvalidRequest,
            "Value for x-amz-sdk-checksum-algorithm header is invalid.",
        ),
        (
            "PUT /b/k",
            &[("x-amz-meta-", "x")],
            Code::InvalidArgument,
            "Argument x-amz-meta- is not valid.",
        ),
        (
            "GET /b/k?attributes",
            &[],
            Code::InvalidRequest,
            "Missing required header for this request: x-amz-object-attributes",
        ),
        (
            "GET /b/k?attributes",
            &[("x-amz-object-attributes", "ETag,")],
            Code::InvalidArgument,
            "Argument x-amz-object-attributes is not valid.",
        ),
        (
            "GET /b/k?response-content-type=a%0D%0Ab:c",
            &[],
            Code::InvalidArgument,
            "Argument response-content-type is not valid.",
        ),
        ("PUT /b/k?tagging", &[], Code::MissingRequestBody, "Request Body is empty"),
        ("PUT /b?policy", &[], Code::MissingRequestBody, "Request Body is empty"),
    ];
    for (line, headers, code, message) in cases {
        assert_eq!(refused(line, headers, "", *code), *message, "{line}");
    }
    let error = parameters("GET /b?max-keys=x", &[], "").map(drop).unwrap_err();
    let DecodeError::Refused { argument: Some(argument), .. } = error else { panic!("{error}") };
    assert_eq!(argument, ("max-keys".to_owned(), "x".to_owned()));
}

const NS: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

#[test]
fn bodies_are_read_along_their_shape() {
    let body = format!(
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c --><Delete {NS}>\n <Quiet> TRUE </Quiet>\n\
         <Object><Key> a&amp;b&#x9;\r\n<![CDATA[<c>]]> </Key></Object><!-- c -->\
         <Object><VersionId>v</VersionId><Key>é</Key></Object></Delete>\n"
    );
    let input: s3::DeleteObjectsRequest = read("POST /b?delete", &[], &body);
    assert_eq!(input.delete.quiet, Some(true));
    let keys: Vec<_> = input.delete.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, [" a&b\t\n<c> ", "é"]);
    assert_eq!(input.delete.objects.get(1).unwrap().version_id.as_deref(), Some("v"));

    let input: s3::PutObjectTaggingRequest =
        read("PUT /b/k?tagging", &[], "<Tagging><TagSet/></Tagging>");
    assert!(input.tagging.tag_set.is_empty());
    let body = format!(
        "<s3:Tagging xmlns:s3={}><s3:TagSet><s3:Tag><s3:Value></s3:Value><s3:Key>k</s3:Key></s3:Tag></s3:TagSet></s3:Tagging>",
        NS.strip_prefix("xmlns=").unwrap()
    );
    let input: s3::PutBucketTaggingRequest = read("PUT /b?tagging", &[], &body);
    let tag = input.tagging.tag_set.first().unwrap();
    assert_eq!((tag.key.as_str(), tag.value.as_str()), ("k", ""));

    let body = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>\
                <AllowedMethod>PUT</AllowedMethod><MaxAgeSeconds>3</MaxAgeSeconds></CORSRule></CORSConfiguration>";
    let input: s3::PutBucketCorsRequest = read("PUT /b?cors", &[], body);
    let rule = input.cors_configuration.cors_rules.first().unwrap();
    assert_eq!(rule.allowed_methods, ["GET", "PUT"]);
    assert_eq!(rule.max_age_seconds, Some(3));

    let body = "<AccessControlPolicy xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><AccessControlList><Grant>\
                <Grantee xsi:type='CanonicalUser'><ID>x</ID></Grantee><Permission>READ</Permission></Grant>\
                </AccessControlList></AccessControlPolicy>";
    let input: s3::PutBucketAclRequest = read("PUT /b?acl", &[], body);
    let grants = input.access_control_policy.unwrap().grants.unwrap();
    let grantee = grants.first().unwrap().grantee.clone().unwrap();
    assert_eq!((grantee.r#type, grantee.id.as_deref()), (s3::Type::CanonicalUser, Some("x")));

    // A structure without members is there all the same.
    let body = "<VersioningConfiguration/>";
    let input: s3::PutBucketVersioningRequest = read("PUT /b?versioning", &[], body);
    assert_eq!(input.versioning_configuration.status, None);
    let body = "<CreateBucketConfiguration><LocationConstraint>my-region-1</LocationConstraint></CreateBucketConfiguration>";
    let input: s3::CreateBucketRequest = read("PUT /b", &[], body);
    assert_eq!(
        input.create_bucket_configuration.unwrap().location_constraint.as_deref(),
        Some("my-region-1")
    );
    let input: s3::CreateBucketRequest = read("PUT /b", &[], "");
    assert_eq!(input.create_bucket_configuration, None);
}

#[test]
fn bodies_that_are_not_the_schemas_are_malformed() {
    let bad = [
        "x",
        "<Tagging>",
        "<Tagging></tagging>",
        "<Tagging/>",
        "<Other><TagSet/></Other>",
        "<Tagging xmlns=\"http://example.com/\"><TagSet/></Tagging>",
        "<a:Tagging><TagSet/></a:Tagging>",
        "<Tagging><TagSet/><TagSet/></Tagging>",
        "<Tagging><TagSet/><More/></Tagging>",
        "<Tagging>text<TagSet/></Tagging>",
        "<Tagging><TagSet/></Tagging><Tagging/>",
        "<Tagging><TagSet/></Tagging>text",
        "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a<!-- -->b</Key><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a<b/></Key><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>&#0;</Key><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>&#1;</Key><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>\u{1}</Key><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>&nbsp;</Key><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a & b</Key><Value>v</Value></Tag></TagSet></Tagging>",
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><Tagging><TagSet/></Tagging>",
        "<?xml version=\"1.0\"?><?php ?><Tagging><TagSet/></Tagging>",
        "<Tagging><?xml version=\"1.0\"?><TagSet/></Tagging>",
        "<!DOCTYPE Tagging><Tagging><TagSet/></Tagging>",
        "<!DOCTYPE t [<!ENTITY e \"x\">]><Tagging><TagSet>&e;</TagSet></Tagging>",
    ];
    let text =
        "The XML you provided was not well-formed or did not validate against our published schema";
    for body in bad {
        assert_eq!(refused("PUT /b/k?tagging", &[], body, Code::MalformedXml), text, "{body}");
    }
    let attributes = (0..17).map(|at| format!(" a{at}=''")).collect::<String>();
    let body = format!("<Tagging{attributes}><TagSet/></Tagging>");
    refused("PUT /b/k?tagging", &[], &body, Code::MalformedXml);
    let deep = "<Tagging>".repeat(100_000);
    refused("PUT /b/k?tagging", &[], &deep, Code::MalformedXml);
    let long = " ".repeat(rest_xml::MAX_BODY_BYTES + 1);
    refused("PUT /b/k?tagging", &[], &long, Code::MaxMessageLengthExceeded);
    for body in [
        "<VersioningConfiguration><Status>On</Status></VersioningConfiguration>",
        "<VersioningConfiguration><Status> Enabled</Status></VersioningConfiguration>",
    ] {
        refused("PUT /b?versioning", &[], body, Code::MalformedXml);
    }
}

#[test]
fn ten_thousand_parts_are_read() {
    let parts: String = (1..=10_000)
        .map(|number| {
            format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{number}&quot;</ETag>\
                 <ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumSHA256>x</ChecksumSHA256></Part>"
            )
        })
        .collect();
    let body = format!("<CompleteMultipartUpload {NS}>{parts}</CompleteMultipartUpload>");
    let input: s3::CompleteMultipartUploadRequest = read("POST /b/k?uploadId=u", &[], &body);
    let parts = input.multipart_upload.unwrap().parts.unwrap();
    assert_eq!(parts.len(), 10_000);
    let last = parts.last().unwrap();
    assert_eq!((last.part_number, last.e_tag.as_deref()), (Some(10_000), Some("\"10000\"")));
}

/// Bodies, headers and queries that have something to do with S3.
fn pieces() -> impl Strategy<Value = (String, Vec<(String, String)>, String)> {
    let operations = select(SERVICE.bindings().iter().collect::<Vec<_>>());
    let names =
        select(vec!["Tagging", "TagSet", "Tag", "Key", "Value", "Delete", "Object", "Status"]);
    let element = (names, select(vec!["<", "</", "<!--", "&#x", "<![CDATA["]), "[ a-z0-9>;&]{0,4}");
    let element = element.prop_map(|(name, open, rest)| format!("{open}{name}{rest}>"));
    let body = prop_oneof![
        any::<String>(),
        proptest::collection::vec(element, 0..12).prop_map(|parts| parts.concat()),
    ];
    let header = select(vec![
        "x-amz-meta-a",
        "x-amz-acl",
        "range",
        "if-modified-since",
        "content-length",
        "x-amz-copy-source",
    ]);
    let headers = proptest::collection::vec((header.prop_map(str::to_owned), "[ -~]{0,9}"), 0..4);
    let query = proptest::collection::vec(
        select(vec![
            "acl",
            "uploads",
            "uploadId=1",
            "partNumber=x",
            "versionId=é",
            "list-type=2",
            "x",
            "%41=1",
        ]),
        0..3,
    );
    (operations, query, headers, body).prop_map(|(binding, query, headers, body)| {
        let path = match binding.resource {
            Resource::Service => "/",
            Resource::Bucket => "/b",
            _ => "/b/k",
        };
        let own = binding.sub_resources.iter().map(|(name, value)| format!("{name}={value}"));
        let query = own.chain(query.into_iter().map(str::to_owned)).collect::<Vec<_>>().join("&");
        (format!("{} {path}?{query}", binding.method), headers, body)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_request_panics((line, headers, body) in pieces()) {
        let (_, query) = line.split_once('?').unwrap();
        if rest_xml::query(query).is_err() {
            return Ok(());
        }
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if asked(&line, &headers).contains([':', '(']) {
            return Ok(());
        }
        let Ok((name, parameters)) = parameters(&line, &headers, &body) else { return Ok(()) };
        let mut record = Vec::new();
        let operation = SERVICE.operation(name).unwrap();
        cloudtrail::write_request_parameters(&mut record, &parameters, operation);
        let _: serde_json::Value = serde_json::from_slice(&record).unwrap();
        // What was read is what the model takes, so that only the types are left to do.
        prop_assert!(query::check(&parameters, &SERVICE, operation).is_ok());
    }

    #[test]
    fn keys_are_read_as_they_were_written(
        keys in proptest::collection::vec("[^\u{0}-\u{8}\u{B}\u{C}\u{E}-\u{1F}\u{FFFE}\u{FFFF}]{1,9}", 1..5)
    ) {
        let mut body = "<Delete>".to_owned();
        for key in &keys {
            let escaped: String = key.chars().map(|char| format!("&#{};", u32::from(char))).collect();
            body.push_str(&format!("<Object><Key>{escaped}</Key></Object>"));
        }
        body.push_str("</Delete>");
        let input: s3::DeleteObjectsRequest = read("POST /b?delete", &[], &body);
        let read: Vec<_> = input.delete.objects.into_iter().map(|object| object.key).collect();
        prop_assert_eq!(&read, &keys);
    }
}
