//! Requests of callers, read as the pipeline reads them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use iamd_api::s3::SERVICE;
use iamd_directory::Bucket;
use iamd_s3::backend::{Allowed, Answer, AnswerBody, Backend, Body, Seen};
use iamd_s3::{Call, CopySource, Trailer, create};
use iamd_types::{Error, Secret, Timestamp};
use iamd_upstream::{Settings, Upstream};
use iamd_wire::rest_xml::{self, Asked, Request};

use crate::store::{At, ID, NOW, SECRET, Store};

pub(crate) fn settings(store: &Store) -> Settings {
    let mut settings =
        Settings::new(&store.url, ID, Secret::new(SECRET.to_owned())).expect("a URL");
    settings.system_authorities = false;
    settings
}

pub(crate) fn upstream(store: &Store) -> Upstream {
    with(settings(store))
}

pub(crate) fn with(settings: Settings) -> Upstream {
    Upstream::new(settings, Arc::new(At(NOW))).unwrap()
}

pub(crate) fn bucket(name: &str) -> Bucket {
    create::adopted(name, "store", Timestamp::from_seconds(NOW)).pack()
}

/// `METHOD /bucket/key?query`, headers, and an XML body.
pub(crate) fn call(line: &str, headers: &[(&str, &str)], document: &str) -> Call {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.strip_prefix('/').unwrap();
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let query = rest_xml::query(query).unwrap();
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let key = Some(key).filter(|key| !key.is_empty());
    let request = Request { method, bucket: Some(bucket), key, query: &query, headers: &headers };
    let Ok(Asked::Operation(operation)) = rest_xml::identify(&SERVICE, &request) else {
        panic!("{line} is no operation")
    };
    let parameters = rest_xml::read(&SERVICE, operation, &request, document.as_bytes()).unwrap();
    Call::new(operation, Some(bucket.to_owned()), key.map(str::to_owned), parameters).unwrap()
}

/// Runs a call; `change` may change what is allowed.
pub(crate) async fn run(
    upstream: &Upstream,
    call: &Call,
    body: Body,
    change: impl FnOnce(&mut Allowed<'_>),
) -> Result<Answer, Error> {
    let own = bucket(call.bucket.as_deref().unwrap());
    let other = call.source.as_ref().map(|CopySource { bucket: name, .. }| bucket(name));
    let mut allowed = allowed(call, &own, other.as_ref());
    change(&mut allowed);
    upstream.run(allowed, body).await
}

/// Runs a call about an object, or a copy of one, that was looked at.
pub(crate) async fn run_seen(
    upstream: &Upstream,
    call: &Call,
    seen: &Seen,
) -> Result<Answer, Error> {
    let own = bucket(call.bucket.as_deref().unwrap());
    let mut allowed = allowed(call, &own, Some(&own));
    match call.source {
        Some(_) => allowed.seen_source = Some(seen),
        None => allowed.seen = Some(seen),
    }
    upstream.run(allowed, none()).await
}

fn allowed<'a>(call: &'a Call, own: &'a Bucket, source: Option<&'a Bucket>) -> Allowed<'a> {
    Allowed {
        call,
        bucket: own,
        owner: "111122223333".parse().unwrap(),
        source: call.source.as_ref().zip(source),
        now: Timestamp::from_seconds(NOW),
        signed: true,
        initiator: "AIDAEXAMPLE".to_owned(),
        length: None,
        sha256: None,
        trailer: None,
        denied: Vec::new(),
        seen: None,
        seen_source: None,
    }
}

/// Runs a call without a body.
pub(crate) async fn ask(
    upstream: &Upstream,
    line: &str,
    headers: &[(&str, &str)],
    document: &str,
) -> Result<Answer, Error> {
    run(upstream, &call(line, headers, document), none(), |_| {}).await
}

/// Puts an object.
pub(crate) async fn put(
    upstream: &Upstream,
    path: &str,
    pieces: &[&'static [u8]],
    trailer: Option<(&str, &str)>,
) -> Result<Answer, Error> {
    let length = pieces.iter().map(|piece| piece.len() as u64).sum();
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
    let body = futures_util::stream::iter(pieces).boxed();
    let trailer = trailer.map(|(name, value)| {
        let cell = OnceLock::new();
        cell.set(value.to_owned()).unwrap();
        Trailer { name: name.to_owned(), value: Arc::new(cell) }
    });
    let call = call(&format!("PUT {path}"), &[], "");
    run(upstream, &call, body, |allowed| {
        allowed.length = Some(length);
        allowed.trailer = trailer;
    })
    .await
}

pub(crate) fn none() -> Body {
    futures_util::stream::empty().boxed()
}

/// An answer in one text.
pub(crate) async fn shown(answer: Answer) -> Result<String, Error> {
    let mut text = format!("{}\n", answer.status);
    let mut headers: Vec<String> =
        answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    headers.sort();
    for header in headers {
        text.push_str(&header);
        text.push('\n');
    }
    match answer.body {
        AnswerBody::Whole(body) => text.push_str(std::str::from_utf8(&body).unwrap()),
        AnswerBody::Head(length) => text.push_str(&format!("({length} bytes)")),
        AnswerBody::Stream(length, body) => {
            let pieces: Vec<Bytes> = body.try_collect().await?;
            let whole = pieces.concat();
            assert_eq!(whole.len() as u64, length);
            text.push_str(std::str::from_utf8(&whole).unwrap());
        }
    }
    Ok(text)
}
