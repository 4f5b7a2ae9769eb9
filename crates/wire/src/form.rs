//! Percent-encoding of forms, read strictly, and of policy documents, written.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::DecodeError;

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The form as text if nothing in it is escaped, as in most: one look at the whole is faster than one at
/// each name and value.
pub(crate) fn plain(form: &[u8]) -> Option<&str> {
    if memchr2(b'%', b'+', form).is_some() {
        return None;
    }
    std::str::from_utf8(form).ok()
}

/// What stands between the ampersands.
pub(crate) fn pieces(form: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(form);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr(b'&', text.as_bytes()).unwrap_or(text.len());
        rest = text.get(end + 1..);
        text.get(..end)
    })
}

/// Decodes a name or a value. Lenient readers keep `%zz` as it is and put replacement characters for
/// bad UTF-8; here both are refused, so that what was signed is what is read.
pub(crate) fn decode(text: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    const NOT_UTF8: DecodeError = DecodeError::Syntax("a parameter is not UTF-8");
    let Some(first) = memchr2(b'%', b'+', text) else {
        return std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| NOT_UTF8);
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut next = Some(first);
    while let Some((plain, [escape, after @ ..])) = next.and_then(|at| rest.split_at_checked(at)) {
        decoded.extend_from_slice(plain);
        rest = after;
        if *escape == b'+' {
            decoded.push(b' ');
        } else {
            let [high, low, after @ ..] = rest else { return Err(BAD_ESCAPE) };
            decoded.push(hex(*high)? << 4 | hex(*low)?);
            rest = after;
        }
        next = memchr2(b'%', b'+', rest);
    }
    decoded.extend_from_slice(rest);
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| NOT_UTF8)
}

const BAD_ESCAPE: DecodeError =
    DecodeError::Syntax("a percent sign is not followed by two hexadecimal digits");

fn hex(digit: u8) -> Result<u8, DecodeError> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).ok_or(BAD_ESCAPE)
}

/// Writes a policy document as IAM's answers carry it: RFC 3986, blanks as `%20`.
pub(crate) fn encode_document(out: &mut Vec<u8>, document: &str) {
    for part in utf8_percent_encode(document, RESERVED) {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode_document};

    #[test]
    fn what_needs_no_decoding_is_borrowed() {
        assert!(matches!(decode(b"alice"), Ok(std::borrow::Cow::Borrowed("alice"))));
        assert_eq!(decode(b"a+b%20c%2B%c3%A9").unwrap(), "a b c+é");
        assert_eq!(decode(b"%00").unwrap(), "\0");
    }

    #[test]
    fn bad_escapes_and_bad_utf8_are_refused() {
        for text in [&b"%"[..], b"%1", b"a%zz", b"%+1", b"%%", b"\xff", b"%ff", b"a+%ED%A0%80"] {
            assert!(decode(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn documents_keep_only_unreserved_characters() {
        let mut out = Vec::new();
        encode_document(&mut out, "{\"a\": [~é%20*]}");
        assert_eq!(String::from_utf8(out).unwrap(), "%7B%22a%22%3A%20%5B~%C3%A9%2520%2A%5D%7D");
    }
}
