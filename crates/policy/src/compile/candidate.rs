//! Statements that could match, as decisions pass over them: few words for each, one behind the other.

use std::cell::Cell;

use prefetch_index::prefetch_index;

use crate::compile::action::{Action, WildAction, begins_with};
use crate::compile::rule::{Probe, Probed, Rule};
use crate::compile::set::Slots;

/// A statement that could match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The first bytes of the action's name after the service, and how many of them count.
    pub(crate) head: u64,
    pub(crate) bytes: u8,
    pub(crate) probe: Probe,
    pub(crate) check: Check,
    /// Candidates of one list that have the same number here have the same pattern to check; 0 says nothing.
    pub(crate) alike: u8,
    pub(crate) slot: u8,
    pub(crate) document: u32,
    pub(crate) rule: u16,
}

/// What else must hold for the action. A document has no room for so many patterns that their numbers meet the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Check(u16);

impl Check {
    /// Nothing.
    pub(crate) const NONE: Self = Self(u16::MAX);
    /// That the statement, which excludes actions, leaves it.
    pub(crate) const LEFT: Self = Self(u16::MAX - 1);
    /// Nothing at all: the statement applies.
    pub(crate) const APPLIES: Self = Self(u16::MAX - 2);

    /// The pattern of this number.
    pub(crate) fn pattern(number: u16) -> Self {
        Self(number)
    }
}

/// Candidates in words: of each one that by which most are passed over, one behind the other, and then the rest of
/// each. So what is passed over is close together in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run<'l> {
    sieves: &'l [u64],
    rests: &'l [Rest],
}

/// The head, with how many bytes of it count and the number of those that are alike; and what else there is.
type Rest = [u64; 2];

/// How many words a candidate takes.
pub(crate) const WORDS: usize = 3;

impl<'l> Run<'l> {
    /// So many candidates that these words begin with; none if there are fewer.
    #[inline]
    pub(crate) fn of(words: &'l [u64], count: usize) -> Self {
        let (sieves, rests) = words.split_at_checked(count).unwrap_or_default();
        let (rests, _) = rests.as_chunks();
        Self { sieves, rests: rests.get(..count).unwrap_or_default() }
    }

    /// The words.
    pub(crate) fn words<'c>(candidates: impl Iterator<Item = &'c Candidate> + Clone) -> Vec<u64> {
        let sieves = candidates.clone().map(|it| it.sieve());
        sieves.chain(candidates.flat_map(|it| it.rest())).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.sieves.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sieves.is_empty()
    }

    /// The first so many, and the others.
    #[inline]
    pub(crate) fn split_at(&self, count: usize) -> (Self, Self) {
        let (sieves, more_sieves) = self.sieves.split_at_checked(count).unwrap_or_default();
        let (rests, more_rests) = self.rests.split_at_checked(count).unwrap_or_default();
        (Self { sieves, rests }, Self { sieves: more_sieves, rests: more_rests })
    }

    /// Those of a document, if the documents are in order.
    pub(crate) fn of_document(&self, document: u32) -> Self {
        let before = self.rests.partition_point(|rest| document_of(rest) < document);
        let (_, rest) = self.split_at(before);
        let count = rest.rests.iter().take_while(|rest| document_of(rest) == document).count();
        rest.split_at(count).0
    }

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Candidate> + use<'l> {
        self.sieves.iter().zip(self.rests).map(|(sieve, rest)| Candidate::of(Sieve(*sieve), rest))
    }

    /// What is passed over.
    #[inline]
    pub(crate) fn sieves(&self) -> impl Iterator<Item = (usize, Sieve)> + use<'l> {
        self.sieves.iter().enumerate().map(|(at, sieve)| (at, Sieve(*sieve)))
    }

    /// Those of the first candidates that have what is asked for, and where they stand. Each is asked, whatever the
    /// others have: what nobody can foretell is better not branched on.
    #[inline]
    pub(crate) fn first_of(
        &self,
        has: impl Fn(Sieve) -> bool,
    ) -> impl Iterator<Item = (usize, Sieve)> {
        let first = self.sieves().take(u64::BITS as usize);
        let mut mask = first.fold(0_u64, |mask, (at, sieve)| mask | u64::from(has(sieve)) << at);
        std::iter::from_fn(move || {
            let at = mask.trailing_zeros() as usize;
            mask &= mask.checked_sub(1)?;
            Some((at, Sieve(*self.sieves.get(at)?)))
        })
    }

    /// Asks memory for what else there is of a candidate.
    #[inline]
    pub(crate) fn ask_for(&self, at: usize) {
        prefetch_index(self.rests, at);
    }

    /// The candidate that stands there, if an action begins as it must.
    #[inline]
    pub(crate) fn candidate(&self, at: usize, sieve: Sieve, action: &Action) -> Option<Candidate> {
        let candidate = Candidate::of(sieve, self.rests.get(at)?);
        begins_with(action.head(), candidate.head, candidate.bytes).then_some(candidate)
    }
}

fn document_of([_, statement]: &Rest) -> u32 {
    (statement >> 32) as u32
}

/// What shows of most candidates that they do not apply, and where the statement probably is: from the lowest bit on the
/// slot (5), the lowest bits of the statement's place in its document (12), the probe (40), and the document's bit among
/// [`Members`] (7).
#[derive(Clone, Copy)]
pub(crate) struct Sieve(u64);

