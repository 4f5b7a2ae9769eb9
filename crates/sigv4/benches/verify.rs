//! Verification of a small IAM request against its crypto floor: body hash, hash of the ready
//! canonical request, HMAC with prepared state.
//!
//! First prints the ratio of both, measured in turns in one run (median of rounds): on a shared
//! machine only the ratio means something. The goal is 2.2, the limit 3.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use iamd_sigv4::{
    Credentials, Payload, RequestParts, Settings, SigningKey, present, presign, sign,
};
use sha2::{Digest, Sha256};

const NOW: i64 = 1_440_938_160;
const BODY: &[u8] = b"Action=GetUser&Version=2010-05-08&UserName=alice";
const SETTINGS: Settings<'static> = Settings::query("iam", Some("us-east-1"));
const CREDENTIALS: Credentials<'static> = Credentials {
    access_key_id: "AKIAIOSFODNN7EXAMPLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    session_token: None,
};
/// The headers of an AWS SDK's request; all but the last four are signed.
const HEADERS: [(&str, &[u8]); 7] = [
    ("host", b"localhost:4260"),
    ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
    ("amz-sdk-invocation-id", b"5b1c1d3a-1f57-4c21-8a0e-0f9d3a4b5c6d"),
    ("user-agent", b"aws-sdk-rust/1.3.9 os/linux lang/rust/1.95.0 api/iam/1.60.0"),
    ("content-length", b"48"),
    ("accept", b"*/*"),
    ("accept-encoding", b"identity"),
];
const SIGNED: usize = 2;

fn main() {
    report_ratio();
    divan::main();
}

/// A signed request, and what verifying needs.
struct Request {
    target: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    key: SigningKey,
}

impl Request {
    fn new() -> Self {
        let parts =
            RequestParts { method: "POST", target: "/", headers: HEADERS.get(..SIGNED).unwrap() };
        let added = sign(&parts, Payload::Bytes(BODY), &CREDENTIALS, NOW, &SETTINGS).unwrap();
        let mut headers: Vec<_> = HEADERS.iter().map(|&(n, v)| (n, v.to_vec())).collect();
        headers.extend(added.into_iter().map(|(name, value)| (name, value.into_bytes())));
        Self { target: "/".to_owned(), headers, key: key() }
    }

    fn presigned() -> Self {
        let headers: [(&str, &[u8]); 1] = [("host", b"localhost:4260")];
        let target = "/?Action=GetCallerIdentity&Version=2011-06-15";
        let parts = RequestParts { method: "POST", target, headers: &headers };
        let target =
            presign(&parts, Payload::Bytes(BODY), &CREDENTIALS, NOW, 900, &SETTINGS).unwrap();
        let headers = headers.iter().map(|&(name, value)| (name, value.to_vec())).collect();
        Self { target, headers, key: key() }
    }

    fn headers(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect()
    }

    fn verify(&self, headers: &[(&str, &[u8])]) {
        let parts = RequestParts { method: "POST", target: &self.target, headers };
        let presented = present(black_box(&parts)).unwrap().unwrap();
        presented.verify(&self.key, Payload::Bytes(black_box(BODY)), NOW, &SETTINGS).unwrap();
    }
}

fn key() -> SigningKey {
    SigningKey::derive(CREDENTIALS.secret_access_key, "20150830", "us-east-1", "iam")
}

/// The hashing that no verifier can do without, on ready texts.
struct Floor {
    canonical: String,
    to_sign: String,
    hmac: Hmac<Sha256>,
}

impl Floor {
    fn new() -> Self {
        let canonical = "POST\n/\n\ncontent-type:application/x-www-form-urlencoded; charset=utf-8\n\
            host:localhost:4260\nx-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n";
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let scope = "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n";
        Self {
            canonical: format!("{canonical}{hash}"),
            to_sign: format!("{scope}{hash}"),
            hmac: Hmac::new_from_slice(&[7; 32]).unwrap(),
        }
    }

    fn run(&self) {
        black_box(Sha256::digest(black_box(BODY)));
        black_box(Sha256::digest(black_box(self.canonical.as_bytes())));
        let mut hmac = black_box(&self.hmac).clone();
        hmac.update(black_box(self.to_sign.as_bytes()));
        black_box(hmac.finalize());
    }
}

fn report_ratio() {
    const ROUNDS: usize = 2001;
    let (floor, request, presigned) = (Floor::new(), Request::new(), Request::presigned());
    let (headers, presigned_headers) = (request.headers(), presigned.headers());
    let mut rounds: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|_| {
            [
                nanoseconds(|| floor.run()),
                nanoseconds(|| request.verify(&headers)),
                nanoseconds(|| presigned.verify(&presigned_headers)),
            ]
        })
        .collect();
    let mut median = |of: fn(&[f64; 3]) -> f64| {
        rounds.sort_by(|a, b| of(a).total_cmp(&of(b)));
        rounds.get(ROUNDS / 2).map_or(0.0, of)
    };
    let floor = median(|round| round[0]);
    let (verify, ratio) = (median(|round| round[1]), median(|round| round[1] / round[0]));
    println!("floor {floor:.0} ns, verify {verify:.0} ns: {ratio:.2} times the floor");
    let (verify, ratio) = (median(|round| round[2]), median(|round| round[2] / round[0]));
    println!("presigned {verify:.0} ns: {ratio:.2} times the floor");
}

fn nanoseconds(mut run: impl FnMut()) -> f64 {
    // Short, so that most rounds are not interrupted.
    const RUNS: u32 = 100;
    let start = Instant::now();
    (0..RUNS).for_each(|_| run());
    start.elapsed().as_nanos() as f64 / f64::from(RUNS)
}

#[divan::bench]
fn floor(bencher: divan::Bencher<'_, '_>) {
    let floor = Floor::new();
    bencher.bench(|| floor.run());
}

#[divan::bench]
fn verify(bencher: divan::Bencher<'_, '_>) {
    let request = Request::new();
    let headers = request.headers();
    bencher.bench(|| request.verify(&headers));
}

#[divan::bench]
fn verify_presigned(bencher: divan::Bencher<'_, '_>) {
    let request = Request::presigned();
    let headers = request.headers();
    bencher.bench(|| request.verify(&headers));
}

#[divan::bench]
fn present_only(bencher: divan::Bencher<'_, '_>) {
    let request = Request::new();
    let headers = request.headers();
    bencher.bench(|| {
        let parts = RequestParts { method: "POST", target: "/", headers: black_box(&headers) };
        black_box(present(&parts).unwrap().is_some())
    });
}

#[divan::bench]
fn derive(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(key);
}
