//! From names to lists, in few and close places in memory: a decision asks about a principal that was not asked about
//! for long, so nothing of its set is in any cache, and each step from one place to the next is waited for.

use std::sync::Arc;

use prefetch_index::prefetch_index;

use crate::compile::candidate::{Candidate, Run, WORDS};

/// A name that is looked up in many tables.
#[derive(Clone, Copy)]
pub(crate) struct Name<'n> {
    spelling: Spelling,
    /// The words that are full.
    full: &'n [[u8; 8]],
}

/// What is known of a name beside its bytes: it is written as its length in bytes and its kind, then the bytes, eight to
/// a word, the last one filled with zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    first: u64,
    last: u64,
    hash: u64,
    /// Which of the marks is the name's: the word and its bit.
    mark: (usize, u64),
}

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Action = 1,
    /// With its colon.
    Service = 2,
}

impl<'n> Name<'n> {
    /// The name that nothing is looked up by.
    pub(crate) const NONE: Self =
        Self { spelling: Spelling { first: 0, last: 0, hash: 0, mark: (0, 0) }, full: &[] };

    pub(crate) fn is_none(&self) -> bool {
        self.spelling.first == Self::NONE.spelling.first
    }

    /// The words behind the name, if these begin with it.
    #[inline]
    fn strip_from<'w>(&self, words: &'w [u64]) -> Option<&'w [u64]> {
        let (first, words) = words.split_first()?;
        let (full, words) = words.split_at_checked(self.full.len())?;
        let (last, words) = words.split_first()?;
        let full = || full.iter().copied().eq(self.full.iter().map(|it| u64::from_le_bytes(*it)));
        let Spelling { first: own, last: end, .. } = self.spelling;
        (*first == own && *last == end && full()).then_some(words)
    }
}

impl Spelling {
    /// That of the first bytes of these words; what follows them may be anything.
    pub(crate) fn of(kind: Kind, words: &[[u8; 8]], length: usize) -> Self {
        let (full, rest) = words.split_at_checked(length / 8).unwrap_or((words, &[]));
        let bits = 8 * (length % 8);
        let last = rest.first().map_or(0, |word| u64::from_le_bytes(*word) & ((1 << bits) - 1));
        let first = (length as u64) << 2 | kind as u64;
        let words = full.iter().map(|word| u64::from_le_bytes(*word));
        let hash = mix(words.fold(mix(MULTIPLIER, first), mix), last);
        let mark = (hash >> 48) as u8;
        let mark = (usize::from(mark >> 6 & 1), 1 << (mark & 63));
        Self { first, last, hash, mark }
    }

    /// The name that these words begin with.
    #[inline]
    pub(crate) fn name(self, words: &[[u8; 8]]) -> Name<'_> {
        let full = words.get(..(self.first >> 2) as usize / 8).unwrap_or_default();
        Name { spelling: self, full }
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
    pub(crate) fn add(&mut self, name: &Name<'_>) {
        let (word, bit) = name.spelling.mark;
        self.0.get_mut(word).into_iter().for_each(|marks| *marks |= bit);
    }

    /// Whether the name may be there.
    #[inline]
    pub(crate) fn may_have(&self, name: &Name<'_>) -> bool {
        let (word, bit) = name.spelling.mark;
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
    pub(crate) denies: Run<'t>,
    pub(crate) allows: Run<'t>,
}

impl List<'_> {
    pub(crate) fn len(&self) -> usize {
        self.denies.len() + self.allows.len()
    }

    /// What there is of a document, if the documents are in order.
    pub(crate) fn of_document(&self, document: u32) -> Self {
        let Self { denies, allows } = self;
        Self { denies: denies.of_document(document), allows: allows.of_document(document) }
    }
}

/// Lists by name: the places of an open table in which at least every third one is free, and the lists, one behind the
/// other.
///
/// A place that is not free is a part of the name's hash, and where the list begins. A list is a word with its numbers
/// of denying and of allowing candidates, its name, and the candidates.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Lists {
    places: Box<[u64]>,
    words: Vec<u64>,
    /// Where the list begins that has no name, and so no place.
    nameless: u32,
    /// How many places are not free.
    names: u32,
    /// How many words belong to lists that were replaced.
    unused: usize,
}

