//! Compiled documents, put together: from an action to the statements that could match it.
//!
//! A set holds documents that take part in a decision in one or several roles ([`Slot`]). Its statements stand in
//! lists: one for each action that a policy spells out, one for each service of which a policy names actions with
//! wildcards, and one for the rest. A decision looks into three of them; many a set of a principal that has several
//! says by its [`Marks`] that it has none of these.

use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::action::{Action, ByName, LowerCase, WildAction};
use crate::compile::candidate::{Candidate, Check};
use crate::compile::glob::Glob;
use crate::compile::rule::Rule;
use crate::compile::table::{Candidates, Kind, List, Marks, Name, Table, Tabulated, tabulate};
use crate::{Document, ResourcePolicyKind, StatementEffect};

/// A policy document, compiled: every text in it taken apart, every value read. Made once for a document and
/// shared by all sets that it is in.
#[derive(Clone, Debug)]
pub struct Compiled {
    rules: Arc<[Rule]>,
    reads_context: bool,
}

impl Compiled {
    /// Compiles a document.
    pub fn of(document: &Document) -> Self {
        let version = document.version();
        let rules = document.statements().iter().map(|it| Rule::of(it, version)).collect();
        Self { rules, reads_context: document.reads_context() }
    }

    /// Whether a decision on this document can depend on condition keys.
    pub fn reads_context(&self) -> bool {
        self.reads_context
    }

    /// Tells it from all other documents for as long as it, or a [`PolicySet`] that it was added to, is there.
    pub fn address(&self) -> usize {
        // Of the statements: sets keep those, and let go of the rest.
        self.rules.as_ptr().addr()
    }
}

/// The part that a document takes in decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// A resource control policy of this level, counted from the organization's root.
    ResourceControl(u8),
    /// A service control policy of this level, counted from the organization's root.
    ServiceControl(u8),
    /// The resource's own policy.
    Resource(ResourcePolicyKind),
    /// A policy of the user, one of its groups, or the role.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// A session policy.
    Session,
}

/// How many levels an organization may have; AWS has root, five of units, and the account. The last one stands for
/// those that are too many, and never allows.
const LEVELS: u8 = 24;

/// Slots as the bits of a word, in the order of evaluation.
pub(crate) type Slots = u64;

pub(crate) const RESOURCE_CONTROL: Slots = (1 << LEVELS) - 1;
pub(crate) const SERVICE_CONTROL: Slots = RESOURCE_CONTROL << LEVELS;
pub(crate) const RESOURCE: Slots = 1 << 60;
pub(crate) const IDENTITY: Slots = 1 << 61;
pub(crate) const BOUNDARY: Slots = 1 << 62;
pub(crate) const SESSION: Slots = 1 << 63;

impl Slot {
    pub(crate) fn bit(self) -> u8 {
        match self {
            Self::ResourceControl(level) => level.min(LEVELS - 1),
            Self::ServiceControl(level) => LEVELS + level.min(LEVELS - 1),
            Self::Resource(_) => 60,
            Self::Identity => 61,
            Self::Boundary => 62,
            Self::Session => 63,
        }
    }

    fn names_principals(self) -> bool {
        matches!(self, Self::ResourceControl(_) | Self::Resource(_))
    }

    /// Whether the slot stands for more than it can tell apart, so that nothing may be allowed in it.
    fn is_overfull(self) -> bool {
        matches!(self, Self::ResourceControl(level) | Self::ServiceControl(level) if level >= LEVELS - 1)
    }
}

/// Compiled documents that are decided on together. Immutable, and cheap to clone: what it holds is shared. In one line
/// of the processor's cache, of which most decisions need no more.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct PolicySet {
    /// The slots that take part, also those without a document.
    slots: Slots,
    marks: Marks,
    /// The table of candidates. Its parts stand here one by one, so that there is room for the flags beside them.
    words: Arc<[u64]>,
    mask: u32,
    /// Whether there are candidates that are listed under no name.
    has_nameless: bool,
    reads_context: bool,
    documents: Arc<[Member]>,
}

#[derive(Clone, Debug)]
struct Member {
    rules: Arc<[Rule]>,
    /// Its place among the documents of its slot.
    place: u32,
}

