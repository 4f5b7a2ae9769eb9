//! PutObject, GetObject, HeadObject, DeleteObject, tags and attributes.

use iamd_types::Code;

use crate::ask::S3;

const MD5_OF_HELLO: &str = "XUFAKrxLKna5cZ2REBfFkg==";
const ETAG_OF_HELLO: &str = "\"5d41402abc4b2a76b9719d911017c592\"";
const CRC32_OF_HELLO: &str = "NhCmhg==";

#[tokio::test]
async fn an_object_and_all_that_is_said_of_it() {
    let mut s3 = S3::new().await;
    s3.bucket.encrypted = true;
    let headers = [
        ("content-type", "text/plain"),
        ("cache-control", "no-store"),
        ("content-disposition", "inline"),
        ("content-encoding", "aws-chunked,gzip"),
        ("content-language", "de"),
        ("expires", "Thu, 01 Jan 2032 00:00:00 GMT"),
        ("content-md5", MD5_OF_HELLO),
        ("x-amz-checksum-crc32", CRC32_OF_HELLO),
        ("x-amz-meta-Color", "blue"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-tagging", "a=b&c=d"),
    ];
    let put = s3.done("PUT /photos/a%2Fb", &headers, b"hello").await;
    assert_eq!(put.header("etag"), Some(ETAG_OF_HELLO));
    assert_eq!(put.header("x-amz-checksum-crc32"), Some(CRC32_OF_HELLO));
    assert_eq!(put.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(put.header("x-amz-server-side-encryption"), Some("AES256"));
    assert_eq!(put.header("x-amz-version-id"), None);

    let mode = [("x-amz-checksum-mode", "ENABLED")];
    let get = s3.done("GET /photos/a/b", &mode, b"").await;
    assert_eq!((get.status, get.text()), (200, "hello"));
    for (name, value) in [
        ("content-type", "text/plain"),
        ("cache-control", "no-store"),
        ("content-disposition", "inline"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("expires", "Thu, 01 Jan 2032 00:00:00 GMT"),
        ("etag", ETAG_OF_HELLO),
        ("accept-ranges", "bytes"),
        ("last-modified", "Thu, 12 Feb 2026 09:30:00 GMT"),
        ("x-amz-checksum-crc32", CRC32_OF_HELLO),
        ("x-amz-checksum-type", "FULL_OBJECT"),
        ("x-amz-meta-color", "blue"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-tagging-count", "2"),
    ] {
        assert_eq!(get.header(name), Some(value), "{name}");
    }
    assert_eq!(get.header("x-amz-version-id"), None);
    let head = s3.done("HEAD /photos/a/b", &mode, b"").await;
    assert_eq!((head.status, head.length, head.text()), (200, 5, ""));
    let sorted = |mut headers: Vec<(String, String)>| {
        headers.sort();
        headers
    };
    assert_eq!(sorted(head.headers), sorted(get.headers));
    let plain = s3.done("GET /photos/a/b", &[], b"").await;
    assert_eq!(plain.header("x-amz-checksum-crc32"), None);
}

#[tokio::test]
async fn an_object_of_which_nothing_is_said() {
    let s3 = S3::new().await;
    s3.put("k", b"hello").await;
    let head = s3.done("HEAD /photos/k", &[("x-amz-checksum-mode", "ENABLED")], b"").await;
    assert_eq!(head.header("content-type"), Some("binary/octet-stream"));
    assert!(head.header("x-amz-checksum-crc64nvme").is_some());
    for absent in ["x-amz-storage-class", "x-amz-tagging-count", "x-amz-server-side-encryption"] {
        assert_eq!(head.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn ranges_and_conditions() {
    let s3 = S3::new().await;
    s3.put("k", b"hello").await;
    let mode = ("x-amz-checksum-mode", "ENABLED");
    let part = s3.done("GET /photos/k", &[("range", "bytes=1-3"), mode], b"").await;
    assert_eq!((part.status, part.text()), (206, "ell"));
    assert_eq!(part.header("content-range"), Some("bytes 1-3/5"));
    assert_eq!(part.header("x-amz-checksum-crc64nvme"), None);
    let head = s3.done("HEAD /photos/k", &[("range", "bytes=-2")], b"").await;
    assert_eq!((head.status, head.length), (206, 2));
    let first = s3.done("GET /photos/k?partNumber=1", &[], b"").await;
    assert_eq!((first.status, first.header("content-range")), (206, Some("bytes 0-4/5")));
    let outside = s3.ask("GET /photos/k", &[("range", "bytes=5-")], b"").await.unwrap_err();
    assert_eq!(outside.code(), Code::InvalidRange);
    assert_eq!(outside.headers(), [("content-range", "bytes */5".to_owned())]);
    assert_eq!(s3.done("GET /photos/k", &[("range", "bytes=0-1,3-4")], b"").await.status, 200);
    assert_eq!(s3.refused("GET /photos/k?partNumber=2", &[], b"").await, "InvalidPartNumber");
    assert_eq!(s3.refused("GET /photos/k?partNumber=0", &[], b"").await, "InvalidArgument");
    let both = [("range", "bytes=0-1")];
    assert_eq!(s3.refused("GET /photos/k?partNumber=1", &both, b"").await, "InvalidRequest");

    let fresh = s3.done("GET /photos/k", &[("if-none-match", ETAG_OF_HELLO)], b"").await;
    assert_eq!((fresh.status, fresh.text()), (304, ""));
    assert_eq!(fresh.header("etag"), Some(ETAG_OF_HELLO));
    assert!(fresh.header("last-modified").is_some());
    let stale = [("if-match", "\"0\"")];
    assert_eq!(s3.refused("GET /photos/k", &stale, b"").await, "PreconditionFailed");
    assert_eq!(
        s3.refused("PUT /photos/k", &[("if-none-match", "*")], b"x").await,
        "PreconditionFailed"
    );
    assert_eq!(
        s3.refused("PUT /photos/k", &[("if-none-match", "\"x\"")], b"x").await,
        "NotImplemented"
    );
    assert_eq!(
        s3.refused("PUT /photos/x", &[("if-match", ETAG_OF_HELLO)], b"x").await,
        "NoSuchKey"
    );
    s3.done("PUT /photos/k", &[("if-match", ETAG_OF_HELLO)], b"x").await;
    assert_eq!(s3.refused("DELETE /photos/k", &stale, b"").await, "PreconditionFailed");
    assert_eq!(s3.done("DELETE /photos/k", &[], b"").await.status, 204);
    assert_eq!(s3.done("DELETE /photos/k", &[], b"").await.status, 204);
    assert_eq!(s3.refused("GET /photos/k", &[], b"").await, "NoSuchKey");
    assert_eq!(s3.refused("HEAD /photos/k", &[], b"").await, "NoSuchKey");
}

#[tokio::test]
async fn headers_of_an_answer_are_overridden_by_those_who_signed() {
    let mut s3 = S3::new().await;
    s3.put("k", b"<script>").await;
    let line = "GET /photos/k?response-content-type=text%2Fhtml&response-cache-control=no-cache";
    let get = s3.done(line, &[], b"").await;
    assert_eq!(get.header("content-type"), Some("text/html"));
    assert_eq!(get.header("cache-control"), Some("no-cache"));
    s3.signed = false;
    assert_eq!(s3.refused(line, &[], b"").await, "InvalidRequest");
    s3.done("GET /photos/k", &[], b"").await;
}

#[tokio::test]
async fn a_body_is_what_was_declared_or_nothing() {
    let mut s3 = S3::new().await;
    s3.put("k", b"old").await;
    for (header, value, code) in [
        ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==", "BadDigest"),
        ("content-md5", "hello", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-sha256", "AAAA", "InvalidRequest"),
        ("x-amz-sdk-checksum-algorithm", "CRC32", "InvalidRequest"),
    ] {
        assert_eq!(
            s3.refused("PUT /photos/k", &[(header, value)], b"hello").await,
            code,
            "{header}"
        );
    }
    let two = [("x-amz-checksum-crc32", CRC32_OF_HELLO), ("x-amz-checksum-sha1", "x")];
    assert_eq!(s3.refused("PUT /photos/k", &two, b"hello").await, "InvalidRequest");
    s3.trailer = Some(("x-amz-meta-a", "b"));
    assert_eq!(s3.refused("PUT /photos/k", &[], b"hello").await, "InvalidRequest");
    s3.trailer = Some(("x-amz-checksum-crc32", "AAAAAA=="));
    assert_eq!(s3.refused("PUT /photos/k", &[], b"hello").await, "BadDigest");
    s3.trailer = Some(("x-amz-checksum-crc32", CRC32_OF_HELLO));
    let announced = [("x-amz-sdk-checksum-algorithm", "SHA1")];
    assert_eq!(s3.refused("PUT /photos/k", &announced, b"hello").await, "InvalidRequest");
    s3.breaks = true;
    assert_eq!(s3.refused("PUT /photos/k", &[], b"hello").await, "InvalidRequest");
    assert_eq!(s3.done("GET /photos/k", &[], b"").await.text(), "old");
    s3.breaks = false;
    let announced = [("x-amz-sdk-checksum-algorithm", "CRC32")];
    let put = s3.done("PUT /photos/k", &announced, b"hello").await;
    assert_eq!(put.header("x-amz-checksum-crc32"), Some(CRC32_OF_HELLO));
}

#[tokio::test]
async fn tags_of_objects() {
    let s3 = S3::new().await;
    s3.put("k", b"hello").await;
    let none = s3.done("GET /photos/k?tagging", &[], b"").await;
    assert!(none.text().contains("<TagSet/>") || none.text().contains("<TagSet></TagSet>"));
    let document = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    assert_eq!(s3.done("PUT /photos/k?tagging", &[], document).await.status, 200);
    let one = s3.done("GET /photos/k?tagging", &[], b"").await;
    assert_eq!((one.one("Key"), one.one("Value")), ("a", "1"));
    let twice = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>a</Key><Value>2</Value></Tag></TagSet></Tagging>";
    assert_eq!(s3.refused("PUT /photos/k?tagging", &[], twice).await, "InvalidTag");
    assert_eq!(s3.done("DELETE /photos/k?tagging", &[], b"").await.status, 204);
    assert!(s3.done("GET /photos/k?tagging", &[], b"").await.all("Tag").is_empty());
    assert_eq!(s3.refused("GET /photos/x?tagging", &[], b"").await, "NoSuchKey");
    assert_eq!(
        s3.refused("PUT /photos/x", &[("x-amz-tagging", "aws:a=b")], b"").await,
        "InvalidTag"
    );
}

#[tokio::test]
async fn attributes_are_those_asked_for() {
    let s3 = S3::new().await;
    s3.done("PUT /photos/k", &[("x-amz-checksum-crc32", CRC32_OF_HELLO)], b"hello").await;
    let asked = [("x-amz-object-attributes", "ETag,Checksum,StorageClass,ObjectSize,ObjectParts")];
    let all = s3.done("GET /photos/k?attributes", &asked, b"").await;
    assert_eq!(all.one("ETag"), ETAG_OF_HELLO.trim_matches('"'));
    assert_eq!(all.one("ChecksumCRC32"), CRC32_OF_HELLO);
    assert_eq!((all.one("ObjectSize"), all.one("StorageClass")), ("5", "STANDARD"));
    assert!(all.all("ObjectParts").is_empty());
    let one = [("x-amz-object-attributes", "ObjectSize")];
    let one = s3.done("GET /photos/k?attributes", &one, b"").await;
    assert!(one.all("ETag").is_empty() && one.header("last-modified").is_some());
}