/// Lists, as they are looked into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'t> {
    places: &'t [u64],
    words: &'t [u64],
    nameless: u32,
}

/// A place that is free.
const FREE: u64 = 0;

impl Default for Lists {
    fn default() -> Self {
        let words = written(&Name::NONE, &Candidates::default());
        Self { places: [FREE].into(), words, nameless: 0, names: 0, unused: 0 }
    }
}

impl Lists {
    pub(crate) fn table(&self) -> Table<'_> {
        Table { places: &self.places, words: &self.words, nameless: self.nameless }
    }

    /// Gives a name its list, in place of the one that it has.
    pub(crate) fn put(&mut self, name: &Name<'_>, candidates: &Candidates) {
        let places = self.places.len();
        if 3 * (self.names as usize + 1) > 2 * places || 2 * self.unused > self.words.len() {
            self.tidy();
        }
        let (place, old) = match name.is_none() {
            true => (None, Some(self.nameless)),
            false => {
                let (place, old) = self.table().seek(name);
                (Some(place), old.map(|(old, _)| old))
            }
        };
        let old = old.and_then(|old| Stored::at(&self.words, old));
        self.unused += old.map_or(0, |old| old.words.len());
        self.append(place, name.spelling.hash, &written(name, candidates));
    }

    /// All places and, behind them, the lists, of which that without name comes first; and how many places there are.
    pub(crate) fn freeze(mut self) -> (Arc<[u64]>, usize) {
        self.tidy();
        ([&*self.places, &self.words].concat().into(), self.places.len())
    }

    /// Leaves out the lists that were replaced, and those that are empty. The list without name comes first.
    pub(crate) fn tidy(&mut self) {
        let Self { places, words, nameless, .. } = std::mem::take(self);
        let named = places.iter().filter(|place| **place != FREE).map(|place| *place as u32);
        let lists: Vec<Stored<'_>> = std::iter::once(nameless)
            .chain(named)
            .filter_map(|at| Stored::at(&words, at))
            .filter(|it| it.is_nameless() || it.list != List::default())
            .collect();
        self.words.clear();
        // With room for one name more: one of these is without.
        let places = (lists.len() + lists.len() / 2 + 1).next_power_of_two();
        self.places = std::iter::repeat_n(FREE, places).collect();
        for list in lists {
            let place = (!list.is_nameless()).then(|| self.table().free(list.hash));
            self.append(place, list.hash, list.words);
        }
        self.words.shrink_to_fit();
    }

    /// Adds a list, and says at its place where it is; the one that has no name has no place.
    fn append(&mut self, place: Option<usize>, hash: u64, words: &[u64]) {
        // Memory ends long before the numbers do.
        let Ok(list) = u32::try_from(self.words.len()) else { return };
        match place {
            None => self.nameless = list,
            Some(place) => {
                if let Some(place) = self.places.get_mut(place) {
                    self.names += u32::from(*place == FREE);
                    *place = print(hash) << 32 | u64::from(list);
                }
            }
        }
        self.words.extend_from_slice(words);
    }
}

impl<'t> Table<'t> {
    /// Of what was frozen with so many places.
    #[inline]
    pub(crate) fn frozen(words: &'t [u64], places: usize) -> Self {
        let (places, words) = words.split_at_checked(places).unwrap_or_default();
        Self { places, words, nameless: 0 }
    }

