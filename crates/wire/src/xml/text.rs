//! Text inside XML elements.

/// Appends text so that every XML 1.0 parser reads it back.
///
/// Carriage returns are written as references because parsers turn them into line feeds.
/// Characters that XML 1.0 cannot carry at all become U+FFFD: they can only come out of a message
/// that repeats what a client sent.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Nearly all texts are plain ASCII. Without a way out of the loop it runs on many bytes at once.
    let plain = |byte: u8| matches!(byte, b' '..=b'~') & !matches!(byte, b'<' | b'>' | b'&' | b'"');
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut rest = text;
    while let Some((plain, special)) =
        rest.find(is_special).and_then(|at| rest.split_at_checked(at))
    {
        out.extend_from_slice(plain.as_bytes());
        let mut chars = special.chars();
        let replacement = match chars.next() {
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('&') => "&amp;",
            Some('"') => "&quot;",
            Some('\r') => "&#xD;",
            _ => "\u{FFFD}",
        };
        out.extend_from_slice(replacement.as_bytes());
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
}

fn is_special(char: char) -> bool {
    match char {
        '<' | '>' | '&' | '"' | '\r' => true,
        '\t' | '\n' => false,
        _ => char < ' ' || matches!(char, '\u{FFFE}' | '\u{FFFF}'),
    }
}

#[cfg(test)]
mod tests {
    use super::write_text;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn markup_is_escaped_and_the_impossible_replaced() {
        assert_eq!(written("a<b>&\"c\"'"), "a&lt;b&gt;&amp;&quot;c&quot;'");
        assert_eq!(written("\t\r\n\0\u{1F}\u{FFFE}é😀"), "\t&#xD;\n\u{FFFD}\u{FFFD}\u{FFFD}é😀");
    }
}
