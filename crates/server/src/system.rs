//! The system's clock and randomness: the only places where either enters iamd.

use std::cell::RefCell;
use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use iamd_types::{Clock, Entropy, Timestamp};
use zeroize::Zeroize;

/// The system's wall clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the Clock that all others are given"
        )]
        let now = SystemTime::now();
        let millis = match now.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis)
            }
        };
        Timestamp::from_millis(millis)
    }
}

/// The operating system's random numbers. Not through aws-lc's generator, which measures the processor's jitter for 30
/// to 50 ms before its first number.
///
/// Every request draws a few bytes for its ids, and asking the system costs more than its bytes do. So each thread
/// draws a block at a time, which is wiped as it is handed out.
pub(crate) struct SystemEntropy;

/// Bytes drawn at a time.
const BLOCK: usize = 1024;
/// Longer wishes go to the generator.
const LONGEST_FROM_BLOCK: usize = 64;

struct Block {
    bytes: [u8; BLOCK],
    /// How many of them, from the end, are still to be handed out.
    left: usize,
}

thread_local! {
    static DRAWN: RefCell<Block> = const { RefCell::new(Block { bytes: [0; BLOCK], left: 0 }) };
}

impl SystemEntropy {
    fn draw(buffer: &mut [u8]) {
        // A source that cannot must not return: weak keys are worse than no server.
        if let Err(error) = getrandom::fill(buffer) {
            tracing::error!(%error, "the operating system gives no random numbers");
            process::abort();
        }
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if buffer.len() > LONGEST_FROM_BLOCK {
            return Self::draw(buffer);
        }
        DRAWN.with_borrow_mut(|block| {
            if block.left < buffer.len() {
                Self::draw(&mut block.bytes);
                block.left = BLOCK;
            }
            let (_, unused) = block.bytes.split_at_mut(BLOCK - block.left);
            let (next, _) = unused.split_at_mut(buffer.len());
            buffer.copy_from_slice(next);
            next.zeroize();
            block.left -= buffer.len();
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use iamd_types::entropy::random;

    use super::*;

    #[test]
    fn no_bytes_come_twice() {
        let draw = || {
            let entropy = SystemEntropy;
            (0..500).map(|_| random::<16>(&entropy)).collect::<Vec<_>>()
        };
        let threads = [std::thread::spawn(draw), std::thread::spawn(draw)];
        let drawn: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let different: HashSet<_> = drawn.iter().collect();
        assert_eq!(different.len(), 1000);
    }

    #[test]
    fn every_byte_of_every_length_is_filled() {
        let entropy = SystemEntropy;
        for length in [0, 1, LONGEST_FROM_BLOCK, LONGEST_FROM_BLOCK + 1, 3 * BLOCK] {
            let mut seen = vec![0u8; length];
            // A byte that is never written stays zero; 2^-64 that it was by chance.
            for _ in 0..8 {
                let mut buffer = vec![0; length];
                entropy.fill(&mut buffer);
                seen.iter_mut().zip(&buffer).for_each(|(seen, byte)| *seen |= byte);
            }
            assert!(seen.iter().all(|byte| *byte != 0), "{length}");
        }
    }

    #[test]
    fn what_was_handed_out_is_wiped() {
        let entropy = SystemEntropy;
        entropy.fill(&mut [0; 32]);
        DRAWN.with_borrow(|block| {
            let used = block.bytes.split_at(BLOCK - block.left).0;
            assert!(used.len() >= 32 && used.iter().all(|byte| *byte == 0));
        });
    }

    #[test]
    fn the_clock_is_past_the_day_that_this_was_written() {
        assert!(SystemClock.now() > Timestamp::from_seconds(1_767_225_600));
    }
}
