//! Multipart uploads on the wire.

use crate::ask::{Reply, S3};

const FIVE_MIB: usize = 5 * 1024 * 1024;

async fn begin(s3: &S3, headers: &[(&str, &str)]) -> String {
    let reply = s3.done("POST /photos/k?uploads", headers, b"").await;
    assert_eq!((reply.one("Bucket"), reply.one("Key")), ("photos", "k"));
    reply.one("UploadId").to_owned()
}

fn part_line(id: &str, number: u32) -> String {
    format!("PUT /photos/k?partNumber={number}&uploadId={id}")
}

fn document(parts: &[(u32, &Reply)]) -> Vec<u8> {
    let mut text = "<CompleteMultipartUpload>".to_owned();
    for (number, reply) in parts {
        let etag = reply.header("etag").unwrap();
        let sum = reply.header("x-amz-checksum-sha256");
        let sum = sum.map_or(String::new(), |it| format!("<ChecksumSHA256>{it}</ChecksumSHA256>"));
        text += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{sum}</Part>");
    }
    (text + "</CompleteMultipartUpload>").into_bytes()
}

#[tokio::test]
async fn an_upload_from_its_begin_to_its_object() {
    let mut s3 = S3::new().await;
    s3.bucket.encrypted = true;
    let id = begin(
        &s3,
        &[
            ("x-amz-checksum-algorithm", "SHA256"),
            ("content-type", "video/mp4"),
            ("x-amz-tagging", "a=b"),
        ],
    )
    .await;
    let large = vec![7; FIVE_MIB];
    let first = s3.done(&part_line(&id, 1), &[], &large).await;
    assert_eq!(first.header("x-amz-server-side-encryption"), Some("AES256"));
    let second = s3.done(&part_line(&id, 2), &[], b"the end").await;
    assert!(second.header("x-amz-checksum-sha256").is_some());

    let uploads = s3.done("GET /photos?uploads", &[], b"").await;
    assert_eq!((uploads.one("UploadId"), uploads.all("ChecksumAlgorithm")), (&*id, vec!["SHA256"]));
    assert!(uploads.text().contains("<Initiator><ID>AIDAEXAMPLE</ID></Initiator>"));
    let page = s3.done(&format!("GET /photos/k?uploadId={id}&max-parts=1"), &[], b"").await;
    assert_eq!((page.one("PartNumber"), page.one("Size")), ("1", FIVE_MIB.to_string().as_str()));
    assert_eq!((page.one("IsTruncated"), page.one("NextPartNumberMarker")), ("true", "1"));
    let rest = format!("GET /photos/k?uploadId={id}&part-number-marker=1");
    assert_eq!(s3.done(&rest, &[], b"").await.one("PartNumber"), "2");

    let complete = format!("POST /photos/k?uploadId={id}");
    let parts = document(&[(1, &first), (2, &second)]);
    assert_eq!(
        s3.refused(&complete, &[], &document(&[(2, &second), (1, &first)])).await,
        "InvalidPartOrder"
    );
    assert_eq!(s3.refused(&complete, &[], &document(&[(1, &second)])).await, "InvalidPart");
    assert_eq!(
        s3.refused(&complete, &[("x-amz-mp-object-size", "1")], &parts).await,
        "InvalidRequest"
    );
    let wrong = [("x-amz-checksum-type", "FULL_OBJECT")];
    assert_eq!(s3.refused(&complete, &wrong, &parts).await, "InvalidRequest");
    let bare = String::from_utf8(parts.clone()).unwrap();
    let bare =
        bare.split("<ChecksumSHA256>").map(|it| it.split("</ChecksumSHA256>").last().unwrap());
    let bare: String = bare.collect();
    assert_eq!(s3.refused(&complete, &[], bare.as_bytes()).await, "InvalidRequest");
    let done = s3.done(&complete, &[], &parts).await;
    assert!(done.one("ETag").ends_with("-2&quot;") && done.one("ChecksumSHA256").ends_with("-2"));
    assert_eq!((done.one("ChecksumType"), done.one("Location")), ("COMPOSITE", "/photos/k"));

    let mode = [("x-amz-checksum-mode", "ENABLED")];
    let head = s3.done("HEAD /photos/k?partNumber=2", &mode, b"").await;
    assert_eq!((head.status, head.length), (206, 7));
    assert_eq!(head.header("x-amz-mp-parts-count"), Some("2"));
    assert_eq!(head.header("x-amz-checksum-sha256"), second.header("x-amz-checksum-sha256"));
    let head = s3.done("HEAD /photos/k", &mode, b"").await;
    assert_eq!(head.header("content-type"), Some("video/mp4"));
    assert_eq!(head.header("x-amz-tagging-count"), Some("1"));
    assert_eq!(head.header("x-amz-checksum-sha256"), Some(done.one("ChecksumSHA256")));
    let asked = [("x-amz-object-attributes", "ObjectParts,Checksum"), ("x-amz-max-parts", "1")];
    let attributes = s3.done("GET /photos/k?attributes", &asked, b"").await;
    assert_eq!((attributes.one("PartsCount"), attributes.one("PartNumber")), ("2", "1"));
    assert_eq!(
        (attributes.one("IsTruncated"), attributes.one("NextPartNumberMarker")),
        ("true", "1")
    );
    assert_eq!(s3.refused(&part_line(&id, 3), &[], b"x").await, "NoSuchUpload");
}

