//! From names to lists, in few and close places in memory: a decision asks about a principal that was not asked about
//! for long, so nothing of its set is in any cache, and each step from one place to the next is waited for.

use std::sync::Arc;

use crate::compile::candidate::{Candidate, Packed};

/// A name that is looked up in many tables: its length in bytes and its kind, then its bytes, eight to a word, the
/// last one filled with zeros.
#[derive(Clone, Copy)]
pub(crate) struct Name<'n> {
    first: u64,
    /// The words that are full.
    full: &'n [u64],
    last: u64,
    hash: u64,
    /// Which of the marks is the name's: the word and its bit.
    mark: (usize, u64),
}

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Action,
    /// With its colon.
    Service,
}

impl<'n> Name<'n> {
    /// The name that the first bytes of these words are; what follows it may be anything.
    #[inline]
    pub(crate) fn of(kind: Kind, words: &'n [u64], length: usize) -> Self {
        let (full, rest) = words.split_at_checked(length / 8).unwrap_or((words, &[]));
        let bits = 8 * (length % 8);
        let last = rest.first().map_or(0, |word| word & ((1 << bits) - 1));
        let first = (length as u64) << 1 | u64::from(kind == Kind::Service);
        let hash = full.iter().fold(mix(MULTIPLIER, first), |hash, word| mix(hash, *word));
        let hash = mix(hash, last);
        let mark = (hash >> 48) as u8;
        let mark = (usize::from(mark >> 6 & 1), 1 << (mark & 63));
        Self { first, full, last, hash, mark }
    }

    /// 32 bits of the hash.
    #[inline]
    fn print(&self) -> u64 {
        self.hash >> 16 & 0xffff_ffff
    }

    /// Where the name may be, if not in an earlier step.
    #[inline]
    fn place(&self, mask: u32, step: u64) -> usize {
        (self.hash.wrapping_add(step) & u64::from(mask)) as usize
    }

    /// The words behind the name, if these begin with it.
    #[inline]
    fn strip_from<'w>(&self, words: &'w [u64]) -> Option<&'w [u64]> {
        let (first, words) = words.split_first()?;
        let (full, words) = words.split_at_checked(self.full.len())?;
        let (last, words) = words.split_first()?;
        let same = *first == self.first && *last == self.last && full.iter().eq(self.full);
        same.then_some(words)
    }
}

/// A hash with one word more.
#[inline]
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(MULTIPLIER);
    (product >> 64) as u64 ^ product as u64
}

/// An odd number without pattern.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bit for each name, and for others: tells of most names that they are not there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks([u64; 2]);

impl Marks {
    fn add(&mut self, name: &Name<'_>) {
        let (word, bit) = name.mark;
        self.0.get_mut(word).into_iter().for_each(|marks| *marks |= bit);
    }

    /// Whether the name may be there.
    #[inline]
    pub(crate) fn may_have(&self, name: &Name<'_>) -> bool {
        let (word, bit) = name.mark;
        self.0.get(word).is_some_and(|marks| marks & bit != 0)
    }
}

/// The candidates of a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) denies: Vec<Candidate>,
    /// Those that settle most for the least work first.
    pub(crate) allows: Vec<Candidate>,
}

/// The same, as they stand in a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct List<'t> {
    pub(crate) denies: &'t [Packed],
    pub(crate) allows: &'t [Packed],
}

/// Lists by name, in one piece of memory: the places of an open table in which at least every third one is free, the
/// list that has no name, and the others, each behind its name.
///
/// A place that is not free is a part of the name's hash, and where the list begins. A list is a word with its numbers
/// of denying and of allowing candidates, its name, and the candidates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'t> {
    words: &'t [u64],
    /// How many places there are, less one.
    mask: u32,
}

/// What a table is kept as.
pub(crate) struct Tabulated {
    pub(crate) words: Arc<[u64]>,
    pub(crate) mask: u32,
    /// Of all names.
    pub(crate) marks: Marks,
}

/// A place that is free.
const FREE: u64 = 0;

/// Makes the table of the list that has no name, and of the others.
pub(crate) fn tabulate<'n>(
    nameless: &Candidates,
    named: impl ExactSizeIterator<Item = (Name<'n>, Candidates)>,
) -> Tabulated {
    let size = (named.len() + named.len() / 2 + 1).next_power_of_two();
    let mask = u32::try_from(size - 1).unwrap_or(u32::MAX);
    let (mut words, mut marks) = (vec![FREE; size], Marks::default());
    append(&mut words, None, nameless);
    for (name, candidates) in named {
        let list = words.len();
        let mut places = (0..size as u64).map(|step| name.place(mask, step));
        let free = places.find(|at| words.get(*at) == Some(&FREE));
        let place = free.and_then(|at| words.get_mut(at));
        // Memory ends long before the numbers do.
        if let (Some(place), Ok(list)) = (place, u32::try_from(list)) {
            *place = name.print() << 32 | u64::from(list);
            marks.add(&name);
            append(&mut words, Some(name), &candidates);
        }
    }
    Tabulated { words: words.into(), mask, marks }
}

impl<'t> Table<'t> {
    pub(crate) fn new(words: &'t [u64], mask: u32) -> Self {
        Self { words, mask }
    }

