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
        Parts::of(text).map(|parts| Self {
            negative: parts.negative,
            point: parts.point,
            digits: parts.digits().collect(),
        })
    }

    /// How a number in a text, if it is one, stands to this one. Allocates nothing.
    pub(crate) fn order_of(&self, text: &str) -> Option<Ordering> {
        let parts = Parts::of(text)?;
        let zero = parts.length == 0;
        Some(order(
            (sign(zero, parts.negative), parts.point, parts.digits()),
            (sign(self.digits.is_empty(), self.negative), self.point, self.digits.iter().copied()),
        ))
    }
}

/// A decimal number as it stands in a text.
struct Parts<'t> {
    negative: bool,
    point: i64,
    whole: &'t str,
    fraction: &'t str,
    /// The digits from here on count, and so many.
    start: usize,
    length: usize,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        let total = whole.len() + fraction.len();
        if total == 0 || !all().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let Some(start) = all().position(|digit| digit != b'0') else {
            return Some(Self { negative: false, point: 0, whole, fraction, start: 0, length: 0 });
        };
        let trailing = all().rev().take_while(|&digit| digit == b'0').count();
        // Both lengths are bounded by the text, which is far below `i64::MAX`.
        let point = exponent + whole.len() as i64 - start as i64;
        Some(Self { negative, point, whole, fraction, start, length: total - trailing - start })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'t> {
        self.whole.bytes().chain(self.fraction.bytes()).skip(self.start).take(self.length)
    }
}

fn sign(zero: bool, negative: bool) -> i8 {
    match (zero, negative) {
        (true, _) => 0,
        (false, true) => -1,
        (false, false) => 1,
    }
}

/// The order of two numbers, each given as its sign, its point and its digits.
fn order(
    (sign, point, digits): (i8, i64, impl Iterator<Item = u8>),
    (other_sign, other_point, other_digits): (i8, i64, impl Iterator<Item = u8>),
) -> Ordering {
    let by_size = || point.cmp(&other_point).then_with(|| digits.cmp(other_digits));
    sign.cmp(&other_sign).then_with(|| match sign {
        0 => Ordering::Equal,
        1 => by_size(),
        _ => by_size().reverse(),
    })
}

fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() <= MAX_EXPONENT_DIGITS;
    if plain { text.parse().ok() } else { None }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |number: &Self| (sign(number.digits.is_empty(), number.negative), number.point);
        let ((own_sign, own_point), (sign, point)) = (parts(self), parts(other));
        order(
            (own_sign, own_point, self.digits.iter().copied()),
            (sign, point, other.digits.iter().copied()),
        )
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
    usual_instant(text).or_else(|| any_instant(text))
}

/// Reads `YYYY-MM-DDThh:mm:ssZ`, the form that the current time has in nearly every request.
fn usual_instant(text: &str) -> Option<i128> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, b'Z'] =
        text.as_bytes()
    else {
        return None;
    };
    let digits = [a, b, c, d, e, f, g, h, i, j, k, l, m, n];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let [century, year, month, day, hour, minute, second] =
        [[a, b], [c, d], [e, f], [g, h], [i, j], [k, l], [m, n]]
            .map(|[tens, ones]| (tens - b'0') as i8 * 10 + (ones - b'0') as i8);
    let year = i16::from(century) * 100 + i16::from(year);
    let moment = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(Offset::UTC.to_timestamp(moment).ok()?.as_nanosecond())
}

fn any_instant(text: &str) -> Option<i128> {
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
    let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_exact() {
        let decimal = |text| Decimal::parse(text).unwrap();
        assert_eq!(decimal("1e-3"), decimal("0.001"));
        assert_eq!(decimal(".5"), decimal("5e-1"));
        assert_eq!(decimal("-0.0"), decimal("0e7"));
        assert!(decimal("-1e9") < decimal("-1"));
        assert!(decimal("-1") < decimal("0"));
        assert!(decimal("0") < decimal("1e-999999999"));
        assert!(decimal("0.1") < decimal("0.10000000000000000000000000001"));
        for text in [
            "",
            "-",
            ".",
            "e",
            "1e",
            "1e+",
            "--1",
            "1.2.3",
            " 1",
            "1 ",
            "NaN",
            "inf",
            "1e1234567890",
            "٣",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_read_in_every_documented_form() {
        let day = 1_767_312_000 * NANOSECONDS;
        for text in [
            "2026-01-02",
            "2026-01-02T00:00Z",
            "2026-01-02T00:00:00Z",
            "2026-01-02T00:00:00.000Z",
            "2026-01-02T00:00:00",
            "2026-01-02T23:00:00+23",
            "2026-01-01T20:30:00-0330",
            "2026-01-02T05:30:00+05:30",
            "1767312000",
        ] {
            assert_eq!(instant(text), Some(day), "{text}");
        }
        assert_eq!(instant("2016-12-13T21:20:37.593194+00:00"), Some(1_481_664_037_593_194_000));
        assert_eq!(instant("-9223372036854775808"), Some(i128::from(i64::MIN) * NANOSECONDS));
        for text in [
            "",
            "T",
            "now",
            "2026-13-01",
            "2026-02-30",
            "26-01-02",
            "2026-1-2",
            "2026-01-02T",
            "2026-01-02T24:00Z",
            "2026-01-02T00:00:00+24",
            "2026-01-02T00:00:00+1",
            "2026-01-02T00:00:00.Z",
            "2026-01-02T00:00.5Z",
            "2026-01-02T00:00:00ZZ",
            "2026-01-02Z",
            "9223372036854775808",
            "2026-01-02 00:00:00Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decimals_order_as_numbers_do(a in any::<i32>(), b in any::<i32>(), scale in 0_u32..5) {
            let text = |n: i32| format!("{n}e-{scale}");
            let order = Decimal::parse(&text(a)).unwrap().cmp(&Decimal::parse(&text(b)).unwrap());
            prop_assert_eq!(order, a.cmp(&b));
        }

        #[test]
        fn no_text_panics(text in ".{0,30}", clock in "[0-9TZ:.+-]{0,30}") {
            for text in [&text, &clock] {
                let _ = (Decimal::parse(text), instant(text), address_range(text), boolean(text), bytes(text));
            }
        }
    }
}
