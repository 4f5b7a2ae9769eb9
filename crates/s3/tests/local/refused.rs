//! What this server has not is refused wherever it is asked for, and then nothing is written.

use crate::ask::S3;

const CASES: &[(&str, &str, &str)] = &[
    ("x-amz-acl", "public-read", "AccessControlListNotSupported"),
    ("x-amz-grant-read", "id=x", "AccessControlListNotSupported"),
    ("x-amz-server-side-encryption", "aws:kms", "NotImplemented"),
    ("x-amz-server-side-encryption", "aws:kms:dsse", "NotImplemented"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "x", "NotImplemented"),
    ("x-amz-server-side-encryption-customer-algorithm", "AES256", "NotImplemented"),
    ("x-amz-server-side-encryption-customer-key", "x", "NotImplemented"),
    ("x-amz-server-side-encryption-bucket-key-enabled", "true", "NotImplemented"),
    ("x-amz-object-lock-mode", "COMPLIANCE", "InvalidRequest"),
    ("x-amz-object-lock-legal-hold", "ON", "InvalidRequest"),
    ("x-amz-website-redirect-location", "/x", "NotImplemented"),
    ("x-amz-storage-class", "DEEP_ARCHIVE", "InvalidStorageClass"),
];

#[tokio::test]
async fn what_is_not_here_is_refused() {
    let s3 = S3::new().await;
    s3.put("from", b"hello").await;
    let source = ("x-amz-copy-source", "photos/from");
    for (header, value, code) in CASES {
        let given = (*header, *value);
        assert_eq!(s3.refused("PUT /photos/k", &[given], b"x").await, *code, "PUT {given:?}");
        assert_eq!(
            s3.refused("PUT /photos/k", &[given, source], b"").await,
            *code,
            "COPY {given:?}"
        );
        assert_eq!(
            s3.refused("POST /photos/k?uploads", &[given], b"").await,
            *code,
            "POST {given:?}"
        );
    }
    for acl in ["private", "bucket-owner-full-control"] {
        s3.done("PUT /photos/from", &[("x-amz-acl", acl)], b"x").await;
    }
    let size = [("x-amz-if-match-size", "1")];
    assert_eq!(s3.refused("DELETE /photos/from", &size, b"").await, "NotImplemented");
    let key = [("x-amz-server-side-encryption-customer-algorithm", "AES256")];
    assert_eq!(s3.refused("GET /photos/from", &key, b"").await, "NotImplemented");
    let large = "x".repeat(2048);
    assert_eq!(
        s3.refused("PUT /photos/k", &[("x-amz-meta-a", &large)], b"").await,
        "MetadataTooLarge"
    );
    for line in ["GET /photos/from?retention", "GET /photos/from?legal-hold"] {
        assert_eq!(s3.refused(line, &[], b"").await, "InvalidRequest", "{line}");
    }
    let keys = s3.done("GET /photos?list-type=2", &[], b"").await;
    assert_eq!(keys.all("Key"), ["from"]);
    assert!(s3.done("GET /photos?uploads", &[], b"").await.all("Upload").is_empty());
}

/// Keys are decided on and kept as the same text, whatever a file system or a path would make of them.
#[tokio::test]
async fn tricks_with_paths_stay_in_the_bucket() {
    let s3 = S3::new().await;
    let keys = [
        "..%2F..%2Fetc%2Fpasswd",
        "%2e%2e/%2e%2e/x",
        "%252e%252e/x",
        "a//b",
        "a/./b",
        "a%5Cb",
        "%2Fabs",
        "e%CC%81",
        "%C3%A9",
        "a/",
    ];
    for key in keys {
        s3.put(key, key.as_bytes()).await;
    }
    for key in keys {
        assert_eq!(s3.done(&format!("GET /photos/{key}"), &[], b"").await.text(), key);
    }
    let page = s3.done("GET /photos?list-type=2", &[], b"").await;
    assert_eq!(page.all("Key").len(), keys.len());
    let long = "x".repeat(1025);
    assert_eq!(s3.refused(&format!("PUT /photos/{long}"), &[], b"").await, "KeyTooLongError");
}
