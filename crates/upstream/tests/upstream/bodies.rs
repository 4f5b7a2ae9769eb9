//! Bodies on their way to the store: complete when they are good, and never otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use iamd_s3::backend::Body;
use iamd_types::{Code, Error};
use iamd_upstream::{BodySigning, Upstream};

use crate::asking::{call, put, run, settings, upstream, with};
use crate::store::Store;

const CRC: &str = "x-amz-checksum-crc32";

async fn signing(store: &Store, body_signing: BodySigning) -> Upstream {
    let mut settings = settings(store);
    settings.body_signing = body_signing;
    with(settings)
}

#[tokio::test]
async fn bodies_are_signed_where_the_way_is_not_safe() {
    let store = Store::start().await;
    for (body_signing, trailer, kind) in [
        (BodySigning::Auto, None, "UNSIGNED-PAYLOAD"),
        (BodySigning::Never, None, "UNSIGNED-PAYLOAD"),
        (BodySigning::Always, None, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        (BodySigning::Auto, Some((CRC, "NSRBwg==")), "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        (
            BodySigning::Always,
            Some((CRC, "NSRBwg==")),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        ),
    ] {
        let upstream = signing(&store, body_signing).await;
        put(&upstream, "/b/k", &[b"a", b"", b"bc"], trailer).await.unwrap();
        let seen = store.seen().await;
        assert_eq!(seen.content_sha256, kind);
        assert_eq!(seen.body.as_deref(), Ok(&b"abc"[..]), "{kind}");
        let sent = trailer.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(seen.trailer, sent, "{kind}");
        assert_eq!(store.object("/b/k").as_deref(), Some(&b"abc"[..]));
    }
}

#[tokio::test]
async fn a_declared_hash_is_handed_on() {
    let store = Store::start().await;
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let bytes: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(hash.get(at * 2..at * 2 + 2).unwrap(), 16).unwrap())
        .collect();
    for body_signing in [BodySigning::Never, BodySigning::Always] {
        let upstream = signing(&store, body_signing).await;
        let body = futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed();
        let call = call("PUT /b/k", &[], "");
        let outcome = run(&upstream, &call, body, |allowed| {
            allowed.length = Some(3);
            allowed.sha256 = bytes.clone().try_into().ok();
        });
        outcome.await.unwrap();
        let seen = store.seen().await;
        assert_eq!((seen.content_sha256.as_str(), seen.body.as_deref()), (hash, Ok(&b"abc"[..])));
    }
}

#[tokio::test]
async fn an_empty_body_is_a_body() {
    let store = Store::start().await;
    for body_signing in [BodySigning::Never, BodySigning::Always] {
        let upstream = signing(&store, body_signing).await;
        put(&upstream, "/b/k", &[], None).await.unwrap();
        assert_eq!(store.seen().await.body.as_deref(), Ok(&b""[..]));
        put(&upstream, "/b/k", &[], Some((CRC, "AAAAAA=="))).await.unwrap();
        assert_eq!(store.seen().await.body.as_deref(), Ok(&b""[..]));
    }
}

/// The store has seen no whole body since it was last looked at. (It may have seen nothing at all:
/// a connection can end before its first byte was sent.)
async fn nothing_whole(store: &Store, upstream: &Upstream) {
    put(upstream, "/b/marker", &[b"good"], None).await.unwrap();
    loop {
        let seen = store.seen().await;
        if seen.line == "PUT /b/marker" {
            return;
        }
        assert!(seen.body.is_err(), "{}", seen.line);
    }
}

fn broken(pieces: usize, size: usize) -> Body {
    let error = Error::new(Code::SignatureDoesNotMatch, "a chunk is not what was signed");
    let pieces = (0..pieces).map(move |_| Ok(Bytes::from(vec![b'a'; size])));
    futures_util::stream::iter(pieces.chain([Err(error)])).boxed()
}

#[tokio::test]
async fn a_tampered_body_never_becomes_an_object() {
    let store = Store::start().await;
    for body_signing in [BodySigning::Never, BodySigning::Always] {
        let upstream = signing(&store, body_signing).await;
        for (pieces, size) in [(1, 3), (3, 3), (1, 200_000), (40, 100_000)] {
            let length = pieces * size;
            let call = call("PUT /b/tampered", &[], "");
            let outcome = run(&upstream, &call, broken(pieces, size), |allowed| {
                allowed.length = Some(length as u64);
            });
            let error = outcome.await.err().expect("refused");
            assert_eq!(error.code(), Code::SignatureDoesNotMatch, "{pieces} × {size}");
            nothing_whole(&store, &upstream).await;
            assert_eq!(store.object("/b/tampered"), None);
        }
        // Of an empty body nothing could be held back.
        let call = call("PUT /b/tampered", &[], "");
        let outcome = run(&upstream, &call, broken(0, 0), |allowed| allowed.length = Some(0));
        let error = outcome.await.err().expect("refused");
        assert_eq!(error.code(), Code::SignatureDoesNotMatch);
        assert!(!store.was_asked().await);
    }
}

