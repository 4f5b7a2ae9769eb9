//! Requests as botocore writes them, each with all members that there are: the operation is found, and every member
//! read. `testdata/s3_requests.py` makes them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

use std::collections::BTreeMap;

use iamd_api::s3::SERVICE;
use iamd_wire::rest_xml::{self, Asked, Request};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    operation: String,
    line: String,
    headers: BTreeMap<String, String>,
    body: String,
    members: BTreeMap<String, String>,
}

#[test]
fn every_member_of_every_request_is_read() {
    let recorded = include_str!("../testdata/s3_requests.jsonl");
    for recorded in recorded.lines() {
        let recorded: Recorded = serde_json::from_str(recorded).unwrap();
        let (method, target) = recorded.line.split_once(" /").unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_decode_str(path).decode_utf8().unwrap();
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let headers = recorded.headers.iter();
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let query = rest_xml::query(query).unwrap();
        let request = Request {
            method,
            bucket: Some(bucket).filter(|bucket| !bucket.is_empty()),
            key: Some(key).filter(|key| !key.is_empty()),
            query: &query,
            headers: &headers,
        };
        let line = &recorded.line;
        let Ok(Asked::Operation(operation)) = rest_xml::identify(&SERVICE, &request) else {
            panic!("{line} is no operation")
        };
        assert_eq!(operation.name, recorded.operation, "{line}");
        let body = recorded.body.as_bytes();
        let read = rest_xml::read(&SERVICE, operation, &request, body)
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        for (name, value) in &recorded.members {
            assert_eq!(read.get(name), Some(value.as_str()), "{line}: {name}");
        }
        if operation.input.member("Metadata").is_some() {
            assert_eq!(read.get("Metadata.entry.1.key"), Some("alpha"), "{line}");
            assert_eq!(read.get("Metadata.entry.2.value"), Some("two words"), "{line}");
        }
    }
}
