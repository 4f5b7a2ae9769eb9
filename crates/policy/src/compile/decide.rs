//! The decision on compiled policies: AWS's order of evaluation, with as little work as it takes.
//!
//! Slots are bits, so "every level allows" is one comparison. A Deny anywhere ends it; a slot in which something
//! allows is not asked again.

use crate::compile::action::Action;
use crate::compile::candidate::{Answers, Candidate, Check, Run, Sieve};
use crate::compile::condition::Readings;
use crate::compile::rule::{Probed, Rule};
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
    decide_on(request, resource_kind, None::<&PolicySet>, sets)
}

/// The same, where documents come first that stand in no set.
pub(crate) fn decide_on(
    request: &Request<'_>,
    resource_kind: ResourcePolicyKind,
    own: Option<&impl Source>,
    sets: &[&PolicySet],
) -> Verdict {
    let open = own.map_or(0, Source::open);
    let allowed = sets.iter().fold(open, |open, set| open | set.open());
    let mut tally = Tally { allowed, ..Tally::default() };
    let slots = walk(request, own, sets, &mut tally);
    let outcome = Outcome { request, resource_kind, slots, tally: &tally };
    let (effect, decided_by) = outcome.conclude();
    let found = match (effect, decided_by) {
        (Effect::ExplicitDeny, _) => tally.denied.map(|(_, found)| found),
        (Effect::Allow, PolicyKind::Identity) => tally.by_identity,
        (Effect::Allow, PolicyKind::Resource | PolicyKind::RoleTrust) => tally.by_resource,
        _ => None,
    };
    Verdict { effect, decided_by, statement: found.and_then(|it| it.place(own, sets)) }
}

/// Documents, and where their statements are listed.
pub(crate) trait Source {
    /// The slots that take part, also those without a document.
    fn slots(&self) -> Slots;

    /// The slots in which everything is allowed, as far as it is looked for.
    fn open(&self) -> Slots;

