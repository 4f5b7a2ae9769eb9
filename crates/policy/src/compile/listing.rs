//! Documents taken apart: under which names their statements are looked up.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::StatementEffect;
use crate::compile::action::{Action, ByName, WildAction};
use crate::compile::candidate::{Answers, Candidate, Check};
use crate::compile::glob::Glob;
use crate::compile::rule::Rule;
use crate::compile::set::Slot;
use crate::compile::table::{Candidates, Kind, Name};

/// What a statement is listed under: an action that it spells out, a service of which it names actions with wildcards,
/// or nothing.
type Heading<'r> = Option<(Kind, &'r str)>;

/// Candidates by what they are listed under.
#[derive(Default)]
pub(crate) struct Listing<'r>(HashMap<Heading<'r>, Vec<Candidate>, ByName>);

impl<'r> Listing<'r> {
    /// Lists the statements of a document.
    pub(crate) fn add(&mut self, slot: Slot, document: u32, rules: &'r [Rule]) {
        // A document has room for far fewer statements, or patterns in one, than there are numbers.
        for (rule, number) in rules.iter().zip(0..) {
            let never = rule.effect == StatementEffect::Allow && slot.is_overfull();
            if !never && rule.may_apply(slot.names_principals(), slot.is_of_role()) {
                self.add_rule(slot, document, number, rule);
            }
        }
    }

    fn add_rule(&mut self, slot: Slot, document: u32, number: u16, rule: &'r Rule) {
        let (probe, actions) = (rule.probe(), &rule.actions);
        let candidate = |check| Candidate {
            head: 0,
            bytes: 0,
            probe,
            check,
            alike: 0,
            slot: slot.bit(),
            document,
            rule: number,
        };
        let names_caller = slot.names_principals() && rule.principals.is_some();
        let applies = rule.always_holds() && !names_caller;
        let settled = if applies { Check::APPLIES } else { Check::NONE };
        if actions.unreadable {
            return self.push(None, candidate(settled));
        }
        if actions.negated {
            return self.push(None, candidate(Check::LEFT));
        }
        for name in &actions.exact {
            self.push(Some((Kind::Action, name)), candidate(settled));
        }
        for (pattern, index) in actions.wild.iter().zip(0..) {
            let WildAction { service, head, bytes, glob } = pattern;
            let check = match glob {
                None | Some(Glob::Any) => settled,
                Some(_) => Check::pattern(index),
            };
            let heading = service.as_deref().map(|service| (Kind::Service, service));
            self.push(heading, Candidate { head: *head, bytes: *bytes, ..candidate(check) });
        }
    }

    fn push(&mut self, heading: Heading<'r>, candidate: Candidate) {
        self.0.entry(heading).or_default().push(candidate);
    }

    /// Every name that something is listed under, and what that is.
    pub(crate) fn each(self, mut take: impl FnMut(&Name<'_>, Vec<Candidate>)) {
        for (heading, list) in self.0 {
            match heading {
                Some((kind, name)) => {
                    let action = Action::new(name);
                    let name = match kind {
                        Kind::Action => action.whole(),
                        Kind::Service => action.service(),
                    };
                    take(&name, list);
                }
                None => take(&Name::NONE, list),
            }
        }
    }
}

/// The denying candidates of a list, and the allowing ones, the cheapest first, since one is enough. Lists that are
/// longer than `most` are in the order of their documents.
pub(crate) fn sort<'r>(
    mut list: Vec<Candidate>,
    most: usize,
    rule: impl Fn(&Candidate) -> Option<&'r Rule>,
) -> Candidates {
    number_alike(&mut list, &rule);
    let is_deny = |it: &Candidate| rule(it).is_none_or(|it| it.effect == StatementEffect::Deny);
    let (mut denies, mut allows): (Vec<Candidate>, Vec<Candidate>) =
        list.into_iter().partition(is_deny);
    allows.sort_by_cached_key(|it| rule(it).map_or(0, Rule::cost));
    if denies.len() + allows.len() > most {
        denies.sort_by_key(|it| it.document);
        allows.sort_by_key(|it| it.document);
    }
    Candidates { denies, allows }
}

/// Gives those with the same pattern to check the same number, as far as the numbers go: the most frequent patterns
/// get one.
fn number_alike<'r>(list: &mut [Candidate], rule: impl Fn(&Candidate) -> Option<&'r Rule>) {
    let pattern = |it: &Candidate| it.pattern(rule(it)?)?.glob.as_ref();
    let mut counts = HashMap::<&Glob, (usize, usize)>::new();
    for (glob, at) in list.iter().filter_map(pattern).zip(0..) {
        counts.entry(glob).or_insert((0, at)).0 += 1;
    }
    let mut shared: Vec<(&Glob, (usize, usize))> =
        counts.into_iter().filter(|(_, (count, _))| *count > 1).collect();
    shared.sort_unstable_by_key(|(_, (count, first))| (Reverse(*count), *first));
    let shared = shared.into_iter().map(|(glob, _)| glob);
    let numbers: HashMap<&Glob, u8> = shared.zip(1..=Answers::MOST).collect();
    for candidate in list {
        candidate.alike =
            pattern(candidate).and_then(|it| numbers.get(it).copied()).unwrap_or_default();
    }
}
