//! From names to lists, in few and close places in memory: a decision asks about a principal that was not asked about
//! for long, so nothing of its set is in any cache, and each step from one place to the next is waited for.

use std::hash::BuildHasher;

use crate::compile::action::ByName;
use crate::compile::set::List;

/// A name that is looked up in many tables.
#[derive(Clone, Copy)]
pub(crate) struct Name<'n> {
    text: &'n str,
    kind: Kind,
    hash: u64,
}

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Action,
    /// With its colon.
    Service,
}

impl<'n> Name<'n> {
    pub(crate) fn of(kind: Kind, text: &'n str) -> Self {
        Self { text, kind, hash: ByName::default().hash_one(text) }
    }

    /// A bit that stands for the name, and for others.
    fn mark(self) -> (usize, u64) {
        let bit = (self.hash >> 48) as u8;
        (usize::from(bit >> 6), 1 << (bit & 63))
    }

    fn print(self) -> u32 {
        (self.hash >> 16) as u32
    }
}

/// Lists by name: an open table in which at least every second place is free.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// The marks of all names: tells of most others that they are not here, without a look at a place.
    marks: [u64; 4],
    places: Box<[Place]>,
    /// All names, one behind the other.
    names: Box<str>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// A part of the name's hash.
    print: u32,
    start: u32,
    length: u32,
    kind: Kind,
    /// Empty where the place is free.
    list: List,
}

impl Place {
    const FREE: Self =
        Self { print: 0, start: 0, length: 0, kind: Kind::Action, list: List::EMPTY };
}

impl Table {
    /// Makes the table; no list is empty. Names that do not fit in 4 GiB are left out.
    pub(crate) fn of<'n>(lists: impl ExactSizeIterator<Item = (Name<'n>, List)>) -> Self {
        let size = (2 * lists.len()).next_power_of_two();
        let mut places = vec![Place::FREE; if lists.len() == 0 { 0 } else { size }];
        let (mut names, mut marks) = (String::new(), [0; 4]);
        for (name, list) in lists {
            let (word, bit) = name.mark();
            marks.get_mut(word).into_iter().for_each(|marks| *marks |= bit);
            let at =
                probes(name, places.len()).find(|at| places.get(*at).is_some_and(Place::is_free));
            let place = at.and_then(|at| places.get_mut(at));
            let (start, length) = (u32::try_from(names.len()), u32::try_from(name.text.len()));
            if let (Some(place), Ok(start), Ok(length)) = (place, start, length) {
                names.push_str(name.text);
                *place = Place { print: name.print(), start, length, kind: name.kind, list };
            }
        }
        Self { marks, places: places.into(), names: names.into() }
    }

    /// The list of a name; the empty one if it has none.
    #[inline]
    pub(crate) fn find(&self, name: Name<'_>) -> List {
        let (word, bit) = name.mark();
        if self.marks.get(word).is_none_or(|marks| marks & bit == 0) {
            return List::EMPTY;
        }
        for at in probes(name, self.places.len()) {
            match self.places.get(at) {
                Some(place) if place.is_free() => break,
                Some(place) if self.is_of(place, name) => return place.list,
                Some(_) => {}
                None => break,
            }
        }
        List::EMPTY
    }

    #[inline]
    fn is_of(&self, place: &Place, name: Name<'_>) -> bool {
        let start = place.start as usize;
        let stored = || self.names.as_bytes().get(start..start + place.length as usize);
        place.print == name.print()
            && place.kind == name.kind
            && stored() == Some(name.text.as_bytes())
    }
}

impl Place {
    fn is_free(&self) -> bool {
        self.list.is_empty()
    }
}

/// The places where a name may be, in order, each once.
#[inline]
fn probes(name: Name<'_>, places: usize) -> impl Iterator<Item = usize> {
    let mask = places.wrapping_sub(1);
    (0..places).map(move |step| (name.hash as usize).wrapping_add(step) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_own_list_and_others_have_none() {
        for count in [0_u32, 1, 2, 3, 100, 1000] {
            let texts: Vec<String> = (0..count).map(|it| format!("s{}:a{it}", it % 7)).collect();
            let list = |at: u32| List { start: at, allows: at, end: at + 1 };
            let named = texts.iter().zip(0..).flat_map(|(text, at)| {
                [(Kind::Action, 2 * at), (Kind::Service, 2 * at + 1)]
                    .map(|(kind, at)| (Name::of(kind, text), list(at)))
            });
            let named: Vec<(Name<'_>, List)> = named.collect();
            let table = Table::of(named.iter().copied());
            for (name, list) in &named {
                assert_eq!(table.find(*name), *list, "{}", name.text);
            }
            for other in (count..count + 1000).map(|it| format!("s{}:a{it}", it % 7)) {
                assert_eq!(table.find(Name::of(Kind::Action, &other)), List::EMPTY, "{other}");
            }
        }
    }

    #[test]
    fn names_that_hash_alike_are_told_apart() {
        let hash = 0xabcd_0000_0000_0007;
        let name = |text| Name { text, kind: Kind::Action, hash };
        let list = |at| List { start: at, allows: at, end: at + 1 };
        let texts = ["s3:getobject", "s3:putobject", "s3:getobjectacl"];
        let all: Vec<_> = texts.iter().zip(0..).map(|(text, at)| (name(*text), list(at))).collect();
        let table = Table::of(all.iter().copied());
        for (name, list) in all {
            assert_eq!(table.find(name), list, "{}", name.text);
        }
        assert_eq!(table.find(name("s3:getobjec")), List::EMPTY);
        assert_eq!(table.find(Name { kind: Kind::Service, ..name("s3:getobject") }), List::EMPTY);
    }
}
