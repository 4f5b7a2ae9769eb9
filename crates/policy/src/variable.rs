//! Policy variables: `${key}`, `${key, 'default'}` and the escapes `${*}`, `${?}`, `${$}`.
//!
//! One pass: what a variable stands for is literal text, neither wildcard nor variable.

use crate::pattern::Token;
use crate::{Context, Version};

/// The longest text that variables may grow to, in bytes: what a whole document may have. Values are the caller's,
/// and a document can name one thousands of times.
pub(crate) const MAX_EXPANDED_BYTES: usize = crate::MAX_DOCUMENT_BYTES;

/// A text in which variables are in force, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Text outside variables.
    Text(&'t str),
    /// An escaped character.
    Escape(char),
    /// A variable.
    Variable { key: &'t str, default: Option<&'t str> },
}

/// What a text stands for in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expansion {
    /// This, character by character.
    Tokens(Vec<Token>),
    /// Nothing: a variable has no value.
    Unresolved,
    /// Nobody can tell: the braces make no sense, or the result would be too long.
    Unreadable,
}

/// Takes a text apart; `None` when a `${` begins nothing that is a variable.
pub(crate) fn pieces(mut text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    while let Some((before, after)) = text.split_once("${") {
        pieces.push(Piece::Text(before));
        let (piece, rest) = variable(after)?;
        pieces.push(piece);
        text = rest;
    }
    pieces.push(Piece::Text(text));
    Some(pieces)
}

/// The variable at the start of a text (after its `${`), and what follows.
fn variable(text: &str) -> Option<(Piece<'_>, &str)> {
    let (inside, rest) = text.split_once('}')?;
    match inside {
        "*" => return Some((Piece::Escape('*'), rest)),
        "?" => return Some((Piece::Escape('?'), rest)),
        "$" => return Some((Piece::Escape('$'), rest)),
        _ => {}
    }
    // A default may hold a closing brace, so its quote decides where the variable ends.
    let (key, default, rest) = match inside.split_once(", '") {
        None => (inside, None, rest),
        Some((key, _)) => {
            let (default, rest) = text.get(key.len() + ", '".len()..)?.split_once("'}")?;
            (key, Some(default), rest)
        }
    };
    let is_key = !key.is_empty() && !key.contains([',', '\'', '{', '$']);
    is_key.then_some((Piece::Variable { key, default }, rest))
}

/// Puts the request's values in place of variables. `token` says what a character outside variables means.
pub(crate) fn expand(text: &str, context: &Context, token: fn(char) -> Token) -> Expansion {
    let Some(pieces) = pieces(text) else { return Expansion::Unreadable };
    let (mut tokens, mut substituted) = (Vec::new(), 0);
    for piece in pieces {
        match piece {
            Piece::Text(text) => tokens.extend(text.chars().map(token)),
            Piece::Escape(c) => tokens.push(Token::Literal(c)),
            Piece::Variable { key, default } => {
                // A multivalued key never resolves, not even to the default: the key is not missing.
                let value = match (context.get(key), default) {
                    (Some(_), _) => context.get_single(key),
                    (None, default) => default,
                };
                let Some(value) = value else { return Expansion::Unresolved };
                substituted += value.len();
                if substituted > MAX_EXPANDED_BYTES {
                    return Expansion::Unreadable;
                }
                tokens.extend(value.chars().map(Token::Literal));
            }
        }
    }
    Expansion::Tokens(tokens)
}

/// The six fields of an ARN pattern, or as many as there are. A colon inside a variable separates nothing.
pub(crate) fn fields(pattern: &str, version: Version) -> Vec<&str> {
    let (mut before, mut in_variable) = (' ', false);
    let separates = |c: char| {
        match c {
            '{' if before == '$' => in_variable = version == Version::V2012,
            '}' => in_variable = false,
            _ => {}
        }
        before = c;
        c == ':' && !in_variable
    };
    pattern.splitn(6, separates).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, context: &Context) -> Option<String> {
        match expand(text, context, Token::Literal) {
            Expansion::Tokens(tokens) => Some(
                tokens
                    .into_iter()
                    .map(|token| if let Token::Literal(c) = token { c } else { '*' })
                    .collect(),
            ),
            Expansion::Unresolved => None,
            Expansion::Unreadable => Some("unreadable".to_owned()),
        }
    }

    #[test]
    fn variables_stand_for_values() {
        let mut context = Context::new();
        context.set("a:b", "x");
        for (text, wanted) in [
            ("", Some("")),
            ("$", Some("$")),
            ("${a:b}", Some("x")),
            ("-${a:b}-${A:B}-", Some("-x-x-")),
            ("${a:c}", None),
            ("${a:c, 'it''s {}'}", Some("it''s {}")),
            ("${a:c, '}'}!", Some("}!")),
            ("${a:c, ''}", Some("")),
            ("${*}${?}${$}", Some("*?$")),
            ("${$}{a:b}", Some("${a:b}")),
            ("$${a:b}", Some("$x")),
            ("{a:b}", Some("{a:b}")),
            ("${a:b", Some("unreadable")),
            ("${}", Some("unreadable")),
            ("${a:b,'x'}", Some("unreadable")),
            ("${a:c, 'x}", Some("unreadable")),
            ("${a${a:b}}", Some("unreadable")),
        ] {
            assert_eq!(plain(text, &context).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn repeated_variables_do_not_eat_memory() {
        let mut context = Context::new();
        context.set("a:b", "x".repeat(100_000));
        assert_eq!(plain(&"${a:b}".repeat(2), &context).unwrap().len(), 200_000);
        assert_eq!(plain(&"${a:b}".repeat(1_000), &context).as_deref(), Some("unreadable"));
    }

    #[test]
    fn colons_in_variables_separate_no_fields() {
        let fields = |text| fields(text, Version::V2012);
        assert_eq!(fields("arn:aws:s3:::${aws:username}/a:b").len(), 6);
        assert_eq!(
            fields("arn:aws:iam::${aws:PrincipalAccount}:role/a").get(4),
            Some(&"${aws:PrincipalAccount}")
        );
        assert_eq!(fields("a").len(), 1);
    }
}
