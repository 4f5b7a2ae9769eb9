//! Very many principals who share few policies.
//!
//! A merged set for each combination of policies that somebody has may be as many sets as there are principals. Here a
//! set belongs to what is attached (a policy, a group, a boundary, an account's control policies), and a principal is
//! a short list of sets, 32 bytes for up to fifteen. The statements of all sets are listed together, so a decision
//! looks its action up once. When a policy changes, the sets that it is in are replaced, and nothing of its principals.

use std::sync::Arc;

use crate::compile::action::Action;
use crate::compile::candidate::{Members, Sieve};
use crate::compile::catalog::{Catalog, LONG};
use crate::compile::decide::{Source, Verdict, decide_on};
use crate::compile::rule::Rule;
use crate::compile::set::{PolicySet, PolicySetBuilder, Slots};
use crate::compile::table::List;
use crate::{Request, ResourcePolicyKind};

mod together;

pub use together::{Question, decide_each};

/// Sets, and which principals have which. Best made one for each account, and for principals who have some dozens of
/// sets at most. A clone costs what the lists take, so readers can go on with the old one until the new one is
/// published.
///
/// Numbers are good for the index that gave them, and for its clones.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub struct Index {
    // What decisions read comes first: two lines of the processor's cache.
    principals: Vec<Sets>,
    sets: Vec<Set>,
    catalog: Catalog,
    /// The documents of each set.
    contents: Vec<Arc<[Placed]>>,
    /// The lists that do not fit in [`Sets`], one behind the other, with what is left of those that were replaced.
    lists: Vec<SetNumber>,
    /// How many entries of `lists` belong to nobody.
    unused: usize,
}

/// What decisions need of a set, in half a line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
struct Set {
    /// The slots that take part, also those without a document.
    slots: Slots,
    /// The slots in which everything is allowed, as far as it is looked for.
    open: Slots,
    members: Members,
    few: Few,
}

/// The documents of a set in their order, if all are in one slot, they are few, and their numbers are low; else none.
#[derive(Clone, Copy, Debug)]
struct Few([u16; 4]);

impl Default for Few {
    fn default() -> Self {
        Self([Self::NONE; 4])
    }
}

impl Few {
    /// No document.
    const NONE: u16 = u16::MAX;

    /// A number that has room.
    fn low(document: u32) -> Option<u16> {
        u16::try_from(document).ok().filter(|it| *it != Self::NONE)
    }

    fn of(slots: Slots, documents: &[Placed]) -> Option<Self> {
        let Self(mut numbers) = Self::default();
        for (place, document) in numbers.get_mut(..documents.len())?.iter_mut().zip(documents) {
            *place = Self::low(document.number)?;
        }
        slots.is_power_of_two().then_some(Self(numbers))
    }
}

/// A document of a set.
#[derive(Clone, Copy, Debug)]
struct Placed {
    number: u32,
    /// Its place among the set's documents of its slot.
    place: u32,
}

/// A set of an [`Index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetNumber(u32);

/// A principal of an [`Index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrincipalNumber(u32);

/// How many sets of a principal stand with it, if their numbers are low enough.
const CLOSE: usize = 15;

/// A principal's sets, in half a line of the processor's cache: of a principal that was not asked about for long, no
/// more than that must be fetched.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Sets {
    /// How many there are, or [`FAR`].
    count: u16,
    /// Their numbers, and the first one again up to the end; or where they stand among the lists, and how many they are,
    /// each in two halves.
    numbers: [u16; CLOSE],
}

/// Says of a principal that its sets stand among the lists.
const FAR: u16 = u16::MAX;

impl Sets {
    /// Of so few and so low numbers that they fit.
    fn close(sets: &[SetNumber]) -> Option<Self> {
        let first = sets.first().map_or(Some(0), |SetNumber(it)| u16::try_from(*it).ok())?;
        let mut numbers = [first; CLOSE];
        for (place, SetNumber(number)) in numbers.get_mut(..sets.len())?.iter_mut().zip(sets) {
            *place = u16::try_from(*number).ok()?;
        }
        Some(Self { count: u16::try_from(sets.len()).ok()?, numbers })
    }

