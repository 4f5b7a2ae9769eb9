//! Buckets that keep versions.

use iamd_directory::Versioning;
use iamd_s3::Backend;
use iamd_types::Code;

use crate::ask::S3;

#[tokio::test]
async fn versions_and_delete_markers_are_told_in_headers() {
    let mut s3 = S3::versioned().await;
    let version = |reply: crate::ask::Reply| reply.header("x-amz-version-id").unwrap().to_owned();
    let one = version(s3.put("k", b"1").await);
    let two = version(s3.put("k", b"2").await);
    let get = s3.done("GET /photos/k", &[], b"").await;
    assert_eq!((get.text(), get.header("x-amz-version-id")), ("2", Some(two.as_str())));
    let old = s3.done(&format!("GET /photos/k?versionId={one}"), &[], b"").await;
    assert_eq!((old.text(), old.header("x-amz-version-id")), ("1", Some(one.as_str())));
    let deleted = s3.done("DELETE /photos/k", &[], b"").await;
    assert_eq!((deleted.status, deleted.header("x-amz-delete-marker")), (204, Some("true")));
    let marker = version(deleted);
    let hidden = s3.ask("GET /photos/k", &[], b"").await.unwrap_err();
    assert_eq!(hidden.code(), Code::NoSuchKey);
    assert!(hidden.headers().contains(&("x-amz-delete-marker", "true".to_owned())));
    assert!(hidden.headers().contains(&("x-amz-version-id", marker.clone())));
    let line = format!("GET /photos/k?versionId={marker}");
    let error = s3.ask(&line, &[], b"").await.unwrap_err();
    assert_eq!(error.code(), Code::MethodNotAllowed);
    assert!(error.headers().contains(&("x-amz-delete-marker", "true".to_owned())));
    let gone = s3.done(&format!("DELETE /photos/k?versionId={marker}"), &[], b"").await;
    assert_eq!(gone.header("x-amz-delete-marker"), Some("true"));
    let gone = s3.done(&format!("DELETE /photos/k?versionId={two}"), &[], b"").await;
    assert_eq!(gone.header("x-amz-delete-marker"), None);
    assert_eq!(s3.done("GET /photos/k", &[], b"").await.text(), "1");

    s3.bucket.versioning = Versioning::Suspended;
    assert_eq!(version(s3.put("k", b"3").await), "null");
    assert_eq!(version(s3.done("DELETE /photos/k", &[], b"").await), "null");

    assert_eq!(s3.refused("GET /photos/k?versionId=0", &[], b"").await, "InvalidArgument");
    assert_eq!(
        s3.refused(&format!("GET /photos/k?versionId={two}"), &[], b"").await,
        "NoSuchVersion"
    );
    let seen = s3.backend().look(&s3.bucket.pack(), "k", Some("x")).await.unwrap();
    assert_eq!(seen.tags, None);
}

#[tokio::test]
async fn many_are_deleted_key_by_key() {
    let mut s3 = S3::versioned().await;
    for key in ["a", "b", "c"] {
        s3.put(key, b"x").await;
    }
    s3.denied = vec![1];
    let list = |quiet: &str| {
        format!(
            "<Delete>{quiet}<Object><Key>a</Key></Object><Object><Key>b</Key></Object>\
             <Object><Key>c</Key><VersionId>bad</VersionId></Object><Object><Key>d</Key></Object></Delete>"
        )
    };
    let md5 = [("content-md5", "x")];
    let reply = s3.done("POST /photos?delete", &md5, list("").as_bytes()).await;
    assert_eq!(reply.all("Deleted").len(), 2);
    assert_eq!(reply.all("DeleteMarkerVersionId").len(), 2);
    assert_eq!(reply.all("Code"), ["AccessDenied", "InvalidArgument"]);
    assert_eq!(s3.done("GET /photos/b", &[], b"").await.text(), "x");
    assert_eq!(s3.done("GET /photos/c", &[], b"").await.text(), "x");
    assert_eq!(s3.refused("GET /photos/a", &[], b"").await, "NoSuchKey");
    let reply = s3.done("POST /photos?delete", &md5, list("<Quiet>true</Quiet>").as_bytes()).await;
    assert!(reply.all("Deleted").is_empty());
    let many = "<Object><Key>x</Key></Object>".repeat(1001);
    let many = format!("<Delete>{many}</Delete>");
    assert_eq!(s3.refused("POST /photos?delete", &md5, many.as_bytes()).await, "MalformedXML");
}

#[tokio::test]
async fn versions_are_listed() {
    let s3 = S3::versioned().await;
    for _ in 0..2 {
        s3.put("a", b"x").await;
    }
    s3.done("DELETE /photos/a", &[], b"").await;
    s3.put("b/c", b"x").await;
    let all = s3.done("GET /photos?versions", &[], b"").await;
    assert_eq!((all.all("Version").len(), all.all("DeleteMarker").len()), (3, 1));
    assert_eq!(all.all("IsLatest").iter().filter(|it| **it == "true").count(), 2);
    assert_eq!(all.one("IsTruncated"), "false");
    let rolled = s3.done("GET /photos?versions&delimiter=%2F&max-keys=3", &[], b"").await;
    assert_eq!(rolled.one("IsTruncated"), "true");
    let (key, version) = (rolled.one("NextKeyMarker"), rolled.one("NextVersionIdMarker"));
    let next =
        format!("GET /photos?versions&delimiter=%2F&key-marker={key}&version-id-marker={version}");
    let next = s3.done(&next, &[], b"").await;
    assert_eq!(next.one("CommonPrefixes"), "<Prefix>b/</Prefix>");
    assert_eq!(
        s3.refused("GET /photos?versions&version-id-marker=null", &[], b"").await,
        "InvalidArgument"
    );
}
