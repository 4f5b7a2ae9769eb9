//! The documents of many principals, listed together: an action is looked up once, however many documents there are,
//! and among the statements that are listed for it are passed over those of other documents than the principal has.

use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::candidate::{Candidate, Packed};
use crate::compile::listing::{Listing, sort};
use crate::compile::rule::Rule;
use crate::compile::set::{Member, Slot};
use crate::compile::table::{Lists, Table};

/// Documents: each once for every slot that it is in, whatever the number of sets that it is in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    /// By number. What no set has any more has no rules, and waits for another document.
    documents: Vec<Document>,
    numbers: HashMap<(usize, Slot), u32>,
    free: Vec<u32>,
    lists: Lists,
}

#[derive(Clone, Debug)]
struct Document {
    rules: Arc<[Rule]>,
    slot: Slot,
    /// In how many sets it is.
    uses: usize,
}

/// A longer list is not passed over from end to end: it is in the order of its documents, which are looked up in it.
pub(crate) const LONG: usize = 64;

impl Catalog {
    /// Adds the documents of a set, and takes away those of another one. Returns the numbers of those that are added;
    /// `None`, and nothing is done, when there are too many.
    pub(crate) fn change(&mut self, coming: &[Member], leaving: &[u32]) -> Option<Vec<u32>> {
        u32::try_from(self.documents.len() + coming.len()).ok()?;
        let mut new = Vec::new();
        let numbers = coming.iter().map(|member| self.enter(member, &mut new)).collect();
        let old: Vec<u32> = leaving.iter().copied().filter(|it| self.leave(*it)).collect();
        self.list(&new, &old);
        for number in old {
            if let Some(document) = self.documents.get_mut(number as usize) {
                self.numbers.remove(&(document.rules.as_ptr().addr(), document.slot));
                document.rules = Arc::default();
                self.free.push(number);
            }
        }
        Some(numbers)
    }

    /// The number of a document, which is one of the `new` ones if it was not there.
    fn enter(&mut self, Member { rules, slot, .. }: &Member, new: &mut Vec<u32>) -> u32 {
        let key = (rules.as_ptr().addr(), *slot);
        let free = self.documents.len() as u32;
        let number = *self.numbers.entry(key).or_insert_with(|| {
            let number = self.free.pop().unwrap_or(free);
            new.push(number);
            number
        });
        match self.documents.get_mut(number as usize) {
            Some(document) if document.uses > 0 => document.uses += 1,
            place => {
                let document = Document { rules: Arc::clone(rules), slot: *slot, uses: 1 };
                match place {
                    Some(place) => *place = document,
                    None => self.documents.push(document),
                }
            }
        }
        number
    }

    /// Whether no set has the document any more.
    fn leave(&mut self, number: u32) -> bool {
        self.documents.get_mut(number as usize).is_some_and(|document| {
            document.uses -= 1;
            document.uses == 0
        })
    }

    /// Lists what is new, and no longer what is old.
    fn list(&mut self, new: &[u32], old: &[u32]) {
        let Self { documents, lists, .. } = self;
        let mut changed = Listing::default();
        for number in new.iter().chain(old) {
            if let Some(Document { rules, slot, .. }) = documents.get(*number as usize) {
                changed.add(*slot, *number, rules);
            }
        }
        let rule = |it: &Candidate| {
            documents.get(it.document as usize)?.rules.get(usize::from(it.rule))
        };
        changed.each(|name, mut candidates| {
            let known = lists.table().of(name);
            candidates.extend(known.denies.iter().chain(known.allows).map(Candidate::unpack));
            candidates.retain(|it| !old.contains(&it.document));
            lists.put(name, &sort(candidates, LONG, rule));
        });
    }

    pub(crate) fn table(&self) -> Table<'_> {
        self.lists.table()
    }

    #[inline]
    pub(crate) fn rules(&self, document: u32) -> &[Rule] {
        self.documents.get(document as usize).map_or(&[], |document| &document.rules)
    }

    /// How many documents there are room for.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.documents.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.lists.tidy();
    }
}

/// The part of a list that is about a document, if the list is in the order of its documents.
pub(crate) fn part(list: &[Packed], document: u32) -> &[Packed] {
    let start = list.partition_point(|it| Candidate::document_of(it) < document);
    let length = list.get(start..).unwrap_or_default().partition_point(|it| Candidate::document_of(it) == document);
    list.get(start..start + length).unwrap_or_default()
}
