//! The hot path: one GetUser read and answered, and a request with many tags.
//!
//! `cargo bench -p iamd-wire`. Allocations repeat exactly; prefer them to times.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use divan::{AllocProfiler, Bencher, black_box};
use iamd_api::iam;
use iamd_types::Timestamp;
use iamd_wire::query::{self, Parameters};
use iamd_wire::{cloudtrail, xml};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const FORM: &[u8] = b"Action=GetUser&Version=2010-05-08&UserName=alice";

fn main() {
    divan::main();
}

#[divan::bench]
fn parse() -> usize {
    Parameters::parse(black_box(FORM)).unwrap().action().map_or(0, str::len)
}

#[divan::bench]
fn decode() -> iam::GetUserRequest {
    let operation = iam::SERVICE.operation("GetUser").unwrap();
    let parameters = Parameters::parse(black_box(FORM)).unwrap();
    query::decode(&parameters, &iam::SERVICE, operation).unwrap()
}

#[divan::bench]
fn encode(bencher: Bencher<'_, '_>) {
    let operation = iam::SERVICE.operation("GetUser").unwrap();
    let output = iam::GetUserResponse {
        user: iam::User {
            path: "/".to_owned(),
            user_name: "alice".to_owned(),
            user_id: "AIDAEXAMPLEEXAMPLEEXA".to_owned(),
            arn: "arn:aws:iam::123456789012:user/alice".to_owned(),
            create_date: Timestamp::from_seconds(1_770_888_600),
            ..Default::default()
        },
    };
    let mut out = Vec::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        let id = "f1a2b3c4-0000-4000-8000-123456789abc";
        xml::write_response(&mut out, &iam::SERVICE, operation, id, black_box(&output)).unwrap();
        out.len()
    });
}

#[divan::bench]
fn audit(bencher: Bencher<'_, '_>) {
    let operation = iam::SERVICE.operation("GetUser").unwrap();
    let parameters = Parameters::parse(FORM).unwrap();
    let mut out = Vec::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        cloudtrail::write_request_parameters(&mut out, black_box(&parameters), operation);
        out.len()
    });
}

#[divan::bench]
fn decode_50_tags(bencher: Bencher<'_, '_>) {
    let operation = iam::SERVICE.operation("TagUser").unwrap();
    let mut form = "Action=TagUser&Version=2010-05-08&UserName=alice".to_owned();
    for number in 1..=50 {
        form.push_str(&format!("&Tags.member.{number}.Key=k{number}&Tags.member.{number}.Value=v"));
    }
    bencher.bench_local(|| {
        let parameters = Parameters::parse(black_box(form.as_bytes())).unwrap();
        query::decode::<iam::TagUserRequest>(&parameters, &iam::SERVICE, operation)
            .unwrap()
            .tags
            .len()
    });
}
