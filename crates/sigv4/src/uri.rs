//! The canonical forms of path and query string.
//!
//! A request can be read in two ways (see [`Reading`]). The documented one decodes what was sent
//! and encodes it again, so that every spelling of the same text counts as the same; `+` in a
//! query string is the blank that the services' decoder reads. The other takes the text as it
//! was sent, which is what SDKs sign when a client gives them a ready-made URL.

use std::borrow::Cow;

use percent_encoding::{
    AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_decode_str, percent_encode,
};

use crate::{cut, pieces};

/// How the target is read for the canonical request.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    /// The query (and a path that is encoded once) as sent, instead of decoded and encoded.
    pub(crate) as_sent: bool,
    /// Leave `X-Amz-Security-Token` out: it was added after signing.
    pub(crate) without_token: bool,
}

impl Reading {
    /// What AWS documents.
    pub(crate) const DOCUMENTED: Self = Self { as_sent: false, without_token: false };
}

/// All but RFC 3986's unreserved characters.
pub(crate) const COMPONENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a path, whose slashes stay.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// The canonical path, as chunks handed to `push`.
pub(crate) fn canonical_path(
    path: &str,
    normalize: bool,
    double_encode: bool,
    as_sent: bool,
    mut push: impl FnMut(&[u8]),
) {
    let path = if normalize { normalized(path) } else { Cow::Borrowed(path) };
    let path = if path.is_empty() { "/" } else { &*path };
    if as_sent && !double_encode || path.bytes().all(|byte| byte == b'/' || unreserved(byte)) {
        return push(path.as_bytes());
    }
    let bytes = match double_encode {
        true => Cow::Borrowed(path.as_bytes()),
        false => Cow::from(percent_decode_str(path)),
    };
    percent_encode(&bytes, PATH).for_each(|chunk| push(chunk.as_bytes()));
}

/// Without empty, `.` and `..` segments. A slash at the end stays; one is not added after a dot
/// segment (`/a/.` is `/a`), as in the SDKs' signers.
fn normalized(path: &str) -> Cow<'_, str> {
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if path == "/" || inner.split('/').all(plain) {
        return Cow::Borrowed(path);
    }
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let first = if path.starts_with('/') { "/" } else { "" };
    let last = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    Cow::Owned(format!("{first}{}{last}", kept.join("/")))
}

/// The name and value of each parameter as sent; a missing value is empty. Empty pairs are not
/// parameters.
pub(crate) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    pieces(query, b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| cut(pair, b'=').unwrap_or((pair, "")))
}

/// The canonical query string, as chunks handed to `push`.
pub(crate) fn canonical_query(
    query: &str,
    presigned: bool,
    reading: Reading,
    mut push: impl FnMut(&[u8]),
) {
    if query.is_empty() {
        return;
    }
    let counts = |name: &str| match &*decoded(name) {
        b"X-Amz-Signature" => !presigned,
        b"X-Amz-Security-Token" => !reading.without_token,
        _ => true,
    };
    let canonical = |text| if reading.as_sent { Cow::Borrowed(text) } else { component(text) };
    let count = memchr::memchr_iter(b'&', query.as_bytes()).count() + 1;
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(count);
    let counted = parameters(query).filter(|(name, _)| counts(name));
    pairs.extend(counted.map(|(name, value)| (canonical(name), canonical(value))));
    pairs.sort_unstable();
    for (position, (name, value)) in pairs.iter().enumerate() {
        if position > 0 {
            push(b"&");
        }
        push(name.as_bytes());
        push(b"=");
        push(value.as_bytes());
    }
}

/// A name's or value's bytes, percent sequences decoded. A `+` stays.
pub(crate) fn decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.bytes().any(|byte| byte == b'%') {
        return Cow::Borrowed(text.as_bytes());
    }
    percent_decode_str(text).into()
}

