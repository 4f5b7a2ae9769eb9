//! Actions: the request's in the form that is looked up, and the patterns of a statement sorted by how they are.

use std::cell::OnceCell;
use std::hash::{BuildHasherDefault, Hasher};

use crate::Actions;
use crate::compile::glob::Glob;
use crate::compile::table::{Kind, Name, mix};

/// The longest action name that is kept on the stack, in bytes; AWS's are half as long.
const ON_STACK: usize = 128;

/// Room for a name in lower case.
pub(crate) struct Room {
    on_stack: [u8; ON_STACK],
    on_heap: Vec<u8>,
}

impl Default for Room {
    fn default() -> Self {
        Self { on_stack: [0; ON_STACK], on_heap: Vec::new() }
    }
}

/// A name in lower case, eight bytes to a word, filled with zeros to one word more than it has.
pub(crate) struct LowerCase<'r> {
    words: &'r [[u8; 8]],
    length: usize,
    /// Where the service ends, colon included; 0 when there is none.
    service: usize,
    /// The first eight bytes after the service.
    head: u64,
}

impl<'r> LowerCase<'r> {
    /// `room` is one in which there was no name yet.
    #[inline]
    pub(crate) fn of(name: &str, room: &'r mut Room) -> Self {
        let bytes = name.as_bytes();
        let padded = 8 * (bytes.len() / 8 + 2);
        let room = match room.on_stack.get_mut(..padded) {
            Some(room) => room,
            None => {
                room.on_heap.resize(padded, 0);
                room.on_heap.as_mut_slice()
            }
        };
        let (words, _) = room.as_chunks_mut();
        let (full, rest) = bytes.as_chunks();
        let mut service = 0;
        let mut put = |number: usize, word: u64| {
            if service == 0
                && let Some(at) = find_colon(word)
            {
                service = 8 * number + at + 1;
            }
            let place = words.get_mut(number).into_iter();
            place.for_each(|place| *place = lower(word).to_le_bytes());
        };
        full.iter().enumerate().for_each(|(number, word)| put(number, u64::from_le_bytes(*word)));
        put(full.len(), head(rest));
        let head = match words.get(service / 8..) {
            Some([word, next, ..]) => {
                let (word, next) = (u64::from_le_bytes(*word), u64::from_le_bytes(*next));
                let bits = 8 * (service % 8) as u32;
                word >> bits | next.checked_shl(64 - bits).unwrap_or(0)
            }
            _ => 0,
        };
        Self { words, length: bytes.len(), service, head }
    }

    /// The whole of it as the name of an action or a service.
    #[inline]
    pub(crate) fn name(&self, kind: Kind) -> Name<'r> {
        Name::of(kind, self.words, self.length)
    }

    fn text(&self) -> &'r str {
        let bytes = self.words.as_flattened().get(..self.length).unwrap_or_default();
        // Lower case of a text is a text.
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// A one, and the high bit, in each byte.
const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = 0x80 * ONES;

/// The place of the first colon among eight bytes.
#[inline]
fn find_colon(word: u64) -> Option<usize> {
    // Zero where there is one. Of a byte that is zero the high bit is set here; of others perhaps, if they are above it.
    let other = word ^ (u64::from(b':') * ONES);
    let found = other.wrapping_sub(ONES) & !other & HIGH;
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Eight bytes, ASCII letters among them in lower case.
#[inline]
fn lower(word: u64) -> u64 {
    // The high bit of each byte says whether the other seven are at least `A`, and whether they are above `Z`.
    let low = word & !HIGH;
    let from_a = low + (0x80 - u64::from(b'A')) * ONES;
    let above_z = low + (0x7f - u64::from(b'Z')) * ONES;
    word | (from_a & !above_z & !word & HIGH) >> 2
}

/// The action of a request.
pub(crate) struct Action<'r> {
    lower: LowerCase<'r>,
    /// Kept, since many patterns may ask, and each time the bytes would be looked through for whether they are a text.
    text: OnceCell<&'r str>,
    /// The first eight bytes after the service, in lower case.
    pub(crate) head: u64,
    /// What it is looked up by.
    pub(crate) whole: Name<'r>,
    pub(crate) service: Name<'r>,
}

impl<'r> Action<'r> {
    /// `room` is one in which there was no name yet.
    #[inline]
    pub(crate) fn of(name: &str, room: &'r mut Room) -> Self {
        let lower = LowerCase::of(name, room);
        Self {
            text: OnceCell::new(),
            head: lower.head,
            whole: lower.name(Kind::Action),
            service: Name::of(Kind::Service, lower.words, lower.service),
            lower,
        }
    }

    /// The name in lower case.
    #[inline]
    pub(crate) fn name(&self) -> &'r str {
        self.text.get_or_init(|| self.lower.text())
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
    /// What the first bytes after the service must be, and how many of them count.
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
        let bytes = literal.len().min(size_of::<u64>());
        let says_all = name.len() == bytes + 1 && name.ends_with('*') && !literal.contains('\0');
        Self {
            service: Some(format!("{service}:").into()),
            head: head(literal.as_bytes()),
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
            let lowered = LowerCase::of(name, &mut Room::default()).head;
            assert_eq!(lowered, u64::from_le_bytes(bytes), "{name}");
            assert_eq!(head(wanted.as_bytes()), u64::from_le_bytes(bytes), "{name}");
        }
    }

    #[test]
    fn letters_are_lowered_as_everywhere() {
        for byte in 0..=u8::MAX {
            for other in [b'A', b'@', b'z', 0xff] {
                let mut bytes = [byte, other, byte, byte, other, other, byte, other];
                let word = lower(u64::from_le_bytes(bytes));
                bytes.make_ascii_lowercase();
                assert_eq!(word.to_le_bytes(), bytes);
            }
        }
    }

    #[test]
    fn long_names_are_kept_whole() {
        let name = format!("S3:{}", "Ab".repeat(200));
        let mut room = Room::default();
        let action = Action::of(&name, &mut room);
        assert_eq!(action.name(), name.to_ascii_lowercase());
    }
}
