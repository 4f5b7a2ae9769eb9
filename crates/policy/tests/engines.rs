//! The compiled engine gives the same answers as the reference.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;

#[path = "../fuzz/scenario.rs"]
mod scenario;

/// A generator of which only the length of the period matters (splitmix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// `IAMD_SCENARIOS` asks for more than the usual number, `IAMD_SEED` for others.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn random_scenarios_come_out_the_same() {
    let mut noise = Noise(setting("IAMD_SEED", 1));
    let mut effects = std::collections::HashMap::new();
    for _ in 0..setting("IAMD_SCENARIOS", 4_000) {
        let bytes: Vec<u8> = (0..64).flat_map(|_| noise.next().to_le_bytes()).collect();
        *effects.entry(scenario::compare(&bytes)).or_insert(0) += 1;
    }
    // A generator that always denies would find nothing.
    assert!(effects.len() == 3 && effects.values().all(|count| *count > 100), "{effects:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn scenarios_that_shrink_come_out_the_same(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        scenario::compare(&bytes);
    }
}
