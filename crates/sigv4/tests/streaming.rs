//! Bodies in chunks: the vectors of `testdata/streaming/` (S3's published examples, bodies that
//! clients write, hostile ones), and what must hold for all bodies however they are cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use bytes::Bytes;
use iamd_sigv4::{
    BodyCheck, BodyError, ChunkedBody, Credentials, Finished, RequestParts, Settings, SigningKey,
    Streaming, Timestamp, present, sign_chunked,
};
use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Vector {
    id: String,
    now: String,
    secret: Option<String>,
    request: Request,
    body: Vec<(String, usize)>,
    expect: Expect,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Expect {
    Refused { refused: String },
    Error { error: String },
    Good { length: usize, sha256: String, trailer: Option<(String, String)> },
}

impl Vector {
    fn body(&self) -> Vec<u8> {
        self.body.iter().flat_map(|(text, times)| text.repeat(*times).into_bytes()).collect()
    }

    fn check(&self) -> Result<BodyCheck, iamd_sigv4::Error> {
        let headers: Vec<(&str, &[u8])> =
            self.request.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let (method, target) = (&*self.request.method, &*self.request.target);
        let parts = RequestParts { method, target, headers: &headers };
        let Some(secret) = &self.secret else { return BodyCheck::anonymous(&parts) };
        let settings = Settings::s3(None);
        let presented = present(&parts)?.expect("signed");
        let now = Timestamp::parse_date_header(self.now.as_bytes()).unwrap();
        presented.check(now.unix_seconds(), &settings)?;
        let scope = presented.scope();
        let key = SigningKey::derive(secret, scope.date(), scope.region(), scope.service());
        presented.verify_head(&key, &settings)
    }
}

/// Reads a body that comes in pieces of these sizes, over and over.
fn read(
    check: BodyCheck,
    body: &[u8],
    sizes: &[usize],
) -> Result<(Vec<Bytes>, Finished), BodyError> {
    let mut reader = check.reader();
    let mut out = Vec::new();
    let mut rest = Bytes::copy_from_slice(body);
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let piece = rest.split_to(size.clamp(1, rest.len()));
        if let Err(error) = reader.push(piece, &mut out) {
            // It stays refused.
            assert_eq!(reader.push(Bytes::from_static(b"x"), &mut out), Err(error.clone()));
            assert_eq!(reader.finish(&mut out), Err(error.clone()));
            return Err(error);
        }
    }
    let finished = reader.finish(&mut out)?;
    Ok((out, finished))
}

fn vectors() -> Vec<Vector> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/streaming");
    let mut vectors = Vec::new();
    for entry in std::fs::read_dir(directory).expect("testdata is there") {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        vectors.extend(text.lines().map(|line| serde_json::from_str::<Vector>(line).expect(line)));
    }
    assert!(vectors.len() > 100, "only {} vectors found", vectors.len());
    vectors
}

#[test]
fn every_vector_holds_however_the_body_is_cut() {
    for vector in vectors() {
        let id = &vector.id;
        let body = vector.body();
        let sizes: &[&[usize]] = match body.len() {
            0..10_000 => &[&[usize::MAX], &[1], &[2, 3], &[85, 1], &[7]],
            _ => &[&[usize::MAX], &[4096], &[1460, 1, 65_000], &[16_384]],
        };
        for sizes in sizes {
            let check = match (vector.check(), &vector.expect) {
                (Err(error), Expect::Refused { refused }) => {
                    assert_eq!(error.code(), refused, "{id}");
                    continue;
                }
                (Ok(check), Expect::Error { .. } | Expect::Good { .. }) => check,
                (Err(error), _) => panic!("{id}: {error}"),
                (Ok(_), Expect::Refused { refused }) => panic!("{id}: not refused, {refused}"),
            };
            match (read(check, &body, sizes), &vector.expect) {
                (Ok((out, finished)), Expect::Good { length, sha256, trailer }) => {
                    let out = out.concat();
                    let hash = Sha256::digest(&out);
                    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                    assert_eq!((out.len(), &hash), (*length, sha256), "{id}");
                    assert_eq!(&finished.trailer, trailer, "{id}");
                }
                (Err(error), Expect::Error { error: code }) => {
                    assert_eq!(error.code(), code, "{id} in {sizes:?}: {error}");
                    assert!((400..=403).contains(&error.http_status()), "{id}");
                }
                (outcome, _) => panic!("{id} in {sizes:?}: {:?}", outcome.map(|(_, end)| end)),
            }
        }
    }
}

