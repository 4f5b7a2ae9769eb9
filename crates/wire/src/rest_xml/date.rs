//! Instants in headers and bodies.

use iamd_types::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use jiff::tz::Offset;

/// The obsolete forms that RFC 9110 §5.6.7 wants read: RFC 850's, and that of C's `asctime`.
const OBSOLETE: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Reads an HTTP date or an ISO 8601 one.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let millis = |at: jiff::Timestamp| Timestamp::from_millis(at.as_millisecond());
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return Timestamp::parse(text);
    }
    if let Ok(at) = DateTimeParser::new().parse_timestamp(text) {
        return Some(millis(at));
    }
    let civil = OBSOLETE.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    Offset::UTC.to_timestamp(civil).ok().map(millis)
}

/// Writes an HTTP date.
pub(super) fn http(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.seconds()).unwrap_or_default();
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

/// Writes ISO 8601 with milliseconds, as S3 does in bodies: `2009-10-12T17:50:30.000Z`.
pub(super) fn iso8601(at: Timestamp) -> String {
    let mut text = at.to_string();
    text.pop();
    format!("{text}.{:03}Z", at.millis().rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_http_and_iso_8601_are_read() {
        let at = Timestamp::from_seconds(784_111_777);
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
            "1994-11-06T08:49:37.000Z",
        ] {
            assert_eq!(parse(text), Some(at), "{text}");
        }
        assert_eq!(http(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso8601(Timestamp::from_millis(784_111_777_007)), "1994-11-06T08:49:37.007Z");
        for text in ["", "yesterday", "1994-11-06", "Sun, 06 Nov 1994", "784111777"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
