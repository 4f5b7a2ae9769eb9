//! Compiled documents, put together: from an action to the statements that could match it.
//!
//! A set holds documents that take part in a decision in one or several roles ([`Slot`]). Its statements stand in
//! lists: one for each action that a policy spells out, one for each service of which a policy names actions with
//! wildcards, and one for the rest. A decision looks into three of them; a small set says by its [`Marks`] of most
//! actions that it has none of these.

use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::action::Action;
use crate::compile::candidate::{Candidate, Sieve};
use crate::compile::decide::Source;
use crate::compile::listing::{Listing, sort};
use crate::compile::rule::Rule;
use crate::compile::table::{List, Lists, Marks, Table};
use crate::{Document, ResourcePolicyKind};

/// A policy document, compiled: every text in it taken apart, every value read. Made once for a document and
/// shared by all sets that it is in.
#[derive(Clone, Debug)]
pub struct Compiled {
    rules: Arc<[Rule]>,
    reads_context: bool,
    /// Whether it allows everything where it names no principals, but for what it denies.
    allows_everything: bool,
}

impl Compiled {
    /// Compiles a document.
    pub fn of(document: &Document) -> Self {
        let version = document.version();
        let rules: Arc<[Rule]> =
            document.statements().iter().map(|it| Rule::of(it, version)).collect();
        let allows_everything = rules.iter().any(Rule::allows_everything);
        Self { rules, reads_context: document.reads_context(), allows_everything }
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
    /// A resource control policy of this level, counted from the organization's root, which is 0. AWS has seven levels
    /// at most; from the 14th on nothing is allowed here.
    ResourceControl(u8),
    /// A service control policy of this level, counted in the same way.
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
const LEVELS: u8 = 14;

/// Slots as the bits of a word, in the order of evaluation.
pub(crate) type Slots = u32;

pub(crate) const RESOURCE_CONTROL: Slots = (1 << LEVELS) - 1;
pub(crate) const SERVICE_CONTROL: Slots = RESOURCE_CONTROL << LEVELS;
pub(crate) const RESOURCE: Slots = 1 << SINGLE;
pub(crate) const IDENTITY: Slots = RESOURCE << 1;
pub(crate) const BOUNDARY: Slots = RESOURCE << 2;
pub(crate) const SESSION: Slots = RESOURCE << 3;

/// The first bit of those that have no levels.
const SINGLE: u8 = 2 * LEVELS;

impl Slot {
    pub(crate) fn bit(self) -> u8 {
        match self {
            Self::ResourceControl(level) => level.min(LEVELS - 1),
            Self::ServiceControl(level) => LEVELS + level.min(LEVELS - 1),
            Self::Resource(_) => SINGLE,
            Self::Identity => SINGLE + 1,
            Self::Boundary => SINGLE + 2,
            Self::Session => SINGLE + 3,
        }
    }

    pub(crate) fn names_principals(self) -> bool {
        matches!(self, Self::ResourceControl(_) | Self::Resource(_))
    }

    /// Whether only that something allows counts in the slot, and not which statement does: it names no principals, and
    /// answers do not say which of its statements allowed.
    fn is_gate(self) -> bool {
        matches!(self, Self::ServiceControl(_) | Self::Boundary | Self::Session)
    }

    /// Whether its policies are about the role that they belong to.
    pub(crate) fn is_of_role(self) -> bool {
        self == Self::Resource(ResourcePolicyKind::RoleTrust)
    }

    /// Whether the slot stands for more than it can tell apart, so that nothing may be allowed in it.
    pub(crate) fn is_overfull(self) -> bool {
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
    /// The slots in which everything is allowed, as far as it is looked for.
    open: Slots,
    marks: Marks,
    /// The table of candidates. Its parts stand here one by one, so that there is room for the flags beside them.
    words: Arc<[u64]>,
    places: u32,
    /// Whether there are candidates that are listed under no name.
    has_nameless: bool,
    reads_context: bool,
    documents: Arc<[Member]>,
}

/// A document and where it takes part.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) rules: Arc<[Rule]>,
    pub(crate) slot: Slot,
    /// Its place among the documents of its slot.
    pub(crate) place: u32,
}

/// Puts a set together.
#[derive(Clone, Debug, Default)]
pub struct PolicySetBuilder {
    documents: Vec<Member>,
    /// How many documents are in each slot.
    counts: HashMap<u8, u32>,
    slots: Slots,
    open: Slots,
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
        let count = self.counts.entry(slot.bit()).or_default();
        let rules = Arc::clone(&document.rules);
        self.documents.push(Member { rules, slot, place: *count });
        *count += 1;
        self.reads_context |= document.reads_context;
        if document.allows_everything && slot.is_gate() && !slot.is_overfull() {
            self.open |= 1 << slot.bit();
        }
    }

    /// The slots that take part.
    pub(crate) fn slots(&self) -> Slots {
        self.slots
    }

    /// The slots in which everything is allowed, as far as it is looked for.
    pub(crate) fn open(&self) -> Slots {
        self.open
    }

    /// What was added, in the order in which it was.
    pub(crate) fn documents(&self) -> &[Member] {
        &self.documents
    }

    /// The set.
    pub fn build(self) -> PolicySet {
        let mut listing = Listing::default();
        // Memory ends long before the numbers do.
        for (member, number) in self.documents.iter().zip(0..) {
            listing.add(member.slot, number, &member.rules);
        }
        let (mut lists, mut marks, mut has_nameless) = (Lists::default(), Marks::default(), false);
        let documents = &self.documents;
        let rule =
            |it: &Candidate| documents.get(it.document as usize)?.rules.get(usize::from(it.rule));
        listing.each(|name, list| {
            match name.is_none() {
                true => has_nameless = true,
                false => marks.add(name),
            }
            lists.put(name, &sort(list, usize::MAX, rule));
        });
        let (words, places) = lists.freeze();
        PolicySet {
            slots: self.slots,
            open: self.open,
            marks,
            words,
            // Memory ends long before this number does.
            places: u32::try_from(places).unwrap_or_default(),
            has_nameless,
            reads_context: self.reads_context,
            documents: self.documents.into(),
        }
    }
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

    /// Whether there may be candidates for an action.
    #[inline]
    pub(crate) fn may_concern(&self, action: &Action) -> bool {
        let [whole, service] = action.names();
        self.has_nameless | self.marks.may_have(&whole) | self.marks.may_have(&service)
    }

    #[inline]
    fn table(&self) -> Table<'_> {
        Table::frozen(&self.words, self.places as usize)
    }
}

