//! One-time codes that change every thirty seconds (RFC 6238: HMAC-SHA-1, six digits), as the
//! authenticator applications and hardware devices that AWS names show them.
//!
//! It keeps nothing: which codes were used, and how far a device's clock is off, is its caller's.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use iamd_types::entropy::random;
use iamd_types::{Entropy, Secret, Timestamp};
use zeroize::Zeroizing;

/// How long a code is shown, in seconds.
pub const STEP_SECONDS: i64 = 30;
/// The bytes of a new seed: 64 base32 digits, as many as AWS gives.
pub const SEED_LENGTH: usize = 40;
/// How many time steps a device's clock may be off without being synchronised again.
pub const TOLERANCE: i64 = 1;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What a device and the server share.
#[derive(Clone, Debug)]
pub struct Seed(Secret<Vec<u8>>);

/// The number of the time step at this instant.
pub fn step_at(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP_SECONDS)
}

impl Seed {
    /// A fresh seed.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret::new(random::<SEED_LENGTH>(entropy).to_vec()))
    }

    /// A seed that is there already.
    pub fn from_bytes(bytes: Secret<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The seed that base32 digits spell, in either case, without padding (RFC 4648 §6); `None` for
    /// anything else.
    pub fn from_base32(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
        let (mut bits, mut count) = (0u32, 0u32);
        for digit in text.bytes().map(|digit| digit.to_ascii_uppercase()) {
            let value = ALPHABET.iter().position(|known| *known == digit)?;
            bits = bits << 5 | u32::try_from(value).ok()?;
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        // What is left over belongs to no byte: it is less than a digit, and zero.
        (count < 5 && bits == 0 && !bytes.is_empty()).then(|| Self(Secret::new(bytes.to_vec())))
    }

    /// The bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose()
    }

    /// The seed as base32 digits, without padding.
    pub fn base32(&self) -> Secret<String> {
        let mut text = String::with_capacity(self.bytes().len().div_ceil(5) * 8);
        let (mut bits, mut count) = (0u32, 0u32);
        let mut push = |bits: u32| {
            let index = usize::try_from(bits & 31).unwrap_or_default();
            text.push(ALPHABET.get(index).copied().map_or('A', char::from));
        };
        for byte in self.bytes() {
            bits = bits << 8 | u32::from(*byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                push(bits >> count);
            }
            bits &= (1 << count) - 1;
        }
        if count > 0 {
            push(bits << (5 - count));
        }
        Secret::new(text)
    }

    /// The code of a time step.
    pub fn code(&self, step: i64) -> Secret<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.bytes());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        // RFC 4226 §5.3: four bytes from where the last four bits say.
        let offset = usize::from(tag.as_ref().last().copied().unwrap_or_default() & 0xf);
        let chosen = tag.as_ref().iter().skip(offset).take(4);
        let number = chosen.fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        Secret::new(format!("{:06}", (number & 0x7fff_ffff) % 1_000_000))
    }

    /// The time step within [`TOLERANCE`] of `center` that shows this code, if it is later than
    /// `after`. The time it takes does not tell how near a wrong code is.
    pub fn step_of(&self, code: &str, center: i64, after: i64) -> Option<i64> {
        let steps = center - TOLERANCE..=center + TOLERANCE;
        let shown = |step: i64| self.shows(code, step).then_some(step);
        steps.map(shown).fold(None, Option::or).filter(|step| *step > after)
    }

    /// The time step that shows the second of two codes of which each follows the other, nearest to
    /// `center` and within `reach` of it.
    pub fn step_of_pair(&self, first: &str, second: &str, center: i64, reach: i64) -> Option<i64> {
        let ahead_and_behind = (0..=reach).flat_map(|away| [center - away, center + away]);
        let mut steps = ahead_and_behind;
        steps.find(|step| self.shows(second, *step) && self.shows(first, step - 1))
    }

    fn shows(&self, code: &str, step: i64) -> bool {
        let own = self.code(step);
        verify_slices_are_equal(own.expose().as_bytes(), code.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seed(bytes: &[u8]) -> Seed {
        Seed::from_bytes(Secret::new(bytes.to_vec()))
    }

    /// RFC 6238, appendix B, the SHA-1 rows; six of their eight digits.
    #[test]
    fn the_standards_own_codes() {
        let seed = seed(b"12345678901234567890");
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step_at(Timestamp::from_seconds(time));
            assert_eq!(seed.code(step).expose(), code, "{time}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_near_its_time() {
        let seed = seed(b"12345678901234567890");
        let code = |step| seed.code(step).expose().clone();
        for (step, after, found) in [
            (100, 0, Some(100)),
            (99, 0, Some(99)),
            (101, 0, Some(101)),
            (98, 0, None),
            (102, 0, None),
            (100, 100, None),
            (100, 99, Some(100)),
        ] {
            assert_eq!(seed.step_of(&code(step), 100, after), found, "{step} after {after}");
        }
        assert_eq!(seed.step_of("", 100, 0), None);
    }

    #[test]
    fn two_codes_must_follow_each_other() {
        let seed = seed(b"12345678901234567890");
        let code = |step| seed.code(step).expose().clone();
        assert_eq!(seed.step_of_pair(&code(41), &code(42), 40, 5), Some(42));
        assert_eq!(seed.step_of_pair(&code(42), &code(41), 40, 5), None);
        assert_eq!(seed.step_of_pair(&code(41), &code(41), 40, 5), None);
        assert_eq!(seed.step_of_pair(&code(41), &code(43), 40, 5), None);
        assert_eq!(seed.step_of_pair(&code(45), &code(46), 40, 5), None);
    }

    proptest! {
        #[test]
        fn base32_comes_back(bytes in proptest::collection::vec(any::<u8>(), 1..80)) {
            let text = seed(&bytes).base32();
            let small = text.expose().to_ascii_lowercase();
            for text in [text.expose(), &small] {
                let read = Seed::from_base32(text).unwrap();
                prop_assert_eq!(read.bytes(), &bytes[..]);
            }
        }

        #[test]
        fn any_text_is_a_seed_or_none(text in ".{0,40}") {
            if let Some(seed) = Seed::from_base32(&text) {
                let spelled = seed.base32();
                prop_assert_eq!(spelled.expose(), &text.to_ascii_uppercase());
            }
        }
    }
}
