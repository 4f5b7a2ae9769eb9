//! Requests about objects that were looked at: the store is asked for that state of them alone.

use iamd_s3::Seen;
use iamd_types::{Code, Tag, Timestamp};

use crate::asking::{call, run_seen, shown, upstream};
use crate::store::{NOW, Said, Store};

fn seen(version: Option<&str>) -> Seen {
    Seen {
        tags: Some(vec![Tag::new("team", "red")]),
        version: version.map(str::to_owned),
        etag: Some("\"e1\"".to_owned()),
        modified: Some(Timestamp::from_seconds(NOW)),
    }
}

fn object(etag: &str) -> Said {
    Said::Answer(200, vec![("etag", format!("\"{etag}\""))], vec!["text".into()])
}

/// What comes of a request about an object that was seen, and what the store was asked in lines.
async fn asked(
    line: &str,
    headers: &[(&str, &str)],
    seen: &Seen,
    said: Said,
) -> (Result<(), Code>, String) {
    let store = Store::start().await;
    store.says([said]);
    let answer = run_seen(&upstream(&store), &call(line, headers, ""), seen).await;
    let result = match answer {
        Ok(answer) => shown(answer).await.map(|_| ()),
        Err(error) => Err(error),
    };
    let asked = store.seen_now().await.map(|seen| [&[seen.line], &*seen.headers].concat());
    (result.map_err(|error| error.code()), asked.unwrap_or_default().join("\n"))
}

const CONFLICT: Result<(), Code> = Err(Code::ConditionalRequestConflict);

#[tokio::test]
async fn an_object_with_versions_is_asked_for_by_the_one_that_was_seen() {
    let (newest, gone) = (seen(Some("v1")), "<Error><Code>NoSuchVersion</Code></Error>");
    for (line, headers) in [
        ("GET /b/k?", &[] as &[_]),
        ("HEAD /b/k?", &[]),
        ("GET /b/k?tagging", &[]),
        ("DELETE /b/k?tagging", &[]),
        ("GET /b/k?attributes", &[("x-amz-object-attributes", "ETag")]),
    ] {
        let (_, was) = asked(line, headers, &newest, object("e1")).await;
        assert!(was.contains("versionId=v1"), "{was}");
        let refused = if line.starts_with("HEAD") { continue } else { Said::xml(404, gone) };
        assert_eq!(asked(line, headers, &newest, refused).await.0, CONFLICT, "{line}");
    }
    let (result, was) = asked("GET /b/k?versionId=v0", &[], &newest, Said::xml(404, gone)).await;
    assert_eq!((result, was.as_str()), (Err(Code::NoSuchVersion), "GET /b/k?versionId=v0"));
    // What deletes takes a version for that alone.
    let (_, was) =
        asked("DELETE /b/k", &[("if-match", "\"e1\"")], &newest, Said::status(204)).await;
    assert_eq!(was, "DELETE /b/k\nif-match: \"e1\"");
}

#[tokio::test]
async fn an_answer_about_another_object_than_the_one_that_was_seen_is_not_given() {
    for line in ["GET /b/k", "HEAD /b/k"] {
        assert_eq!(asked(line, &[], &seen(None), object("e1")).await.0, Ok(()));
        assert_eq!(asked(line, &[], &seen(None), object("e2")).await.0, CONFLICT);
        assert_eq!(asked(line, &[], &Seen::default(), object("e2")).await.0, CONFLICT);
        let missing = asked(line, &[], &Seen::default(), Said::status(404)).await;
        assert_eq!(missing.0, Err(Code::NoSuchKey));
    }
    let unmodified = Said::Answer(304, vec![("etag", "\"e2\"".to_owned())], Vec::new());
    let headers = [("if-none-match", "\"e2\"")];
    assert_eq!(asked("GET /b/k", &headers, &seen(None), unmodified).await.0, CONFLICT);
}

#[tokio::test]
async fn a_copy_names_the_source_that_was_seen() {
    let copied = || Said::xml(200, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>");
    let copy = async |seen: Seen, conditions: &[(&str, &str)]| {
        let headers = [&[("x-amz-copy-source", "b/other")], conditions].concat();
        asked("PUT /b/k", &headers, &seen, copied()).await
    };
    let version = "PUT /b/k\nx-amz-copy-source: /b/other?versionId=v1";
    assert_eq!(copy(seen(Some("v1")), &[]).await, (Ok(()), version.to_owned()));
    let etag = "PUT /b/k\nx-amz-copy-source-if-match: \"e1\"\nx-amz-copy-source: /b/other";
    let (matches, since) = ("x-amz-copy-source-if-match", "x-amz-copy-source-if-unmodified-since");
    let (now, before) = ("Thu, 01 Jan 2026 00:00:00 GMT", "Wed, 31 Dec 2025 00:00:00 GMT");
    for conditions in [
        &[] as &[_],
        &[(matches, "\"e0\", \"e1\"")],
        &[(matches, "e1"), (since, before)],
        &[(since, now)],
    ] {
        assert_eq!(copy(seen(None), conditions).await, (Ok(()), etag.to_owned()), "{conditions:?}");
    }
    let failed = (Err(Code::PreconditionFailed), String::new());
    for conditions in [&[(matches, "\"e2\"")], &[(since, before)]] {
        assert_eq!(copy(seen(None), conditions).await, failed, "{conditions:?}");
    }
    assert_eq!(copy(Seen::default(), &[]).await, (Err(Code::NoSuchKey), String::new()));
}
