//! The decision on compiled policies: AWS's order of evaluation, with as little work as it takes.
//!
//! Slots are bits, so "every level allows" is one comparison. A Deny anywhere ends it; a slot in which something
//! allows is not asked again.

use std::cell::LazyCell;
use std::hint::black_box;

use crate::compile::action::{Action, LowerCase};
use crate::compile::candidate::{Candidate, Check, may_apply};
use crate::compile::condition::Readings;
use crate::compile::set::{
    BOUNDARY, IDENTITY, PolicySet, RESOURCE, RESOURCE_CONTROL, SERVICE_CONTROL, SESSION, Slots,
};
use crate::compile::table::List;
use crate::evaluate::{resource_controls_bind, resource_policy, service_controls_bind};
use crate::principal::{Naming, Namings};
use crate::{Effect, PolicyKind, PrincipalKind, Request, ResourcePolicyKind};

/// The answer in short: what was decided, and one statement that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub effect: Effect,
    /// The kind of policy that decided: that allowed, that denied, or that would have had to allow.
    pub decided_by: PolicyKind,
    /// A statement of that kind that denies or allows; none when nothing allows, nor for the root user.
    pub statement: Option<StatementPlace>,
}

/// Where a statement stands among the sets of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementPlace {
    /// The set's place among those given.
    pub set: usize,
    /// The document's place among those of its slot in the set, from 0 in the order in which they were added.
    pub document: usize,
    /// The statement's place in the document, from 0.
    pub statement: usize,
}

impl Verdict {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allow
    }
}

/// Decides one request on sets that together hold every policy that applies. Which documents are together in a set
/// makes no difference to the answer. `resource_kind` is what kind of policy the resource has, whether or not there
/// is one. Allocates nothing.
pub fn decide(
    request: &Request<'_>,
    resource_kind: ResourcePolicyKind,
    sets: &[&PolicySet],
) -> Verdict {
    decide_on(request, resource_kind, &sets.iter().copied())
}

/// The same, where the sets stand in no slice.
pub(crate) fn decide_on<'s>(
    request: &Request<'_>,
    resource_kind: ResourcePolicyKind,
    sets: &(impl Iterator<Item = &'s PolicySet> + Clone),
) -> Verdict {
    let mut tally = Tally::default();
    let slots = walk(request, sets, &mut tally);
    let outcome = Outcome { request, resource_kind, slots, tally: &tally };
    let (effect, decided_by) = outcome.conclude();
    let found = match (effect, decided_by) {
        (Effect::ExplicitDeny, _) => tally.denied.map(|(_, found)| found),
        (Effect::Allow, PolicyKind::Identity) => tally.by_identity,
        (Effect::Allow, PolicyKind::Resource | PolicyKind::RoleTrust) => tally.by_resource,
        _ => None,
    };
    let statement = found.and_then(|found| Some(found.place(sets.clone().nth(found.set)?)));
    Verdict { effect, decided_by, statement }
}

/// What becomes of the statements that apply.
pub(crate) trait Sink {
    /// The slots in which a Deny would still matter.
    fn wanted_denies(&self) -> Slots;
    /// The slots in which an Allow would still matter.
    fn wanted_allows(&self) -> Slots;
    fn deny(&mut self, slot: u8, found: Found);
    fn allow(&mut self, slot: u8, namings: Namings, found: Found);
}

/// So few sets are looked up one after the other.
const FEW: usize = 2;

/// Brings every statement that applies and matters to the sink. Returns the slots that take part.
pub(crate) fn walk<'s>(
    request: &Request<'_>,
    sets: &(impl Iterator<Item = &'s PolicySet> + Clone),
    sink: &mut impl Sink,
) -> Slots {
    let mut unbound = 0;
    if !resource_controls_bind(request) {
        unbound |= RESOURCE_CONTROL;
    }
    if !service_controls_bind(request) {
        unbound |= SERVICE_CONTROL;
    }
    let lower = LowerCase::of(request.action);
    let walk = Walk {
        request,
        action: Action::of(&lower),
        unbound,
        bounded: LazyCell::new(|| sets.clone().any(|set| set.slots() & BOUNDARY != 0)),
        readings: Readings::default(),
    };
    // What is read here of one set does not wait for another's: memory brings it at the same time.
    if sets.size_hint().1.is_none_or(|most| most > FEW) {
        black_box(sets.clone().fold(0, |seen, set| match set.may_concern(&walk.action) {
            true => seen ^ set.glance(&walk.action),
            false => seen,
        }));
    }
    let mut slots = IDENTITY;
    sets.clone().enumerate().for_each(|(number, set)| {
        slots |= set.slots();
        if set.may_concern(&walk.action) {
            walk.through(number, set, sink);
        }
    });
    slots & !unbound
}