/// A name or value decoded and encoded again.
fn component(text: &str) -> Cow<'_, str> {
    if encoded_canonically(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    let bytes: Cow<'_, [u8]> = percent_decode(spaced.as_bytes()).into();
    Cow::Owned(percent_encode(&bytes, COMPONENT).to_string())
}

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether encoding again what was decoded gives the same text.
fn encoded_canonically(mut text: &[u8]) -> bool {
    while let [first, rest @ ..] = text {
        text = match (first, rest) {
            (b'%', [high, low, rest @ ..]) => match (upper_hex(*high), upper_hex(*low)) {
                (Some(high), Some(low)) if !unreserved(high << 4 | low) => rest,
                _ => return false,
            },
            (first, rest) if unreserved(*first) => rest,
            _ => return false,
        };
    }
    true
}

fn upper_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// What follows the first percent sign that is not part of a percent sequence.
pub(crate) fn malformed_escape(query: &str) -> Option<&str> {
    query.split('%').skip(1).find_map(|after| {
        let digits = after.as_bytes().iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let shown = after.char_indices().nth(2).map_or(after.len(), |(end, _)| end);
        (digits < 2).then(|| after.get(..shown).unwrap_or(""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str, normalize: bool, double_encode: bool) -> String {
        let mut out = Vec::new();
        canonical_path(path, normalize, double_encode, false, |chunk| out.extend_from_slice(chunk));
        String::from_utf8(out).unwrap()
    }

    fn query(text: &str) -> String {
        let mut out = Vec::new();
        canonical_query(text, true, Reading::DOCUMENTED, |chunk| out.extend_from_slice(chunk));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_of_query_services_are_normalized_and_encoded_once_more() {
        for (sent, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/..", "/"),
            ("/../../x", "/x"),
            ("/example/..", "/"),
            ("/a/b/../..", "/"),
            ("/./example", "/example"),
            ("//example//", "/example/"),
            ("/a/.", "/a"),
            ("/a/b/..", "/a"),
            ("/example space/", "/example%20space/"),
            ("/example%20space/", "/example%2520space/"),
            ("/%2e%2e/a", "/%252e%252e/a"),
            ("/ሴ", "/%E1%88%B4"),
            ("/a:b+c@d", "/a%3Ab%2Bc%40d"),
        ] {
            assert_eq!(path(sent, true, true), canonical, "{sent}");
        }
    }

    #[test]
    fn paths_of_s3_are_left_as_they_are_and_encoded_once() {
        for (sent, canonical) in [
            ("/bucket//a/../b/./c", "/bucket//a/../b/./c"),
            ("/b/a%20b%2fc", "/b/a%20b/c"),
            ("/b/a+b=(1)", "/b/a%2Bb%3D%281%29"),
            ("/b/%e1%88%b4", "/b/%E1%88%B4"),
            ("/b/100%", "/b/100%25"),
        ] {
            assert_eq!(path(sent, false, false), canonical, "{sent}");
        }
    }

    #[test]
    fn queries_are_sorted_by_encoded_name_then_value() {
        for (sent, canonical) in [
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("A=1&a=1&%41=0", "A=0&A=1&a=1"),
            ("ሴ=bar", "%E1%88%B4=bar"),
            ("a=b+c", "a=b%20c"),
            ("a=b%2bc", "a=b%2Bc"),
            ("a=b%20c", "a=b%20c"),
            ("a=b=c", "a=b%3Dc"),
            ("&&a=1&", "a=1"),
            ("a%5B0%5D=1&a.0=1", "a%5B0%5D=1&a.0=1"),
            ("X-Amz-Signature=f&a=1", "a=1"),
            ("%58-Amz-Signature=f&a=1", "a=1"),
        ] {
            assert_eq!(query(sent), canonical, "{sent}");
        }
    }

    #[test]
    fn escapes_without_two_digits_are_found() {
        assert_eq!(malformed_escape("a=%20&b=%41"), None);
        assert_eq!(malformed_escape("a=%"), Some(""));
        assert_eq!(malformed_escape("a=%4"), Some("4"));
        assert_eq!(malformed_escape("a=%zz9"), Some("zz"));
        assert_eq!(malformed_escape("a=%41%ሴab"), Some("ሴa"));
    }
}
