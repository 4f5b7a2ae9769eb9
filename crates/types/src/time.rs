//! Time as an argument: instants, and the trait that tells the present one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// The newtype name under which a [`Timestamp`] serializes (as milliseconds since the epoch), so
/// that each wire format writes its own form.
pub const TIMESTAMP_TOKEN: &str = "$iamd::Timestamp";

/// Tells the present time. The system's clock lives in the binary; tests give a fixed one.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// An instant with millisecond precision, between the years -9999 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From seconds since 1970-01-01T00:00:00Z.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant some seconds later (earlier when negative), saturating.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// The instant without its fraction of a second, as IAM keeps and shows it.
    pub const fn whole_seconds(self) -> Self {
        Self::from_seconds(self.seconds())
    }

    /// The date in UTC as `YYYYMMDD`, as credential scopes have it.
    pub fn scope_date(self) -> String {
        let date = self.civil();
        format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
    }

    /// Parses an RFC 3339 instant, such as `2026-02-12T09:30:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    fn civil(self) -> jiff::civil::DateTime {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        jiff::tz::Offset::UTC.to_datetime(at)
    }
}

/// ISO 8601 in whole seconds, `2026-02-12T09:30:00Z`: the form of IAM's answers.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil();
        let year = u64::try_from(at.year()).unwrap_or_default();
        let number = |value: i8| decimal::<2>(u64::from(value.unsigned_abs()));
        let fields = [
            (number(at.month()), b'-'),
            (number(at.day()), b'T'),
            (number(at.hour()), b':'),
            (number(at.minute()), b':'),
            (number(at.second()), b'Z'),
        ];
        let mut text = *b"0000-00-00T00:00:00Z";
        let (head, tail) = text.split_at_mut(5);
        head.iter_mut().zip(decimal::<4>(year)).for_each(|(place, digit)| *place = digit);
        for (places, ([tens, units], end)) in tail.chunks_exact_mut(3).zip(fields) {
            places.iter_mut().zip([tens, units, end]).for_each(|(place, byte)| *place = byte);
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

/// The last `N` decimal digits of a number. These texts stand in every answer.
pub(crate) fn decimal<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TIMESTAMP_TOKEN, &self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimestampVisitor;

        impl<'de> Visitor<'de> for TimestampVisitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds since the epoch")
            }

            fn visit_i64<E: serde::de::Error>(self, millis: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(millis))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                inner: D,
            ) -> Result<Timestamp, D::Error> {
                i64::deserialize(inner).map(Timestamp)
            }
        }
        deserializer.deserialize_newtype_struct(TIMESTAMP_TOKEN, TimestampVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn shows_whole_seconds_in_utc() {
        let at = Timestamp::from_millis(1_770_888_600_999);
        assert_eq!(at.to_string(), "2026-02-12T09:30:00Z");
        assert_eq!(at.scope_date(), "20260212");
        assert_eq!(Timestamp::parse("2026-02-12T10:30:00.999+01:00"), Some(at));
        assert_eq!(at.whole_seconds().millis(), 1_770_888_600_000);
    }

    #[test]
    fn times_before_the_epoch_round_down() {
        assert_eq!(Timestamp::from_millis(-1).seconds(), -1);
        assert_eq!(Timestamp::from_millis(-1).to_string(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus_seconds(i64::MAX), end);
    }
}