struct Walk<'r, B> {
    request: &'r Request<'r>,
    action: Action<'r>,
    /// The slots that do not bind this request.
    unbound: Slots,
    /// Whether the principal has a boundary: most statements do not ask.
    bounded: LazyCell<bool, B>,
    readings: Readings,
}

impl<B: FnOnce() -> bool> Walk<'_, B> {
    /// Brings what applies of a set to the sink.
    fn through(&self, number: usize, set: &PolicySet, sink: &mut impl Sink) {
        let part = Part { number, set, bound: set.slots() & !self.unbound };
        if let Some(list) = set.candidates(&self.action.whole) {
            self.pass(part, list, sink);
        }
        if let Some(list) = set.candidates(&self.action.service) {
            self.pass(part, list, sink);
        }
        if let Some(list) = set.nameless() {
            self.pass(part, list, sink);
        }
    }

    /// Passes over the candidates of a list.
    #[inline]
    fn pass(&self, part: Part<'_>, list: List<'_>, sink: &mut impl Sink) {
        let resource = self.request.resource.arn;
        let mut wanted = part.bound & sink.wanted_denies();
        for packed in list.denies {
            if may_apply(packed, &self.action, resource, wanted)
                && let candidate = Candidate::unpack(packed)
                && self.judge(part.set, &candidate).is_some()
            {
                sink.deny(candidate.slot, part.found(&candidate));
                wanted = part.bound & sink.wanted_denies();
            }
        }
        let mut wanted = part.bound & sink.wanted_allows();
        for packed in list.allows {
            if wanted == 0 {
                return;
            }
            if may_apply(packed, &self.action, resource, wanted)
                && let candidate = Candidate::unpack(packed)
                && let Some(namings) = self.judge(part.set, &candidate)
            {
                sink.allow(candidate.slot, namings, part.found(&candidate));
                wanted = part.bound & sink.wanted_allows();
            }
        }
    }

    /// How a statement names the caller, if it applies.
    #[inline]
    fn judge(&self, set: &PolicySet, candidate: &Candidate) -> Option<Namings> {
        if candidate.check == Check::APPLIES {
            return Some(Naming::Caller.into());
        }
        let rule = set.rule(candidate, &self.action)?;
        let Request { resource, context, principal, .. } = self.request;
        if !rule.holds(resource.arn, context, &self.readings) {
            return None;
        }
        let names_principals = (RESOURCE_CONTROL | RESOURCE) >> candidate.slot & 1 == 1;
        match &rule.principals {
            Some(principals) if names_principals => {
                let namings = principals.namings(principal, rule.effect, *self.bounded);
                (!namings.is_empty()).then_some(namings)
            }
            // Where principals have no place, or are missing, only a Deny gets here, and it holds for everybody.
            _ => Some(Naming::Caller.into()),
        }
    }
}

/// A set among those of a decision.
#[derive(Clone, Copy)]
struct Part<'s> {
    number: usize,
    set: &'s PolicySet,
    /// Its slots that bind this request.
    bound: Slots,
}

impl Part<'_> {
    #[inline]
    fn found(&self, candidate: &Candidate) -> Found {
        Found { set: self.number, document: candidate.document, statement: candidate.rule }
    }
}

/// A statement that applies: the set's place among those given, and its document's and its own place there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) set: usize,
    document: u32,
    statement: u16,
}

impl Found {
    /// Where that is for who does not know how the set keeps its documents.
    pub(crate) fn place(self, set: &PolicySet) -> StatementPlace {
        StatementPlace {
            set: self.set,
            document: set.place(self.document) as usize,
            statement: usize::from(self.statement),
        }
    }
}

/// What the rules of evaluation look at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// The first slot with a Deny.
    pub(crate) denied: Option<(u8, Found)>,
    /// The slots in which something allows.
    pub(crate) allowed: Slots,
    /// How allowing statements of the resource's policy name the caller.
    pub(crate) namings: Namings,
    by_identity: Option<Found>,
    by_resource: Option<Found>,
}

