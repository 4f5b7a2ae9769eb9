//! Objects whose length is not known before they have come.

use bytes::Bytes;
use futures_util::StreamExt;
use iamd_s3::backend::Body;
use iamd_types::{Code, Error};

use crate::asking::{call, run, shown, upstream};
use crate::store::{Said, Seen, Store};

const MIB: usize = 1 << 20;

/// A body of so many pieces of 1 MiB, and how it ends.
fn body(pieces: usize, end: Option<Code>) -> Body {
    let pieces = (0..pieces).map(|at| Ok(Bytes::from(vec![u8::try_from(at).unwrap(); MIB])));
    let end = end.into_iter().map(|code| Err(Error::new(code, "the file is not good")));
    futures_util::stream::iter(pieces.chain(end).collect::<Vec<_>>()).boxed()
}

fn begun() -> Said {
    let body =
        "<InitiateMultipartUploadResult><UploadId>u 1</UploadId></InitiateMultipartUploadResult>";
    Said::xml(200, body)
}

fn part(number: u32) -> Said {
    Said::Answer(200, vec![("etag", format!("\"e{number}\""))], Vec::new())
}

fn completed() -> Said {
    Said::xml(
        200,
        "<CompleteMultipartUploadResult><ETag>\"whole-2\"</ETag></CompleteMultipartUploadResult>",
    )
}

fn lines(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.line.as_str()).collect()
}

async fn asked(store: &Store, count: usize) -> Vec<Seen> {
    let mut asked = Vec::new();
    for _ in 0..count {
        asked.push(store.seen().await);
    }
    assert!(!store.was_asked().await);
    asked
}

const HEADERS: &[(&str, &str)] = &[
    ("content-type", "text/plain"),
    ("x-amz-meta-a", "b"),
    ("x-amz-tagging", "team=red"),
    ("x-amz-sdk-checksum-algorithm", "CRC32"),
];

#[tokio::test]
async fn a_short_one_is_put_at_once() {
    let store = Store::start().await;
    for (pieces, text) in [(vec!["a", "bc"], "abc"), (vec![], "")] {
        let pieces: Vec<_> =
            pieces.into_iter().map(|it| Ok(Bytes::from_static(it.as_bytes()))).collect();
        let body = futures_util::stream::iter(pieces).boxed();
        run(&upstream(&store), &call("PUT /b/k", HEADERS, ""), body, |_| {}).await.unwrap();
        let seen = asked(&store, 1).await;
        assert_eq!(lines(&seen), ["PUT /b/k"]);
        assert_eq!(seen[0].body.as_deref(), Ok(text.as_bytes()));
        assert!(seen[0].headers.contains(&"x-amz-tagging: team=red".to_owned()));
        assert_eq!(store.object("/b/k").as_deref(), Some(text.as_bytes()));
    }
}

#[tokio::test]
async fn a_long_one_goes_in_parts_and_is_there_when_all_was_good() {
    let store = Store::start().await;
    store.says([begun(), part(1), part(2), completed()]);
    let answer = run(&upstream(&store), &call("PUT /b/k", HEADERS, ""), body(9, None), |_| {})
        .await
        .unwrap();
    assert_eq!(shown(answer).await.unwrap(), "200\netag: \"whole-2\"\n");
    let seen = asked(&store, 4).await;
    assert_eq!(
        lines(&seen),
        [
            "POST /b/k?uploads=",
            "PUT /b/k?partNumber=1&uploadId=u%201",
            "PUT /b/k?partNumber=2&uploadId=u%201",
            "POST /b/k?uploadId=u%201",
        ]
    );
    assert_eq!(
        seen[0].headers,
        ["content-type: text/plain", "x-amz-meta-a: b", "x-amz-tagging: team=red"]
    );
    assert_eq!(seen[2].body.as_deref(), Ok(&[8; MIB][..]));
    let text = seen[3].text();
    assert!(text.contains("<PartNumber>2</PartNumber><ETag>&quot;e2&quot;</ETag>"), "{text}");
}

