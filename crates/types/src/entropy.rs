//! Randomness as an argument.

/// A source of cryptographically strong random bytes. The system's source lives in the binary;
/// tests give a seeded one.
pub trait Entropy: Send + Sync {
    /// Fills the buffer. A source that cannot must not return.
    fn fill(&self, buffer: &mut [u8]);
}

/// `N` random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
