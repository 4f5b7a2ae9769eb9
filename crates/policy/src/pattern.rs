//! Matching with `*` and `?`, and nothing else: every other character is itself.
//!
//! A pattern is the segments between its stars. The first must begin the text, the last must end it, and the
//! others are found from left to right; taking the leftmost is never wrong, so nothing is tried twice. The cost
//! is that of the searches: linear for literal segments, text × segment at worst for one with a `?`.

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// This character.
    Literal(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Any,
}

/// A pattern ready to match.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    first: Segment,
    /// The segments after a star, in order.
    rest: Vec<Segment>,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    /// The characters; `None` is a `?`.
    characters: Vec<Option<char>>,
}

impl Pattern {
    /// The pattern of a text in which `*` and `?` are wildcards.
    pub(crate) fn of(text: &str) -> Self {
        Self::from_tokens(text.chars().map(Token::of))
    }

    pub(crate) fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Self {
        let (mut finished, mut current) = (Vec::new(), Segment::default());
        for token in tokens {
            match token {
                Token::Literal(c) => current.characters.push(Some(c)),
                Token::One => current.characters.push(None),
                Token::Any => finished.push(std::mem::take(&mut current)),
            }
        }
        finished.push(current);
        let mut segments = finished.into_iter();
        Self { first: segments.next().unwrap_or_default(), rest: segments.collect() }
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(mut text) = self.first.strip_from_start(text) else { return false };
        let Some((last, middle)) = self.rest.split_last() else { return text.is_empty() };
        for segment in middle {
            let Some(after) = segment.skip_past(text) else { return false };
            text = after;
        }
        last.ends(text)
    }
}

impl Token {
    /// What a character means where wildcards are in force.
    pub(crate) fn of(c: char) -> Self {
        match c {
            '*' => Self::Any,
            '?' => Self::One,
            c => Self::Literal(c),
        }
    }
}

impl Segment {
    /// What follows the segment in a text that begins with it.
    fn strip_from_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut chars = text.chars();
        let fits = self.characters.iter().all(|&want| fits(want, chars.next()));
        fits.then_some(chars.as_str())
    }

    fn ends(&self, text: &str) -> bool {
        let mut chars = text.chars().rev();
        self.characters.iter().rev().all(|&want| fits(want, chars.next()))
    }

    /// What follows the segment's first occurrence.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        // The standard search is linear, but knows no `?`.
        if let Some(literal) = self.characters.iter().copied().collect::<Option<String>>() {
            return text.find(&literal).and_then(|at| text.get(at + literal.len()..));
        }
        let mut starts = text.char_indices().filter_map(|(at, _)| text.get(at..));
        starts.find_map(|start| self.strip_from_start(start))
    }
}

fn fits(want: Option<char>, found: Option<char>) -> bool {
    found.is_some_and(|found| want.is_none_or(|want| want == found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of matching, exponential as it is.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => naive(rest, text),
            (Some(('*', rest)), Some((_, tail))) => naive(rest, text) || naive(pattern, tail),
            (Some(('?', rest)), Some((_, tail))) => naive(rest, tail),
            (Some((want, rest)), Some((found, tail))) => want == found && naive(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn matches_as_the_definition_says(pattern in "[abé*?]{0,8}", text in "[abé]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            let wanted = naive(&chars(&pattern), &chars(&text));
            prop_assert_eq!(Pattern::of(&pattern).matches(&text), wanted);
        }
    }

    #[test]
    fn first_and_last_segment_do_not_share_text() {
        assert!(!Pattern::of("aba*ba").matches("aba"));
        assert!(!Pattern::of("ab*b").matches("ab"));
        assert!(Pattern::of("ab*b").matches("abb"));
    }

    #[test]
    fn many_stars_against_a_long_text_take_no_time() {
        let (pattern, text) = ("a*".repeat(20_000) + "b", "a".repeat(200_000));
        assert!(!Pattern::of(&pattern).matches(&text));
    }
}
