//! The typed values of conditions: numbers, times and addresses, read from text without loss.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The most digits an exponent may have. What is longer is no number, rather than an endless one.
const MAX_EXPONENT_DIGITS: usize = 9;

const NANOSECONDS: i128 = 1_000_000_000;

/// A decimal number of any size, exactly: ±0.DIGITS × 10^POINT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    point: i64,
    /// Without zeros at either end; empty for zero.
    digits: Vec<u8>,
}

impl Decimal {
    /// Reads an integer or decimal, with sign and exponent allowed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let significant = all.trim_start_matches('0');
        let leading_zeros = all.len() - significant.len();
        let digits = significant.trim_end_matches('0').as_bytes().to_vec();
        if digits.is_empty() {
            return Some(Self { negative: false, point: 0, digits });
        }
        // Both lengths are bounded by the text, which is far below `i64::MAX`.
        let point = exponent + whole.len() as i64 - leading_zeros as i64;
        Some(Self { negative, point, digits })
    }
}

fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() <= MAX_EXPONENT_DIGITS;
    if plain { text.parse().ok() } else { None }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_size = (self.point, &self.digits).cmp(&(other.point, &other.digits));
        let by_size = if self.negative { by_size.reverse() } else { by_size };
        sign(self).cmp(&sign(other)).then(by_size)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reads a moment, in nanoseconds since 1970: epoch seconds as an integer, or one of the ISO 8601 forms
/// `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, `YYYY-MM-DDThh:mm[:ss[.f]]` with `Z`, `±hh`, `±hhmm`, `±hh:mm` or no zone.
/// A date without time is its midnight, a time without zone is UTC. Four digits alone are seconds.
pub(crate) fn instant(text: &str) -> Option<i128> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * NANOSECONDS);
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut fields = date.split('-');
    let year = i16::try_from(number(fields.next()?, 4)?).ok()?;
    let month = fields.next().map_or(Some(1), |month| number(month, 2))?;
    let day = fields.next().map_or(Some(1), |day| number(day, 2))?;
    if fields.next().is_some() {
        return None;
    }
    let (clock, zone) = time.map_or(("00:00", ""), split_zone);
    let (hour, minute, second, nanosecond) = time_of_day(clock)?;
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let local = DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
    let utc = Offset::UTC.to_timestamp(local).ok()?.as_nanosecond();
    Some(utc - i128::from(zone_seconds(zone)?) * NANOSECONDS)
}

/// A time of day and its zone, which begins with its sign or is `Z`.
fn split_zone(time: &str) -> (&str, &str) {
    let at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    time.split_at_checked(at).unwrap_or((time, ""))
}

fn time_of_day(clock: &str) -> Option<(i8, i8, i8, i32)> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut fields = clock.split(':').map(|field| i8::try_from(number(field, 2)?).ok());
    let (hour, minute) = (fields.next()??, fields.next()??);
    let second = fields.next();
    if fields.next().is_some() || (second.is_none() && fraction != "0") {
        return None;
    }
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanosecond = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanosecond = nanosecond.fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    Some((hour, minute, second.unwrap_or(Some(0))?, nanosecond))
}

/// The seconds that a zone is ahead of UTC.
fn zone_seconds(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone.strip_prefix(['+', '-'])?.replacen(':', "", 1);
    let (hours, minutes) = digits.split_at_checked(2)?;
    let hours = number(hours, 2)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2)? };
    (hours < 24 && minutes < 60).then_some(sign * i64::from(hours * 3600 + minutes * 60))
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Reads a range of addresses in CIDR form; an address alone is a range of one.
pub(crate) fn address_range(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)))
}

/// Reads a boolean in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Reads bytes in base64.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
