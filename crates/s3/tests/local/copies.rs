//! CopyObject.

use crate::ask::S3;

#[tokio::test]
async fn what_is_copied_and_what_is_replaced() {
    let s3 = S3::versioned().await;
    let headers = [
        ("content-type", "text/plain"),
        ("x-amz-meta-a", "1"),
        ("x-amz-tagging", "t=1"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    s3.done("PUT /photos/from", &headers, b"hello").await;
    let source = ("x-amz-copy-source", "/photos/from");
    let copy = s3.done("PUT /photos/to", &[source, ("x-amz-meta-a", "2")], b"").await;
    assert_eq!(copy.one("ETag"), "&quot;5d41402abc4b2a76b9719d911017c592&quot;");
    assert!(!copy.one("LastModified").is_empty() && copy.all("ChecksumCRC64NVME").len() == 1);
    assert!(copy.header("x-amz-copy-source-version-id").is_some());
    assert!(copy.header("x-amz-version-id").is_some());
    let head = s3.done("HEAD /photos/to", &[], b"").await;
    assert_eq!(head.header("content-type"), Some("text/plain"));
    assert_eq!(head.header("x-amz-meta-a"), Some("1"));
    assert_eq!(head.header("x-amz-tagging-count"), Some("1"));
    assert_eq!(head.header("x-amz-storage-class"), None, "a storage class is not copied");
    let replace = [
        source,
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-tagging-directive", "REPLACE"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-checksum-algorithm", "SHA256"),
        ("x-amz-meta-b", "3"),
    ];
    let copy = s3.done("PUT /photos/to", &replace, b"").await;
    assert_eq!(copy.all("ChecksumSHA256").len(), 1);
    assert_eq!(copy.header("x-amz-server-side-encryption"), Some("AES256"));
    let head = s3.done("HEAD /photos/to", &[], b"").await;
    assert_eq!(head.header("content-type"), Some("binary/octet-stream"));
    assert_eq!((head.header("x-amz-meta-a"), head.header("x-amz-meta-b")), (None, Some("3")));
    assert_eq!(head.header("x-amz-tagging-count"), None);
    assert_eq!(s3.done("GET /photos/to", &[], b"").await.text(), "hello");
}

#[tokio::test]
async fn a_copy_onto_itself_must_change_something() {
    let s3 = S3::new().await;
    s3.put("k", b"hello").await;
    let source = ("x-amz-copy-source", "photos/k");
    assert_eq!(s3.refused("PUT /photos/k", &[source], b"").await, "InvalidRequest");
    s3.done("PUT /photos/k", &[source, ("x-amz-metadata-directive", "REPLACE")], b"").await;
    s3.done("PUT /photos/k", &[source, ("x-amz-storage-class", "STANDARD_IA")], b"").await;
    assert_eq!(s3.done("GET /photos/k", &[], b"").await.text(), "hello");
}

#[tokio::test]
async fn sources_that_are_not_copied() {
    let s3 = S3::versioned().await;
    let etag = s3.put("k", b"hello").await.header("etag").unwrap().to_owned();
    let source = ("x-amz-copy-source", "photos/k");
    for (header, value) in [
        ("x-amz-copy-source-if-match", "\"0\""),
        ("x-amz-copy-source-if-none-match", etag.as_str()),
        ("x-amz-copy-source-if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        let headers = [source, (header, value)];
        assert_eq!(
            s3.refused("PUT /photos/x", &headers, b"").await,
            "PreconditionFailed",
            "{header}"
        );
    }
    let condition = [source, ("if-none-match", "*")];
    s3.done("PUT /photos/x", &condition, b"").await;
    assert_eq!(s3.refused("PUT /photos/x", &condition, b"").await, "PreconditionFailed");
    let missing = [("x-amz-copy-source", "photos/none")];
    assert_eq!(s3.refused("PUT /photos/x", &missing, b"").await, "NoSuchKey");
    let marker = s3.done("DELETE /photos/k", &[], b"").await;
    let marker = format!("photos/k?versionId={}", marker.header("x-amz-version-id").unwrap());
    let marker = [("x-amz-copy-source", marker.as_str())];
    assert_eq!(s3.refused("PUT /photos/x", &marker, b"").await, "InvalidRequest");
}