    fn far(start: u32, length: u32) -> Self {
        let mut numbers = [0; CLOSE];
        let halves = [start >> 16, start & 0xffff, length >> 16, length & 0xffff];
        numbers.iter_mut().zip(halves).for_each(|(place, half)| *place = half as u16);
        Self { count: FAR, numbers }
    }

    /// Where the list stands, and how long it is.
    fn place(&self) -> Option<(usize, usize)> {
        let [a, b, c, d, ..] = self.numbers.map(usize::from);
        (self.count == FAR).then_some((a << 16 | b, c << 16 | d))
    }

    #[inline]
    fn each<'s>(&'s self, lists: &'s [SetNumber]) -> impl Iterator<Item = usize> + Clone + 's {
        let far = self.place().and_then(|(start, length)| lists.get(start..start + length));
        let close = self.numbers.get(..usize::from(self.count)).unwrap_or_default();
        let far = far.unwrap_or_default().iter().map(|set| set.0 as usize);
        close.iter().map(|number| usize::from(*number)).chain(far)
    }
}

impl Index {
    /// Adds a set of what the builder was given; `None` when there are as many as there are numbers.
    pub fn add_set(&mut self, set: &PolicySetBuilder) -> Option<SetNumber> {
        let number = u32::try_from(self.sets.len()).ok()?;
        let (set, documents) = self.put_together(set, &[])?;
        self.sets.push(set);
        self.contents.push(documents);
        Some(SetNumber(number))
    }

    /// Replaces a set for everybody who has it. Returns whether there was room.
    pub fn replace_set(&mut self, SetNumber(number): SetNumber, set: &PolicySetBuilder) -> bool {
        let number = number as usize;
        let Some(old) = self.contents.get(number).map(Arc::clone) else { return false };
        let Some((set, documents)) = self.put_together(set, &old) else { return false };
        let places = (self.sets.get_mut(number), self.contents.get_mut(number));
        let (Some(set_place), Some(documents_place)) = places else { return false };
        (*set_place, *documents_place) = (set, documents);
        true
    }

    /// A set, whose documents are in the catalog then, and those of the `old` one no more.
    fn put_together(
        &mut self,
        set: &PolicySetBuilder,
        old: &[Placed],
    ) -> Option<(Set, Arc<[Placed]>)> {
        let leaving: Vec<u32> = old.iter().map(|it| it.number).collect();
        let numbers = self.catalog.change(set.documents(), &leaving)?;
        let mut members = Members::default();
        numbers.iter().for_each(|number| members.add(*number));
        let documents: Arc<[Placed]> = numbers
            .iter()
            .zip(set.documents())
            .map(|(number, member)| Placed { number: *number, place: member.place })
            .collect();
        let few = Few::of(set.slots(), &documents).unwrap_or_default();
        Some((Set { slots: set.slots(), open: set.open(), members, few }, documents))
    }

    /// Adds a principal who has these sets; `None` when there are as many as there are numbers.
    pub fn add_principal(&mut self, sets: &[SetNumber]) -> Option<PrincipalNumber> {
        let number = u32::try_from(self.principals.len()).ok()?;
        let sets = self.keep(sets)?;
        self.principals.push(sets);
        Some(PrincipalNumber(number))
    }

    /// Gives a principal other sets. A principal that is gone has none. Returns whether there was room.
    pub fn assign(&mut self, PrincipalNumber(number): PrincipalNumber, sets: &[SetNumber]) -> bool {
        let Some(sets) = self.keep(sets) else { return false };
        let Some(place) = self.principals.get_mut(number as usize) else { return false };
        self.unused += place.place().map_or(0, |(_, length)| length);
        *place = sets;
        if self.unused > self.lists.len() / 2 {
            self.tidy();
        }
        true
    }

    /// Decides one request on the principal's sets and on `more`, such as the resource's policy and the session's;
    /// `None` when there is no such principal. In the verdict's place, the principal's sets come first. Allocates
    /// nothing.
    pub fn decide(
        &self,
        principal: PrincipalNumber,
        request: &Request<'_>,
        resource_kind: ResourcePolicyKind,
        more: &[&PolicySet],
    ) -> Option<Verdict> {
        let own = self.attached(principal, request.action)?;
        Some(decide_on(request, resource_kind, Some(&own), more))
    }

