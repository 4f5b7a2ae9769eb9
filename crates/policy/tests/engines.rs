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

/// So many requests at least are decided by both, spread over this many threads.
const CASES: u64 = 200_000;
const THREADS: u64 = 4;

#[test]
fn random_scenarios_come_out_the_same() {
    let share = setting("IAMD_SCENARIOS", CASES).div_ceil(THREADS);
    let seed = setting("IAMD_SEED", 1);
    let counts: Vec<[u64; 3]> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || compare_random(seed << 8 | thread, share)))
            .collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    // A generator that always denies would find nothing.
    let rare = counts.iter().flatten().filter(|count| **count < share / 40).count();
    assert_eq!(rare, 0, "{counts:?}");
}

/// Compares this many answers. Returns how many there were of each effect.
fn compare_random(seed: u64, cases: u64) -> [u64; 3] {
    let mut noise = Noise(seed);
    let mut counts = [0; 3];
    while counts.iter().sum::<u64>() < cases {
        let bytes: Vec<u8> = (0..128).flat_map(|_| noise.next().to_le_bytes()).collect();
        scenario::compare(&bytes, |effect| counts[effect as usize] += 1);
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn scenarios_that_shrink_come_out_the_same(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        scenario::compare(&bytes, |_| ());
    }
}
