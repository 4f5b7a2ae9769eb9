//! What the store is asked, and what it is never told.

use iamd_types::Code;
use iamd_upstream::Settings;

use crate::asking::{ask, call, none, put, run, settings, upstream, with};
use crate::store::{Said, Store};

/// What the store sees of this request.
async fn sent(line: &str, headers: &[(&str, &str)], document: &str) -> String {
    let store = Store::start().await;
    let upstream = upstream(&store);
    // What comes back does not matter here.
    let _ = ask(&upstream, line, headers, document).await;
    store.seen().await.text()
}

#[tokio::test]
async fn only_what_the_model_names_is_sent() {
    let store = Store::start().await;
    let headers = [
        ("authorization", "AWS4-HMAC-SHA256 Credential=CALLER"),
        ("x-amz-security-token", "the caller's token"),
        ("x-amz-date", "20250101T000000Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-expected-bucket-owner", "111122223333"),
        ("x-amz-request-payer", "requester"),
        ("x-amz-decoded-content-length", "3"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-sdk-checksum-algorithm", "CRC32"),
        ("x-amz-unknown", "1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("cookie", "a=b"),
        ("connection", "close"),
        ("expect", "100-continue"),
        ("transfer-encoding", "chunked"),
        ("amz-sdk-invocation-id", "1"),
        ("user-agent", "caller"),
        ("host", "caller.example.com"),
        ("cache-control", "no-cache"),
        ("content-encoding", "aws-chunked,gzip"),
        ("content-type", "text/plain"),
        ("content-md5", "AAFQmDzST7DWlj99KOF/cg=="),
        ("if-none-match", "*"),
        ("x-amz-meta-Color", "blue"),
        ("x-amz-meta-a", "ä"),
        ("x-amz-tagging", "a=b&c=d"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-server-side-encryption", "AES256"),
    ];
    let put = call("PUT /b/k?x-id=PutObject", &headers, "");
    let body = futures_util::stream::iter([Ok(bytes::Bytes::from_static(b"abc"))]);
    run(&upstream(&store), &put, Box::pin(body), |allowed| allowed.length = Some(3)).await.unwrap();
    assert_eq!(
        store.seen().await.text(),
        "PUT /b/k\n\
         cache-control: no-cache\n\
         content-encoding: gzip\n\
         content-md5: AAFQmDzST7DWlj99KOF/cg==\n\
         content-type: text/plain\n\
         if-none-match: *\n\
         x-amz-meta-a: ä\n\
         x-amz-meta-color: blue\n\
         x-amz-server-side-encryption: AES256\n\
         x-amz-storage-class: STANDARD\n\
         x-amz-tagging: a=b&c=d\n\
         abc"
    );
}

#[tokio::test]
async fn every_operation_is_asked_in_its_own_way() {
    for (line, headers, document, expected) in [
        (
            "GET /b/k?versionId=v%2B1&response-content-type=a%2Fb&partNumber=2",
            &[("range", "bytes=0-1"), ("if-modified-since", "2026-01-01T00:00:00Z")][..],
            "",
            "GET /b/k?response-content-type=a%2Fb&versionId=v%2B1&partNumber=2\nif-modified-since: Thu, 01 Jan 2026 00:00:00 GMT\nrange: bytes=0-1\n",
        ),
        (
            "HEAD /b/k",
            &[("x-amz-checksum-mode", "ENABLED")],
            "",
            "HEAD /b/k\nx-amz-checksum-mode: ENABLED\n",
        ),
        ("DELETE /b/k?versionId=v1", &[("x-amz-mfa", "1 2")], "", "DELETE /b/k?versionId=v1\n"),
        ("GET /b/k?tagging", &[], "", "GET /b/k?tagging=\n"),
        ("DELETE /b/k?tagging", &[], "", "DELETE /b/k?tagging=\n"),
        (
            "PUT /b/k?tagging",
            &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")],
            "<?xml version=\"1.0\"?><!-- x --><Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Value>1 &amp; 2</Value><Key>a&#13;</Key></Tag></TagSet></Tagging>",
            "PUT /b/k?tagging=\ncontent-md5: (right)\ncontent-type: application/xml\n<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet><Tag><Key>a&#xD;</Key><Value>1 &amp; 2</Value></Tag></TagSet></Tagging>",
        ),
        (
            "GET /b/k?attributes",
            &[("x-amz-object-attributes", "ETag, ObjectSize")],
            "",
            "GET /b/k?attributes=\nx-amz-object-attributes: ETag,ObjectSize\n",
        ),
        (
            "GET /b?list-type=2&prefix=a%2F&delimiter=%2F&max-keys=5&fetch-owner=true&encoding-type=url",
            &[],
            "",
            "GET /b?list-type=2&delimiter=%2F&encoding-type=url&max-keys=5&prefix=a%2F\n",
        ),
        ("GET /b?prefix=p&marker=m", &[], "", "GET /b?marker=m&prefix=p\n"),
        ("GET /b?versions&key-marker=k", &[], "", "GET /b?versions=&key-marker=k\n"),
        ("GET /b?uploads", &[], "", "GET /b?uploads=\n"),
        ("GET /b/k?uploadId=u", &[], "", "GET /b/k?uploadId=u\n"),
        (
            "POST /b/k?uploads",
            &[("x-amz-checksum-algorithm", "CRC32"), ("content-type", "a/b")],
            "",
            "POST /b/k?uploads=\ncontent-type: a/b\nx-amz-checksum-algorithm: CRC32\n",
        ),
        ("DELETE /b/k?uploadId=u", &[], "", "DELETE /b/k?uploadId=u\n"),
        (
            "POST /b/k?uploadId=u",
            &[],
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"e\"</ETag></Part></CompleteMultipartUpload>",
            "POST /b/k?uploadId=u\ncontent-md5: (right)\ncontent-type: application/xml\n<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><ETag>&quot;e&quot;</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
        ),
        (
            "PUT /b/k",
            &[
                ("x-amz-copy-source", "/other/%61+%2F%C3%A4?versionId=v 1"),
                ("x-amz-metadata-directive", "REPLACE"),
            ],
            "",
            "PUT /b/k\nx-amz-copy-source: /other/a%2B/%C3%A4?versionId=v%201\nx-amz-metadata-directive: REPLACE\n",
        ),
        (
            "PUT /b/k?partNumber=1&uploadId=u",
            &[("x-amz-copy-source", "other/k"), ("x-amz-copy-source-range", "bytes=0-1")],
            "",
            "PUT /b/k?partNumber=1&uploadId=u\nx-amz-copy-source-range: bytes=0-1\nx-amz-copy-source: /other/k\n",
        ),
        ("GET /b/a b+c/%C3%A4", &[], "", "GET /b/a%20b%2Bc/%25C3%25A4\n"),
    ] {
        assert_eq!(sent(line, headers, document).await, expected, "{line}");
    }
}

const DELETE: &str = "<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object><Object><Key>b&lt;</Key><VersionId>v</VersionId></Object><Object><Key>c</Key></Object></Delete>";

#[tokio::test]
async fn keys_that_are_not_allowed_are_left_out_and_answered() {
    let store = Store::start().await;
    let upstream = upstream(&store);
    let call = call("POST /b?delete", &[("x-amz-checksum-crc32", "AAAAAA==")], DELETE);
    let answered = "<DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Error><Key>c</Key><Code>AccessDenied</Code><Message>ours</Message></Error></DeleteResult>";
    store.says([Said::xml(200, answered)]);
    let answer = run(&upstream, &call, none(), |allowed| allowed.denied = vec![1]).await;
    let answer = answer.unwrap();
    let text = store.seen().await.text();
    assert!(text.starts_with("POST /b?delete=\ncontent-md5: (right)\n"), "{text}");
    assert!(
        text.ends_with(
            "<Object><Key>a</Key></Object><Object><Key>c</Key></Object><Quiet>true</Quiet></Delete>"
        ),
        "{text}"
    );
    assert!(!text.contains("x-amz-checksum"), "the checksum was of another text");
    assert_eq!(
        crate::asking::shown(answer).await.unwrap(),
        "200\ncontent-type: application/xml\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <DeleteResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Error><Key>c</Key><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>\
         <Error><Key>b&lt;</Key><VersionId>v</VersionId><Code>AccessDenied</Code><Message>Access Denied</Message></Error>\
         </DeleteResult>"
    );
    let answer =
        run(&upstream, &call, none(), |allowed| allowed.denied = vec![0, 1, 2]).await.unwrap();
    assert!(!store.was_asked().await, "nothing is left to delete");
    assert_eq!(crate::asking::shown(answer).await.unwrap().matches("AccessDenied").count(), 3);
}

#[tokio::test]
async fn keys_that_a_store_could_take_for_others_are_refused() {
    let store = Store::start().await;
    let strict = upstream(&store);
    let lax = with(Settings { any_key: true, ..settings(&store) });
    for key in ["../x", "a/../b", "a/./b", "a//b", "/a", "a/..", "."] {
        let line = format!("GET /b/{key}");
        let error = ask(&strict, &line, &[], "").await.err().expect("refused");
        assert_eq!(error.code(), Code::InvalidArgument, "{key}");
        assert!(!store.was_asked().await, "{key}");
        let _ = ask(&lax, &line, &[], "").await;
        let seen = store.seen().await.line;
        assert!(!seen.contains("/../") && !seen.contains("/./"), "{key}: {seen}");
    }
    let copy = ask(&strict, "PUT /b/k", &[("x-amz-copy-source", "b/../other/k")], "").await;
    assert_eq!(copy.err().expect("refused").code(), Code::InvalidArgument);
    let document = "<Delete><Object><Key>a/../b</Key></Object></Delete>";
    let delete = ask(&strict, "POST /b?delete", &[], document).await;
    assert_eq!(delete.err().expect("refused").code(), Code::InvalidArgument);
    assert!(!store.was_asked().await);
    put(&strict, "/b/folder/", &[b"a"], None).await.unwrap();
}

#[tokio::test]
async fn what_the_store_cannot_do_is_not_asked() {
    let store = Store::start().await;
    let upstream = upstream(&store);
    for (line, headers) in [
        ("GET /b/k?acl", &[][..]),
        ("GET /b/k?torrent", &[]),
        ("PUT /b/k", &[("x-amz-server-side-encryption", "aws:kms"), ("x-amz-copy-source", "b/k")]),
        ("GET /b/k", &[("x-amz-server-side-encryption-customer-algorithm", "AES256")]),
    ] {
        let error = ask(&upstream, line, headers, "").await.err().expect("refused");
        assert_eq!(error.code(), Code::NotImplemented, "{line}");
    }
    let call = call("GET /b/k?response-content-type=a", &[], "");
    let anonymous = run(&upstream, &call, none(), |allowed| allowed.signed = false).await;
    assert_eq!(anonymous.err().expect("refused").code(), Code::InvalidRequest);
    assert!(!store.was_asked().await);
}

#[tokio::test]
async fn a_copy_stays_in_one_store() {
    let store = Store::start().await;
    let here = crate::asking::bucket("other");
    let elsewhere =
        iamd_s3::create::adopted("other", "another", iamd_types::Timestamp::from_seconds(0)).pack();
    let copy = call("PUT /b/k", &[("x-amz-copy-source", "other/k")], "");
    for (bucket, refused) in [(&here, false), (&elsewhere, true)] {
        let own = crate::asking::bucket("b");
        let allowed = iamd_s3::Allowed {
            call: &copy,
            bucket: &own,
            owner: "111122223333".parse().unwrap(),
            source: copy.source.as_ref().map(|source| (source, bucket)),
            now: iamd_types::Timestamp::from_seconds(0),
            signed: true,
            initiator: String::new(),
            length: None,
            sha256: None,
            trailer: None,
            denied: Vec::new(),
            seen: None,
            seen_source: None,
        };
        let outcome = iamd_s3::Backend::run(&upstream(&store), allowed, none()).await;
        let code = outcome.err().map(|error| error.code());
        assert_eq!(code == Some(Code::NotImplemented), refused, "{code:?}");
        assert_eq!(store.was_asked().await, !refused);
    }
}

#[tokio::test]
async fn buckets_can_be_hosts() {
    let store = Store::start().await;
    let upstream = with(Settings { virtual_hosts: true, ..settings(&store) });
    // `bucket.localhost` need not resolve; that the request goes there shows in what fails or not.
    let outcome = put(&upstream, "/b/k", &[b"a"], None).await;
    if outcome.is_ok() {
        assert_eq!(store.seen().await.line, "PUT /k");
    }
}
