//! Actions: the request's in the form that is looked up, and the patterns of a statement sorted by how they are.

use std::hash::{BuildHasherDefault, Hasher};

use crate::Actions;
use crate::compile::glob::Glob;
use crate::compile::table::{Kind, Name, Spelling, mix};

/// An action as requests have it: `service:Name`, compared without regard to case. What it is looked up by is worked out
/// when it is made, so one that is asked for often is best kept.
#[derive(Clone, Debug)]
pub struct Action {
    /// The name in lower case with eight zeros or more behind it, to a multiple of eight bytes; then as it was given.
    text: Box<str>,
    /// How long the name is.
    length: usize,
    /// The first eight bytes after the service, in lower case.
    head: u64,
    whole: Spelling,
    service: Spelling,
}

/// As many as stand behind a name at most.
const ZEROS: &str = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

impl Action {
    /// The action of this name.
    pub fn new(name: &str) -> Self {
        let length = name.len();
        let zeros = ZEROS.get(length % 8..).unwrap_or_default();
        let mut text = String::with_capacity(2 * length + zeros.len());
        text.push_str(name);
        text.make_ascii_lowercase();
        text.push_str(zeros);
        let service = memchr::memchr(b':', name.as_bytes()).map_or(0, |colon| colon + 1);
        let head = head(text.as_bytes().get(service..).unwrap_or_default());
        let (words, _) = text.as_bytes().as_chunks();
        let whole = Spelling::of(Kind::Action, words, length);
        let service = Spelling::of(Kind::Service, words, service);
        text.push_str(name);
        Self { text: text.into(), length, head, whole, service }
    }

    /// The name as it was given.
    pub fn name(&self) -> &str {
        self.text.get(self.text.len() - self.length..).unwrap_or_default()
    }

    /// The name in lower case.
    #[inline]
    pub(crate) fn lower(&self) -> &str {
        self.text.get(..self.length).unwrap_or_default()
    }

    /// The first eight bytes after the service, in lower case.
    #[inline]
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// What it is looked up by.
    #[inline]
    pub(crate) fn whole(&self) -> Name<'_> {
        self.whole.name(self.words())
    }

    /// What its service is looked up by.
    #[inline]
    pub(crate) fn service(&self) -> Name<'_> {
        self.service.name(self.words())
    }

    /// Both.
    #[inline]
    pub(crate) fn names(&self) -> [Name<'_>; 2] {
        [self.whole(), self.service()]
    }

    #[inline]
    fn words(&self) -> &[[u8; 8]] {
        self.text.as_bytes().as_chunks().0
    }
}

/// The first eight bytes, the first in the lowest place; zeros where there are fewer.
pub(crate) fn head(name: &[u8]) -> u64 {
    let word = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    match (name.first_chunk(), name.first_chunk(), name.last_chunk()) {
        (Some(bytes), _, _) => u64::from_le_bytes(*bytes),
        // The two halves overlap, and agree where they do.
        (None, Some(first), Some(last)) => word(first) | word(last) << (8 * (name.len() - 4)),
        _ => name.iter().rev().fold(0, |head, &byte| head << 8 | u64::from(byte)),
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
    /// What the first bytes after the service must be, and how many of them count: [`HEAD`] at most.
    pub(crate) head: u64,
    pub(crate) bytes: u8,
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
            return Self { service: None, head: 0, bytes: 0, glob: Some(Glob::of(pattern)) };
        };
        let literal = name.split(['*', '?']).next().unwrap_or_default();
        let bytes = literal.len().min(HEAD);
        let says_all = name.len() == bytes + 1 && name.ends_with('*') && !literal.contains('\0');
        Self {
            service: Some(format!("{service}:").into()),
            head: head(literal.as_bytes().get(..bytes).unwrap_or_default()),
            bytes: bytes as u8,
            glob: (!says_all).then(|| Glob::of(pattern)),
        }
    }

    /// Whether an action, in lower case, is one of these.
    pub(crate) fn matches(&self, action: &str) -> bool {
        match (&self.service, &self.glob) {
            (_, Some(glob)) => glob.matches(action),
            (Some(service), None) => action
                .strip_prefix(&**service)
                .is_some_and(|name| begins_with(head(name.as_bytes()), self.head, self.bytes)),
            (None, None) => true,
        }
    }
}

/// So many bytes of a pattern are its head.
const HEAD: usize = 7;

/// Whether two heads agree in so many bytes.
#[inline]
pub(crate) fn begins_with(head: u64, wanted: u64, bytes: u8) -> bool {
    (head ^ wanted).checked_shl(64 - 8 * u32::from(bytes)).unwrap_or(0) == 0
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

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        let last = head(rest) ^ (bytes.len() as u64) << 56;
        self.0 = words.chain([last]).fold(self.0, mix);
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
    fn the_head_is_what_follows_the_service() {
        for name in [
            "",
            "a",
            "s3:",
            "s3:A",
            "s3:Get",
            "s3:GetO",
            "s3:GetOb",
            "s3:GetObject",
            "sevenby:GetObject",
            "eight-by:GetObject",
            "secretsmanager:GetSecretValue",
            "secretsmanager:G",
            ":x",
            "sqs",
        ] {
            let wanted = name.split_once(':').map_or(name, |(_, rest)| rest).to_ascii_lowercase();
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(wanted.bytes()).for_each(|(place, byte)| *place = byte);
            let lowered = Action::new(name).head;
            assert_eq!(lowered, u64::from_le_bytes(bytes), "{name}");
            assert_eq!(head(wanted.as_bytes()), u64::from_le_bytes(bytes), "{name}");
        }
    }

    #[test]
    fn long_names_are_kept_whole() {
        let name = format!("S3:{}", "Ab".repeat(200));
        let action = Action::new(&name);
        assert_eq!(action.lower(), name.to_ascii_lowercase());
    }
}
