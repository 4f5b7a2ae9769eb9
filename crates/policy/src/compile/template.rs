//! Texts with variables, taken apart once. A text is compared piece by piece, with the request's values in the place
//! of variables: no string is put together.

use compact_str::CompactString;
use smallvec::SmallVec;

use crate::compile::glob::{Atom, Glob, atoms, skip_past_literal};
use crate::context::Key;
use crate::operator::Truth;
use crate::pattern::Token;
use crate::variable::{self, MAX_EXPANDED_BYTES, Piece};
use crate::{Context, Values, Version};

/// Whether `*` and `?` outside variables are wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Yes,
    No,
}

/// A text of a policy.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// One without variables.
    Plain(Glob),
    /// One with variables.
    Template(Box<Template>),
}

/// A text with variables.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    parts: SmallVec<[Part; 4]>,
    /// In the order in which they stand in the text.
    variables: SmallVec<[Variable; 1]>,
}

/// A piece of a text.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(CompactString),
    /// Any one character.
    One,
    /// Any characters, or none.
    Star,
    /// The value of the variable at this place in the list.
    Variable(usize),
}

#[derive(Clone, Debug)]
struct Variable {
    key: Key,
    default: Option<CompactString>,
}

impl Pattern {
    /// Takes a text apart; `None` when its braces make no sense.
    pub(crate) fn of(text: &str, version: Version, wildcards: Wildcards) -> Option<Self> {
        let template = Template::of(text, version, wildcards)?;
        Some(match template.plain() {
            Some(glob) => Self::Plain(glob),
            None => Self::Template(Box::new(template)),
        })
    }

    /// Whether the whole text matches.
    #[inline]
    pub(crate) fn matches(&self, text: &str, context: &Context) -> Truth {
        match self {
            Self::Plain(glob) => glob.matches(text).into(),
            Self::Template(template) => {
                template.resolve(context, |values| template.match_text(text, values))
            }
        }
    }
}

/// So many values of variables are kept on the stack; more take a list.
const VALUES_ON_STACK: usize = 4;

impl Template {
    pub(crate) fn of(text: &str, version: Version, wildcards: Wildcards) -> Option<Self> {
        let pieces = match version {
            Version::V2008 => vec![Piece::Text(text)],
            Version::V2012 => variable::pieces(text)?,
        };
        let (mut parts, mut variables) = (SmallVec::new(), SmallVec::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) if wildcards == Wildcards::Yes => {
                    atoms(text).for_each(|atom| push(&mut parts, atom));
                }
                Piece::Text(text) => push(&mut parts, Atom::Text(text)),
                Piece::Escape(c) => push(&mut parts, Atom::Text(c.encode_utf8(&mut [0; 4]))),
                Piece::Variable { key, default } => {
                    parts.push(Part::Variable(variables.len()));
                    let default = default.map(CompactString::from);
                    variables.push(Variable { key: Key::of(key), default });
                }
            }
        }
        Some(Self { parts, variables })
    }

    /// The pattern of a text without variables.
    pub(crate) fn plain(&self) -> Option<Glob> {
        self.variables
            .is_empty()
            .then(|| Glob::from_atoms(self.parts.iter().filter_map(Part::atom)))
    }

    /// Its pieces.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Looks the variables up and asks a question about their values.
    pub(crate) fn resolve(&self, context: &Context, holds: impl FnOnce(&[&str]) -> bool) -> Truth {
        let (mut on_stack, mut on_heap) = ([""; VALUES_ON_STACK], Vec::new());
        let values = match on_stack.get_mut(..self.variables.len()) {
            Some(values) => values,
            None => {
                on_heap.resize(self.variables.len(), "");
                on_heap.as_mut_slice()
            }
        };
        let mut substituted = 0;
        for (value, variable) in values.iter_mut().zip(&self.variables) {
            *value = match (context.find(&variable.key), &variable.default) {
                (Some(Values::Single(single)), _) => single,
                // A multivalued key never resolves, not even to the default: the key is not missing.
                (Some(Values::Multiple(_)), _) | (None, None) => return Truth::No,
                (None, Some(default)) => default,
            };
            substituted += value.len();
            if substituted > MAX_EXPANDED_BYTES {
                return Truth::Unreadable;
            }
        }
        holds(values).into()
    }

    fn match_text(&self, text: &str, values: &[&str]) -> bool {
        match_parts(&self.parts, text, values)
    }

    /// The characters that the text stands for.
    pub(crate) fn tokens(&self, values: &[&str]) -> Vec<Token> {
        let mut tokens = Vec::new();
        for part in &self.parts {
            match (part, part.text(values)) {
                (_, Some(text)) => tokens.extend(text.chars().map(Token::Literal)),
                (Part::Star, None) => tokens.push(Token::Any),
                (_, None) => tokens.push(Token::One),
            }
        }
        tokens
    }
}

fn push(parts: &mut SmallVec<[Part; 4]>, atom: Atom<'_>) {
    match (atom, parts.last_mut()) {
        (Atom::Any, _) => parts.push(Part::Star),
        (Atom::One, _) => parts.push(Part::One),
        (Atom::Text(text), Some(Part::Text(before))) => before.push_str(text),
        (Atom::Text(text), _) => parts.push(Part::Text(text.into())),
    }
}