    /// What the principal has, if there is one of this number.
    #[inline]
    fn attached(
        &self,
        PrincipalNumber(number): PrincipalNumber,
        action: &Action,
    ) -> Option<Attached<'_>> {
        Some(Attached::of(self, self.principals.get(number as usize)?, action))
    }

    /// Gives back the room that is kept for growing.
    pub fn shrink_to_fit(&mut self) {
        self.sets.shrink_to_fit();
        self.contents.shrink_to_fit();
        self.catalog.shrink_to_fit();
        self.lists.shrink_to_fit();
        self.principals.shrink_to_fit();
    }

    fn keep(&mut self, sets: &[SetNumber]) -> Option<Sets> {
        if let Some(close) = Sets::close(sets) {
            return Some(close);
        }
        let start = u32::try_from(self.lists.len()).ok()?;
        let length = u32::try_from(sets.len()).ok()?;
        start.checked_add(length)?;
        self.lists.extend_from_slice(sets);
        Some(Sets::far(start, length))
    }

    /// Leaves out the entries that belong to nobody.
    fn tidy(&mut self) {
        let old = std::mem::take(&mut self.lists);
        self.lists.reserve_exact(old.len() - self.unused);
        for sets in &mut self.principals {
            if let Some((start, length)) = sets.place() {
                let list = old.get(start..start + length).unwrap_or_default();
                // What is kept is less than what had room.
                *sets = Sets::far(self.lists.len() as u32, list.len() as u32);
                self.lists.extend_from_slice(list);
            }
        }
        self.unused = 0;
    }
}

/// The documents of a principal, and what is listed for an action.
struct Attached<'i> {
    index: &'i Index,
    sets: &'i Sets,
    /// Of all its sets together.
    slots: Slots,
    open: Slots,
    members: Members,
    lists: [List<'i>; 3],
}

impl<'i> Attached<'i> {
    #[inline]
    fn of(index: &'i Index, sets: &'i Sets, action: &Action) -> Self {
        // Memory is asked for the principal's sets and for what is listed before any of it is looked at.
        let own = *sets;
        let (table, names) = (index.catalog.table(), action.names());
        table.ask_for_lists(&names);
        let join = |(slots, open, members): (Slots, Slots, Members), set: &Set| {
            (slots | set.slots, open | set.open, members.join(set.members))
        };
        let none = (0, 0, Members::default());
        let (slots, open, members) = match own.count {
            // All places at once, whatever the count: it is not known yet.
            1.. if own.count != FAR => {
                let sets = own.numbers.iter().filter_map(|it| index.sets.get(usize::from(*it)));
                sets.fold(none, join)
            }
            _ => own.each(&index.lists).filter_map(|set| index.sets.get(set)).fold(none, join),
        };
        let [whole, service] = names.map(|name| table.find(&name));
        let lists = [whole, service, table.nameless()];
        Self { index, sets, slots, open, members, lists }
    }
}

