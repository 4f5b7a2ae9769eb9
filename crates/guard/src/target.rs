//! Which requests are told apart by their path, and how: the rule against path tricks.
//!
//! The upstream gets the target as it was sent, and reads it in its own way. So a path that two readers could read
//! differently is refused, and what is left is decided on as every reader decodes it:
//!
//! - it begins with `/` and is printable ASCII; bytes beyond are percent-encoded UTF-8;
//! - no empty segment (`//`) but after a slash at the end, no `.` and `..` segment;
//! - no `;`: servlets and their like cut off what follows it, and see the segment before it, whatever a policy says of it;
//! - no backslash, no control character, and none of `/`, `\`, `.`, `;`, `%` and control characters encoded;
//! - every `%` begins an escape.
//!
//! The text that policies see is the path decoded once.

use percent_encoding::percent_decode_str;

/// The longest path that is decided about, in bytes; ARNs have a bound too.
const MAX_PATH: usize = 2048;
/// The longest method.
const MAX_METHOD: usize = 32;

/// Why a request is not decided about. `Display` is for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// No method, or one that an upstream might take for another.
    #[error("the method must be upper-case letters")]
    Method,
    /// More than an ARN can hold.
    #[error("the path is too long")]
    Long,
    /// No path, or bytes that are not sent so.
    #[error("the path must begin with a slash and hold printable ASCII alone")]
    Characters,
    /// `//`, `.` or `..`.
    #[error("the path has an empty or a dot segment")]
    Segments,
    /// `/a;b`, which some upstreams read as `/a`.
    #[error("the path has a `;`, which readers may take differently")]
    Parameters,
    /// An escape that is incomplete, or of a character that readers treat as more than a character.
    #[error("the path holds an escape that readers may take differently")]
    Escape,
}

/// Refuses methods that an upstream might take for others.
pub(crate) fn ensure_method(method: &str) -> Result<(), Ambiguous> {
    let well_formed = (1..=MAX_METHOD).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if well_formed { Ok(()) } else { Err(Ambiguous::Method) }
}

/// The path of a target as policies see it.
///
/// # Errors
/// What two readers could take differently.
pub fn plain_path(target: &str) -> Result<String, Ambiguous> {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    if path.len() > MAX_PATH {
        return Err(Ambiguous::Long);
    }
    let printable = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#');
    if !path.starts_with('/') || !path.bytes().all(printable) {
        return Err(Ambiguous::Characters);
    }
    if path.contains(';') {
        return Err(Ambiguous::Parameters);
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if matches!(segment, "." | "..") || segment.is_empty() && !last {
            return Err(Ambiguous::Segments);
        }
    }
    ensure_escapes(path)?;
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| Ambiguous::Escape)?;
    // Control characters beyond ASCII, and what cannot be told from nothing or from a slash.
    if decoded.chars().any(char::is_control) {
        return Err(Ambiguous::Escape);
    }
    Ok(decoded.into_owned())
}

fn ensure_escapes(path: &str) -> Result<(), Ambiguous> {
    for after in path.split('%').skip(1) {
        let byte = after.get(..2).and_then(|digits| {
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
            u8::from_str_radix(digits, 16).ok()
        });
        match byte {
            None | Some(b'/' | b'\\' | b'.' | b'%' | b';' | 0..=0x1f | 0x7f) => {
                return Err(Ambiguous::Escape);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_paths_are_decoded_once() {
        for (sent, plain) in [
            ("/", "/"),
            ("/pets", "/pets"),
            ("/pets/", "/pets/"),
            ("/pets/3?x=../..", "/pets/3"),
            ("/a%20b", "/a b"),
            ("/%61dmin", "/admin"),
            ("/users/a%40b", "/users/a@b"),
            ("/users/a@b", "/users/a@b"),
            ("/%C3%A9", "/é"),
            ("/%c3%a9", "/é"),
            ("/pets?a;b", "/pets"),
            ("/.well-known/x", "/.well-known/x"),
            ("/a..b/...", "/a..b/..."),
            ("/a%2Ab", "/a*b"),
        ] {
            assert_eq!(plain_path(sent).as_deref(), Ok(plain), "{sent}");
        }
    }

    #[test]
    fn path_tricks_are_refused() {
        for sent in [
            "",
            "pets",
            "*",
            "//",
            "/a//b",
            "/./a",
            "/a/..",
            "/a/../b",
            "/a/.",
            "/..;/a",
            "/a/..;x=1/b",
            "/a/;x/b",
            "/a;v=1/b",
            "/a;",
            "/;/a",
            "/a%3bb",
            "/a/%2e%2e/b",
            "/a/%2E/b",
            "/a/.%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/a%252e",
            "/a%25",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%+1",
            "/é",
            "/a b",
            "/a#b",
            "/%ff",
            "/%c0%ae",
            "/a%c2%85",
        ] {
            assert!(plain_path(sent).is_err(), "{sent}");
        }
        assert_eq!(plain_path(&format!("/{}", "a".repeat(MAX_PATH))), Err(Ambiguous::Long));
    }

    #[test]
    fn methods_are_upper_case() {
        for method in ["GET", "DELETE", "M-SEARCH"] {
            assert!(ensure_method(method).is_ok(), "{method}");
        }
        for method in ["", "get", "Get", "GET ", "GET/", "G*T", &"A".repeat(33)] {
            assert!(ensure_method(method).is_err(), "{method}");
        }
    }

    proptest! {
        /// Whatever is let through has no segment that leads elsewhere, however often it is decoded.
        #[test]
        fn what_is_let_through_leads_nowhere_else(path in "[/a.%2eEfF5c;\\\\0-9?]{0,24}") {
            if let Ok(plain) = plain_path(&path) {
                let mut text = plain;
                for _ in 0..3 {
                    prop_assert!(!text.contains('\\') && !text.contains("//"), "{}", text);
                    prop_assert!(text.split('/').all(|it| it != "." && it != ".."), "{}", text);
                    text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
                }
            }
        }
    }
}
