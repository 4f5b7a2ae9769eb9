//! The base32 of AWS's ids: `A`–`Z` and `2`–`7`, no padding (RFC 4648 §6).

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The digit of the lowest five bits.
pub(crate) fn digit(bits: u128) -> u8 {
    let index = usize::try_from(bits & 31).unwrap_or_default();
    ALPHABET.get(index).copied().unwrap_or(b'A')
}

/// The five bits of one digit.
pub(crate) fn value(digit: u8) -> Option<u128> {
    match digit {
        b'A'..=b'Z' => Some(u128::from(digit - b'A')),
        b'2'..=b'7' => Some(u128::from(digit - b'2') + 26),
        _ => None,
    }
}

/// The number that the digits spell, most significant first.
pub(crate) fn decode(text: &str) -> Option<u128> {
    text.bytes().try_fold(0u128, |bits, digit| Some(bits << 5 | value(digit)?))
}