impl Source for PolicySet {
    #[inline]
    fn slots(&self) -> Slots {
        self.slots
    }

    #[inline]
    fn open(&self) -> Slots {
        self.open
    }

    #[inline]
    fn each_list(&self, action: &Action, mut take: impl FnMut(&List<'_>)) {
        let table = self.table();
        for name in action.names() {
            if self.marks.may_have(&name) {
                take(&table.find(&name));
            }
        }
        if self.has_nameless {
            take(&table.nameless());
        }
    }

    #[inline]
    fn may_have(&self, _: Sieve) -> bool {
        true
    }

    #[inline]
    fn sieves_tell_documents(&self) -> bool {
        false
    }

    #[inline]
    fn has(&self, _: u32) -> bool {
        true
    }

    #[inline]
    fn is_long(&self, _: &List<'_>) -> bool {
        false
    }

    fn documents(&self) -> impl Iterator<Item = u32> {
        // Memory ends long before the numbers do.
        self.documents.iter().zip(0..).map(|(_, number)| number)
    }

    #[inline]
    fn rules(&self, document: u32) -> &[Rule] {
        self.documents.get(document as usize).map_or(&[], |member| &member.rules)
    }

    fn sets(&self) -> usize {
        1
    }

    #[inline]
    fn place(&self, document: u32) -> Option<(usize, usize)> {
        Some((0, self.documents.get(document as usize)?.place as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Context, Effect, PolicyKind, Principal, PrincipalKind, Request, Resource, Verdict, decide,
    };

    fn verdict(set: &PolicySet) -> Verdict {
        let context = Context::new();
        let request = Request {
            principal: Principal::new(
                PrincipalKind::User,
                "arn:aws:iam::111111111111:user/a",
                "111111111111",
            ),
            action: &Action::new("s3:GetObject"),
            resource: Resource { arn: "*", account: None, management_account: false },
            context: &context,
        };
        decide(&request, ResourcePolicyKind::Resource, &[set])
    }

    #[test]
    fn a_set_is_one_line() {
        assert!(size_of::<PolicySet>() <= 64);
    }

    /// What allows everything opens the slot that it is in and no other, and what allows less opens none.
    #[test]
    fn gates_are_open_to_what_their_policies_allow() {
        let everything = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let documents = [
            (everything.to_owned(), true),
            (r#"{"Effect":"Allow","Action":["a:b","*"],"Resource":["*"]}"#.to_owned(), true),
            (format!(r#"{everything},{{"Effect":"Deny","Action":"a:b","Resource":"*"}}"#), true),
            (
                format!(r#"{everything},{{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#),
                false,
            ),
            (r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#.to_owned(), false),
            (r#"{"Effect":"Allow","NotAction":"*","Resource":"*"}"#.to_owned(), false),
            (r#"{"Effect":"Allow","Action":"*","NotResource":"*"}"#.to_owned(), false),
            (r#"{"Effect":"Allow","Action":"*"}"#.to_owned(), false),
            (r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#.to_owned(), false),
            (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::*"}"#.to_owned(), false),
            (
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"k":"false"}}}"#
                    .to_owned(),
                false,
            ),
            (
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Odd":{"k":"a"}}}"#
                    .to_owned(),
                false,
            ),
            (r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#.to_owned(), false),
        ];
        let parsed = |text: &str| Document::parse(&format!(r#"{{"Statement":[{text}]}}"#)).unwrap();
        let all = parsed(everything);
        let gates =
            [Slot::ServiceControl(0), Slot::ServiceControl(1), Slot::Boundary, Slot::Session];
        for (text, allows) in documents {
            let document = parsed(&text);
            for tried in gates {
                let mut builder = PolicySet::builder();
                builder.add(Slot::Identity, all.compiled());
                for gate in gates {
                    let there = if gate == tried { &document } else { &all };
                    builder.add(gate, there.compiled());
                }
                let verdict = verdict(&builder.build());
                assert_eq!(verdict.is_allowed(), allows, "{tried:?} {text}");
                assert!(!allows || verdict.statement.is_some(), "{tried:?} {text}");
            }
            let mut builder = PolicySet::builder();
            gates.iter().for_each(|gate| builder.add(*gate, all.compiled()));
            builder.add(Slot::Identity, document.compiled());
            assert_eq!(verdict(&builder.build()).is_allowed(), allows, "identity {text}");
        }
    }

    #[test]
    fn levels_that_cannot_be_told_apart_allow_nothing() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let everything = Document::parse(text).unwrap();
        for (level, effect, kind) in [
            (LEVELS - 2, Effect::Allow, PolicyKind::Identity),
            (LEVELS - 1, Effect::ImplicitDeny, PolicyKind::ServiceControl),
            (u8::MAX, Effect::ImplicitDeny, PolicyKind::ServiceControl),
        ] {
            let mut builder = PolicySet::builder();
            builder.add(Slot::Identity, everything.compiled());
            builder.add(Slot::ServiceControl(level), everything.compiled());
            let verdict = verdict(&builder.build());
            assert_eq!((verdict.effect, verdict.decided_by), (effect, kind), "level {level}");
        }
    }
}
