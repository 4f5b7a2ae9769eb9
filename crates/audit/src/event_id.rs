//! Event ids: UUIDs of version 7, so that they sort by time.

use std::fmt;
use std::str::FromStr;

use iamd_types::entropy::random;
use iamd_types::{Entropy, Timestamp};
use memchr::memmem;
use thiserror::Error;

/// The id of an event (RFC 9562 §5.7): 48 bits of milliseconds, then randomness. Made once per
/// request, before its change is computed, so that a change that is computed again keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId([u8; 16]);

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an event id")]
pub struct InvalidEventId;

impl EventId {
    /// A fresh id.
    pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or_default() & 0xffff_ffff_ffff;
        let random = u128::from_be_bytes(random(entropy)) >> 48;
        let mut bits = u128::from(millis) << 80 | random;
        bits = bits & !(0xf << 76) | 7 << 76; // version
        bits = bits & !(0b11 << 62) | 0b10 << 62; // variant
        Self(bits.to_be_bytes())
    }

    /// An id without a time: all but version and variant is random (RFC 9562 §5.4). Request ids have
    /// this form.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bits = u128::from_be_bytes(random(entropy));
        bits = bits & !(0xf << 76) | 4 << 76; // version
        bits = bits & !(0b11 << 62) | 0b10 << 62; // variant
        Self(bits.to_be_bytes())
    }

    /// The id of the record that this is the line of, and what follows it there.
    pub(crate) fn in_record(json: &[u8]) -> Option<(Self, &[u8])> {
        const NAME: &[u8] = br#""eventID":""#;
        // Quotes within texts are escaped, so this is a member's name; the last is the record's own.
        // Forwards, since that is quicker than to begin at the end.
        let id = memmem::find_iter(json, NAME).last()?;
        let (_, id) = json.split_at_checked(id + NAME.len())?;
        let (id, rest) = id.split_at_checked(36)?;
        Some((std::str::from_utf8(id).ok()?.parse().ok()?, rest))
    }

    /// The sixteen bytes; they order as the ids do.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id of bytes from [`Self::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// Four bytes as eight hexadecimal digits, all at once: every answer carries an id.
fn digits(bytes: &[u8; 4]) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut halves = u64::from(u32::from_be_bytes(*bytes));
    halves = (halves | halves << 16) & 0x0000_ffff_0000_ffff;
    halves = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
    halves = (halves | halves << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // From ten on, six more carry into the half above.
    let is_letter = (halves + 6 * ONES) >> 4 & ONES;
    let to_letters = u64::from(b'a' - b'0' - 10);
    (halves + u64::from(b'0') * ONES + is_letter * to_letters).to_be_bytes()
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([first, second, third, fourth], _) = self.0.as_chunks() else {
            return Err(fmt::Error);
        };
        let [first, second, third, fourth] = [first, second, third, fourth].map(digits);
        let mut text = [b'-'; 36];
        text[..8].copy_from_slice(&first);
        text[9..13].copy_from_slice(&second[..4]);
        text[14..18].copy_from_slice(&second[4..]);
        text[19..23].copy_from_slice(&third[..4]);
        text[24..28].copy_from_slice(&third[4..]);
        text[28..].copy_from_slice(&fourth);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let mut bits = 0u128;
        let mut digits = 0;
        for (at, character) in text.char_indices() {
            if [8, 13, 18, 23].contains(&at) {
                if character != '-' {
                    return Err(InvalidEventId);
                }
                continue;
            }
            let digit = character.to_digit(16).ok_or(InvalidEventId)?;
            bits = bits << 4 | u128::from(digit);
            digits += 1;
        }
        if digits == 32 { Ok(Self(bits.to_be_bytes())) } else { Err(InvalidEventId) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn has_the_layout_of_version_7() {
        let now = Timestamp::from_millis(0x0194_b4e4_f4cb);
        let id = EventId::new(now, &Fixed(0xff));
        assert_eq!(id.to_string(), "0194b4e4-f4cb-7fff-bfff-ffffffffffff");
        assert_eq!(
            EventId::new(now, &Fixed(0)).to_string(),
            "0194b4e4-f4cb-7000-8000-000000000000"
        );
    }

    #[test]
    fn later_ids_are_greater() {
        let id = |millis| EventId::new(Timestamp::from_millis(millis), &Fixed(9));
        assert!(id(1) < id(2));
        assert!(id(255) < id(256));
        assert!(id(-5) == id(0), "times before the epoch count as the epoch");
    }

    proptest! {
        #[test]
        fn text_and_bytes_give_the_id_back(bytes: [u8; 16]) {
            let id = EventId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(EventId::from_bytes(id.to_bytes()), id);
        }

        #[test]
        fn other_texts_are_refused(text in "\\PC{0,40}", cut in 0usize..36) {
            let known = text.parse::<EventId>().map(|id| id.to_string().eq_ignore_ascii_case(&text));
            prop_assert!(known.unwrap_or(true));
            let shorter: String = EventId([7; 16]).to_string().chars().take(cut).collect();
            prop_assert!(shorter.parse::<EventId>().is_err());
        }
    }
}
