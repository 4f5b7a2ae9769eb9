//! Patterns without variables, ready to match.
//!
//! The literal text before the first star and after the last one is compared first, which settles almost every
//! pattern. The segments between stars are then found from left to right; taking the leftmost is never wrong, so
//! nothing is tried twice. Literal segments are searched for in linear time, and so are those with a `?`: bit by
//! bit, 64 characters at a time.

use compact_str::CompactString;
use memchr::memmem;

/// A piece of a pattern, read from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atom<'t> {
    /// These characters.
    Text(&'t str),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Any,
}

/// Takes a text apart in which `*` and `?` are wildcards.
pub(crate) fn atoms(text: &str) -> impl Iterator<Item = Atom<'_>> {
    text.split_inclusive(['*', '?']).flat_map(|piece| {
        let (text, wildcard) = match (piece.strip_suffix('*'), piece.strip_suffix('?')) {
            (Some(text), _) => (text, Some(Atom::Any)),
            (_, Some(text)) => (text, Some(Atom::One)),
            _ => (piece, None),
        };
        [Some(Atom::Text(text)).filter(|_| !text.is_empty()), wildcard].into_iter().flatten()
    })
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Glob {
    /// `*`.
    Any,
    /// A text without wildcards.
    Exact(CompactString),
    /// A text, and a star at its end.
    Prefix(CompactString),
    /// Wildcards elsewhere.
    Parts(Box<Parts>),
}

/// The segments between stars.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Parts {
    first: Segment,
    middle: Box<[Segment]>,
    /// `None`: there is no star.
    last: Option<Segment>,
}

/// What stands between two stars.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Segment {
    Literal(Box<str>),
    Holes(Holes),
}

/// A segment with a `?`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Holes {
    /// The characters; `None` is a `?`.
    characters: Box<[Option<char>]>,
    /// For each character that occurs, in order, the places where it fits.
    places: Box<[(char, Box<[u64]>)]>,
    /// Where any other character fits.
    anywhere: Box<[u64]>,
}

impl Glob {
    /// The pattern of a text in which `*` and `?` are wildcards.
    pub(crate) fn of(text: &str) -> Self {
        Self::from_atoms(atoms(text))
    }

    pub(crate) fn from_atoms<'t>(atoms: impl IntoIterator<Item = Atom<'t>>) -> Self {
        let mut segments = vec![Vec::new()];
        for atom in atoms {
            match (atom, segments.last_mut()) {
                (Atom::Any, _) | (_, None) => segments.push(Vec::new()),
                (Atom::Text(text), Some(last)) => last.extend(text.chars().map(Some)),
                (Atom::One, Some(last)) => last.push(None),
            }
        }
        let mut segments = segments.into_iter().map(Segment::of);
        let first = segments.next().unwrap_or(Segment::Literal(Box::default()));
        let mut rest: Vec<Segment> = segments.collect();
        let last = rest.pop();
        rest.retain(|segment| !segment.is_empty());
        match (first, &last) {
            (Segment::Literal(text), None) => Self::Exact(text.into()),
            (Segment::Literal(text), Some(last)) if last.is_empty() && rest.is_empty() => {
                if text.is_empty() { Self::Any } else { Self::Prefix(text.into()) }
            }
            (first, _) => Self::Parts(Box::new(Parts { first, middle: rest.into(), last })),
        }
    }

    /// What every text that matches begins with.
    pub(crate) fn beginning(&self) -> &str {
        match self {
            Self::Any => "",
            Self::Exact(text) | Self::Prefix(text) => text,
            Self::Parts(parts) => match &parts.first {
                Segment::Literal(text) => text,
                Segment::Holes(_) => "",
            },
        }
    }

    /// Whether the whole text matches.
    #[inline]
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => **exact == *text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Parts(parts) => parts.match_text(text),
        }
    }
}

impl Parts {
    fn match_text(&self, text: &str) -> bool {
        let Some(text) = self.first.strip_from_start(text) else { return false };
        let Some(last) = &self.last else { return text.is_empty() };
        let Some(mut text) = last.strip_from_end(text) else { return false };
        for segment in &self.middle {
            let Some(rest) = segment.skip_past(text) else { return false };
            text = rest;
        }
        true
    }
}

impl Segment {
    fn of(characters: Vec<Option<char>>) -> Self {
        match characters.iter().copied().collect::<Option<String>>() {
            Some(literal) => Self::Literal(literal.into()),
            None => Self::Holes(Holes::of(characters.into())),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Literal(text) if text.is_empty())
    }

