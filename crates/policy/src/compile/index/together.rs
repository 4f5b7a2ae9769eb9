//! Many decisions at a time. One decision about a principal that was not asked about for long waits for memory most of
//! its time, step after step. Here memory brings what some questions need next while others are looked at: what is
//! decided, and how, is the same.

use std::array;
use std::slice::from_ref;

use prefetch_index::prefetch_index;
use smallvec::SmallVec;

use crate::compile::candidate::Sieve;
use crate::compile::decide::{Source, Verdict, ask_for_statement, decide_on};
use crate::compile::index::{Attached, Index, PrincipalNumber};
use crate::compile::rule::Probed;
use crate::compile::set::{PolicySet, Slots};
use crate::{Request, ResourcePolicyKind};

/// What [`Index::decide`] is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The index that has the principal.
    pub index: &'q Index,
    /// The principal.
    pub principal: PrincipalNumber,
    /// The request.
    pub request: &'q Request<'q>,
    /// What kind of policy the resource has.
    pub resource_kind: ResourcePolicyKind,
    /// The sets beside those of the principal.
    pub more: &'q [&'q PolicySet],
}

/// So many questions are looked at side by side: with twice as many, each takes as long.
const TOGETHER: usize = 8;

/// So many statements of a question are asked for ahead.
const AHEAD: usize = 6;

/// Decides many requests, and gives the verdict of each, in their order; `None` where there is no such principal. Takes
/// less time than to decide one after the other, above all where the principals are many and policies are in no cache: to
/// judge a log again by other policies, or to answer a batch. Allocates nothing.
pub fn decide_each(questions: &[Question<'_>], mut take: impl FnMut(Option<Verdict>)) {
    for group in questions.chunks(TOGETHER) {
        group.iter().for_each(Question::ask_for_index);
        group.iter().for_each(Question::ask_for_principal);
        group.iter().for_each(Question::ask_for_sets);
        let looked_up: [_; TOGETHER] = array::from_fn(|at| group.get(at)?.look_up());
        looked_up.iter().flatten().for_each(LookedUp::ask_for_statements);
        for (Question { request, resource_kind, more, .. }, found) in group.iter().zip(&looked_up) {
            let verdict =
                |it: &LookedUp<'_>| decide_on(request, *resource_kind, Some(&it.own), more);
            take(found.as_ref().map(verdict));
        }
    }
}

impl<'q> Question<'q> {
    #[inline]
    fn ask_for_index(&self) {
        prefetch_index(from_ref(&self.index.principals), 0);
        prefetch_index(from_ref(&self.index.catalog), 0);
    }

    #[inline]
    fn ask_for_principal(&self) {
        prefetch_index(&self.index.principals, self.principal.0 as usize);
        self.index.catalog.table().ask_for_places(&self.request.action.names());
    }

    #[inline]
    fn ask_for_sets(&self) {
        if let Some(sets) = self.index.principals.get(self.principal.0 as usize) {
            sets.numbers.iter().for_each(|it| prefetch_index(&self.index.sets, usize::from(*it)));
        }
        self.index.catalog.table().ask_for_lists(&self.request.action.names());
    }

    #[inline]
    fn look_up(&self) -> Option<LookedUp<'q>> {
        let own = self.index.attached(self.principal, self.request.action)?;
        let likely = own.ask_for_documents(self.request.resource.arn);
        Some(LookedUp { own, likely })
    }
}

/// A question of which is known what is listed.
struct LookedUp<'q> {
    own: Attached<'q>,
    /// The first candidates that may apply.
    likely: SmallVec<[Sieve; AHEAD]>,
}

impl LookedUp<'_> {
    #[inline]
    fn ask_for_statements(&self) {
        self.likely.iter().for_each(|it| ask_for_statement(&self.own, *it));
    }
}

impl Attached<'_> {
    /// Asks memory for what leads to the statements of the first candidates that may apply.
    #[inline]
    fn ask_for_documents(&self, resource: &str) -> SmallVec<[Sieve; AHEAD]> {
        let mut likely = SmallVec::new();
        if !self.sieves_tell_documents() {
            return likely;
        }
        let resource = Probed::of(resource);
        for list in &self.lists {
            for (run, wanted) in [(&list.denies, Slots::MAX), (&list.allows, !self.open)] {
                let may_apply = |it: Sieve| self.may_have(it) & it.may_apply(&resource, wanted);
                for (at, sieve) in run.first_of(may_apply) {
                    if likely.len() == AHEAD {
                        return likely;
                    }
                    run.ask_for(at);
                    self.index.catalog.ask_for(sieve.member().into());
                    likely.push(sieve);
                }
            }
        }
        likely
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Action;
    use crate::compile::index::tests::{asked, set};

    #[test]
    fn many_at_a_time_are_answered_in_their_order() {
        let mut index = Index::default();
        let reads = index.add_set(&set("Allow", "s3:Get*")).unwrap();
        let none = index.add_set(&set("Deny", "s3:GetObject")).unwrap();
        let principals =
            [&[reads][..], &[], &[reads, none], &[none]].map(|it| index.add_principal(it).unwrap());
        asked(|read| {
            let write = &Request { action: &Action::new("s3:PutObject"), ..*read };
            // Of every length around that of a group.
            for length in 0..=3 * TOGETHER + 1 {
                let nobody = PrincipalNumber(principals.len() as u32);
                let principals = principals.iter().copied().chain([nobody]).cycle().take(length);
                let questions: Vec<Question<'_>> = principals
                    .zip([read, read, write].into_iter().cycle())
                    .map(|(principal, request)| Question {
                        index: &index,
                        principal,
                        request,
                        resource_kind: ResourcePolicyKind::Resource,
                        more: &[],
                    })
                    .collect();
                let wanted: Vec<Option<Verdict>> = questions
                    .iter()
                    .map(|it| index.decide(it.principal, it.request, it.resource_kind, it.more))
                    .collect();
                let mut found = Vec::with_capacity(length);
                let counted = allocation_counter::measure(|| {
                    decide_each(&questions, |it| found.push(it));
                });
                assert_eq!((found, counted.count_total), (wanted, 0));
            }
        });
    }
}
