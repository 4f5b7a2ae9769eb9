//! Compiled documents, put together: from an action to the statements that could match it.
//!
//! A set holds documents that take part in a decision in one or several roles ([`Slot`]). Its statements stand in
//! lists: one for each action that a policy spells out, one for each service of which a policy names actions with
//! wildcards, and one for the rest. A decision looks into three of them; most sets of a principal that has many say
//! by the marks of their [`Table`] that they have none of these.

use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::action::{Action, ByName, WildAction, begins_with};
use crate::compile::glob::Glob;
use crate::compile::rule::{Probe, Rule};
use crate::compile::table::{Kind, Name, Table};
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

/// Compiled documents that are decided on together. Immutable, and shared by all callers who have the same.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    /// The slots that take part, also those without a document.
    slots: Slots,
    by_name: Table,
    others: List,
    reads_context: bool,
    candidates: Box<[Candidate]>,
    documents: Box<[Member]>,
}

#[derive(Clone, Debug)]
struct Member {
    rules: Arc<[Rule]>,
    reads_context: bool,
    /// Its place among the documents of its slot.
    place: u32,
}

/// A statement that could match. Small, since a decision passes over many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// The first bytes of the action's name after the service, and how many bits of them count.
    head: u64,
    pub(crate) document: u32,
    pub(crate) rule: u16,
    check: Check,
    probe: Probe,
    bits: u8,
    pub(crate) slot: u8,
}

impl Candidate {
    /// Whether the action begins as it must; most do not.
    #[inline]
    pub(crate) fn may_match(&self, action: Action<'_>) -> bool {
        begins_with(action.head, self.head, self.bits)
    }

    /// Whether the resource has what it must have in one place; most do not, and their statements need no look.
    #[inline]
    pub(crate) fn may_cover(&self, resource: &str) -> bool {
        self.probe.fits(resource)
    }
}

/// What else must hold for the action: nothing, one pattern of the statement (by number), or that none matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Check(u16);

impl Check {
    const NONE: Self = Self(u16::MAX);
    const NEGATED: Self = Self(u16::MAX - 1);
}

/// A run of candidates, the denying ones first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) start: u32,
    pub(crate) allows: u32,
    pub(crate) end: u32,
}

impl List {
    pub(crate) const EMPTY: Self = Self { start: 0, allows: 0, end: 0 };

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// Puts a set together.
#[derive(Debug, Default)]
pub struct PolicySetBuilder {
    documents: Vec<Member>,
    slots: Slots,
    places: HashMap<u8, u32>,
    by_action: HashMap<Box<str>, Vec<Candidate>, ByName>,
    by_service: HashMap<Box<str>, Vec<Candidate>, ByName>,
    others: Vec<Candidate>,
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
        let place = self.places.entry(slot.bit()).or_default();
        let (rules, reads_context) = (Arc::clone(&document.rules), document.reads_context);
        self.documents.push(Member { rules, reads_context, place: *place });
        *place += 1;
        let of_role = slot == Slot::Resource(ResourcePolicyKind::RoleTrust);
        // A document has room for far fewer statements, or patterns in one, than there are numbers.
        for (rule, number) in document.rules.iter().zip(0..) {
            let allows = rule.effect == StatementEffect::Allow;
            let never = allows && slot.is_overfull();
            if !never && rule.may_apply(slot.names_principals(), of_role) {
                self.add_rule(rule, index, number, slot.bit());
            }
        }
    }

    fn add_rule(&mut self, rule: &Rule, document: u32, number: u16, slot: u8) {
        let probe = rule.probe();
        let candidate =
            |check| Candidate { head: 0, bits: 0, probe, check, document, rule: number, slot };
        let actions = &rule.actions;
        if actions.unreadable {
            return self.others.push(candidate(Check::NONE));
        }
        if actions.negated {
            return self.others.push(candidate(Check::NEGATED));
        }
        for name in &actions.exact {
            self.by_action.entry(name.clone()).or_default().push(candidate(Check::NONE));
        }
        for (pattern, index) in actions.wild.iter().zip(0..) {
            let WildAction { service, head, bits, glob } = pattern;
            let check = match glob {
                None | Some(Glob::Any) => Check::NONE,
                Some(_) => Check(index),
            };
            let list = match service {
                Some(service) => self.by_service.entry(service.clone()).or_default(),
                None => &mut self.others,
            };
            list.push(Candidate { head: *head, bits: *bits, ..candidate(check) });
        }
    }

