//! Statements that let too many roles be passed to services, or too many service-linked roles be made.

use super::draft::{List, Statement};
use super::place::{Place, Report};
use super::{FindingCode, Subject};
use crate::PolicyType;
use crate::pattern::Pattern;

/// An action that hands out roles, and what is said about it.
struct Power {
    action: &'static str,
    /// The condition that narrows it.
    narrowed_by: &'static str,
    what: &'static str,
    /// By how the statement covers the action, and by how it covers roles.
    codes: [[FindingCode; 2]; 3],
}

const PASS_ROLE: Power = Power {
    action: "iam:PassRole",
    narrowed_by: "iam:PassedToService",
    what: "lets any role be passed",
    codes: [
        [FindingCode::PassRoleWithStarInResource, FindingCode::PassRoleWithNotResource],
        [
            FindingCode::PassRoleWithStarInActionAndResource,
            FindingCode::PassRoleWithStarInActionAndNotResource,
        ],
        [
            FindingCode::PassRoleWithStarInResourceAndNotAction,
            FindingCode::PassRoleWithNotActionAndNotResource,
        ],
    ],
};

const CREATE_SERVICE_LINKED_ROLE: Power = Power {
    action: "iam:CreateServiceLinkedRole",
    narrowed_by: "iam:AWSServiceName",
    what: "lets service-linked roles of any service be made",
    codes: [
        [FindingCode::CreateSlrWithStarInResource, FindingCode::CreateSlrWithNotResource],
        [
            FindingCode::CreateSlrWithStarInActionAndResource,
            FindingCode::CreateSlrWithStarInActionAndNotResource,
        ],
        [
            FindingCode::CreateSlrWithStarInResourceAndNotAction,
            FindingCode::CreateSlrWithNotActionAndNotResource,
        ],
    ],
};

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    if !matches!(subject.policy_type, PolicyType::Identity | PolicyType::Session) {
        return;
    }
    for statement in subject.draft.statements.iter().filter(|statement| statement.allows()) {
        for power in [PASS_ROLE, CREATE_SERVICE_LINKED_ROLE] {
            grants(&power, statement, report);
        }
    }
}

fn grants(power: &Power, statement: &Statement<'_>, report: &mut Report) {
    let (Some(actions), Some(resources)) = (&statement.actions, &statement.resources) else {
        return;
    };
    let Some((how, action)) = covering(power.action, actions) else { return };
    let Some(resource) = unbounded(resources) else { return };
    // AWS speaks of the condition as a way out beside a star alone.
    let narrowed = statement.has_key(|key| key.eq_ignore_ascii_case(power.narrowed_by));
    if narrowed && !resources.negated {
        return;
    }
    let [star, not_resource] = match (how, power.codes) {
        (Cover::Named, [codes, _, _]) => codes,
        (Cover::Wildcard, [_, codes, _]) => codes,
        (Cover::NotAction, [_, _, codes]) => codes,
    };
    let code = if resources.negated { not_resource } else { star };
    let message = format!(
        "the statement covers `{}` and {}; name the roles, or add a condition on `{}`",
        power.action, power.what, power.narrowed_by
    );
    report.add_all(code, &[action, resource], message);
}

/// How a list of actions covers one.
#[derive(Clone, Copy)]
enum Cover {
    Named,
    Wildcard,
    NotAction,
}

fn covering<'l>(action: &str, actions: &'l List<'_>) -> Option<(Cover, &'l Place)> {
    let lower = action.to_ascii_lowercase();
    let mut matching = actions
        .items
        .iter()
        .filter(|it| Pattern::of(&it.value.to_ascii_lowercase()).matches(&lower));
    if actions.negated {
        return matching.next().is_none().then_some((Cover::NotAction, &actions.key));
    }
    let named = actions.items.iter().find(|it| it.value.eq_ignore_ascii_case(action));
    match (named, matching.next()) {
        (Some(named), _) => Some((Cover::Named, &named.place)),
        (None, Some(pattern)) => Some((Cover::Wildcard, &pattern.place)),
        (None, None) => None,
    }
}

/// The place that makes a statement be about any role: `NotResource`, or a star where roles have their name.
fn unbounded<'l>(resources: &'l List<'_>) -> Option<&'l Place> {
    if resources.negated {
        return Some(&resources.key);
    }
    let any = |resource: &str| {
        let role = resource.splitn(6, ':').nth(5).unwrap_or(resource);
        let name = role.strip_prefix("role/").unwrap_or(role);
        let name = name.strip_prefix("aws-service-role/").unwrap_or(name);
        name.starts_with('*') && name.chars().all(|c| ['*', '/'].contains(&c))
    };
    resources.items.iter().find(|it| any(it.value)).map(|it| &it.place)
}