#[tokio::test]
async fn a_body_has_the_length_that_was_announced() {
    let store = Store::start().await;
    for body_signing in [BodySigning::Never, BodySigning::Always] {
        let upstream = signing(&store, body_signing).await;
        for length in [2, 4, 200_000] {
            let body = futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed();
            let call = call("PUT /b/wrong", &[], "");
            let outcome =
                run(&upstream, &call, body, |allowed| allowed.length = Some(length)).await;
            assert_eq!(outcome.err().expect("refused").code(), Code::IncompleteBody, "{length}");
            nothing_whole(&store, &upstream).await;
            assert_eq!(store.object("/b/wrong"), None);
        }
    }
    let body = futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed();
    let call = call("PUT /b/wrong?partNumber=1&uploadId=u", &[], "");
    let outcome = run(&upstream(&store), &call, body, |_| {}).await;
    assert_eq!(outcome.err().expect("refused").code(), Code::MissingContentLength);
}

#[tokio::test]
async fn a_checksum_of_another_length_is_refused() {
    let store = Store::start().await;
    let upstream = upstream(&store);
    let error = put(&upstream, "/b/k", &[b"abc"], Some((CRC, "NSRBwg"))).await.err().unwrap();
    assert_eq!(error.code(), Code::MalformedTrailer);
    nothing_whole(&store, &upstream).await;
    let error = put(&upstream, "/b/k", &[b"abc"], Some(("x-amz-checksum-new", "NSRBwg=="))).await;
    assert_eq!(error.err().unwrap().code(), Code::NotImplemented);
    assert_eq!(store.object("/b/k"), None);
}

#[tokio::test]
async fn a_checksum_that_the_store_does_not_take_is_checked_here() {
    let store = Store::start().await;
    for body_signing in [BodySigning::Never, BodySigning::Always] {
        let mut settings = settings(&store);
        settings.body_signing = body_signing;
        settings.trailers = false;
        let upstream = with(settings);
        for (pieces, value, path) in [
            (&[&b"a"[..], b"bc"][..], "NSRBwg==", "/b/checked"),
            (&[], "AAAAAA==", "/b/checked-empty"),
        ] {
            put(&upstream, path, pieces, Some((CRC, value))).await.unwrap();
            let seen = store.seen().await;
            assert_eq!(seen.trailer, None);
            assert!(seen.headers.iter().all(|header| !header.starts_with("x-amz-trailer")));
            assert!(store.object(path).is_some());
            let wrong = format!("{path}-wrong");
            let error = put(&upstream, &wrong, pieces, Some((CRC, "NSRBwA=="))).await.err();
            assert_eq!(error.expect("refused").code(), Code::BadDigest);
            nothing_whole(&store, &upstream).await;
            assert_eq!(store.object(&wrong), None);
        }
    }
}

/// Memory that says when it is let go.
struct Counted(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0.len(), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_large_body_takes_little_memory() {
    const PIECE: usize = 128 << 10;
    const PIECES: usize = 512;
    let store = Store::start().await;
    for body_signing in [BodySigning::Never, BodySigning::Always] {
        let upstream = signing(&store, body_signing).await;
        let alive = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (counted, peak) = (Arc::clone(&alive), Arc::clone(&most));
        let body = futures_util::stream::iter(0..PIECES).map(move |_| {
            let now = counted.fetch_add(PIECE, Ordering::SeqCst) + PIECE;
            peak.fetch_max(now, Ordering::SeqCst);
            Ok(Bytes::from_owner(Counted(vec![b'x'; PIECE], Arc::clone(&counted))))
        });
        let call = call("PUT /b/large", &[], "");
        let outcome = run(&upstream, &call, body.boxed(), |allowed| {
            allowed.length = Some((PIECE * PIECES) as u64);
        });
        outcome.await.unwrap();
        assert!(store.seen().await.body.is_ok());
        let most = most.load(Ordering::SeqCst);
        assert!(most <= 1 << 20, "{most} bytes at once, {body_signing:?}");
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}