const NOW: i64 = 1_369_353_600;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const CRC: &str = "x-amz-checksum-crc32";

/// A request with its body as sent, both made by this crate's signer.
struct Sent {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn sent(data: &[u8], streaming: Streaming, chunk_size: u32, trailer: Option<&str>) -> Sent {
    let headers: Vec<(&str, &[u8])> = vec![("host", b"localhost")];
    let parts = RequestParts { method: "PUT", target: "/bucket/key", headers: &headers };
    let body = ChunkedBody {
        streaming,
        length: data.len() as u64,
        chunk_size,
        trailer: trailer.map(|value| (CRC, value.len())),
    };
    let credentials = Credentials {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret_access_key: SECRET,
        session_token: None,
    };
    let settings = Settings::s3(None);
    let (added, mut writer) = sign_chunked(&parts, &body, &credentials, NOW, &settings).unwrap();
    let mut out = Vec::new();
    for piece in data.chunks(5000) {
        writer.push(Bytes::copy_from_slice(piece), &mut out).unwrap();
    }
    writer.finish(trailer, &mut out).unwrap();
    let written = out.concat();
    assert_eq!(written.len() as u64, body.encoded_length());
    let host = ("host".to_owned(), "localhost".to_owned());
    let added = added.into_iter().map(|(name, value)| (name.to_owned(), value));
    Sent { headers: std::iter::once(host).chain(added).collect(), body: written }
}

impl Sent {
    fn check(&self) -> BodyCheck {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let parts = RequestParts { method: "PUT", target: "/bucket/key", headers: &headers };
        let presented = present(&parts).unwrap().unwrap();
        let scope = presented.scope();
        let key = SigningKey::derive(SECRET, scope.date(), scope.region(), scope.service());
        presented.check(NOW, &Settings::s3(None)).unwrap();
        presented.verify_head(&key, &Settings::s3(None)).unwrap()
    }
}

fn streamings() -> impl Strategy<Value = Streaming> {
    prop_oneof![
        Just(Streaming::Signed),
        Just(Streaming::SignedTrailer),
        Just(Streaming::UnsignedTrailer)
    ]
}

/// Sizes around every boundary that the reader knows.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![0..40_usize, 8190..8195_usize, 65_530..65_540_usize, 0..300_000_usize]
}

