//! Very many principals who share few policies.
//!
//! A merged set for each combination of policies that somebody has may be as many sets as there are principals. Here a
//! set belongs to what is attached (a policy, a group, a boundary, an account's control policies), and a principal is
//! a short list of sets: 4 bytes for each and 8 for the list. When a policy changes, the sets that it is in are
//! replaced, and nothing of its principals.

use std::sync::Arc;

use crate::compile::decide::{Verdict, decide_on};
use crate::compile::set::PolicySet;
use crate::{Request, ResourcePolicyKind};

/// Sets, and which principals have which. Best made one for each account: a clone costs what the lists take, so
/// readers can go on with the old one until the new one is published.
///
/// Numbers are good for the index that gave them, and for its clones.
#[derive(Clone, Debug, Default)]
pub struct Index {
    sets: Vec<Arc<PolicySet>>,
    /// The lists of all principals, one behind the other, with what is left of those that were replaced.
    lists: Vec<SetNumber>,
    principals: Vec<Run>,
    /// How many entries of `lists` belong to nobody.
    unused: usize,
}

/// A set of an [`Index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetNumber(u32);

/// A principal of an [`Index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrincipalNumber(u32);

/// Where a principal's list stands.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    start: u32,
    length: u32,
}

impl Run {
    fn of(self, lists: &[SetNumber]) -> &[SetNumber] {
        let start = self.start as usize;
        lists.get(start..start + self.length as usize).unwrap_or_default()
    }
}

impl Index {
    /// Adds a set; `None` when there are as many as there are numbers.
    pub fn add_set(&mut self, set: Arc<PolicySet>) -> Option<SetNumber> {
        let number = u32::try_from(self.sets.len()).ok()?;
        self.sets.push(set);
        Some(SetNumber(number))
    }

    /// Replaces a set for everybody who has it.
    pub fn replace_set(&mut self, SetNumber(number): SetNumber, set: Arc<PolicySet>) {
        if let Some(place) = self.sets.get_mut(number as usize) {
            *place = set;
        }
    }

    /// Adds a principal who has these sets; `None` when there are as many as there are numbers.
    pub fn add_principal(&mut self, sets: &[SetNumber]) -> Option<PrincipalNumber> {
        let number = u32::try_from(self.principals.len()).ok()?;
        let run = self.append(sets)?;
        self.principals.push(run);
        Some(PrincipalNumber(number))
    }

    /// Gives a principal other sets. A principal that is gone has none. Returns whether there was room.
    pub fn assign(&mut self, PrincipalNumber(number): PrincipalNumber, sets: &[SetNumber]) -> bool {
        let Some(run) = self.append(sets) else { return false };
        let Some(place) = self.principals.get_mut(number as usize) else { return false };
        self.unused += place.length as usize;
        *place = run;
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
        PrincipalNumber(number): PrincipalNumber,
        request: &Request<'_>,
        resource_kind: ResourcePolicyKind,
        more: &[&PolicySet],
    ) -> Option<Verdict> {
        let numbers = self.principals.get(number as usize)?.of(&self.lists);
        let own = numbers.iter().filter_map(|set| self.sets.get(set.0 as usize)).map(|it| &**it);
        Some(decide_on(request, resource_kind, own.chain(more.iter().copied())))
    }

    /// Gives back the room that is kept for growing.
    pub fn shrink_to_fit(&mut self) {
        self.sets.shrink_to_fit();
        self.lists.shrink_to_fit();
        self.principals.shrink_to_fit();
    }

    fn append(&mut self, sets: &[SetNumber]) -> Option<Run> {
        let (start, length) = (self.lists.len(), sets.len());
        u32::try_from(start.checked_add(length)?).ok()?;
        self.lists.extend_from_slice(sets);
        Some(Run { start: u32::try_from(start).ok()?, length: u32::try_from(length).ok()? })
    }

    /// Leaves out the entries that belong to nobody.
    fn tidy(&mut self) {
        let old = std::mem::take(&mut self.lists);
        self.lists.reserve_exact(old.len() - self.unused);
        for run in &mut self.principals {
            let list = run.of(&old);
            // What is kept is less than what had room.
            run.start = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
            self.lists.extend_from_slice(list);
        }
        self.unused = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Document, Effect, Principal, PrincipalKind, Resource, Slot};

    fn set(effect: &str, action: &str) -> Arc<PolicySet> {
        let statement = format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}"#);
        let document = Document::parse(&format!(r#"{{"Statement":{statement}}}"#)).unwrap();
        let mut builder = PolicySet::builder();
        builder.add(Slot::Identity, document.compiled());
        Arc::new(builder.build())
    }

    fn effect(index: &Index, principal: PrincipalNumber, more: &[&PolicySet]) -> Option<Effect> {
        let context = Context::new();
        let request = Request {
            principal: Principal::new(
                PrincipalKind::User,
                "arn:aws:iam::111111111111:user/a",
                "111111111111",
            ),
            action: "s3:GetObject",
            resource: Resource {
                arn: "arn:aws:s3:::b/k",
                account: None,
                management_account: false,
            },
            context: &context,
        };
        let verdict = index.decide(principal, &request, ResourcePolicyKind::Resource, more)?;
        Some(verdict.effect)
    }

    #[test]
    fn principals_have_the_sets_that_they_were_given_last() {
        let mut index = Index::default();
        let allow = index.add_set(set("Allow", "s3:Get*")).unwrap();
        let other = index.add_set(set("Allow", "iam:*")).unwrap();
        let deny = index.add_set(set("Deny", "*")).unwrap();
        let alice = index.add_principal(&[other, allow]).unwrap();
        let bob = index.add_principal(&[other]).unwrap();
        assert_eq!(effect(&index, alice, &[]), Some(Effect::Allow));
        assert_eq!(effect(&index, bob, &[]), Some(Effect::ImplicitDeny));
        assert_eq!(effect(&index, alice, &[&*set("Deny", "s3:*")]), Some(Effect::ExplicitDeny));

        assert!(index.assign(alice, &[other, deny]));
        assert_eq!(effect(&index, alice, &[]), Some(Effect::ExplicitDeny));
        index.replace_set(deny, set("Allow", "*"));
        assert_eq!(effect(&index, alice, &[]), Some(Effect::Allow));
        assert_eq!(effect(&index, bob, &[]), Some(Effect::ImplicitDeny));

        assert!(index.assign(alice, &[]));
        assert_eq!(effect(&index, alice, &[]), Some(Effect::ImplicitDeny));
        assert_eq!(effect(&index, PrincipalNumber(2), &[]), None);
    }

    #[test]
    fn lists_that_were_replaced_take_no_room_for_long() {
        let mut index = Index::default();
        let allow = index.add_set(set("Allow", "*")).unwrap();
        let other = index.add_set(set("Allow", "iam:*")).unwrap();
        let all: Vec<PrincipalNumber> =
            (0..50).map(|_| index.add_principal(&[other, other]).unwrap()).collect();
        for round in 0..200 {
            assert!(index.assign(all[round % 50], &[other, allow]));
        }
        assert!(index.lists.len() <= 2 * 100 + 2, "{}", index.lists.len());
        assert!(all.iter().all(|it| effect(&index, *it, &[]) == Some(Effect::Allow)));
    }
}
