//! ListObjects and ListObjectsV2.

use crate::ask::S3;

async fn filled() -> S3 {
    let s3 = S3::new().await;
    for key in ["a", "b/1", "b/2", "c%20%2B%C3%BC", "d"] {
        s3.put(key, b"x").await;
    }
    s3
}

#[tokio::test]
async fn pages_by_token() {
    let s3 = filled().await;
    let mut found = Vec::new();
    let mut line = "GET /photos?list-type=2&max-keys=2".to_owned();
    loop {
        let page = s3.done(&line, &[], b"").await;
        found.extend(page.all("Key").iter().map(|key| (*key).to_owned()));
        assert_eq!(page.one("MaxKeys"), "2");
        assert_eq!(page.one("KeyCount"), page.all("Key").len().to_string());
        assert!(page.all("Owner").is_empty());
        if page.one("IsTruncated") == "false" {
            break;
        }
        let token = page.one("NextContinuationToken");
        line = format!("GET /photos?list-type=2&max-keys=2&continuation-token={token}");
    }
    assert_eq!(found, ["a", "b/1", "b/2", "c +ü", "d"]);
    let bad = "GET /photos?list-type=2&continuation-token=zzz";
    assert_eq!(s3.refused(bad, &[], b"").await, "InvalidArgument");
    let after =
        s3.done("GET /photos?list-type=2&start-after=b%2F1&fetch-owner=true", &[], b"").await;
    assert_eq!(after.all("Key"), ["b/2", "c +ü", "d"]);
    assert_eq!((after.one("StartAfter"), after.all("Owner").len()), ("b/1", 3));
    let none = s3.done("GET /photos?list-type=2&max-keys=0", &[], b"").await;
    assert_eq!((none.one("KeyCount"), none.one("IsTruncated")), ("0", "false"));
    assert_eq!(
        s3.refused("GET /photos?list-type=2&max-keys=-1", &[], b"").await,
        "InvalidArgument"
    );
    let many = s3.done("GET /photos?list-type=2&max-keys=5000", &[], b"").await;
    assert_eq!(many.one("MaxKeys"), "1000");
}

#[tokio::test]
async fn keys_are_encoded_on_request() {
    let s3 = filled().await;
    let line = "GET /photos?list-type=2&encoding-type=url&prefix=c%20&delimiter=%2B";
    let page = s3.done(line, &[], b"").await;
    assert_eq!(page.all("Prefix"), ["c%20", "c%20%2B"]);
    assert_eq!((page.one("Delimiter"), page.one("EncodingType")), ("%2B", "url"));
    let page = s3.done("GET /photos?list-type=2&encoding-type=url&prefix=c", &[], b"").await;
    assert_eq!(page.one("Key"), "c%20%2B%C3%BC");
    assert_eq!(page.one("ETag"), "&quot;9dd4e461268c8034f5c8564e155c67a6&quot;");
}

#[tokio::test]
async fn the_first_version_has_markers() {
    let s3 = filled().await;
    let page = s3.done("GET /photos?delimiter=%2F&max-keys=2", &[], b"").await;
    assert_eq!((page.all("Key"), page.one("NextMarker")), (vec!["a"], "b/"));
    assert_eq!(page.one("CommonPrefixes"), "<Prefix>b/</Prefix>");
    assert_eq!(page.all("Owner").len(), 1);
    let page = s3.done("GET /photos?delimiter=%2F&marker=b%2F", &[], b"").await;
    assert_eq!(page.all("Key"), ["c +ü", "d"]);
    assert!(page.all("CommonPrefixes").is_empty());
    // Without a delimiter the last key is the marker.
    let page = s3.done("GET /photos?max-keys=2", &[], b"").await;
    assert_eq!((page.one("IsTruncated"), page.all("NextMarker").len()), ("true", 0));
}
