//! Any text as a policy of every type: findings lie inside it, and there are not too many.
//! `cargo +nightly fuzz run findings` in `crates/policy`.
#![no_main]

use iamd_policy::findings::MAX_FINDINGS;
use iamd_policy::{PolicyResource, PolicyType, validate};
use libfuzzer_sys::fuzz_target;

const TYPES: [PolicyType; 6] = [
    PolicyType::Identity,
    PolicyType::Trust,
    PolicyType::Resource,
    PolicyType::Session,
    PolicyType::ServiceControl,
    PolicyType::ResourceControl,
];

fuzz_target!(|text: &str| {
    for policy_type in TYPES {
        let findings = validate(text, policy_type, Some(PolicyResource::S3Bucket));
        assert!(findings.len() <= MAX_FINDINGS);
        for span in findings.iter().flat_map(|it| &it.locations).map(|location| location.span) {
            let range = span.start.offset as usize..span.end.offset as usize;
            assert!(text.get(range).is_some(), "{span:?}");
        }
    }
});