    /// The list of a name; the empty one if it has none.
    #[inline]
    pub(crate) fn find(&self, name: &Name<'_>) -> List<'t> {
        self.seek(name).1.map_or_else(List::default, |(_, list)| list)
    }

    /// Asks memory for where lists of these names are said to begin.
    #[inline]
    pub(crate) fn ask_for_places(&self, names: &[Name<'_>; 2]) {
        names.iter().for_each(|it| prefetch_index(self.places, self.place(it.spelling.hash)));
    }

    /// Asks memory for the beginnings of lists of these names.
    #[inline]
    pub(crate) fn ask_for_lists(&self, names: &[Name<'_>; 2]) {
        for name in names {
            // A free place is read as one that points at the first list.
            let place = self.places.get(self.place(name.spelling.hash)).copied();
            let list = place.unwrap_or(FREE) as u32 as usize;
            // Three lines of the processor's cache: most lists are no longer.
            [0, 8, 16].into_iter().for_each(|line| prefetch_index(self.words, list + line));
        }
    }

    /// The list that has no name.
    #[inline]
    pub(crate) fn nameless(&self) -> List<'t> {
        match self.words.get(self.nameless as usize..) {
            Some([counts, _, _, _, rest @ ..]) => list(*counts, rest),
            _ => List::default(),
        }
    }

    /// The list of a name, or the one that has none.
    pub(crate) fn of(&self, name: &Name<'_>) -> List<'t> {
        if name.is_none() { self.nameless() } else { self.find(name) }
    }

    /// A name's place, with its list and where that begins; or the place that is free for it.
    #[inline]
    fn seek(&self, name: &Name<'_>) -> (usize, Option<(u32, List<'t>)>) {
        let (mut step, print) = (name.spelling.hash, print(name.spelling.hash));
        loop {
            let at = self.place(step);
            match self.places.get(at) {
                // Some place is free.
                None | Some(&FREE) => return (at, None),
                Some(place) if place >> 32 == print => {
                    if let Some(list) = self.list_of(*place as u32, name) {
                        return (at, Some((*place as u32, list)));
                    }
                }
                Some(_) => {}
            }
            step = step.wrapping_add(1);
        }
    }

    /// A free place for a name that has none.
    fn free(&self, hash: u64) -> usize {
        let steps = (0..).map(|step| self.place(hash.wrapping_add(step)));
        let is_free = |at: &usize| self.places.get(*at).is_none_or(|place| *place == FREE);
        steps.take(self.places.len()).find(is_free).unwrap_or_default()
    }

    /// Where a name may be.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        hash as usize & self.places.len().wrapping_sub(1)
    }

    #[inline]
    fn list_of(&self, at: u32, name: &Name<'_>) -> Option<List<'t>> {
        match self.words.get(at as usize..)? {
            [counts, _, rest @ ..] => Some(list(*counts, name.strip_from(rest)?)),
            _ => None,
        }
    }
}

/// The part of a hash that stands in a place.
#[inline]
fn print(hash: u64) -> u64 {
    hash >> 16 & 0xffff_ffff
}

/// A list as it stands in words.
struct Stored<'w> {
    hash: u64,
    /// What its name begins with.
    first: u64,
    list: List<'w>,
    /// All of it.
    words: &'w [u64],
}

impl<'w> Stored<'w> {
    fn at(words: &'w [u64], at: u32) -> Option<Self> {
        let words = words.get(at as usize..)?;
        let [counts, hash, first, rest @ ..] = words else { return None };
        let (_, rest) = rest.split_at_checked((first >> 2) as usize / 8 + 1)?;
        let list = list(*counts, rest);
        let behind = rest.len() - WORDS * list.len();
        let words = words.get(..words.len() - behind)?;
        Some(Self { hash: *hash, first: *first, list, words })
    }