    /// Gives what is listed for an action: under its name, under its service, and under nothing.
    fn each_list(&self, action: &Action, take: impl FnMut(&List<'_>));

    /// Whether the document of a candidate may be one of these: lists may be longer than concerns this source.
    fn may_have(&self, sieve: Sieve) -> bool;

    /// Whether [`Sieve::member`] is the number of the document.
    fn sieves_tell_documents(&self) -> bool;

    /// Whether the document of this number is one of these, where sieves do not tell.
    fn has(&self, document: u32) -> bool;

    /// Whether a list is so long that the documents are better looked up in it, each by itself.
    fn is_long(&self, list: &List<'_>) -> bool;

    /// The numbers of the documents.
    fn documents(&self) -> impl Iterator<Item = u32>;

    /// The statements of a document.
    fn rules(&self, document: u32) -> &[Rule];

    /// How many sets these are.
    fn sets(&self) -> usize;

    /// Where a document stands: the set's place among these, and its own among the set's documents of its slot.
    fn place(&self, document: u32) -> Option<(usize, usize)>;
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

/// Brings every statement that applies and matters to the sink: first those of `own`, as of source 0 if there is one,
/// then those of the sets, in their order. Returns the slots that take part.
pub(crate) fn walk(
    request: &Request<'_>,
    own: Option<&impl Source>,
    sets: &[&PolicySet],
    sink: &mut impl Sink,
) -> Slots {
    let mut unbound = 0;
    if !resource_controls_bind(request) {
        unbound |= RESOURCE_CONTROL;
    }
    if !service_controls_bind(request) {
        unbound |= SERVICE_CONTROL;
    }
    let slots = own.map_or(0, Source::slots);
    let slots = sets.iter().fold(slots | IDENTITY, |slots, set| slots | set.slots());
    let slots = slots & !unbound;
    let probed = Probed::of(request.resource.arn);
    let walk = Walk { request, probed, slots, readings: Readings::default() };
    if let Some(own) = own {
        walk.through(0, own, sink);
    }
    for (set, number) in sets.iter().zip(usize::from(own.is_some())..) {
        if set.may_concern(request.action) {
            walk.through(number, *set, sink);
        }
    }
    slots
}

struct Walk<'r> {
    request: &'r Request<'r>,
    probed: Probed,
    /// The slots that take part and bind this request.
    slots: Slots,
    readings: Readings,
}

/// A list that is walked through: the source that it is of, that source's place among those of the decision, and what
/// is known of the list's patterns.
struct Of<'s, S> {
    number: usize,
    source: &'s S,
    answers: &'s Answers,
    /// Whether all that is listed is of the source's documents.
    is_own: bool,
}

impl<S> Clone for Of<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Of<'_, S> {}

impl Walk<'_> {
    /// Brings what applies of a source to the sink.
    fn through(&self, number: usize, source: &impl Source, sink: &mut impl Sink) {
        source.each_list(self.request.action, |list| {
            let is_own = source.is_long(list);
            let of = Of { number, source, answers: &Answers::default(), is_own };
            match is_own {
                true => self.pass_documents(of, list, sink),
                false => self.pass(of, list, sink),
            }
        });
    }

    /// Brings what applies of a long list to the sink, document by document.
    #[cold]
    fn pass_documents(&self, of: Of<'_, impl Source>, list: &List<'_>, sink: &mut impl Sink) {
        for document in of.source.documents() {
            self.pass(of, &list.of_document(document), sink);
        }
    }

    /// Brings what applies of a list to the sink, what denies first.
    #[inline]
    fn pass(&self, of: Of<'_, impl Source>, list: &List<'_>, sink: &mut impl Sink) {
        if !list.denies.is_empty() {
            self.pass_denies(of, &list.denies, sink);
        }
        if !list.allows.is_empty() && self.slots & sink.wanted_allows() != 0 {
            self.pass_allows(of, &list.allows, sink);
        }
    }

    #[inline]
    fn pass_denies(&self, of: Of<'_, impl Source>, denies: &Run<'_>, sink: &mut impl Sink) {
        let (mut sieves, mut wanted) = (denies.sieves(), self.slots & sink.wanted_denies());
        while let Some((slot, found, _)) = self.next(of, denies, &mut sieves, wanted) {
            sink.deny(slot, found);
            wanted = self.slots & sink.wanted_denies();
        }
    }

    #[inline]
    fn pass_allows(&self, of: Of<'_, impl Source>, allows: &Run<'_>, sink: &mut impl Sink) {
        let (mut sieves, mut wanted) = (allows.sieves(), self.slots & sink.wanted_allows());
        while wanted != 0
            && let Some((slot, found, namings)) = self.next(of, allows, &mut sieves, wanted)
        {
            sink.allow(slot, namings, found);
            wanted = self.slots & sink.wanted_allows();
        }
    }

    /// The slot of the next candidate that applies in one of the wanted slots, where it is, and how it names the caller.
    // By itself the compiler makes a call of it in one of the two engines, which costs a sixth more instructions.
    #[inline(always)]
    fn next(
        &self,
        of: Of<'_, impl Source>,
        run: &Run<'_>,
        sieves: &mut impl Iterator<Item = (usize, Sieve)>,
        wanted: Slots,
    ) -> Option<(u8, Found, Namings)> {
        for (at, sieve) in sieves {
            if !of.source.may_have(sieve) || !sieve.may_apply(&self.probed, wanted) {
                continue;
            }
            if of.source.sieves_tell_documents() {
                // Before memory has brought what shows whether the statement is wanted.
                ask_for_statement(of.source, sieve);
            }
            if let Some(candidate) = run.candidate(at, sieve, self.request.action)
                && let Some(namings) = self.judge(of, &candidate)
            {
                return Some((candidate.slot, Found::of(of.number, &candidate), namings));
            }
        }
        None
    }

    /// How a statement names the caller, if it applies.
    #[inline]
    fn judge(&self, of: Of<'_, impl Source>, candidate: &Candidate) -> Option<Namings> {
        let is_own =
            of.is_own || of.source.sieves_tell_documents() || of.source.has(candidate.document);
        if !is_own || of.answers.exclude(candidate.alike) {
            return None;
        }
        if candidate.check == Check::APPLIES {
            return Some(Naming::Caller.into());
        }
        self.judge_rule(of.source.rules(candidate.document), candidate, of.answers)
    }

    /// The same, of a statement that does not always apply.
    fn judge_rule(
        &self,
        rules: &[Rule],
        candidate: &Candidate,
        answers: &Answers,
    ) -> Option<Namings> {
        let rule = candidate.statement(rules, self.request.action, answers)?;
        let Request { resource, context, principal, .. } = self.request;
        if !rule.holds(resource.arn, context, &self.readings) {
            return None;
        }
        let names_principals = (RESOURCE_CONTROL | RESOURCE) >> candidate.slot & 1 == 1;
        let namings = match &rule.principals {
            Some(principals) if names_principals => {
                principals.namings(principal, rule.effect, self.slots & BOUNDARY != 0)
            }
            // Where principals have no place, or are missing, only a Deny gets here, and it holds for everybody.
            _ => Naming::Caller.into(),
        };
        (!namings.is_empty()).then_some(namings)
    }
}

/// Asks memory for a candidate's statement, where sieves tell documents.
#[inline]
pub(crate) fn ask_for_statement(source: &impl Source, sieve: Sieve) {
    let rules = source.rules(sieve.member().into());
    rules.get(usize::from(sieve.rule())).into_iter().for_each(Rule::ask_for);
}

/// A statement that applies: its source's place among those of the decision, its document's number and its own place
/// there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    source: usize,
    document: u32,
    statement: u16,
}

impl Found {
    fn of(source: usize, candidate: &Candidate) -> Self {
        Self { source, document: candidate.document, statement: candidate.rule }
    }

    /// Where that is, for who does not know how sources keep their documents.
    pub(crate) fn place(
        self,
        own: Option<&impl Source>,
        sets: &[&PolicySet],
    ) -> Option<StatementPlace> {
        let statement = usize::from(self.statement);
        let (first, number) = match (own, self.source.checked_sub(usize::from(own.is_some()))) {
            (Some(own), None) => {
                let (set, document) = own.place(self.document)?;
                return Some(StatementPlace { set, document, statement });
            }
            (own, number) => (own.map_or(0, Source::sets), number?),
        };
        let (set, document) = sets.get(number)?.place(self.document)?;
        Some(StatementPlace { set: first + number + set, document, statement })
    }
}

/// What the rules of evaluation look at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// The first slot with a Deny.
    pub(crate) denied: Option<(u8, Found)>,
    /// The slots in which something is known to allow.
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
