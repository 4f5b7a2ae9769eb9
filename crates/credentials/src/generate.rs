//! Fresh secrets: secret access keys, and the root user's first password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_types::entropy::random;
use iamd_types::{Entropy, Secret};
use zeroize::Zeroizing;

/// The characters of [`root_password`].
pub const ROOT_PASSWORD_LENGTH: usize = 24;

// Without those that look alike: 0 O o, 1 I l.
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijkmnpqrstuvwxyz";
const DIGITS: &[u8] = b"23456789";
/// Symbols of IAM's password policies that shells and forms leave alone.
const SYMBOLS: &[u8] = b"+-=@_";

/// A secret access key: 30 random bytes as 40 characters of `A`–`Z`, `a`–`z`, `0`–`9`, `/`, `+`.
pub fn secret_access_key(entropy: &dyn Entropy) -> Secret<String> {
    let bytes = Zeroizing::new(random::<30>(entropy));
    Secret::new(STANDARD.encode(bytes.as_slice()))
}

/// A password for one service: 32 random bytes in base64, 44 characters.
pub fn service_password(entropy: &dyn Entropy) -> Secret<String> {
    let bytes = Zeroizing::new(random::<32>(entropy));
    Secret::new(STANDARD.encode(bytes.as_slice()))
}

/// A password for the root user: 24 characters with upper and lower case letters, digits and
/// symbols, none that are mistaken for each other; more than 130 bits.
pub fn root_password(entropy: &dyn Entropy) -> Secret<String> {
    let all = [UPPER, LOWER, DIGITS, SYMBOLS].concat();
    let classes = [UPPER, LOWER, DIGITS, SYMBOLS].into_iter();
    let mut characters: Zeroizing<Vec<u8>> = Zeroizing::new(
        classes
            .chain(std::iter::repeat(all.as_slice()))
            .take(ROOT_PASSWORD_LENGTH)
            .map(|class| pick(class, entropy))
            .collect(),
    );
    // Fisher–Yates: no place is known to be of a class.
    for last in (1..characters.len()).rev() {
        characters.swap(last, below(last + 1, entropy));
    }
    Secret::new(characters.iter().copied().map(char::from).collect())
}

fn pick(class: &[u8], entropy: &dyn Entropy) -> u8 {
    class.get(below(class.len(), entropy)).copied().unwrap_or(b'+')
}

/// A number below `end`; 64 bits make the unevenness less than 2^-57.
fn below(end: usize, entropy: &dyn Entropy) -> usize {
    let number = u64::from_le_bytes(random(entropy)) % end.max(1) as u64;
    usize::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Seeded(std::sync::atomic::AtomicU64);

    impl Entropy for Seeded {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                let state =
                    self.0.fetch_add(0x9e37_79b9_7f4a_7c15, std::sync::atomic::Ordering::Relaxed);
                *byte = (state.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
            }
        }
    }

    proptest! {
        #[test]
        fn secrets_have_their_form(seed: u64) {
            let entropy = Seeded(seed.into());
            let secret = secret_access_key(&entropy);
            prop_assert_eq!(secret.expose().len(), 40);
            prop_assert!(secret.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/' || b == b'+'));

            let password = root_password(&entropy);
            let bytes = password.expose().as_bytes();
            prop_assert_eq!(bytes.len(), ROOT_PASSWORD_LENGTH);
            for class in [UPPER, LOWER, DIGITS, SYMBOLS] {
                prop_assert!(bytes.iter().any(|byte| class.contains(byte)));
            }
            prop_assert!(!bytes.iter().any(|byte| b"0Oo1Il".contains(byte)));
            let another = root_password(&entropy);
            prop_assert_ne!(password.expose(), another.expose());
        }
    }

    #[test]
    fn even_a_broken_source_gives_every_class() {
        let password = root_password(&Constant);
        assert_eq!(password.expose().len(), ROOT_PASSWORD_LENGTH);
    }

    struct Constant;

    impl Entropy for Constant {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0xff);
        }
    }
}
