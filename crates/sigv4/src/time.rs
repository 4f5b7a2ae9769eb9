//! Dates as requests carry them: `20150830T123600Z`, and the forms of the `Date` header.
//!
//! Proleptic Gregorian calendar, UTC, whole seconds, years 0 to 9999. Not a clock.

use std::fmt;

/// An instant in whole seconds. `Display` is ISO 8601's basic format, `20150830T123600Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

const DAY: i64 = 86_400;
/// 0000-01-01 and 9999-12-31T23:59:59 in seconds since 1970: what four digits can show.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

impl Timestamp {
    /// From seconds since 1970-01-01T00:00:00Z; brought into the years 0 to 9999.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.clamp(FIRST, LAST))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The date alone, `20150830`, as in a credential scope.
    pub fn day(self) -> String {
        let mut text = self.to_string();
        text.truncate(8);
        text
    }

    pub(crate) fn plus(self, seconds: i64) -> Self {
        Self::from_unix_seconds(self.0.saturating_add(seconds))
    }

    /// `20150830T123600Z` as bytes.
    pub(crate) fn basic(self) -> [u8; 16] {
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let second = self.0.rem_euclid(DAY);
        let digit = |number: i64, unit: i64| b'0' + u8::try_from(number / unit % 10).unwrap_or(0);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        [
            digit(year, 1000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            digit(month, 10),
            digit(month, 1),
            digit(day, 10),
            digit(day, 1),
            b'T',
            digit(hour, 10),
            digit(hour, 1),
            digit(minute, 10),
            digit(minute, 1),
            digit(second, 10),
            digit(second, 1),
            b'Z',
        ]
    }

    /// Reads `20150830T123600Z`, the only form of `x-amz-date` and `X-Amz-Date`.
    pub(crate) fn parse_basic(text: &[u8]) -> Option<Self> {
        let mut reader = Reader(text);
        let year = reader.number(4)?;
        let month = reader.number(2)?;
        let day = reader.number(2)?;
        reader.literal(b"T")?;
        let hour = reader.number(2)?;
        let minute = reader.number(2)?;
        let second = reader.number(2)?;
        reader.literal(b"Z")?;
        reader.end()?;
        assemble(year, month, day, (hour, minute, second))
    }

    /// Reads `2015-12-30T12:00:00.000Z`, with or without a fraction, which is left out: the form
    /// of a POST policy's expiration.
    pub(crate) fn parse_expiration(text: &[u8]) -> Option<Self> {
        let (whole, end) = text.split_at_checked(19)?;
        let fraction = end.strip_suffix(b"Z")?;
        let digits = match fraction.split_first() {
            None => true,
            Some((b'.', digits)) => {
                (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
            }
            Some(_) => false,
        };
        let whole = [whole, b"Z"].concat();
        digits.then(|| parse_extended(&whole)).flatten()
    }

    /// Reads a `Date` header: ISO 8601 basic or extended, or one of HTTP's three forms
    /// (RFC 9110 §5.6.7). `None` for anything else.
    pub fn parse_date_header(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        Self::parse_basic(text)
            .or_else(|| parse_extended(text))
            .or_else(|| parse_imf(text))
            .or_else(|| parse_rfc850(text))
            .or_else(|| parse_asctime(text))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.basic().iter().try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

/// `2015-08-30T12:36:00Z`
fn parse_extended(text: &[u8]) -> Option<Timestamp> {
    let mut reader = Reader(text);
    let year = reader.number(4)?;
    reader.literal(b"-")?;
    let month = reader.number(2)?;
    reader.literal(b"-")?;
    let day = reader.number(2)?;
    reader.literal(b"T")?;
    let clock = reader.clock()?;
    reader.literal(b"Z")?;
    reader.end()?;
    assemble(year, month, day, clock)
}

/// `Sun, 30 Aug 2015 12:36:00 GMT`
fn parse_imf(text: &[u8]) -> Option<Timestamp> {
    let mut reader = Reader(text);
    reader.name(&DAYS.map(|day| day.get(..3).unwrap_or(day)))?;
    reader.literal(b", ")?;
    let day = reader.number(2)?;
    reader.literal(b" ")?;
    let month = reader.name(&MONTHS)?;
    reader.literal(b" ")?;
    let year = reader.number(4)?;
    reader.literal(b" ")?;
    let clock = reader.clock()?;
    reader.literal(b" GMT")?;
    reader.end()?;
    assemble(year, month, day, clock)
}

/// `Sunday, 30-Aug-15 12:36:00 GMT`. Two digits of the year count from 1970 to 2069.
fn parse_rfc850(text: &[u8]) -> Option<Timestamp> {
    let mut reader = Reader(text);
    reader.name(&DAYS)?;
    reader.literal(b", ")?;
    let day = reader.number(2)?;
    reader.literal(b"-")?;
    let month = reader.name(&MONTHS)?;
    reader.literal(b"-")?;
    let year = reader.number(2)?;
    reader.literal(b" ")?;
    let clock = reader.clock()?;
    reader.literal(b" GMT")?;
    reader.end()?;
    let century = if year < 70 { 2000 } else { 1900 };
    assemble(century + year, month, day, clock)
}

/// `Sun Aug 30 12:36:00 2015`, the day padded with a blank.
fn parse_asctime(text: &[u8]) -> Option<Timestamp> {
    let mut reader = Reader(text);
    reader.name(&DAYS.map(|day| day.get(..3).unwrap_or(day)))?;
    reader.literal(b" ")?;
    let month = reader.name(&MONTHS)?;
    reader.literal(b" ")?;
    let day = match reader.literal(b" ") {
        Some(()) => reader.number(1)?,
        None => reader.number(2)?,
    };
    reader.literal(b" ")?;
    let clock = reader.clock()?;
    reader.literal(b" ")?;
    let year = reader.number(4)?;
    reader.end()?;
    assemble(year, month, day, clock)
}

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |value, byte| {
            byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
        })
    }

    fn literal(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// The position of the name, from 1.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        let found = names.iter().position(|name| self.0.starts_with(name.as_bytes()))?;
        self.0 = self.0.get(names.get(found)?.len()..)?;
        i64::try_from(found + 1).ok()
    }

    /// `12:36:00`
    fn clock(&mut self) -> Option<(i64, i64, i64)> {
        let hour = self.number(2)?;
        self.literal(b":")?;
        let minute = self.number(2)?;
        self.literal(b":")?;
        Some((hour, minute, self.number(2)?))
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

fn assemble(year: i64, month: i64, day: i64, clock: (i64, i64, i64)) -> Option<Timestamp> {
    let (hour, minute, second) = clock;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let exists = (1..=last).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let days = days_from_civil(year, month, day);
    exists.then_some(Timestamp(days * DAY + hour * 3600 + minute * 60 + second))
}

/// Days in the 400 years after which the calendar repeats, and from 0000-03-01 to 1970-01-01.
const ERA: i64 = 146_097;
const EPOCH: i64 = 719_468;

/// Days since 1970-01-01. Years are counted from March, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// Year, month and day of a count of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = (shifted + 2) % 12 + 1;
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: i64 = 1_440_938_160;

    #[test]
    fn every_form_of_the_date_header_is_the_same_instant() {
        for text in [
            "20150830T123600Z",
            "2015-08-30T12:36:00Z",
            "Sun, 30 Aug 2015 12:36:00 GMT",
            "Sunday, 30-Aug-15 12:36:00 GMT",
            "Sun Aug 30 12:36:00 2015",
        ] {
            let read = Timestamp::parse_date_header(text.as_bytes());
            assert_eq!(read.map(Timestamp::unix_seconds), Some(SUITE), "{text}");
        }
        assert_eq!(
            Timestamp::parse_date_header(b"Thu Feb  4 00:00:07 2016").map(|t| t.to_string()),
            Some("20160204T000007Z".to_owned())
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "20150830T123600",
            "20150830T123600Z ",
            "20150830T123600.000Z",
            "20150230T123600Z",
            "20151330T123600Z",
            "20150800T123600Z",
            "20150830T240000Z",
            "20150830T126000Z",
            "2015-08-30T12:36:00Z",
            "+0150830T123600Z",
        ] {
            assert_eq!(Timestamp::parse_basic(text.as_bytes()), None, "{text}");
        }
        for text in ["Sun, 30 Aug 2015 12:36:00 CET", "Sun, 31 Feb 2015 12:36:00 GMT", "now"] {
            assert_eq!(Timestamp::parse_date_header(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn text_and_instant_agree_over_the_whole_range() {
        for seconds in (FIRST..=LAST).step_by(7_654_321 * 13).chain([FIRST, LAST, 0, -1, SUITE]) {
            let time = Timestamp::from_unix_seconds(seconds);
            assert_eq!(Timestamp::parse_basic(&time.basic()), Some(time), "{time}");
        }
        assert_eq!(Timestamp::from_unix_seconds(SUITE).to_string(), "20150830T123600Z");
        assert_eq!(Timestamp::from_unix_seconds(i64::MIN).to_string(), "00000101T000000Z");
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX).to_string(), "99991231T235959Z");
    }
}
