//! The compiled engine where no set is at hand, and all statements that determine the answer are wanted.

use std::collections::BTreeSet;

use crate::compile::decide::{Found, Outcome, Sink, Tally, walk};
use crate::compile::set::{PolicySet, Slot, Slots};
use crate::evaluate::{missing_keys, resource_policy};
use crate::principal::Namings;
use crate::{
    Attached, Decision, Effect, Evaluator, MatchedStatement, Policies, PolicyKind, Request,
};

/// The compiled engine as an [`Evaluator`]. It puts a set together for every decision: for callers who keep no
/// [`PolicySet`]s, and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engine;

impl Evaluator for Engine {
    fn decide<'a>(&self, request: &Request<'_>, policies: &Policies<'a>) -> Decision<'a> {
        let slots = slots(policies);
        let sets = compile(&slots);
        let sets = sets.each_ref();
        let mut all = All { sets: &sets, ..All::default() };
        let bound = walk(request, None::<&PolicySet>, &sets, &mut all);
        let resource_kind = policies.resource_kind;
        let outcome = Outcome { request, resource_kind, slots: bound, tally: &all.tally };
        let (effect, kind) = outcome.conclude();
        let applying = match effect {
            Effect::ExplicitDeny => all.denies,
            Effect::Allow => all.allows,
            Effect::ImplicitDeny => BTreeSet::new(),
        };
        let find = |(slot, document, statement)| find(&slots, policies, slot, document, statement);
        let mut matched: Vec<MatchedStatement<'a>> =
            applying.into_iter().filter_map(find).collect();
        matched.sort_by_key(|statement| statement.kind != kind);
        let resource = &request.resource;
        Decision {
            effect,
            decided_by: Some(kind),
            matched,
            missing: missing_keys(request, policies),
            same_account: request.principal.kind.has_account()
                && resource.account.is_none_or(|it| it == request.principal.account),
        }
    }
}

/// The documents of one slot.
type Filled<'p, 'a> = (Slot, &'p [Attached<'a>]);

/// The slots that take part, and what is in them.
fn slots<'p, 'a>(policies: &'p Policies<'a>) -> Vec<Filled<'p, 'a>> {
    let mut slots: Vec<Filled<'p, 'a>> = vec![(Slot::Identity, policies.identity)];
    let level = |index| u8::try_from(index).unwrap_or(u8::MAX);
    for (index, documents) in policies.scps.unwrap_or_default().iter().enumerate() {
        slots.push((Slot::ServiceControl(level(index)), documents));
    }
    for (index, documents) in policies.rcps.unwrap_or_default().iter().enumerate() {
        slots.push((Slot::ResourceControl(level(index)), documents));
    }
    if policies.resource.is_some() {
        slots.push((Slot::Resource(policies.resource_kind), policies.resource.as_slice()));
    }
    if policies.boundary.is_some() {
        slots.push((Slot::Boundary, policies.boundary.as_slice()));
    }
    if let Some(session) = policies.session.filter(|session| !session.is_empty()) {
        slots.push((Slot::Session, session));
    }
    slots
}

/// A set for what belongs to the caller, and one for what belongs to the resource.
fn compile(slots: &[Filled<'_, '_>]) -> [PolicySet; 2] {
    let mut sets = [PolicySet::builder(), PolicySet::builder()];
    for (slot, documents) in slots {
        let [of_caller, of_resource] = &mut sets;
        let set = match slot {
            Slot::Resource(_) | Slot::ResourceControl(_) => of_resource,
            _ => of_caller,
        };
        set.require(*slot);
        for attached in *documents {
            set.add(*slot, attached.document.compiled());
        }
    }
    sets.map(|set| set.build())
}

/// Every statement that applies: its slot, its document's place there, its own place.
#[derive(Default)]
struct All<'s> {
    sets: &'s [&'s PolicySet],
    tally: Tally,
    denies: BTreeSet<(u8, usize, usize)>,
    allows: BTreeSet<(u8, usize, usize)>,
}

impl Sink for All<'_> {
    fn wanted_denies(&self) -> Slots {
        Slots::MAX
    }

    fn wanted_allows(&self) -> Slots {
        Slots::MAX
    }

    fn deny(&mut self, slot: u8, found: Found) {
        self.denies.extend(self.place(slot, found));
        if self.tally.wanted_denies() >> slot & 1 == 1 {
            self.tally.deny(slot, found);
        }
    }

    fn allow(&mut self, slot: u8, namings: Namings, found: Found) {
        self.allows.extend(self.place(slot, found));
        self.tally.allow(slot, namings, found);
    }
}

impl All<'_> {
    fn place(&self, slot: u8, found: Found) -> Option<(u8, usize, usize)> {
        let place = found.place(None::<&PolicySet>, self.sets)?;
        Some((slot, place.document, place.statement))
    }
}

fn find<'a>(
    slots: &[Filled<'_, 'a>],
    policies: &Policies<'a>,
    bit: u8,
    document: usize,
    statement: usize,
) -> Option<MatchedStatement<'a>> {
    let (slot, documents) = slots.iter().find(|(slot, _)| slot.bit() == bit)?;
    let attached = documents.get(document)?;
    let written = attached.document.statements().get(statement)?;
    Some(MatchedStatement {
        kind: kind(*slot, policies),
        policy: attached.source,
        index: statement,
        sid: written.sid.as_ref().map(|sid| sid.value.as_str()),
        span: written.span,
    })
}

fn kind(slot: Slot, policies: &Policies<'_>) -> PolicyKind {
    match slot {
        Slot::ResourceControl(_) => PolicyKind::ResourceControl,
        Slot::ServiceControl(_) => PolicyKind::ServiceControl,
        Slot::Resource(_) => resource_policy(policies.resource_kind),
        Slot::Identity => PolicyKind::Identity,
        Slot::Boundary => PolicyKind::Boundary,
        Slot::Session => PolicyKind::Session,
    }
}
