//! The key that opens the keyring. It comes from outside the store: a file or an environment
//! variable, read by the binary.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use iamd_types::entropy::random;
use iamd_types::{Entropy, Secret};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 256 random bits that open the keyring. Wiped when dropped, never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

/// The text is not a master key. It does not say what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a master key is 32 bytes in base64 (44 characters) or in hexadecimal (64 digits)")]
pub struct InvalidMasterKey;

impl MasterKey {
    /// The key of these bytes, which must come from a good source of randomness.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// Reads a key from text: 64 hexadecimal digits, or standard base64 with or without its
    /// padding. White space around it is ignored, as key files end in a line feed.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim_ascii();
        match text.len() {
            64 => parse_hex(text.as_bytes()),
            43 | 44 => parse_base64(text),
            _ => Err(InvalidMasterKey),
        }
    }

    /// The key as text for a key file, in base64, without a line end.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(STANDARD.encode(self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

fn parse_base64(text: &str) -> Result<MasterKey, InvalidMasterKey> {
    let bytes = STANDARD_PAD_INDIFFERENT.decode(text).map_err(|_| InvalidMasterKey)?;
    let bytes = Zeroizing::new(bytes);
    bytes.as_slice().try_into().map(MasterKey).map_err(|_| InvalidMasterKey)
}

fn parse_hex(digits: &[u8]) -> Result<MasterKey, InvalidMasterKey> {
    let mut key = MasterKey([0; 32]);
    for (byte, pair) in key.0.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16).ok_or(InvalidMasterKey)?;
            *byte = *byte << 4 | u8::try_from(value).map_err(|_| InvalidMasterKey)?;
        }
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";

    #[test]
    fn hex_and_base64_are_one_key() {
        let bytes = std::array::from_fn(|at| u8::try_from(at).unwrap());
        for text in [BASE64, BASE64.trim_end_matches('='), HEX, &format!(" {BASE64}\r\n")] {
            assert_eq!(MasterKey::parse(text).unwrap().0, bytes, "{text}");
        }
        assert_eq!(MasterKey::from_bytes(bytes).to_text().expose(), BASE64);
    }

    #[test]
    fn anything_else_is_refused_without_being_shown() {
        let long = BASE64.repeat(2);
        let short = HEX.replace("00", "0");
        let wrong_digit = HEX.replace('a', "g");
        let multibyte = "ä".repeat(32);
        let url_safe = BASE64.replace('A', "_");
        for text in ["", "secret", &short, &long, &wrong_digit, &multibyte, &url_safe] {
            let error = MasterKey::parse(text).unwrap_err();
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
    }

    #[test]
    fn debug_hides_the_key() {
        assert_eq!(format!("{:?}", MasterKey([7; 32])), "MasterKey(…)");
    }
}