    /// What follows the segment in a text that begins with it.
    fn strip_from_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => text.strip_prefix(&**literal),
            Self::Holes(holes) => {
                let mut chars = text.chars();
                let fits = holes.characters.iter().all(|&want| fits(want, chars.next()));
                fits.then_some(chars.as_str())
            }
        }
    }

    /// What comes before the segment in a text that ends with it.
    fn strip_from_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => text.strip_suffix(&**literal),
            Self::Holes(holes) => {
                let mut chars = text.chars();
                let mut backwards = holes.characters.iter().rev();
                let fits = backwards.all(|&want| fits(want, chars.next_back()));
                fits.then_some(chars.as_str())
            }
        }
    }

    /// What follows the segment's first occurrence.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Literal(literal) => skip_past_literal(text, literal),
            Self::Holes(holes) => holes.skip_past(text),
        }
    }
}

fn fits(want: Option<char>, found: Option<char>) -> bool {
    found.is_some_and(|found| want.is_none_or(|want| want == found))
}

/// What follows the first occurrence of a literal.
pub(crate) fn skip_past_literal<'t>(text: &'t str, literal: &str) -> Option<&'t str> {
    let at = match literal.as_bytes() {
        [] => 0,
        [byte] => memchr::memchr(*byte, text.as_bytes())?,
        bytes => memmem::find(text.as_bytes(), bytes)?,
    };
    text.get(at + literal.len()..)
}

/// So many words of 64 characters are kept on the stack while searching; longer segments take a list.
const WORDS_ON_STACK: usize = 8;

impl Holes {
    fn of(characters: Box<[Option<char>]>) -> Self {
        let mut distinct: Vec<char> = characters.iter().copied().flatten().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let places = |found: Option<char>| -> Box<[u64]> {
            let bits = |(bit, want): (usize, &Option<char>)| {
                u64::from(want.is_none() || (found.is_some() && *want == found)) << bit
            };
            let word = |chunk: &[Option<char>]| chunk.iter().enumerate().map(bits).sum();
            characters.chunks(64).map(word).collect()
        };
        let anywhere = places(None);
        let places = distinct.into_iter().map(|found| (found, places(Some(found)))).collect();
        Self { characters, places, anywhere }
    }

    /// The shift-and search: bit `i` of the state says that the last characters read are the first `i + 1` of the
    /// segment.
    fn skip_past<'t>(&self, text: &'t str) -> Option<&'t str> {
        let words = self.anywhere.len();
        let (mut on_stack, mut on_heap) = ([0_u64; WORDS_ON_STACK], Vec::new());
        let state = match on_stack.get_mut(..words) {
            Some(state) => state,
            None => {
                on_heap.resize(words, 0);
                on_heap.as_mut_slice()
            }
        };
        let last_bit = (self.characters.len() - 1) % 64;
        let mut chars = text.chars();
        while let Some(found) = chars.next() {
            let places = match self.places.binary_search_by_key(&found, |(it, _)| *it) {
                Ok(at) => self.places.get(at).map_or(&self.anywhere, |(_, places)| places),
                Err(_) => &self.anywhere,
            };
            let mut carry = 1;
            for (word, place) in state.iter_mut().zip(places) {
                let out = *word >> 63;
                *word = (*word << 1 | carry) & place;
                carry = out;
            }
            if state.last().is_some_and(|word| word >> last_bit & 1 == 1) {
                return Some(chars.as_str());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::Pattern;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn matches_as_the_plain_pattern_does(pattern in "[abé*?]{0,9}", text in "[abé]{0,12}") {
            prop_assert_eq!(Glob::of(&pattern).matches(&text), Pattern::of(&pattern).matches(&text));
        }

        #[test]
        fn long_segments_with_holes_are_found(
            before in "[ab]{0,80}", segment in "[ab]{60,140}", after in "[ab]{0,20}",
            holes in prop::collection::vec(any::<prop::sample::Index>(), 1..4), breaks in any::<bool>(),
        ) {
            let mut chars: Vec<char> = segment.chars().collect();
            for hole in &holes {
                *hole.get_mut(&mut chars) = '?';
            }
            let pattern = format!("*{}*b", chars.iter().collect::<String>());
            let text = format!("{before}{segment}{after}{}", if breaks { "" } else { "b" });
            prop_assert_eq!(Glob::of(&pattern).matches(&text), Pattern::of(&pattern).matches(&text));
        }
    }

    #[test]
    fn many_stars_against_a_long_text_take_no_time() {
        let text = "a".repeat(200_000);
        assert!(!Glob::of(&("a*".repeat(20_000) + "b")).matches(&text));
        assert!(!Glob::of(&("*a?".repeat(20_000) + "*b*")).matches(&text));
        assert!(!Glob::of(&format!("*{}?b*", "a".repeat(400))).matches(&text));
    }
}
