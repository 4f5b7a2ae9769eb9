//! ARNs and ids of any text: no panic, and what is read is what was written.
//!
//! `cargo +nightly fuzz run arn` in `crates/types`.

#![no_main]

use iamd_types::{AccessKeyId, AccountId, Arn, UniqueId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(arn) = Arn::parse(text) {
        let parts =
            [arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource()];
        assert_eq!(format!("arn:{}", parts.join(":")), text);
    }
    if let Ok(id) = text.parse::<UniqueId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(id) = text.parse::<AccountId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(id) = AccessKeyId::parse(text) {
        let _ = id.account();
    }
});