    /// The list of a name; the empty one if it has none.
    #[inline]
    pub(crate) fn find(&self, name: &Name<'_>) -> List<'t> {
        for step in 0.. {
            match self.words.get(name.place(self.mask, step)) {
                // Some place is free.
                None | Some(&FREE) => break,
                Some(place) if place >> 32 == name.print() => {
                    if let Some(list) = self.list_of(*place, name) {
                        return list;
                    }
                }
                Some(_) => {}
            }
        }
        List::default()
    }

    /// Reads what [`Self::find`] will probably read.
    #[inline]
    pub(crate) fn glance(&self, name: &Name<'_>) -> u64 {
        let word = |at: usize| self.words.get(at).copied().unwrap_or_default();
        word(word(name.place(self.mask, 0)) as u32 as usize)
    }

    /// The list that has no name.
    #[inline]
    pub(crate) fn nameless(&self) -> List<'t> {
        match self.words.get(self.mask as usize + 1..) {
            Some([counts, rest @ ..]) => list(*counts, rest),
            _ => List::default(),
        }
    }

    #[inline]
    fn list_of(&self, place: u64, name: &Name<'_>) -> Option<List<'t>> {
        let (counts, rest) = self.words.get(place as u32 as usize..)?.split_first()?;
        Some(list(*counts, name.strip_from(rest)?))
    }
}

fn append(words: &mut Vec<u64>, name: Option<Name<'_>>, candidates: &Candidates) {
    let Candidates { denies, allows } = candidates;
    words.push((denies.len() as u64) << 32 | allows.len() as u64);
    if let Some(Name { first, full, last, .. }) = name {
        words.push(first);
        words.extend_from_slice(full);
        words.push(last);
    }
    words.extend(denies.iter().chain(allows).flat_map(|it| it.pack()));
}

/// The list of so many candidates that `words` begins with.
#[inline]
fn list(counts: u64, words: &[u64]) -> List<'_> {
    let (candidates, _) = words.as_chunks();
    let (denies, allows) = ((counts >> 32) as usize, counts as u32 as usize);
    let Some((denies, rest)) = candidates.split_at_checked(denies) else { return List::default() };
    List { denies, allows: rest.get(..allows).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::action::head;
    use crate::compile::candidate::Check;
    use crate::compile::rule::Probe;

    fn candidate(document: u32) -> Candidate {
        let (probe, check) = (Probe::NONE, Check::NONE);
        Candidate { head: 7, bits: 0, probe, check, slot: 1, document, rule: 2 }
    }

    /// One that denies, and two that allow.
    fn candidates(number: u32) -> Candidates {
        Candidates {
            denies: vec![candidate(number)],
            allows: vec![candidate(number + 1), candidate(number + 2)],
        }
    }

    fn has(list: List<'_>, number: u32) -> bool {
        let wanted = candidates(number);
        let same = |packed: &[Packed], candidates: &[Candidate]| {
            packed.iter().map(Candidate::unpack).eq(candidates.iter().copied())
        };
        same(list.denies, &wanted.denies) && same(list.allows, &wanted.allows)
    }

    fn words(text: &str) -> Vec<u64> {
        text.as_bytes().chunks(8).map(head).collect()
    }

    #[test]
    fn every_name_has_its_own_list_and_others_have_none() {
        for count in [0_u32, 1, 2, 3, 100, 1000] {
            let text = |number| format!("s{}:a{number}", number % 7);
            let texts: Vec<(usize, Vec<u64>)> =
                (0..count).map(|it| (text(it).len(), words(&text(it)))).collect();
            let named = texts.iter().zip(0..).flat_map(|((length, words), at)| {
                [(Kind::Action, 2 * at), (Kind::Service, 2 * at + 1)]
                    .map(|(kind, at)| (Name::of(kind, words, *length), at))
            });
            let named: Vec<(Name<'_>, u32)> = named.collect();
            let lists = named.iter().map(|(name, number)| (*name, candidates(*number)));
            let Tabulated { words: made, mask, marks } = tabulate(&candidates(9999), lists);
            let table = Table::new(&made, mask);
            for (name, number) in &named {
                assert!(marks.may_have(name) && has(table.find(name), *number), "{number}");
            }
            for other in (count..count + 1000).map(text) {
                let found = table.find(&Name::of(Kind::Action, &words(&other), other.len()));
                assert_eq!(found, List::default(), "{other}");
            }
            assert!(has(table.nameless(), 9999));
        }
    }

    #[test]
    fn names_that_hash_alike_are_told_apart() {
        let (long, shorter) = ("a".repeat(200), "a".repeat(199));
        let texts = ["s3:getobject", "s3:putobject", "s3:getobjectacl", "s3:getob", "", &long];
        let spelled = texts.map(|text| (text.len(), words(text)));
        fn alike(kind: Kind, length: usize, words: &[u64]) -> Name<'_> {
            Name { hash: 0xabcd_0000_0000_0007, ..Name::of(kind, words, length) }
        }
        let all: Vec<(Name<'_>, u32)> = spelled
            .iter()
            .zip(0..)
            .map(|((length, words), at)| (alike(Kind::Action, *length, words), at))
            .collect();
        let lists = all.iter().map(|(name, at)| (*name, candidates(*at)));
        let Tabulated { words: made, mask, .. } = tabulate(&Candidates::default(), lists);
        let table = Table::new(&made, mask);
        for (name, number) in &all {
            assert!(has(table.find(name), *number), "{number}");
        }
        let finds = |kind, text: &str| {
            table.find(&alike(kind, text.len(), &words(text))) != List::default()
        };
        for other in
            ["s3:getobjec", "s3:getobjecx", "s3:getobjectac", "s3:getobject\0", "s", &shorter]
        {
            assert!(!finds(Kind::Action, other), "{other}");
        }
        assert!(finds(Kind::Action, "s3:getobject") && !finds(Kind::Service, "s3:getobject"));
    }
}