impl Source for Attached<'_> {
    #[inline]
    fn slots(&self) -> Slots {
        self.slots
    }

    #[inline]
    fn open(&self) -> Slots {
        self.open
    }

    #[inline]
    fn each_list(&self, _: &Action, take: impl FnMut(&List<'_>)) {
        self.lists.iter().for_each(take);
    }

    #[inline]
    fn may_have(&self, sieve: Sieve) -> bool {
        self.members.may_have(sieve.member())
    }

    #[inline]
    fn sieves_tell_documents(&self) -> bool {
        self.index.catalog.len() <= Members::BITS
    }

    #[inline]
    fn has(&self, document: u32) -> bool {
        self.place(document).is_some()
    }

    #[inline]
    fn is_long(&self, list: &List<'_>) -> bool {
        // To look a document up in a list takes as long as to pass over so many candidates.
        list.len() > LONG && list.len() > 16 * self.sets()
    }

    fn documents(&self) -> impl Iterator<Item = u32> {
        let contents =
            self.sets.each(&self.index.lists).filter_map(|it| self.index.contents.get(it));
        contents.flat_map(|it| it.iter()).map(|it| it.number)
    }

    #[inline]
    fn rules(&self, document: u32) -> &[Rule] {
        self.index.catalog.rules(document)
    }

    fn sets(&self) -> usize {
        self.sets.each(&self.index.lists).count()
    }

    #[inline]
    fn place(&self, document: u32) -> Option<(usize, usize)> {
        let bit = Members::bit(document);
        let low = Few::low(document);
        let sets = self.sets.each(&self.index.lists).enumerate();
        sets.filter_map(|(place, number)| Some((place, number, self.index.sets.get(number)?)))
            .filter(|(_, _, set)| set.members.may_have(bit))
            .find_map(|(place, number, Set { few: Few(few), .. })| {
                let near = few.iter().position(|it| low == Some(*it));
                if near.is_some() || !few.starts_with(&[Few::NONE]) {
                    return Some((place, near?));
                }
                let documents = self.index.contents.get(number)?;
                let placed = documents.iter().find(|it| it.number == document)?;
                Some((place, placed.place as usize))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Compiled, Context, Document, Effect, Principal, PrincipalKind, Resource, Slot,
        StatementPlace,
    };

    pub(super) fn set(effect: &str, action: &str) -> PolicySetBuilder {
        let statement = format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}"#);
        let document = Document::parse(&format!(r#"{{"Statement":{statement}}}"#)).unwrap();
        let mut builder = PolicySet::builder();
        builder.add(Slot::Identity, document.compiled());
        builder
    }

    fn effect(index: &Index, principal: PrincipalNumber, more: &[&PolicySet]) -> Option<Effect> {
        Some(verdict(index, principal, more)?.effect)
    }

    fn verdict(index: &Index, principal: PrincipalNumber, more: &[&PolicySet]) -> Option<Verdict> {
        asked(|request| index.decide(principal, request, ResourcePolicyKind::Resource, more))
    }

    /// Gives a request of a user for an object.
    pub(super) fn asked<T>(take: impl FnOnce(&Request<'_>) -> T) -> T {
        take(&Request {
            principal: Principal::new(
                PrincipalKind::User,
                "arn:aws:iam::111111111111:user/a",
                "111111111111",
            ),
            action: &Action::new("s3:GetObject"),
            resource: Resource {
                arn: "arn:aws:s3:::b/k",
                account: None,
                management_account: false,
            },
            context: &Context::new(),
        })
    }

    #[test]
    fn principals_have_the_sets_that_they_were_given_last() {
        let mut index = Index::default();
        let allow = index.add_set(&set("Allow", "s3:Get*")).unwrap();
        let other = index.add_set(&set("Allow", "iam:*")).unwrap();
        let deny = index.add_set(&set("Deny", "*")).unwrap();
        let alice = index.add_principal(&[other, allow]).unwrap();
        let bob = index.add_principal(&[other]).unwrap();
        assert_eq!(effect(&index, alice, &[]), Some(Effect::Allow));
        assert_eq!(effect(&index, bob, &[]), Some(Effect::ImplicitDeny));
        assert_eq!(
            effect(&index, alice, &[&set("Deny", "s3:*").build()]),
            Some(Effect::ExplicitDeny)
        );

        assert!(index.assign(alice, &[other, deny]));
        assert_eq!(effect(&index, alice, &[]), Some(Effect::ExplicitDeny));
        assert!(index.replace_set(deny, &set("Allow", "*")));
        assert_eq!(effect(&index, alice, &[]), Some(Effect::Allow));
        assert_eq!(effect(&index, bob, &[]), Some(Effect::ImplicitDeny));

        assert!(index.assign(alice, &[]));
        assert_eq!(effect(&index, alice, &[]), Some(Effect::ImplicitDeny));
        assert_eq!(effect(&index, PrincipalNumber(2), &[]), None);
    }

    #[test]
    fn nothing_is_left_of_what_was_replaced() {
        let mut index = Index::default();
        let changing = index.add_set(&set("Allow", "s3:GetObject")).unwrap();
        let alice = index.add_principal(&[changing]).unwrap();
        for round in 0..1000 {
            // What comes takes the number of what left in the round before.
            let (action, wanted) = match round % 4 {
                0 => ("iam:GetUser", Effect::ImplicitDeny),
                1 => ("iam:*", Effect::ImplicitDeny),
                2 => ("s3:GetObject", Effect::Allow),
                _ => ("s3:*", Effect::Allow),
            };
            assert!(index.replace_set(changing, &set("Allow", action)));
            assert_eq!(effect(&index, alice, &[]), Some(wanted), "{round}");
        }
        assert!(index.catalog.len() <= 2, "{index:?}");
        assert!(!index.replace_set(SetNumber(1), &set("Allow", "*")));
    }

    #[test]
    fn the_place_of_a_statement_is_that_among_the_documents_of_its_slot() {
        let document = |effect: &str, action: &str| {
            let statement =
                format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}"#);
            let none = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#;
            let text = format!(r#"{{"Statement":[{none},{statement}]}}"#);
            Arc::clone(Document::parse(&text).unwrap().compiled())
        };
        let (none, all, deny) =
            (document("Allow", "iam:*"), document("Allow", "*"), document("Deny", "s3:*"));
        let of = |documents: &[(Slot, &Arc<Compiled>)]| {
            let mut builder = PolicySet::builder();
            documents.iter().for_each(|(slot, document)| builder.add(*slot, document));
            builder
        };
        let (level, own) = (Slot::ServiceControl(0), Slot::Identity);
        let place = |set, document| Some(StatementPlace { set, document, statement: 1 });
        for (sets, more, wanted) in [
            (vec![of(&[(own, &none)]), of(&[(own, &none), (own, &all)])], vec![], place(1, 1)),
            // Those of another slot do not count.
            (vec![of(&[(level, &all), (own, &none), (own, &all)])], vec![], place(0, 1)),
            (vec![of(&[(own, &none); 9]), of(&[(level, &all), (own, &all)])], vec![], place(1, 0)),
            // More than stand with the set.
            (vec![of(&[&[(own, &none); 9][..], &[(own, &all)]].concat())], vec![], place(0, 9)),
            (
                vec![of(&[(own, &none)]); 3],
                vec![of(&[(own, &none)]), of(&[(own, &none), (own, &deny)])],
                place(4, 1),
            ),
        ] {
            let mut index = Index::default();
            let numbers: Vec<SetNumber> =
                sets.iter().map(|set| index.add_set(set).unwrap()).collect();
            let alice = index.add_principal(&numbers).unwrap();
            let more: Vec<PolicySet> = more.into_iter().map(PolicySetBuilder::build).collect();
            let more: Vec<&PolicySet> = more.iter().collect();
            assert_eq!(verdict(&index, alice, &more).unwrap().statement, wanted, "{sets:?}");
        }
    }

    #[test]
    fn lists_that_were_replaced_take_no_room_for_long() {
        let mut index = Index::default();
        let allow = index.add_set(&set("Allow", "*")).unwrap();
        let other = index.add_set(&set("Allow", "iam:*")).unwrap();
        let many = |last: SetNumber| -> Vec<SetNumber> {
            std::iter::repeat_n(other, 19).chain([last]).collect()
        };
        let all: Vec<PrincipalNumber> =
            (0..50).map(|_| index.add_principal(&many(other)).unwrap()).collect();
        for round in 0..200 {
            assert!(index.assign(all[round % 50], &many(allow)));
        }
        assert!(index.lists.len() <= 2 * 1000 + 20, "{}", index.lists.len());
        assert!(all.iter().all(|it| effect(&index, *it, &[]) == Some(Effect::Allow)));
    }

    #[test]
    fn documents_are_found_in_long_lists() {
        for (denies, allows) in [(LONG, 1), (1, LONG), (LONG / 2, LONG - 1), (LONG - 1, LONG / 2)] {
            let mut index = Index::default();
            let all = [
                vec![("Deny", Effect::ExplicitDeny); denies],
                vec![("Allow", Effect::Allow); allows],
            ];
            let all: Vec<(&str, Effect)> = all.concat();
            let sets = all.iter().map(|(effect, _)| index.add_set(&set(effect, "s*:g*")).unwrap());
            let sets: Vec<SetNumber> = sets.collect();
            // What is listed last comes first.
            for (number, (effect, _)) in sets.iter().zip(&all).rev().step_by(2) {
                assert!(index.replace_set(*number, &set(effect, "*:get*")));
            }
            for (number, (_, wanted)) in sets.iter().zip(&all) {
                let somebody = index.add_principal(&[*number]).unwrap();
                assert_eq!(effect(&index, somebody, &[]), Some(*wanted), "{denies} and {allows}");
            }
        }
    }

    #[test]
    fn documents_whose_bits_meet_are_told_apart() {
        let statements = [
            (r#""Effect":"Allow","Action":"s3:Get*""#, Effect::Allow),
            (r#""Effect":"Deny","Action":"s3:Get*""#, Effect::ExplicitDeny),
            (
                r#""Effect":"Allow","Action":"s3:Get*","Condition":{"Null":{"k":"false"}}"#,
                Effect::ImplicitDeny,
            ),
        ];
        let mut index = Index::default();
        for (statement, wanted) in statements {
            let text = format!(r#"{{"Statement":{{{statement},"Resource":"arn:aws:s3:::b/*"}}}}"#);
            let mut builder = PolicySet::builder();
            builder.add(Slot::Identity, Document::parse(&text).unwrap().compiled());
            let set = index.add_set(&builder).unwrap();
            let somebody = index.add_principal(&[set]).unwrap();
            // The next one has the same bit.
            for number in 1..Members::BITS {
                index.add_set(&self::set("Allow", &format!("a:b{number}"))).unwrap();
            }
            assert_eq!(effect(&index, somebody, &[]), Some(wanted), "{statement}");
        }
        let somebody = (0..3).map(PrincipalNumber);
        for (principal, (statement, wanted)) in somebody.zip(statements) {
            assert_eq!(effect(&index, principal, &[]), Some(wanted), "{statement}");
        }
    }

    #[test]
    fn statements_are_found_however_far_back_in_their_document() {
        let other = r#"{"Effect":"Allow","Action":"a:b","Resource":"*"},"#;
        let wanted = r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"}"#;
        // The place has more bits than a sieve has for it.
        for before in [4095, 4096, 4097] {
            let text = format!(r#"{{"Statement":[{}{wanted}]}}"#, other.repeat(before));
            let mut builder = PolicySet::builder();
            builder.add(Slot::Identity, Document::parse(&text).unwrap().compiled());
            let mut index = Index::default();
            let set = index.add_set(&builder).unwrap();
            let (somebody, nobody) =
                (index.add_principal(&[set]).unwrap(), index.add_principal(&[]).unwrap());
            let place = Some(StatementPlace { set: 0, document: 0, statement: before });
            assert_eq!(verdict(&index, somebody, &[]).unwrap().statement, place);
            assert_eq!(verdict(&index, nobody, &[&builder.build()]).unwrap().statement, place);
        }
    }

    #[test]
    fn many_sets_and_high_numbers_are_kept_as_well_as_few_and_low_ones() {
        let mut index = Index::default();
        let (nothing, all) = (set("Allow", "iam:*"), set("Allow", "*"));
        let low = index.add_set(&nothing).unwrap();
        for _ in 0..usize::from(u16::MAX) {
            index.add_set(&nothing).unwrap();
        }
        let high = index.add_set(&all).unwrap();
        for count in [0, 1, CLOSE - 1, CLOSE, CLOSE + 1, 40] {
            let sets: Vec<SetNumber> = std::iter::repeat_n(low, count).chain([high]).collect();
            let somebody = index.add_principal(&sets).unwrap();
            assert_eq!(effect(&index, somebody, &[]), Some(Effect::Allow), "{count}");
            assert!(index.assign(somebody, &vec![low; count]));
            assert_eq!(effect(&index, somebody, &[]), Some(Effect::ImplicitDeny), "{count}");
        }
    }
}
