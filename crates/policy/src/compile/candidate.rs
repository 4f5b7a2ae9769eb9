//! Statements that could match, as decisions pass over them: few words for each, one behind the other.

use crate::compile::action::{Action, begins_with};
use crate::compile::rule::{Probe, Rule};
use crate::compile::set::Slots;

/// A statement that could match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The first bytes of the action's name after the service, and how many bits of them count.
    pub(crate) head: u64,
    pub(crate) bits: u8,
    pub(crate) probe: Probe,
    pub(crate) check: Check,
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

/// A candidate in words.
pub(crate) type Packed = [u64; 3];

impl Candidate {
    pub(crate) fn pack(self) -> Packed {
        let Self { head, bits, probe, check: Check(check), slot, document, rule } = self;
        let statement = u64::from(document) << 32 | u64::from(rule) << 16 | u64::from(check);
        let rest = probe.to_bits() << 16 | u64::from(bits) << 8 | u64::from(slot);
        [head, statement, u64::from(Members::bit(document)) << 56 | rest]
    }

    #[inline]
    pub(crate) fn unpack(&[head, statement, rest]: &Packed) -> Self {
        Self {
            head,
            bits: (rest >> 8) as u8,
            probe: Probe::from_bits(rest >> 16),
            check: Check(statement as u16),
            slot: rest as u8,
            document: (statement >> 32) as u32,
            rule: (statement >> 16) as u16,
        }
    }

    /// The number of a packed candidate's document.
    pub(crate) fn document_of([_, statement, _]: &Packed) -> u32 {
        (statement >> 32) as u32
    }

    /// The statement among those of its document, if the action is one of the statement's.
    #[inline]
    pub(crate) fn statement<'r>(&self, rules: &'r [Rule], action: &Action<'_>) -> Option<&'r Rule> {
        let rule = rules.get(usize::from(self.rule))?;
        let fits = match self.check {
            Check::NONE | Check::APPLIES => true,
            Check::LEFT => rule.actions.leaves(action.name()),
            Check(pattern) => {
                let pattern = rule.actions.wild.get(usize::from(pattern))?;
                pattern.glob.as_ref().is_none_or(|glob| glob.matches(action.name()))
            }
        };
        fits.then_some(rule)
    }
}

/// Whether a candidate may apply to an action, a resource and in one of these slots; most may not, which shows without
/// unpacking them.
#[inline]
pub(crate) fn may_apply(
    [head, _, rest]: &Packed,
    action: &Action<'_>,
    resource: &str,
    slots: Slots,
) -> bool {
    let (bits, slot) = ((rest >> 8) as u8, *rest as u8);
    // The action begins as it must, and the resource has what it must have in one place.
    begins_with(action.head, *head, bits)
        && slots >> slot & 1 == 1
        && Probe::from_bits(rest >> 16).fits(resource)
}

/// The bit of a candidate's document among [`Members`].
#[inline]
pub(crate) fn member([_, _, rest]: &Packed) -> u8 {
    (rest >> 56) as u8
}

/// Documents by their numbers, a bit for each; where there are more documents than bits, one bit for several.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Members([u64; 3]);

impl Members {
    /// With more documents, a bit no longer says that a document is among them: only that it may be.
    pub(crate) const BITS: usize = 192;

    pub(crate) fn add(&mut self, document: u32) {
        let bit = usize::from(Self::bit(document));
        self.0.get_mut(bit / 64).into_iter().for_each(|word| *word |= 1 << (bit % 64));
    }

    #[inline]
    pub(crate) fn join(self, Self(other): Self) -> Self {
        let Self([a, b, c]) = self;
        let [d, e, f] = other;
        Self([a | d, b | e, c | f])
    }

    /// Whether a document that has this bit may be among them.
    #[inline]
    pub(crate) fn may_have(&self, bit: u8) -> bool {
        let word = self.0.get(usize::from(bit) / 64).copied().unwrap_or_default();
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
            head: u64, bits: u8, probe in 0_u64..1 << 40, check: u16, slot: u8, document: u32, rule: u16,
        ) {
            let (probe, check) = (Probe::from_bits(probe), Check(check));
            let candidate = Candidate { head, bits, probe, check, slot, document, rule };
            prop_assert_eq!(Candidate::unpack(&candidate.pack()), candidate);
        }
    }
}
