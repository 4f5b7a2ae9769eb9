//! What the caller gets of the store's answers.

use bytes::Bytes;
use iamd_s3::Backend;
use iamd_types::{Code, Error, Tag};

use crate::asking::{ask, bucket, shown, upstream};
use crate::store::{Said, Store};

/// What a caller sees of this answer to this request.
async fn answered(line: &str, said: Said) -> String {
    let store = Store::start().await;
    store.says([said]);
    let answer = ask(&upstream(&store), line, &[], "").await;
    match answer {
        Ok(answer) => shown(answer).await.unwrap_or_else(|error| error.to_string()),
        Err(error) => format!("{}: {error}", error.code()),
    }
}

fn header(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

#[tokio::test]
async fn an_object_comes_as_it_is_with_the_headers_of_the_model() {
    let said = |status| {
        let headers = vec![
            header("etag", "\"abc\""),
            header("content-type", "text/plain"),
            header("content-encoding", "aws-chunked,gzip"),
            header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
            header("content-range", "bytes 0-4/9"),
            header("accept-ranges", "bytes"),
            header("x-amz-meta-color", "blue"),
            header("x-amz-version-id", "v1"),
            header("x-amz-checksum-crc32", "AAAAAA=="),
            header("x-amz-request-id", "the store's"),
            header("x-amz-id-2", "the store's"),
            header("x-amz-request-charged", "requester"),
            header("x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:…"),
            header("server", "store/1.0"),
            header("set-cookie", "a=b"),
            header("x-minio-deployment-id", "1"),
        ];
        Said::Answer(status, headers, vec![Bytes::from_static(b"he"), Bytes::from_static(b"llo")])
    };
    let headers = "accept-ranges: bytes\ncontent-encoding: gzip\ncontent-range: bytes 0-4/9\ncontent-type: text/plain\netag: \"abc\"\nlast-modified: Thu, 01 Jan 2026 00:00:00 GMT\nx-amz-checksum-crc32: AAAAAA==\nx-amz-meta-color: blue\nx-amz-version-id: v1\n";
    assert_eq!(answered("GET /b/k", said(206)).await, format!("206\n{headers}hello"));
    assert_eq!(answered("HEAD /b/k", said(200)).await, format!("200\n{headers}(5 bytes)"));
    let unchanged =
        Said::Answer(304, vec![header("etag", "\"abc\""), header("server", "x")], vec![]);
    assert_eq!(answered("GET /b/k", unchanged).await, "304\netag: \"abc\"\n");
}

#[tokio::test]
async fn an_object_that_breaks_off_is_an_error() {
    let cut = Said::Cut(10, Bytes::from_static(b"he"));
    let unavailable = "The request has failed due to a temporary failure of the server.";
    assert_eq!(answered("GET /b/k", cut).await, unavailable);
}

#[tokio::test]
async fn documents_are_written_anew() {
    let list = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>internal-name</Name><Vendor>x</Vendor>\
        <IsTruncated>false</IsTruncated><Contents><Key>a&amp;b<!-- c -->&#13;</Key><Size>3</Size><Owner><ID>store-account</ID><DisplayName>storage</DisplayName></Owner><Secret>1</Secret></Contents>\
        <Contents><Key>c</Key></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>";
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let owner = iamd_s3::owner::canonical_id("111122223333".parse().unwrap());
    assert_eq!(
        answered("GET /b?list-type=2", Said::xml(200, list)).await,
        format!(
            "200\ncontent-type: application/xml\n{head}<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <IsTruncated>false</IsTruncated><Contents><Key>a&amp;b&#xD;</Key><Size>3</Size><Owner><ID>{owner}</ID></Owner></Contents>\
             <Contents><Key>c</Key></Contents><Name>internal-name</Name><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>"
        )
    );
    let complete = "   \n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><Location>http://10.0.0.7:9000/b/k</Location><Bucket>internal</Bucket><Key>k</Key><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
    let store = Store::start().await;
    store.says([
        Said::xml(200, complete.trim_start()),
        Said::xml(200, "<Error><Code>InternalError</Code><Message>m</Message></Error>"),
        Said::xml(200, "<Error><Code>InvalidPart</Code><Message>m</Message></Error>"),
    ]);
    let document = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part></CompleteMultipartUpload>";
    let ask = || async { ask(&upstream(&store), "POST /b/k%20?uploadId=u", &[], document).await };
    assert_eq!(
        shown(ask().await.unwrap()).await.unwrap(),
        format!(
            "200\ncontent-type: application/xml\n{head}<CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Location>/b/k%20</Location><Bucket>b</Bucket><Key>k</Key><ETag>&quot;e&quot;</ETag></CompleteMultipartUploadResult>"
        )
    );
    assert_eq!(ask().await.err().unwrap().code(), Code::ServiceUnavailable);
    assert_eq!(ask().await.err().unwrap().code(), Code::InvalidPart, "an error after 200");
}

#[tokio::test]
async fn what_is_no_answer_of_s3_is_none() {
    let unavailable =
        "ServiceUnavailable: The request has failed due to a temporary failure of the server.";
    for body in [
        "",
        "hello",
        "<html><body>log in</body></html>",
        "<ListBucketResult>",
        "<ListObjectsV2></ListObjectsV2>",
        "<!DOCTYPE a [<!ENTITY e \"x\">]><ListBucketResult><Name>&e;</Name></ListBucketResult>",
    ] {
        assert_eq!(
            answered("GET /b?list-type=2", Said::xml(200, body)).await,
            unavailable,
            "{body}"
        );
    }
}

#[tokio::test]
async fn statuses_are_those_of_s3() {
    assert_eq!(answered("DELETE /b/k", Said::status(200)).await, "204\n");
    assert_eq!(answered("DELETE /b/k", Said::status(204)).await, "204\n");
}

#[tokio::test]
async fn tags_are_read() {
    let store = Store::start().await;
    let upstream = upstream(&store);
    let error = |code: &str| Said::xml(404, &format!("<Error><Code>{code}</Code></Error>"));
    let head = || Said::Answer(200, vec![("etag", "\"e\"".to_owned())], Vec::new());
    store.says([
        head(),
        Said::xml(200, "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag><Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>"),
        head(),
        Said::xml(200, "<Tagging><TagSet/></Tagging>"),
        Said::status(404),
        head(),
        error("NoSuchKey"),
        head(),
        error("NoSuchVersion"),
        head(),
        error("NoSuchTagSet"),
        head(),
        Said::xml(501, "<Error><Code>NotImplemented</Code></Error>"),
        head(),
        Said::xml(403, "<Error><Code>AccessDenied</Code></Error>"),
        head(),
        Said::xml(200, "<Other/>"),
        Said::status(403),
    ]);
    let bucket = bucket("b");
    let read = async |version| Ok::<_, Error>(upstream.look(&bucket, "k", version).await?.tags);
    let two = vec![Tag::new("a", "b"), Tag::new("c", "")];
    assert_eq!(read(Some("v")).await.unwrap(), Some(two));
    assert_eq!(store.seen().await.line, "HEAD /b/k?versionId=v");
    assert_eq!(store.seen().await.line, "GET /b/k?tagging=&versionId=v");
    assert_eq!(read(None).await.unwrap(), Some(Vec::new()));
    for _ in 0..3 {
        assert_eq!(read(None).await.unwrap(), None);
    }
    assert_eq!(read(None).await.unwrap(), Some(Vec::new()), "none are set");
    assert_eq!(read(None).await.unwrap(), Some(Vec::new()), "the store has none");
    for _ in 0..3 {
        assert_eq!(read(None).await.err().unwrap().code(), Code::ServiceUnavailable);
    }
    assert_eq!(upstream.look(&bucket, "../k", None).await.unwrap().tags, None);
}

#[tokio::test]
async fn buckets_are_made_and_removed() {
    let store = Store::start().await;
    let upstream = upstream(&store);
    let error =
        |status, code: &str| Said::xml(status, &format!("<Error><Code>{code}</Code></Error>"));
    store.says([
        Said::status(200),
        error(409, "BucketAlreadyOwnedByYou"),
        error(409, "BucketAlreadyExists"),
        Said::status(200),
        Said::status(404),
        Said::status(403),
        Said::status(204),
        error(404, "NoSuchBucket"),
        error(409, "BucketNotEmpty"),
    ]);
    upstream.create_bucket("b").await.unwrap();
    assert_eq!(store.seen().await.line, "PUT /b");
    upstream.create_bucket("b").await.unwrap();
    let code = |error: Error| error.code();
    assert_eq!(upstream.create_bucket("b").await.map_err(code), Err(Code::BucketAlreadyExists));
    assert_eq!(upstream.has_bucket("b").await.map_err(code), Ok(true));
    assert_eq!(upstream.has_bucket("b").await.map_err(code), Ok(false));
    assert_eq!(upstream.has_bucket("b").await.map_err(code), Err(Code::ServiceUnavailable));
    assert_eq!(upstream.delete_bucket("b").await.map_err(code), Ok(()));
    assert_eq!(upstream.delete_bucket("b").await.map_err(code), Ok(()));
    assert_eq!(upstream.delete_bucket("b").await.map_err(code), Err(Code::BucketNotEmpty));
}
