//! Any body in chunks: nothing panics, nothing comes out that was not signed, and it does not
//! matter how the bytes are cut. Run with `cargo +nightly fuzz run body` in `crates/sigv4`.
//!
//! The first byte says how the body is cut; the second whether chunks are signed.

#![no_main]

use bytes::Bytes;
use iamd_sigv4::{
    BodyCheck, BodyError, Credentials, ChunkedBody, RequestParts, Settings, SigningKey, Streaming,
    present, sign_chunked,
};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "not guessable by a fuzzer";
const NOW: i64 = 1_440_938_160;

fuzz_target!(|input: &[u8]| {
    let [cut, signed, body @ ..] = input else { return };
    let whole = read(check(*signed), body, body.len());
    let cut = read(check(*signed), body, usize::from(*cut));
    assert_eq!(whole, cut);
    assert!(*signed % 2 == 0 || whole.is_err());
});

fn check(signed: u8) -> BodyCheck {
    let host: (&str, &[u8]) = ("host", b"localhost");
    let streaming =
        if signed % 2 == 0 { Streaming::UnsignedTrailer } else { Streaming::SignedTrailer };
    let trailer = Some(("x-amz-checksum-crc32", 8));
    let body = ChunkedBody { streaming, length: 20, chunk_size: 8192, trailer };
    let credentials =
        Credentials { access_key_id: "AKIA", secret_access_key: SECRET, session_token: None };
    let settings = Settings::s3(None);
    let parts = RequestParts { method: "PUT", target: "/", headers: &[host] };
    let (added, _) = sign_chunked(&parts, &body, &credentials, NOW, &settings).unwrap();
    let mut headers = vec![host];
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let parts = RequestParts { method: "PUT", target: "/", headers: &headers };
    let presented = present(&parts).unwrap().unwrap();
    let key = SigningKey::derive(SECRET, presented.scope().date(), "us-east-1", "s3");
    presented.verify_head(&key, &settings).unwrap()
}

fn read(check: BodyCheck, body: &[u8], size: usize) -> Result<Vec<u8>, BodyError> {
    let mut reader = check.reader();
    let mut out = Vec::new();
    for piece in body.chunks(size.max(1)) {
        reader.push(Bytes::copy_from_slice(piece), &mut out)?;
    }
    reader.finish(&mut out)?;
    Ok(out.concat())
}