/// Data that looks like framing as often as not.
fn data(length: usize) -> Vec<u8> {
    b"0\r\n\r\n3;chunk-signature=".iter().copied().cycle().take(length).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read_back(
        length in lengths(),
        streaming in streamings(),
        chunk_size in prop_oneof![Just(8192_u32), Just(65_536), Just(300_000), 8192..100_000_u32],
        sizes in proptest::collection::vec(prop_oneof![1..200_usize, 1..70_000_usize], 1..6),
    ) {
        let data = data(length);
        let trailer = streaming.has_trailer().then_some("NSRBwg==");
        let sent = sent(&data, streaming, chunk_size, trailer);
        let (out, finished) = read(sent.check(), &sent.body, &sizes).unwrap();
        prop_assert_eq!(out.concat(), data);
        let trailer = trailer.map(|value| (CRC.to_owned(), value.to_owned()));
        prop_assert_eq!(finished.trailer, trailer);
    }

    #[test]
    fn any_bit_changed_is_refused_and_the_last_piece_withheld(
        length in prop_oneof![1..100_usize, 8190..20_000_usize],
        signed_trailer in any::<bool>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
        sizes in proptest::collection::vec(1..9000_usize, 1..4),
    ) {
        let data = data(length);
        let streaming =
            if signed_trailer { Streaming::SignedTrailer } else { Streaming::Signed };
        let mut sent = sent(&data, streaming, 8192, signed_trailer.then_some("NSRBwg=="));
        let at = at.index(sent.body.len());
        sent.body[at] ^= 1 << bit;
        // The case of names and sizes is free, and so are the one line end of the trailer and white space behind its
        // value, which a `\r` can turn into.
        let free = bit == 5 && sent.body[at].is_ascii_alphabetic() || sent.body[at] == b'\t';
        let mut reader = sent.check().reader();
        let mut out = Vec::new();
        let mut rest = Bytes::from(sent.body);
        let mut outcome = Ok(());
        for size in sizes.iter().cycle() {
            if rest.is_empty() || outcome.is_err() {
                break;
            }
            let piece = rest.split_to((*size).min(rest.len()));
            outcome = reader.push(piece, &mut out);
        }
        let outcome = outcome.and_then(|()| reader.finish(&mut out).map(drop));
        let given = out.concat();
        if outcome.is_ok() {
            prop_assert!(free, "a change was taken");
            prop_assert_eq!(given, data);
        } else {
            prop_assert!(given.len() < data.len(), "a whole body came out of a refused one");
            prop_assert!(data.starts_with(&given), "unverified data came out");
        }
    }

    #[test]
    fn nothing_sent_makes_it_panic(
        body in "(([0-9a-f]{1,3}|[ -~]{0,5})(;chunk-signature=[0-9a-f]{60,64})?\r?\n?[a-z]{0,20}(\r\n)?){0,6}(x-amz-[a-z-]{0,24}:[ -~]{0,40}\r?\n){0,3}(\r\n)?",
        length in 0..40_u64,
        sizes in proptest::collection::vec(1..30_usize, 1..4),
    ) {
        let length = length.to_string();
        let headers: Vec<(&str, &[u8])> = vec![
            ("x-amz-content-sha256", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", length.as_bytes()),
            ("x-amz-trailer", b"x-amz-checksum-crc32"),
        ];
        let parts = RequestParts { method: "PUT", target: "/", headers: &headers };
        let check = || BodyCheck::anonymous(&parts).unwrap();
        let whole = read(check(), body.as_bytes(), &[usize::MAX]);
        let pieces = read(check(), body.as_bytes(), &sizes);
        let joined = |outcome: Result<(Vec<Bytes>, Finished), BodyError>| {
            outcome.map(|(out, finished)| (out.concat(), finished))
        };
        prop_assert_eq!(joined(whole), joined(pieces));
    }
}

#[test]
fn data_of_a_signed_chunk_comes_out_when_it_is_verified_and_not_before() {
    let data = data(3 * 8192);
    let sent = sent(&data, Streaming::Signed, 8192, None);
    let mut reader = sent.check().reader();
    let mut given = Vec::new();
    let first = sent.body.len() / 3;
    let mut before = 0;
    for (position, byte) in sent.body.iter().enumerate() {
        let mut out = Vec::new();
        reader.push(Bytes::copy_from_slice(&[*byte]), &mut out).unwrap();
        if position < first {
            assert!(out.is_empty(), "at {position}");
        }
        before += usize::from(!out.is_empty());
        given.extend(out);
    }
    assert_eq!(given.concat().len(), 2 * 8192, "the last chunk is withheld");
    assert!(before <= 2, "small pieces are put together");
    reader.finish(&mut given).unwrap();
    assert_eq!(given.concat(), data);
}

#[test]
fn a_writer_keeps_to_what_was_announced() {
    let headers: Vec<(&str, &[u8])> = vec![("host", b"localhost")];
    let parts = RequestParts { method: "PUT", target: "/bucket/key", headers: &headers };
    let credentials =
        Credentials { access_key_id: "AKIA", secret_access_key: SECRET, session_token: None };
    let writer = |trailer| {
        let streaming = Streaming::SignedTrailer;
        let body = ChunkedBody { streaming, length: 3, chunk_size: 8192, trailer };
        sign_chunked(&parts, &body, &credentials, NOW, &Settings::s3(None)).unwrap().1
    };
    let mut out = Vec::new();
    let abc = || Bytes::from_static(b"abc");
    assert_eq!(writer(None).push(Bytes::from_static(b"abcd"), &mut out), Err(BodyError::Length));
    assert_eq!(writer(None).finish(None, &mut out), Err(BodyError::Length));
    let mut unannounced = writer(None);
    unannounced.push(abc(), &mut out).unwrap();
    assert_eq!(unannounced.finish(Some("x"), &mut out), Err(BodyError::Trailer));
    let mut missing = writer(Some((CRC, 8)));
    missing.push(abc(), &mut out).unwrap();
    assert_eq!(missing.finish(None, &mut out), Err(BodyError::Trailer));
    assert!(out.is_empty());
}