#[tokio::test]
async fn one_as_long_as_a_part_is_one_part() {
    let store = Store::start().await;
    store.says([begun(), part(1), completed()]);
    run(&upstream(&store), &call("PUT /b/k", &[], ""), body(8, None), |_| {}).await.unwrap();
    let seen = asked(&store, 3).await;
    assert!(seen[2].line.starts_with("POST "), "{}", seen[2].line);
}

/// A form's policy says how long its file may be: that shows at the end, and nothing of it is seen before.
#[tokio::test]
async fn one_that_turns_out_wrong_is_no_object() {
    let store = Store::start().await;
    let upstream = upstream(&store);
    let put = call("PUT /b/k", &[], "");
    let short = run(&upstream, &put, body(1, Some(Code::EntityTooSmall)), |_| {}).await;
    assert_eq!(short.err().unwrap().code(), Code::EntityTooSmall);
    assert!(!store.was_asked().await);
    store.says([begun(), part(1), Said::status(204)]);
    let long = run(&upstream, &put, body(9, Some(Code::EntityTooLarge)), |_| {}).await;
    assert_eq!(long.err().unwrap().code(), Code::EntityTooLarge);
    let seen = asked(&store, 3).await;
    assert_eq!(
        lines(&seen),
        [
            "POST /b/k?uploads=",
            "PUT /b/k?partNumber=1&uploadId=u%201",
            "DELETE /b/k?uploadId=u%201"
        ]
    );
}

#[tokio::test]
async fn a_declared_checksum_is_held_against_the_whole() {
    let store = Store::start().await;
    store.says([begun(), part(1), part(2), Said::status(204)]);
    let put = call("PUT /b/k", &[("x-amz-checksum-crc32", "AAAAAA==")], "");
    let refused = run(&upstream(&store), &put, body(9, None), |_| {}).await;
    assert_eq!(refused.err().unwrap().code(), Code::BadDigest);
    assert_eq!(asked(&store, 4).await[3].line, "DELETE /b/k?uploadId=u%201");
}

#[tokio::test]
async fn what_the_store_refuses_of_an_upload_ends_it() {
    let store = Store::start().await;
    let full = || Said::xml(400, "<Error><Code>EntityTooLarge</Code></Error>");
    let failed = || Said::xml(200, "<Error><Code>InvalidPart</Code></Error>");
    for (says, aborts, code) in [
        (vec![Said::status(404)], false, Code::NoSuchBucket),
        (vec![begun(), full()], true, Code::EntityTooLarge),
        (vec![begun(), part(1), Said::status(200)], true, Code::ServiceUnavailable),
        (vec![begun(), part(1), part(2), failed()], true, Code::InvalidPart),
    ] {
        let count = says.len() + usize::from(aborts);
        store.says(says);
        store.says(aborts.then(|| Said::status(204)));
        let put = call("PUT /b/k", &[], "");
        let refused = run(&upstream(&store), &put, body(9, None), |_| {}).await;
        assert_eq!(refused.err().unwrap().code(), code);
        let seen = asked(&store, count).await;
        assert_eq!(seen[count - 1].line.starts_with("DELETE "), aborts);
    }
}

#[tokio::test]
async fn an_upload_that_nobody_waits_for_is_aborted() {
    let store = Store::start().await;
    store.says([begun(), part(1), Said::status(204)]);
    let never = body(9, None).take(8).chain(futures_util::stream::pending()).boxed();
    let upstream = upstream(&store);
    let put = call("PUT /b/k", &[], "");
    let running = run(&upstream, &put, never, |_| {});
    let gone = async {
        let seen = [store.seen().await, store.seen().await];
        assert_eq!(seen[1].line, "PUT /b/k?partNumber=1&uploadId=u%201");
    };
    tokio::select! {
        _ = running => panic!("the body has no end"),
        () = gone => {}
    }
    assert_eq!(store.seen().await.line, "DELETE /b/k?uploadId=u%201");
}