impl Sieve {
    /// Whether the candidate may apply in one of these slots, to a resource that has what it must have in one place.
    #[inline]
    pub(crate) fn may_apply(self, resource: &Probed, slots: Slots) -> bool {
        (slots >> (self.0 & 31) & 1 == 1) & self.probe().fits(resource)
    }

    /// The bit of its document among [`Members`].
    #[inline]
    pub(crate) fn member(self) -> u8 {
        (self.0 >> 57) as u8
    }

    #[inline]
    fn probe(self) -> Probe {
        Probe::from_bits(self.0 >> 17)
    }

    /// The statement's place in its document, unless that is a document of thousands.
    #[inline]
    pub(crate) fn rule(self) -> u16 {
        (self.0 >> 5) as u16 & RULES
    }
}

/// The bits of a statement's place that a sieve has.
const RULES: u16 = (1 << 12) - 1;

impl Candidate {
    #[inline]
    fn of(sieve: Sieve, rest: &Rest) -> Self {
        let &[head, statement] = rest;
        Self {
            head: head & (u64::MAX >> 8),
            bytes: (head >> 56) as u8 & 0xf,
            alike: (head >> 60) as u8,
            probe: sieve.probe(),
            check: Check(statement as u16),
            slot: sieve.0 as u8 & 31,
            document: document_of(rest),
            rule: (statement >> 16) as u16,
        }
    }

    fn sieve(&self) -> u64 {
        let Self { probe, slot, document, rule, .. } = *self;
        let (member, rule) = (u64::from(Members::bit(document)), u64::from(rule & RULES));
        member << 57 | probe.to_bits() << 17 | rule << 5 | u64::from(slot)
    }

    fn rest(&self) -> Rest {
        let Self { head, bytes, check: Check(check), alike, document, rule, .. } = *self;
        let statement = u64::from(document) << 32 | u64::from(rule) << 16 | u64::from(check);
        [u64::from(alike) << 60 | u64::from(bytes) << 56 | head, statement]
    }

    /// The statement among those of its document, if the action is one of the statement's.
    #[inline]
    pub(crate) fn statement<'r>(
        &self,
        rules: &'r [Rule],
        action: &Action,
        answers: &Answers,
    ) -> Option<&'r Rule> {
        let rule = rules.get(usize::from(self.rule))?;
        let fits = match self.check {
            Check::NONE | Check::APPLIES => true,
            Check::LEFT => rule.actions.leaves(action.lower()),
            Check(_) => answers
                .of(self.alike, || self.pattern(rule).is_some_and(|it| it.matches(action.lower()))),
        };
        fits.then_some(rule)
    }

    /// The pattern that is to be checked.
    pub(crate) fn pattern<'r>(&self, rule: &'r Rule) -> Option<&'r WildAction> {
        rule.actions.wild.get(usize::from(self.check.0))
    }
}

/// What was found out about an action when candidates of a list were checked: so that those with the same pattern
/// need not be.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    fitting: Cell<u16>,
    failing: Cell<u16>,
}

impl Answers {
    /// So many different patterns are told apart.
    pub(crate) const MOST: u8 = 15;

    /// Whether a candidate's pattern is known not to fit.
    #[inline]
    pub(crate) fn exclude(&self, alike: u8) -> bool {
        self.failing.get() >> alike & 1 == 1
    }

    #[inline]
    fn of(&self, alike: u8, fits: impl FnOnce() -> bool) -> bool {
        if self.fitting.get() >> alike & 1 == 1 {
            return true;
        }
        let fits = fits();
        let known = if fits { &self.fitting } else { &self.failing };
        // 0 is nobody's number.
        known.set(known.get() | 1 << alike & !1);
        fits
    }
}

/// Documents by their numbers, a bit for each; where there are more documents than bits, one bit for several.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Members([u64; 2]);

impl Members {
    /// With more documents, a bit no longer says that a document is among them: only that it may be.
    pub(crate) const BITS: usize = 128;

    pub(crate) fn add(&mut self, document: u32) {
        let bit = Self::bit(document);
        self.0.get_mut(usize::from(bit / 64)).into_iter().for_each(|word| *word |= 1 << (bit % 64));
    }

    #[inline]
    pub(crate) fn join(self, Self([more, others]): Self) -> Self {
        let Self([word, other]) = self;
        Self([word | more, other | others])
    }

    /// Whether a document that has this bit may be among them.
    #[inline]
    pub(crate) fn may_have(&self, bit: u8) -> bool {
        let Self([low, high]) = self;
        let word = if bit < 64 { low } else { high };
        word >> (bit % 64) & 1 == 1
    }

    /// The bit of a document.
    pub(crate) fn bit(document: u32) -> u8 {
        (document as usize % Self::BITS) as u8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            head in 0_u64..1 << 56, bytes in 0..=7_u8, alike in 0..=Answers::MOST, probe in 0_u64..1 << 40, check: u16,
            slot in 0..32_u8, document: u32, rule: u16,
        ) {
            let (probe, check) = (Probe::from_bits(probe), Check(check));
            let candidate = Candidate { head, bytes, alike, probe, check, slot, document, rule };
            let words = Run::words([candidate, candidate].iter());
            let unpacked: Vec<Candidate> = Run::of(&words, 2).iter().collect();
            prop_assert_eq!(unpacked, [candidate, candidate]);
        }
    }
}
