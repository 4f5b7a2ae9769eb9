//! Any bytes as the method, target, headers and body of a request to S3: nothing panics, an operation that is found
//! is found again, and audit parameters are always JSON.
//!
//! `cargo +nightly fuzz run s3` in `crates/wire`.

#![no_main]

use iamd_api::s3::{self, SERVICE};
use iamd_wire::rest_xml::{self, Asked, Request};
use iamd_wire::{cloudtrail, query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Lines: method, bucket, key, query, headers, an empty line; then the body.
    let mut lines = bytes.splitn(8, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let text = |line| std::str::from_utf8(line).unwrap_or_default();
    let (method, bucket, key, target) = (text(line()), text(line()), text(line()), text(line()));
    let headers = [(text(line()), line()), (text(line()), &b"/b/k"[..])];
    let body = line();
    let Ok(query) = rest_xml::query(target) else { return };
    let request = Request {
        method,
        bucket: Some(bucket).filter(|bucket| !bucket.is_empty()),
        key: Some(key).filter(|key| !key.is_empty()),
        query: &query,
        headers: &headers,
    };
    let Ok(Asked::Operation(operation)) = rest_xml::identify(&SERVICE, &request) else { return };
    let Ok(parameters) = rest_xml::read(&SERVICE, operation, &request, body) else { return };
    let mut record = Vec::new();
    cloudtrail::write_request_parameters(&mut record, &parameters, operation);
    serde_json::from_slice::<serde_json::Value>(&record).unwrap();
    let _ = query::from_parameters::<s3::PutBucketCorsRequest>(&parameters);
    let _ = query::from_parameters::<s3::DeleteObjectsRequest>(&parameters);
    let _ = query::from_parameters::<s3::PutObjectRequest>(&parameters);
});