impl Part {
    /// The same piece of a text without variables.
    pub(crate) fn atom(&self) -> Option<Atom<'_>> {
        Some(match self {
            Self::Text(text) => Atom::Text(text),
            Self::One => Atom::One,
            Self::Star => Atom::Any,
            Self::Variable(_) => return None,
        })
    }

    /// The characters that it stands for; `None` if that may be any.
    pub(crate) fn text<'t>(&'t self, values: &[&'t str]) -> Option<&'t str> {
        match self {
            Self::Text(text) => Some(text),
            Self::One | Self::Star => None,
            Self::Variable(at) => Some(values.get(*at).copied().unwrap_or_default()),
        }
    }
}

/// Whether the whole text matches these pieces.
pub(crate) fn match_parts(parts: &[Part], text: &str, values: &[&str]) -> bool {
    let mut segments = parts.split(|it| matches!(it, Part::Star));
    let first = segments.next().unwrap_or_default();
    let Some(text) = strip_from_start(first, text, values) else { return false };
    let Some(last) = segments.next_back() else { return text.is_empty() };
    let Some(mut text) = strip_from_end(last, text, values) else { return false };
    for segment in segments {
        let Some(rest) = skip_past(segment, text, values) else { return false };
        text = rest;
    }
    true
}

fn strip_from_start<'t>(segment: &[Part], mut text: &'t str, values: &[&str]) -> Option<&'t str> {
    for part in segment {
        text = match part.text(values) {
            Some(literal) => text.strip_prefix(literal)?,
            None => {
                let mut chars = text.chars();
                chars.next()?;
                chars.as_str()
            }
        };
    }
    Some(text)
}

fn strip_from_end<'t>(segment: &[Part], mut text: &'t str, values: &[&str]) -> Option<&'t str> {
    for part in segment.iter().rev() {
        text = match part.text(values) {
            Some(literal) => text.strip_suffix(literal)?,
            None => {
                let mut chars = text.chars();
                chars.next_back()?;
                chars.as_str()
            }
        };
    }
    Some(text)
}

/// What follows the first occurrence of a segment.
fn skip_past<'t>(segment: &[Part], text: &'t str, values: &[&str]) -> Option<&'t str> {
    match segment {
        [] => Some(text),
        [part] if let Some(literal) = part.text(values) => skip_past_literal(text, literal),
        _ if segment.iter().any(|part| matches!(part, Part::One)) => {
            // A variable and a `?` in one segment: the only form that is not linear.
            let mut starts = text.char_indices().filter_map(|(at, _)| text.get(at..));
            starts.find_map(|start| strip_from_start(segment, start, values))
        }
        _ => skip_past_parts(segment, text, values),
    }
}

/// The search of Karp and Rabin for literal pieces that stand side by side: one hash for all of them, rolled along
/// the text, and a comparison where it fits.
fn skip_past_parts<'t>(segment: &[Part], text: &'t str, values: &[&str]) -> Option<&'t str> {
    let bytes = || segment.iter().filter_map(|part| part.text(values)).flat_map(str::bytes);
    let (mut wanted, mut length, mut leaving) = (0_u64, 0_usize, 1_u64);
    for byte in bytes() {
        wanted = roll(wanted, byte);
        if length > 0 {
            leaving = leaving.wrapping_mul(BASE);
        }
        length += 1;
    }
    let head = text.as_bytes().get(..length)?;
    let mut found = head.iter().fold(0, |hash, &byte| roll(hash, byte));
    let mut windows = text.bytes().zip(text.bytes().skip(length)).enumerate();
    let mut at = 0;
    loop {
        if found == wanted
            && let Some(start) = text.get(at..)
            && let Some(rest) = strip_from_start(segment, start, values)
        {
            return Some(rest);
        }
        let (index, (old, new)) = windows.next()?;
        found = roll(found.wrapping_sub((u64::from(old) + 1).wrapping_mul(leaving)), new);
        at = index + 1;
    }
}

/// An odd number without pattern.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

fn roll(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::operator::expand;
    use crate::variable::Expansion;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn matches_as_the_expanded_text_does(
            pieces in prop::collection::vec(prop::sample::select(&[
                "a", "b", "é", "*", "?", "${k:a}", "${k:b}", "${k:c}", "${k:d, 'ab'}", "${*}", "${?}", "${", "}", "$",
            ][..]), 0..8),
            text in "[abé*?]{0,12}", a in "[abé*]{0,3}", b in "[ab]{0,3}", wild in any::<bool>(),
        ) {
            let mut context = Context::new();
            context.set("k:a", a);
            context.set("K:b", b);
            let pattern = pieces.concat();
            let (wildcards, token): (_, fn(char) -> Token) =
                if wild { (Wildcards::Yes, Token::of) } else { (Wildcards::No, Token::Literal) };
            for version in [Version::V2008, Version::V2012] {
                let wanted = match expand(&pattern, version, &context, token) {
                    Expansion::Tokens(tokens) => crate::pattern::Pattern::from_tokens(tokens).matches(&text).into(),
                    Expansion::Unresolved => Truth::No,
                    Expansion::Unreadable => Truth::Unreadable,
                };
                let found = Pattern::of(&pattern, version, wildcards)
                    .map_or(Truth::Unreadable, |pattern| pattern.matches(&text, &context));
                prop_assert_eq!(found, wanted, "{}", pattern);
            }
        }
    }
}
