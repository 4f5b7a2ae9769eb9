//! How large AWS says a document is.

/// The size that AWS's quotas count: characters, white space between JSON tokens left out. Works on any text.
///
/// AWS says only that white space is not counted. White space inside strings is content, and counts here.
pub fn counted_size(text: &str) -> usize {
    let (mut size, mut in_string, mut escaped) = (0, false, false);
    for c in text.chars() {
        if in_string || !c.is_whitespace() {
            size += 1;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use super::counted_size;

    #[test]
    fn white_space_between_tokens_does_not_count() {
        assert_eq!(counted_size("{ \"a\" :\n\t\"b c\" }"), r#"{"a":"b c"}"#.len());
        assert_eq!(counted_size(r#""a\" b" "#), r#""a\" b""#.len());
        assert_eq!(counted_size("\"é\""), 3);
    }
}