    fn is_nameless(&self) -> bool {
        self.first == Name::NONE.spelling.first
    }
}

fn written(name: &Name<'_>, Candidates { denies, allows }: &Candidates) -> Vec<u64> {
    let counts = (denies.len() as u64) << 32 | allows.len() as u64;
    let Spelling { first, last, hash, .. } = name.spelling;
    let mut words = vec![counts, hash, first];
    words.extend(name.full.iter().map(|word| u64::from_le_bytes(*word)));
    words.push(last);
    words.extend(Run::words(denies.iter().chain(allows)));
    words
}

/// The list of so many candidates that `words` begins with.
#[inline]
fn list(counts: u64, words: &[u64]) -> List<'_> {
    let (denies, allows) = ((counts >> 32) as usize, counts as u32 as usize);
    let (denies, allows) = Run::of(words, denies + allows).split_at(denies);
    List { denies, allows }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(kind: Kind, words: &[[u8; 8]], length: usize) -> Name<'_> {
        Spelling::of(kind, words, length).name(words)
    }
    use crate::compile::action::head;
    use crate::compile::candidate::Check;
    use crate::compile::rule::Probe;

    fn candidate(document: u32) -> Candidate {
        let (probe, check) = (Probe::NONE, Check::NONE);
        Candidate { head: 7, bytes: 0, probe, check, alike: 0, slot: 1, document, rule: 2 }
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
        let same =
            |run: Run<'_>, candidates: &[Candidate]| run.iter().eq(candidates.iter().copied());
        same(list.denies, &wanted.denies) && same(list.allows, &wanted.allows)
    }

    fn words(text: &str) -> Vec<[u8; 8]> {
        text.as_bytes().chunks(8).map(|chunk| head(chunk).to_le_bytes()).collect()
    }

    fn lists_of(named: &[(Name<'_>, u32)]) -> Lists {
        let mut lists = Lists::default();
        lists.put(&Name::NONE, &candidates(9999));
        named.iter().for_each(|(name, number)| lists.put(name, &candidates(*number)));
        lists
    }

    #[test]
    fn every_name_has_its_own_list_and_others_have_none() {
        for count in [0_u32, 1, 2, 3, 100, 1000] {
            let text = |number| format!("s{}:a{number}", number % 7);
            let texts: Vec<(usize, Vec<[u8; 8]>)> =
                (0..count).map(|it| (text(it).len(), words(&text(it)))).collect();
            let named = texts.iter().zip(0..).flat_map(|((length, words), at)| {
                [(Kind::Action, 2 * at), (Kind::Service, 2 * at + 1)]
                    .map(|(kind, at)| (name_of(kind, words, *length), at))
            });
            let named: Vec<(Name<'_>, u32)> = named.collect();
            let check = |table: Table<'_>| {
                for (name, number) in &named {
                    assert!(has(table.find(name), *number), "{number}");
                }
                for other in (count..count + 1000).map(text) {
                    let found = table.find(&name_of(Kind::Action, &words(&other), other.len()));
                    assert_eq!(found, List::default(), "{other}");
                }
                assert!(has(table.nameless(), 9999));
            };
            let lists = lists_of(&named);
            check(lists.table());
            let (words, places) = lists.freeze();
            check(Table::frozen(&words, places));
        }
    }

    #[test]
    fn lists_that_were_replaced_take_no_room_for_long() {
        let texts: Vec<String> = (0..1000).map(|it| format!("s3:{it}")).collect();
        let spelled: Vec<Vec<[u8; 8]>> = texts.iter().map(|it| words(it)).collect();
        let names = spelled.iter().zip(&texts);
        let names: Vec<Name<'_>> =
            names.map(|(words, text)| name_of(Kind::Action, words, text.len())).collect();
        let mut lists = Lists::default();
        for round in 0..5 {
            for (at, name) in names.iter().enumerate() {
                lists.put(name, &candidates(round));
                lists.put(&Name::NONE, &candidates(round + 1));
                // Ten names have something at a time.
                names.get(at.wrapping_sub(10)).into_iter().for_each(|old| {
                    lists.put(old, &Candidates::default());
                });
                assert!(lists.words.len() < 1000 && lists.places.len() <= 64, "{lists:?}");
            }
            for _ in 0..1000 {
                lists.put(&names[999], &candidates(round));
                assert!(lists.words.len() < 1000, "{lists:?}");
            }
            for (at, name) in names.iter().enumerate() {
                let found = lists.table().find(name);
                assert_eq!(found != List::default(), at >= 990);
                assert!(at < 990 || has(found, round), "{at}");
            }
            names.iter().for_each(|name| lists.put(name, &Candidates::default()));
            assert!(has(lists.table().nameless(), round + 1));
        }
    }

    #[test]
    fn names_that_hash_alike_are_told_apart() {
        let (long, shorter) = ("a".repeat(200), "a".repeat(199));
        let texts = ["s3:getobject", "s3:putobject", "s3:getobjectacl", "s3:getob", "", &long];
        let spelled = texts.map(|text| (text.len(), words(text)));
        fn alike(kind: Kind, length: usize, words: &[[u8; 8]]) -> Name<'_> {
            let mut name = name_of(kind, words, length);
            name.spelling.hash = 0xabcd_0000_0000_0007;
            name
        }
        let all: Vec<(Name<'_>, u32)> = spelled
            .iter()
            .zip(0..)
            .map(|((length, words), at)| (alike(Kind::Action, *length, words), at))
            .collect();
        let lists = lists_of(&all);
        let table = lists.table();
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