#[tokio::test]
async fn uploads_that_come_to_nothing() {
    let s3 = S3::new().await;
    let id = begin(&s3, &[]).await;
    let small = s3.done(&part_line(&id, 1), &[], b"small").await;
    let next = s3.done(&part_line(&id, 2), &[], b"next").await;
    let complete = format!("POST /photos/k?uploadId={id}");
    let both = document(&[(1, &small), (2, &next)]);
    assert_eq!(s3.refused(&complete, &[], &both).await, "EntityTooSmall");
    assert_eq!(s3.refused(&part_line(&id, 0), &[], b"x").await, "InvalidArgument");
    assert_eq!(s3.refused(&part_line(&id, 10_001), &[], b"x").await, "InvalidArgument");
    assert_eq!(s3.refused(&part_line("../../x", 1), &[], b"x").await, "NoSuchUpload");
    let abort = format!("DELETE /photos/k?uploadId={id}");
    assert_eq!(s3.done(&abort, &[], b"").await.status, 204);
    assert_eq!(s3.refused(&abort, &[], b"").await, "NoSuchUpload");
    assert_eq!(s3.refused(&complete, &[], &document(&[(1, &small)])).await, "NoSuchUpload");
    let kind = [("x-amz-checksum-type", "COMPOSITE")];
    assert_eq!(s3.refused("POST /photos/k?uploads", &kind, b"").await, "InvalidRequest");
    let kind = [("x-amz-checksum-type", "COMPOSITE"), ("x-amz-checksum-algorithm", "CRC64NVME")];
    assert_eq!(s3.refused("POST /photos/k?uploads", &kind, b"").await, "InvalidRequest");
}

#[tokio::test]
async fn parts_are_copied() {
    let s3 = S3::new().await;
    s3.put("from", b"hello world").await;
    let id = begin(&s3, &[]).await;
    let line = part_line(&id, 1);
    let source = ("x-amz-copy-source", "photos/from");
    let range = |range| [source, ("x-amz-copy-source-range", range)];
    assert_eq!(s3.refused(&line, &range("bytes=0-"), b"").await, "InvalidArgument");
    assert_eq!(s3.refused(&line, &range("bytes=0-11"), b"").await, "InvalidArgument");
    let copied = s3.done(&line, &range("bytes=6-10"), b"").await;
    let etag = copied.one("ETag");
    let parts = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    s3.done(&format!("POST /photos/k?uploadId={id}"), &[], parts.as_bytes()).await;
    assert_eq!(s3.done("GET /photos/k", &[], b"").await.text(), "world");
}
