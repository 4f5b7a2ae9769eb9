//! Actions: the request's in the form that is looked up, and the patterns of a statement sorted by how they are.

use std::hash::{BuildHasherDefault, Hasher};

use crate::Actions;
use crate::compile::glob::Glob;

/// The longest action name kept on the stack, in bytes; AWS's are half as long.
const NAME_ON_STACK: usize = 128;

/// The action of a request, in lower case.
pub(crate) struct Action {
    on_stack: [u8; NAME_ON_STACK],
    length: usize,
    /// The name, where it is too long for the stack.
    on_heap: String,
    /// Where the name after the service begins.
    after_service: usize,
}

impl Action {
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
        let after_service = name.bytes().position(|byte| byte == b':').map_or(0, |at| at + 1);
        Self { on_stack, length: name.len(), on_heap, after_service }
    }

    pub(crate) fn name(&self) -> &str {
        match self.on_stack.get(..self.length) {
            // Lower case of a text is a text.
            Some(name) => std::str::from_utf8(name).unwrap_or_default(),
            None => &self.on_heap,
        }
    }

    /// The service, colon included; empty when there is none.
    pub(crate) fn service(&self) -> &str {
        self.name().get(..self.after_service).unwrap_or_default()
    }

    /// The first eight bytes after the service.
    pub(crate) fn head(&self) -> u64 {
        head(self.name().as_bytes().get(self.after_service..).unwrap_or_default())
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
    /// What the first bytes after the service must be: `head & mask == self.head`.
    pub(crate) head: u64,
    pub(crate) mask: u64,
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
            return Self { service: None, head: 0, mask: 0, glob: Some(Glob::of(pattern)) };
        };
        let literal = name.split(['*', '?']).next().unwrap_or_default();
        let bytes = literal.len().min(size_of::<u64>());
        let mask = u64::MAX.checked_shr(64 - 8 * bytes as u32).unwrap_or(0);
        let says_all = literal.len() == bytes
            && name.len() == bytes + 1
            && name.ends_with('*')
            && !literal.contains('\0');
        Self {
            service: Some(format!("{service}:").into()),
            head: head(literal.as_bytes()) & mask,
            mask,
            glob: (!says_all).then(|| Glob::of(pattern)),
        }
    }

    fn matches(&self, action: &str) -> bool {
        match (&self.service, &self.glob) {
            (_, Some(glob)) => glob.matches(action),
            (Some(service), None) => action
                .strip_prefix(&**service)
                .is_some_and(|name| head(name.as_bytes()) & self.mask == self.head),
            (None, None) => true,
        }
    }
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
        let action = Action::of(&name);
        assert_eq!((action.name(), action.service()), (&*name.to_ascii_lowercase(), "s3:"));
    }
}
