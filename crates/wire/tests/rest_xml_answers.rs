//! S3's answers through the public doors.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use expect_test::{Expect, expect};
use iamd_api::s3::{self, SERVICE};
use iamd_api::{Kind, Place, Shape};
use iamd_types::time::TIMESTAMP_TOKEN;
use iamd_types::{Code, Error, Timestamp};
use iamd_wire::rest_xml::{self, Answer, ErrorFacts};
use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

fn write<T: Serialize>(operation: &str, output: &T) -> Answer {
    rest_xml::write(&SERVICE, SERVICE.operation(operation).unwrap(), output).unwrap()
}

fn check<T: Serialize>(operation: &str, output: &T, expected: &Expect) {
    let answer = write(operation, output);
    let mut text = format!("{}\n", answer.status);
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    text.push_str(&String::from_utf8(answer.body).unwrap().replace("><", ">\n<"));
    expected.assert_eq(&text);
}

fn owner() -> s3::Owner {
    s3::Owner { display_name: None, id: Some("0a".to_owned()) }
}

#[test]
fn lists_are_written_as_s3_writes_them() {
    let object = s3::Object {
        key: Some("a<&\r".to_owned()),
        last_modified: Some(Timestamp::from_seconds(784_111_777)),
        e_tag: Some("\"0\"".to_owned()),
        checksum_algorithm: Some(vec![s3::ChecksumAlgorithm::Crc32, s3::ChecksumAlgorithm::Sha1]),
        size: Some(9_000_000_000),
        storage_class: Some(s3::ObjectStorageClass::Standard),
        owner: Some(owner()),
        ..s3::Object::default()
    };
    let output = s3::ListObjectsV2Output {
        is_truncated: Some(false),
        contents: Some(vec![object.clone(), object]),
        name: Some("b".to_owned()),
        prefix: Some(String::new()),
        common_prefixes: Some(vec![s3::CommonPrefix { prefix: Some("p/".to_owned()) }]),
        key_count: Some(3),
        request_charged: Some(s3::RequestCharged::Requester),
        ..s3::ListObjectsV2Output::default()
    };
    check(
        "ListObjectsV2",
        &output,
        &expect![[r#"
        200
        x-amz-request-charged: requester
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <IsTruncated>false</IsTruncated>
        <Contents>
        <Key>a&lt;&amp;&#xD;</Key>
        <LastModified>1994-11-06T08:49:37.000Z</LastModified>
        <ETag>&quot;0&quot;</ETag>
        <ChecksumAlgorithm>CRC32</ChecksumAlgorithm>
        <ChecksumAlgorithm>SHA1</ChecksumAlgorithm>
        <Size>9000000000</Size>
        <StorageClass>STANDARD</StorageClass>
        <Owner>
        <ID>0a</ID>
        </Owner>
        </Contents>
        <Contents>
        <Key>a&lt;&amp;&#xD;</Key>
        <LastModified>1994-11-06T08:49:37.000Z</LastModified>
        <ETag>&quot;0&quot;</ETag>
        <ChecksumAlgorithm>CRC32</ChecksumAlgorithm>
        <ChecksumAlgorithm>SHA1</ChecksumAlgorithm>
        <Size>9000000000</Size>
        <StorageClass>STANDARD</StorageClass>
        <Owner>
        <ID>0a</ID>
        </Owner>
        </Contents>
        <Name>b</Name>
        <Prefix/>
        <CommonPrefixes>
        <Prefix>p/</Prefix>
        </CommonPrefixes>
        <KeyCount>3</KeyCount>
        </ListBucketResult>"#]],
    );
    let output = s3::ListBucketsOutput {
        buckets: Some(vec![s3::Bucket {
            name: Some("b".to_owned()),
            creation_date: Some(Timestamp::from_millis(1)),
            ..s3::Bucket::default()
        }]),
        owner: Some(owner()),
        ..s3::ListBucketsOutput::default()
    };
    check(
        "ListBuckets",
        &output,
        &expect![[r#"
        200
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <Buckets>
        <Bucket>
        <Name>b</Name>
        <CreationDate>1970-01-01T00:00:00.001Z</CreationDate>
        </Bucket>
        </Buckets>
        <Owner>
        <ID>0a</ID>
        </Owner>
        </ListAllMyBucketsResult>"#]],
    );
    let none = s3::ListBucketsOutput { buckets: Some(vec![]), ..s3::ListBucketsOutput::default() };
    check(
        "ListBuckets",
        &none,
        &expect![[r#"
        200
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <Buckets/>
        </ListAllMyBucketsResult>"#]],
    );
}

#[test]
fn headers_documents_texts_and_attributes() {
    let output = s3::HeadObjectOutput {
        content_length: Some(9_000_000_000),
        last_modified: Some(Timestamp::from_seconds(784_111_777)),
        e_tag: Some("\"0\"".to_owned()),
        delete_marker: Some(true),
        object_lock_retain_until_date: Some(Timestamp::from_seconds(784_111_777)),
        content_type: Some("text/plain".to_owned()),
        metadata: Some(
            [("color", "blue"), ("nom", "été")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        ),
        ..s3::HeadObjectOutput::default()
    };
    check(
        "HeadObject",
        &output,
        &expect![[r#"
        200
        x-amz-delete-marker: true
        last-modified: Sun, 06 Nov 1994 08:49:37 GMT
        content-length: 9000000000
        etag: "0"
        content-type: text/plain
        x-amz-meta-color: blue
        x-amz-meta-nom: =?UTF-8?B?w6l0w6k=?=
        x-amz-object-lock-retain-until-date: 1994-11-06T08:49:37.000Z
    "#]],
    );
    let grantee = s3::Grantee {
        display_name: None,
        email_address: None,
        id: Some("0a".to_owned()),
        r#type: s3::Type::CanonicalUser,
        uri: None,
    };
    let output = s3::GetBucketAclOutput {
        owner: Some(owner()),
        grants: Some(vec![s3::Grant {
            grantee: Some(grantee),
            permission: Some(s3::Permission::FullControl),
        }]),
    };
    check(
        "GetBucketAcl",
        &output,
        &expect![[r#"
        200
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <Owner>
        <ID>0a</ID>
        </Owner>
        <AccessControlList>
        <Grant>
        <Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">
        <ID>0a</ID>
        </Grantee>
        <Permission>FULL_CONTROL</Permission>
        </Grant>
        </AccessControlList>
        </AccessControlPolicy>"#]],
    );
    let output = s3::GetBucketLocationOutput { location_constraint: Some("eu-west-1".to_owned()) };
    check(
        "GetBucketLocation",
        &output,
        &expect![[r#"
        200
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>"#]],
    );
    let output = s3::GetBucketLocationOutput { location_constraint: None };
    check(
        "GetBucketLocation",
        &output,
        &expect![[r#"
        200
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>"#]],
    );
    let output = s3::GetBucketPolicyOutput { policy: Some("{\"a\": \"<&>\"}".to_owned()) };
    check(
        "GetBucketPolicy",
        &output,
        &expect![[r#"
        200
        content-type: application/json
        {"a": "<&>"}"#]],
    );
    let output = s3::CopyObjectOutput {
        copy_object_result: Some(s3::CopyObjectResult {
            e_tag: Some("\"0\"".to_owned()),
            last_modified: Some(Timestamp::from_seconds(784_111_777)),
            ..s3::CopyObjectResult::default()
        }),
        version_id: Some("v".to_owned()),
        ..s3::CopyObjectOutput::default()
    };
    check(
        "CopyObject",
        &output,
        &expect![[r#"
        200
        x-amz-version-id: v
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <ETag>&quot;0&quot;</ETag>
        <LastModified>1994-11-06T08:49:37.000Z</LastModified>
        </CopyObjectResult>"#]],
    );
    check(
        "GetBucketVersioning",
        &s3::GetBucketVersioningOutput::default(),
        &expect![[r#"
        200
        content-type: application/xml
        <?xml version="1.0" encoding="UTF-8"?>
        <VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>"#]],
    );
    check(
        "DeleteBucket",
        &(),
        &expect![[r#"
        204
    "#]],
    );
    check(
        "PutObject",
        &s3::PutObjectOutput::default(),
        &expect![[r#"
        200
    "#]],
    );

    let split = s3::HeadObjectOutput {
        content_disposition: Some("a\r\nb: c".to_owned()),
        ..s3::HeadObjectOutput::default()
    };
    let operation = SERVICE.operation("HeadObject").unwrap();
    assert!(rest_xml::write(&SERVICE, operation, &split).is_err());
}

#[test]
fn errors_are_s3s() {
    let mut out = Vec::new();
    let facts = ErrorFacts { resource: "/a<b", request_id: "R", host_id: "H" };
    let error = Error::s3(Code::NoSuchBucket).with_element("BucketName", "a<b");
    rest_xml::write_error(&mut out, &error, &facts);
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message><BucketName>a&lt;b</BucketName><Resource>/a&lt;b</Resource><RequestId>R</RequestId><HostId>H</HostId></Error>"#]].assert_eq(&String::from_utf8(out).unwrap());
    for (code, expected) in [
        (Code::NoSuchVersion, ("NoSuchVersion", 404)),
        (Code::ExpiredToken, ("ExpiredToken", 400)),
        (Code::InvalidClientTokenId, ("InvalidAccessKeyId", 403)),
        (Code::ServiceFailure, ("InternalError", 500)),
        (Code::AccessDenied, ("AccessDenied", 403)),
        (Code::NotModified, ("NotModified", 304)),
    ] {
        assert_eq!(rest_xml::error_type(code), expected);
    }
    assert_eq!(Code::NoSuchVersion.http_status(), 400);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_by_another_parser(
        keys in proptest::collection::vec("[^\u{0}-\u{8}\u{B}\u{C}\u{E}-\u{1F}\u{FFFE}\u{FFFF}]{1,9}", 1..5)
    ) {
        let contents = keys.iter().map(|key| s3::Object {
            key: Some(key.clone()),
            ..s3::Object::default()
        });
        let output = s3::ListObjectsOutput {
            contents: Some(contents.collect()),
            ..s3::ListObjectsOutput::default()
        };
        let body = String::from_utf8(write("ListObjects", &output).body).unwrap();
        let document = roxmltree::Document::parse(&body).unwrap();
        let name = (SERVICE.xml_namespace, "Key");
        let written = document.descendants().filter(|node| node.has_tag_name(name));
        let written: Vec<_> = written.map(|node| node.text().unwrap_or_default()).collect();
        prop_assert_eq!(written, keys);
    }
}

/// A value of a shape with all its members, each text naming its member.
struct Filled(&'static Shape, &'static str);

struct Millis(i64);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl Serialize for Filled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.kind {
            Kind::Structure(members) => {
                let mut filled = serializer.serialize_struct("Filled", members.len())?;
                // Streams are no part of what is written.
                for member in
                    members.iter().filter(|member| !matches!(member.shape.kind, Kind::Blob))
                {
                    filled.serialize_field(member.name, &Filled(member.shape, member.name))?;
                }
                filled.end()
            }
            Kind::List { member, .. } => {
                serializer.collect_seq([Filled(member, self.1), Filled(member, self.1)])
            }
            Kind::Map { .. } => serializer.collect_map([("alpha", "one")]),
            Kind::Text { .. } => serializer.serialize_str(self.1),
            Kind::Integer { .. } => serializer.serialize_i32(7),
            Kind::Long { .. } => serializer.serialize_i64(9_000_000_000),
            Kind::Boolean => serializer.serialize_bool(true),
            Kind::Timestamp => {
                serializer.serialize_newtype_struct(TIMESTAMP_TOKEN, &Millis(784_111_777_000))
            }
            Kind::Blob => serializer.serialize_bytes(b"bytes"),
        }
    }
}

/// Every output of the model is written, well formed, and with each member in its place.
#[test]
fn every_answer_of_the_model_is_written() {
    for operation in SERVICE.operations {
        let Some(shape) = operation.output else { continue };
        let answer = rest_xml::write(&SERVICE, operation, &Filled(shape, "")).unwrap();
        let body = String::from_utf8(answer.body).unwrap();
        let document = (body.starts_with('<')).then(|| roxmltree::Document::parse(&body).unwrap());
        for member in shape.members() {
            let name = operation.name;
            let element = match member.place {
                Some(Place::Header { name: header, .. }) => {
                    assert!(
                        answer.headers.iter().any(|(sent, _)| sent == header),
                        "{name}: {header}"
                    );
                    continue;
                }
                Some(Place::Headers(prefix)) => {
                    let header = format!("{prefix}alpha");
                    assert!(answer.headers.iter().any(|(sent, _)| *sent == header), "{name}");
                    continue;
                }
                Some(Place::Body | Place::Text) => continue,
                Some(Place::Document(element) | Place::Element(element) | Place::Flat(element)) => {
                    element
                }
                Some(Place::List { element, .. }) => element,
                _ => member.name,
            };
            let document = document.as_ref().unwrap();
            let found = document.descendants().filter(|node| {
                node.has_tag_name((SERVICE.xml_namespace, element))
                    && (node.parent_element().is_none_or(|it| it == document.root_element()))
            });
            let times = if matches!(member.place, Some(Place::Flat(_))) { 2 } else { 1 };
            assert!(found.count() >= times, "{name}: {element}");
        }
    }
}
