//! Conditions on a resource's tags for actions that do not know them: an Allow never applies, a Deny neither.

use std::collections::BTreeSet;

use super::action::{covered, is_everything};
use super::draft::{Condition, List, Statement};
use super::place::Report;
use super::{FindingCode, Subject};
use crate::PolicyType;
use crate::operator::Test;
use crate::vocabulary::{self, Action, ConditionKey, Service};

/// The most services that a message names.
const MAX_NAMED: usize = 10;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    if subject.policy_type == PolicyType::Trust {
        return;
    }
    for statement in &subject.draft.statements {
        let Some(actions) = &statement.actions else { continue };
        let mut conditions = statement.conditions.iter();
        if let Some(condition) = conditions.find(|condition| demands_tag(condition)) {
            tagged(statement, actions, condition, report);
        }
    }
}

/// Whether a condition fails without the resource's tag.
fn demands_tag(condition: &Condition<'_>) -> bool {
    let prefix = "aws:resourcetag/";
    let is_tag = condition.key.value.to_ascii_lowercase().starts_with(prefix);
    is_tag
        && condition.parsed.is_some_and(|operator| {
            !operator.negated && !operator.if_exists && operator.test != Test::Null
        })
}

fn tagged(
    statement: &Statement<'_>,
    actions: &List<'_>,
    condition: &Condition<'_>,
    report: &mut Report,
) {
    let places = [&actions.key, &condition.key.place];
    if actions.negated {
        let (code, message) = match statement.allows() {
            true => (
                FindingCode::AllowNotActionWithUnsupportedTagConditionKeyForService,
                "many actions know no tags of their resource, and are not allowed here; list the actions that are meant",
            ),
            false => (
                FindingCode::DenyNotActionWithUnsupportedTagConditionKeyForService,
                "many actions know no tags of their resource, and are not denied here; list the actions that are meant",
            ),
        };
        return report.add_all(code, &places, message);
    }
    let unsupported = services_without_tags(actions);
    if unsupported.is_empty() {
        return;
    }
    let named: Vec<&str> = unsupported.iter().copied().take(MAX_NAMED).collect();
    let more = if unsupported.len() > MAX_NAMED { " and others" } else { "" };
    let named = named.join("`, `");
    let (code, effect) = match statement.allows() {
        true => (FindingCode::AllowWithUnsupportedTagConditionKeyForService, "allows"),
        false => (FindingCode::DenyWithUnsupportedTagConditionKeyForService, "denies"),
    };
    let message = format!(
        "the actions of `{named}`{more} know no tags of their resource, so the statement {effect} none of them"
    );
    report.add_all(code, &places, message);
}

/// The services of which no listed action knows `aws:ResourceTag`.
fn services_without_tags(actions: &List<'_>) -> BTreeSet<&'static str> {
    let (mut all, mut with) = (BTreeSet::new(), BTreeSet::new());
    for action in actions.items.iter().filter(|action| !is_everything(action.value)) {
        let Some((prefix, name)) = action.value.split_once(':') else { continue };
        let Some(service) = vocabulary::service(prefix) else { continue };
        if covered(service, name).next().is_some() {
            all.insert(service.prefix);
        }
        if !with.contains(service.prefix)
            && covered(service, name).any(|it| knows_tags(service, it))
        {
            with.insert(service.prefix);
        }
    }
    all.difference(&with).copied().collect()
}

fn knows_tags(service: &Service, action: &Action) -> bool {
    let is_tag = |key: &ConditionKey| {
        key.stem().is_some_and(|stem| stem.eq_ignore_ascii_case("aws:ResourceTag/"))
    };
    service.keys_of(action).any(is_tag)
        || service.targets(action).any(|target| service.keys_of_type(target.resource).any(is_tag))
}