impl Sink for Tally {
    /// Only a Deny in an earlier slot than the one known.
    fn wanted_denies(&self) -> Slots {
        self.denied.map_or(Slots::MAX, |(first, _)| (1 << first) - 1)
    }

    /// One Allow in each slot is enough, but for the resource's policy the best naming counts.
    fn wanted_allows(&self) -> Slots {
        if self.denied.is_some() {
            return 0;
        }
        let named = if self.namings.contains(Naming::Caller) { RESOURCE } else { 0 };
        !(self.allowed & !RESOURCE | named)
    }

    fn deny(&mut self, slot: u8, found: Found) {
        self.denied = Some((slot, found));
    }

    fn allow(&mut self, slot: u8, namings: Namings, found: Found) {
        self.allowed |= 1 << slot;
        if RESOURCE >> slot & 1 == 1 {
            self.namings.add(namings);
            self.by_resource.get_or_insert(found);
        } else if IDENTITY >> slot & 1 == 1 {
            self.by_identity.get_or_insert(found);
        }
    }
}

/// Everything that the answer follows from.
pub(crate) struct Outcome<'o> {
    pub(crate) request: &'o Request<'o>,
    pub(crate) resource_kind: ResourcePolicyKind,
    /// The slots that take part.
    pub(crate) slots: Slots,
    pub(crate) tally: &'o Tally,
}

impl Outcome<'_> {
    /// AWS's policy evaluation logic.
    pub(crate) fn conclude(&self) -> (Effect, PolicyKind) {
        let principal = &self.request.principal;
        let resource = resource_policy(self.resource_kind);
        let namings = self.tally.namings;
        if let Some((slot, _)) = self.tally.denied {
            return (Effect::ExplicitDeny, kind_of(slot, resource));
        }
        if !self.all_allow(RESOURCE_CONTROL) {
            return (Effect::ImplicitDeny, PolicyKind::ResourceControl);
        }
        if !self.all_allow(SERVICE_CONTROL) {
            return (Effect::ImplicitDeny, PolicyKind::ServiceControl);
        }
        if !principal.kind.has_account() {
            let granted = if namings.is_empty() { Effect::ImplicitDeny } else { Effect::Allow };
            return (granted, resource);
        }
        let same_account =
            self.request.resource.account.is_none_or(|account| account == principal.account);
        if same_account && self.is_granted(namings) {
            return (Effect::Allow, resource);
        }
        if (!same_account || self.resource_kind.must_allow()) && namings.is_empty() {
            return (Effect::ImplicitDeny, resource);
        }
        let is_root = principal.kind == PrincipalKind::Root;
        let identity_allows = is_root
            || self.all_allow(IDENTITY)
            || same_account && namings.names_more_than_account();
        if !identity_allows {
            return (Effect::ImplicitDeny, PolicyKind::Identity);
        }
        if !self.all_allow(BOUNDARY) {
            return (Effect::ImplicitDeny, PolicyKind::Boundary);
        }
        if !self.session_allows() {
            return (Effect::ImplicitDeny, PolicyKind::Session);
        }
        (Effect::Allow, if is_root { PolicyKind::RootUser } else { PolicyKind::Identity })
    }

    /// Whether the resource's policy grants by itself in its own account: what it says of the caller is not limited
    /// by boundary and session policy, what it says of the caller's role or user is.
    fn is_granted(&self, namings: Namings) -> bool {
        namings.contains(Naming::Caller)
            || namings.contains(Naming::FederatingUser) && self.session_allows()
            || namings.contains(Naming::Role) && self.all_allow(BOUNDARY) && self.session_allows()
    }

    /// A federated session has nothing of its user's permissions unless a session policy passes them on.
    fn session_allows(&self) -> bool {
        let needs_policy = self.request.principal.kind == PrincipalKind::FederatedUser;
        (!needs_policy || self.slots & SESSION != 0) && self.all_allow(SESSION)
    }

    /// Whether something allows in each of these slots that takes part.
    fn all_allow(&self, slots: Slots) -> bool {
        self.slots & slots & !self.tally.allowed == 0
    }
}

fn kind_of(slot: u8, resource: PolicyKind) -> PolicyKind {
    match 1 << slot {
        IDENTITY => PolicyKind::Identity,
        BOUNDARY => PolicyKind::Boundary,
        SESSION => PolicyKind::Session,
        RESOURCE => resource,
        bit if bit & RESOURCE_CONTROL != 0 => PolicyKind::ResourceControl,
        _ => PolicyKind::ServiceControl,
    }
}
