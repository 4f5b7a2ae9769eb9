//! Actions: the request's in the form that is looked up, and the patterns of a statement sorted by how they are.

use std::hash::{BuildHasherDefault, Hasher};

use crate::Actions;
use crate::compile::glob::Glob;
use crate::compile::table::{Kind, Name};

/// The longest action name kept on the stack, in bytes; AWS's are half as long.
const NAME_ON_STACK: usize = 128;

/// A name in lower case, short ones on the stack.
pub(crate) struct LowerCase {
    on_stack: [u8; NAME_ON_STACK],
    length: usize,
    on_heap: String,
}

impl LowerCase {
    pub(crate) fn of(name: &str) -> Self {
        let mut on_stack = [0; NAME_ON_STACK];
        let on_heap = match on_stack.get_mut(..name.len()) {
            Some(place) => {
                place.copy_from_slice(name.as_bytes());
                place.make_ascii_lowercase();
                String::new()
            }
            None => name.to_ascii_lowercase(),
        };
        Self { on_stack, length: name.len(), on_heap }
    }

    pub(crate) fn text(&self) -> &str {
        match self.on_stack.get(..self.length) {
            // Lower case of a text is a text.
            Some(name) => std::str::from_utf8(name).unwrap_or_default(),
            None => &self.on_heap,
        }
    }
}

/// The action of a request, in lower case.
#[derive(Clone, Copy)]
pub(crate) struct Action<'n> {
    pub(crate) name: &'n str,
    /// The first eight bytes after the service.
    pub(crate) head: u64,
    /// Name and service as they are looked up.
    pub(crate) names: (Name<'n>, Name<'n>),
}

impl<'n> Action<'n> {
    pub(crate) fn of(lower: &'n LowerCase) -> Self {
        let name = lower.text();
        let after = name.bytes().position(|byte| byte == b':').map_or(0, |at| at + 1);
        let (service, rest) = name.split_at_checked(after).unwrap_or_default();
        let names = (Name::of(Kind::Action, name), Name::of(Kind::Service, service));
        Self { name, head: head(rest.as_bytes()), names }
    }
}

/// The first eight bytes, the first in the lowest place; zeros where there are fewer.
fn head(name: &[u8]) -> u64 {
    match name.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => name.iter().rev().fold(0, |head, &byte| head << 8 | u64::from(byte)),
    }
}

/// The actions of a statement, in lower case.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActionPatterns {
    /// Names without wildcards.
    pub(crate) exact: Box<[Box<str>]>,
    pub(crate) wild: Box<[WildAction]>,
    pub(crate) negated: bool,
    /// Whether the element makes no sense, so that a Deny applies to every action.
    pub(crate) unreadable: bool,
}

/// An action with wildcards.
#[derive(Clone, Debug)]
pub(crate) struct WildAction {
    /// The service, colon included, when it is given.
    pub(crate) service: Option<Box<str>>,
    /// What the first bytes after the service must be, and how many bits of them count.
    pub(crate) head: u64,
    pub(crate) bits: u8,
    /// The whole pattern, unless the head says it all.
    pub(crate) glob: Option<Glob>,
}

impl ActionPatterns {
    pub(crate) fn of(actions: Option<&Actions>) -> Self {
        let Some(actions) = actions.filter(|actions| !actions.patterns.is_empty()) else {
            return Self { unreadable: true, ..Self::default() };
        };
        let lower = actions.patterns.iter().map(|pattern| pattern.value.to_ascii_lowercase());
        let (wild, mut exact): (Vec<String>, Vec<String>) =
            lower.partition(|pattern| pattern.contains(['*', '?']));
        exact.sort_unstable();
        exact.dedup();
        Self {
            exact: exact.into_iter().map(String::into_boxed_str).collect(),
            wild: wild.iter().map(|pattern| WildAction::of(pattern)).collect(),
            negated: actions.negated,
            unreadable: false,
        }
    }

    /// Whether a `NotAction` leaves an action to the statement.
    pub(crate) fn leaves(&self, action: &str) -> bool {
        !self.exact.iter().any(|name| **name == *action)
            && !self.wild.iter().any(|pattern| pattern.matches(action))
    }
}

impl WildAction {
    fn of(pattern: &str) -> Self {
        let Some((service, name)) =
            pattern.split_once(':').filter(|(service, _)| is_plain(service))
        else {
            return Self { service: None, head: 0, bits: 0, glob: Some(Glob::of(pattern)) };
        };
        let literal = name.split(['*', '?']).next().unwrap_or_default();
        let bytes = literal.len().min(size_of::<u64>());
        let bits = 8 * bytes as u8;
        let says_all = name.len() == bytes + 1 && name.ends_with('*') && !literal.contains('\0');
        Self {
            service: Some(format!("{service}:").into()),
            head: head(literal.as_bytes()),
            bits,
            glob: (!says_all).then(|| Glob::of(pattern)),
        }
    }

    fn matches(&self, action: &str) -> bool {
        match (&self.service, &self.glob) {
            (_, Some(glob)) => glob.matches(action),
            (Some(service), None) => action
                .strip_prefix(&**service)
                .is_some_and(|name| begins_with(head(name.as_bytes()), self.head, self.bits)),
            (None, None) => true,
        }
    }
}

/// Whether two heads agree in so many bits.
#[inline]
pub(crate) fn begins_with(head: u64, wanted: u64, bits: u8) -> bool {
    (head ^ wanted).checked_shl(64 - u32::from(bits)).unwrap_or(0) == 0
}

fn is_plain(text: &str) -> bool {
    !text.contains(['*', '?'])
}

/// Hashes names eight bytes at a time. Whoever writes policies with colliding names slows down their own decisions
/// alone.
#[derive(Default)]
pub(crate) struct NameHasher(u64);

/// For tables by name.
pub(crate) type ByName = BuildHasherDefault<NameHasher>;

impl NameHasher {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(MULTIPLIER);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// An odd number without pattern.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        self.mix(head(rest) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 ^= u64::from(byte);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_pattern_never_decides_alone_about_what_it_cannot_see() {
        for (pattern, action, wanted) in [
            ("s3:get*", "s3:getobject", true),
            ("s3:get*", "s3:ge", false),
            ("s3:getobjec*", "s3:getobjec", true),
            ("s3:getobjec*", "s3:getobject", true),
            ("s3:getobject*", "s3:getobjec", false),
            ("s3:get*t", "s3:getobjectacl", false),
            ("s3:*", "s3:", true),
            ("s3:*", "s3x:a", false),
            ("s3:\0*", "s3:", false),
            ("*:get*", "s3:getobject", true),
            ("?", "s3:a", false),
        ] {
            assert_eq!(WildAction::of(pattern).matches(action), wanted, "{pattern} {action}");
        }
    }

    #[test]
    fn long_names_are_kept_whole() {
        let name = format!("S3:{}", "Ab".repeat(200));
        let lower = LowerCase::of(&name);
        let action = Action::of(&lower);
        assert_eq!(action.name, name.to_ascii_lowercase());
    }
}
