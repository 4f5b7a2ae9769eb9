//! The documents of many principals, listed together: an action is looked up once, however many documents there are,
//! and among the statements that are listed for it are passed over those of other documents than the principal has.

use std::collections::HashMap;
use std::sync::Arc;

use prefetch_index::prefetch_index;

use crate::compile::candidate::Candidate;
use crate::compile::listing::{Listing, sort};
use crate::compile::rule::Rule;
use crate::compile::set::{Member, Slot};
use crate::compile::table::{Lists, Table};

/// Documents: each once for every slot that it is in, whatever the number of sets that it is in.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub(crate) struct Catalog {
    lists: Lists,
    /// The statements of each document, by its number. What no set has any more has none.
    rules: Vec<Arc<[Rule]>>,
    documents: Vec<Document>,
    numbers: HashMap<(usize, Slot), u32>,
    /// The numbers that wait for another document.
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Document {
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
        u32::try_from(self.rules.len() + coming.len()).ok()?;
        let mut new = Vec::new();
        let numbers = coming.iter().map(|member| self.enter(member, &mut new)).collect();
        let old: Vec<u32> = leaving.iter().copied().filter(|it| self.leave(*it)).collect();
        self.list(&new, &old);
        for number in old {
            let rules = self.rules.get_mut(number as usize).map(std::mem::take);
            if let (Some(rules), Some(document)) = (rules, self.documents.get(number as usize)) {
                self.numbers.remove(&(rules.as_ptr().addr(), document.slot));
                self.free.push(number);
            }
        }
        Some(numbers)
    }

    /// The number of a document, which is one of the `new` ones if it was not there.
    fn enter(&mut self, Member { rules, slot, .. }: &Member, new: &mut Vec<u32>) -> u32 {
        let key = (rules.as_ptr().addr(), *slot);
        if let Some(number) = self.numbers.get(&key) {
            let document = self.documents.get_mut(*number as usize);
            document.into_iter().for_each(|document| document.uses += 1);
            return *number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.rules.push(Arc::default());
            self.documents.push(Document { slot: *slot, uses: 0 });
            self.rules.len() as u32 - 1
        });
        let places = (self.rules.get_mut(number as usize), self.documents.get_mut(number as usize));
        if let (Some(known), Some(document)) = places {
            *known = Arc::clone(rules);
            *document = Document { slot: *slot, uses: 1 };
        }
        self.numbers.insert(key, number);
        new.push(number);
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
        let Self { lists, rules, documents, .. } = self;
        let mut changed = Listing::default();
        for number in new.iter().chain(old) {
            let known = (rules.get(*number as usize), documents.get(*number as usize));
            if let (Some(rules), Some(document)) = known {
                changed.add(document.slot, *number, rules);
            }
        }
        let rule = |it: &Candidate| rules.get(it.document as usize)?.get(usize::from(it.rule));
        changed.each(|name, mut candidates| {
            let known = lists.table().of(name);
            candidates.extend(known.denies.iter().chain(known.allows.iter()));
            candidates.retain(|it| !old.contains(&it.document));
            lists.put(name, &sort(candidates, LONG, rule));
        });
    }

    pub(crate) fn table(&self) -> Table<'_> {
        self.lists.table()
    }

    #[inline]
    pub(crate) fn rules(&self, document: u32) -> &[Rule] {
        self.rules.get(document as usize).map_or(&[], |rules| rules)
    }

    /// Asks memory for where the statements of a document are.
    #[inline]
    pub(crate) fn ask_for(&self, document: u32) {
        prefetch_index(&self.rules, document as usize);
    }

    /// One more than the highest number of a document.
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.rules.shrink_to_fit();
        self.documents.shrink_to_fit();
        self.numbers.shrink_to_fit();
        self.lists.tidy();
    }
}