/// Puts a set together.
#[derive(Debug, Default)]
pub struct PolicySetBuilder {
    documents: Vec<Member>,
    /// How many documents are in each slot.
    counts: HashMap<u8, u32>,
    slots: Slots,
    by_action: HashMap<Box<str>, Vec<Candidate>, ByName>,
    by_service: HashMap<Box<str>, Vec<Candidate>, ByName>,
    nameless: Vec<Candidate>,
    reads_context: bool,
}

impl PolicySetBuilder {
    /// A slot takes part, even if no document is in it: a level of an organization that has none allows nothing.
    pub fn require(&mut self, slot: Slot) {
        self.slots |= 1 << slot.bit();
    }

    /// Adds a document.
    pub fn add(&mut self, slot: Slot, document: &Arc<Compiled>) {
        self.require(slot);
        let Ok(index) = u32::try_from(self.documents.len()) else { return };
        let count = self.counts.entry(slot.bit()).or_default();
        self.documents.push(Member { rules: Arc::clone(&document.rules), place: *count });
        *count += 1;
        self.reads_context |= document.reads_context;
        let of_role = slot == Slot::Resource(ResourcePolicyKind::RoleTrust);
        // A document has room for far fewer statements, or patterns in one, than there are numbers.
        for (rule, number) in document.rules.iter().zip(0..) {
            let allows = rule.effect == StatementEffect::Allow;
            let never = allows && slot.is_overfull();
            if !never && rule.may_apply(slot.names_principals(), of_role) {
                self.add_rule(rule, index, number, slot);
            }
        }
    }

    fn add_rule(&mut self, rule: &Rule, document: u32, number: u16, slot: Slot) {
        let (probe, actions) = (rule.probe(), &rule.actions);
        let candidate = |check| Candidate {
            head: 0,
            bits: 0,
            probe,
            check,
            slot: slot.bit(),
            document,
            rule: number,
        };
        let names_caller = slot.names_principals() && rule.principals.is_some();
        let applies = rule.always_holds() && !names_caller;
        let settled = if applies { Check::APPLIES } else { Check::NONE };
        if actions.unreadable {
            return self.nameless.push(candidate(settled));
        }
        if actions.negated {
            return self.nameless.push(candidate(Check::LEFT));
        }
        for name in &actions.exact {
            self.by_action.entry(name.clone()).or_default().push(candidate(settled));
        }
        for (pattern, index) in actions.wild.iter().zip(0..) {
            let WildAction { service, head, bits, glob } = pattern;
            let check = match glob {
                None | Some(Glob::Any) => settled,
                Some(_) => Check::pattern(index),
            };
            let list = match service {
                Some(service) => self.by_service.entry(service.clone()).or_default(),
                None => &mut self.nameless,
            };
            list.push(Candidate { head: *head, bits: *bits, ..candidate(check) });
        }
    }

    /// The set.
    pub fn build(self) -> PolicySet {
        let sorted = |list| sort(&self.documents, list);
        let actions = self.by_action.iter().map(|(name, list)| (Kind::Action, name, list));
        let services = self.by_service.iter().map(|(name, list)| (Kind::Service, name, list));
        let named: Vec<(Kind, LowerCase<'_>, &Vec<Candidate>)> = actions
            .chain(services)
            .map(|(kind, name, list)| (kind, LowerCase::of(name), list))
            .collect();
        let lists = named.iter().map(|(kind, name, list)| (name.name(*kind), sorted(list)));
        let Tabulated { words, mask, marks } = tabulate(&sorted(&self.nameless), lists);
        PolicySet {
            slots: self.slots,
            marks,
            words,
            mask,
            has_nameless: !self.nameless.is_empty(),
            reads_context: self.reads_context,
            documents: self.documents.into(),
        }
    }
}

/// The denying candidates of a list, and the allowing ones, the cheapest first, since one is enough.
fn sort(documents: &[Member], list: &[Candidate]) -> Candidates {
    let rule = |it: &Candidate| rule(documents, it.document, it.rule);
    let denies = |it: &Candidate| rule(it).is_none_or(|it| it.effect == StatementEffect::Deny);
    let (denies, mut allows): (Vec<Candidate>, Vec<Candidate>) =
        list.iter().partition(|it| denies(it));
    allows.sort_by_cached_key(|it| rule(it).map_or(0, Rule::cost));
    Candidates { denies, allows }
}

#[inline]
fn rule(documents: &[Member], document: u32, number: u16) -> Option<&Rule> {
    documents.get(document as usize)?.rules.get(usize::from(number))
}

impl Default for PolicySet {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl PolicySet {
    /// A set to add documents to.
    pub fn builder() -> PolicySetBuilder {
        PolicySetBuilder::default()
    }