    /// The set.
    pub fn build(self) -> PolicySet {
        let mut candidates = Vec::new();
        let documents = self.documents.into_boxed_slice();
        let mut list = |list| lay_out(&documents, &mut candidates, list);
        let actions = self.by_action.into_iter().map(|(name, it)| (Kind::Action, name, list(it)));
        let mut lists: Vec<(Kind, Box<str>, List)> = actions.collect();
        let services = self.by_service.into_iter();
        lists.extend(services.map(|(name, it)| (Kind::Service, name, list(it))));
        let others = list(self.others);
        let named = lists.iter().map(|(kind, name, list)| (Name::of(*kind, name), *list));
        let by_name = Table::of(named);
        PolicySet {
            slots: self.slots,
            reads_context: documents.iter().any(|member| member.reads_context),
            documents,
            by_name,
            candidates: candidates.into(),
            others,
        }
    }
}

/// Appends a list: the denying candidates, then the allowing ones, the cheapest first, since one is enough.
fn lay_out(documents: &[Member], all: &mut Vec<Candidate>, mut list: Vec<Candidate>) -> List {
    let number = |all: &Vec<Candidate>| u32::try_from(all.len()).unwrap_or(u32::MAX);
    let rule = |it: &Candidate| documents.get(it.document as usize)?.rule(it.rule);
    list.sort_by_cached_key(|it| match rule(it) {
        Some(rule) if rule.effect == StatementEffect::Allow => (1, rule.cost()),
        _ => (0, 0),
    });
    let denies =
        list.partition_point(|it| rule(it).is_none_or(|rule| rule.effect == StatementEffect::Deny));
    let start = number(all);
    let allows = list.split_off(denies);
    all.extend(list);
    let middle = number(all);
    all.extend(allows);
    List { start, allows: middle, end: number(all) }
}

impl Member {
    fn rule(&self, number: u16) -> Option<&Rule> {
        self.rules.get(usize::from(number))
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

    /// The denying candidates for an action, then the allowing ones, list by list.
    pub(crate) fn candidates(&self, action: Action<'_>) -> Candidates<'_> {
        let (of_action, of_service) = action.names;
        let lists = [self.by_name.find(of_action), self.by_name.find(of_service), self.others];
        let run = |from: u32, to: u32| {
            self.candidates.get(from as usize..to as usize).unwrap_or_default()
        };
        Candidates {
            denies: lists.map(|list| run(list.start, list.allows)),
            allows: lists.map(|list| run(list.allows, list.end)),
        }
    }

    /// A candidate's statement, if the action is one of the statement's.
    #[inline]
    pub(crate) fn rule(&self, candidate: &Candidate, action: Action<'_>) -> Option<&Rule> {
        let rule = self.documents.get(candidate.document as usize)?.rule(candidate.rule)?;
        let fits = match candidate.check {
            Check::NONE => true,
            Check::NEGATED => rule.actions.leaves(action.name),
            Check(pattern) => {
                let pattern = rule.actions.wild.get(usize::from(pattern))?;
                pattern.glob.as_ref().is_none_or(|glob| glob.matches(action.name))
            }
        };
        fits.then_some(rule)
    }

    /// The place of a document among those of its slot.
    pub(crate) fn place(&self, document: u32) -> u32 {
        self.documents.get(document as usize).map_or(0, |member| member.place)
    }
}

/// The statements that could match an action.
pub(crate) struct Candidates<'s> {
    pub(crate) denies: [&'s [Candidate]; 3],
    pub(crate) allows: [&'s [Candidate]; 3],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Effect, PolicyKind, Principal, PrincipalKind, Request, Resource, decide};

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