    /// Whether a decision on this set can depend on condition keys.
    pub fn reads_context(&self) -> bool {
        self.reads_context
    }

    pub(crate) fn slots(&self) -> Slots {
        self.slots
    }

    /// Whether there may be candidates for an action.
    #[inline]
    pub(crate) fn may_concern(&self, action: &Action<'_>) -> bool {
        let Action { whole, service, .. } = action;
        self.has_nameless | self.marks.may_have(whole) | self.marks.may_have(service)
    }

    /// Reads what [`Self::candidates`] will probably read.
    #[inline]
    pub(crate) fn glance(&self, action: &Action<'_>) -> u64 {
        self.table().glance(&action.whole) ^ self.table().glance(&action.service)
    }

    /// The candidates of a name.
    #[inline]
    pub(crate) fn candidates(&self, name: &Name<'_>) -> Option<List<'_>> {
        self.marks.may_have(name).then(|| self.table().find(name))
    }

    /// The candidates of no name.
    #[inline]
    pub(crate) fn nameless(&self) -> Option<List<'_>> {
        self.has_nameless.then(|| self.table().nameless())
    }

    #[inline]
    fn table(&self) -> Table<'_> {
        Table::new(&self.words, self.mask)
    }

    /// A candidate's statement, if the action is one of the statement's.
    #[inline]
    pub(crate) fn rule(&self, candidate: &Candidate, action: &Action<'_>) -> Option<&Rule> {
        let rule = rule(&self.documents, candidate.document, candidate.rule)?;
        let fits = match candidate.check {
            Check::NONE | Check::APPLIES => true,
            Check::LEFT => rule.actions.leaves(action.name()),
            pattern => {
                let pattern = rule.actions.wild.get(pattern.number())?;
                pattern.glob.as_ref().is_none_or(|glob| glob.matches(action.name()))
            }
        };
        fits.then_some(rule)
    }

    /// The place of a document among those of its slot.
    pub(crate) fn place(&self, document: u32) -> u32 {
        self.documents.get(document as usize).map_or(0, |member| member.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Effect, PolicyKind, Principal, PrincipalKind, Request, Resource, decide};

    #[test]
    fn a_set_and_a_rule_are_one_line_each() {
        assert!(size_of::<PolicySet>() <= 64 && size_of::<Rule>() <= 64);
    }

    #[test]
    fn levels_that_cannot_be_told_apart_allow_nothing() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let everything = Document::parse(text).unwrap();
        let context = Context::new();
        let request = Request {
            principal: Principal::new(
                PrincipalKind::User,
                "arn:aws:iam::111111111111:user/a",
                "111111111111",
            ),
            action: "s3:GetObject",
            resource: Resource { arn: "*", account: None, management_account: false },
            context: &context,
        };
        for (level, effect, kind) in [
            (LEVELS - 2, Effect::Allow, PolicyKind::Identity),
            (LEVELS - 1, Effect::ImplicitDeny, PolicyKind::ServiceControl),
            (u8::MAX, Effect::ImplicitDeny, PolicyKind::ServiceControl),
        ] {
            let mut builder = PolicySet::builder();
            builder.add(Slot::Identity, everything.compiled());
            builder.add(Slot::ServiceControl(level), everything.compiled());
            let verdict = decide(&request, ResourcePolicyKind::Resource, &[&builder.build()]);
            assert_eq!((verdict.effect, verdict.decided_by), (effect, kind), "level {level}");
        }
    }
}
