//! The elements that a policy of some type must, may and must not have; Sids; sizes.

use std::collections::BTreeMap;

use super::draft::{List, Statement, Text};
use super::place::{Report, quoted};
use super::{FindingCode, Subject};
use crate::{PolicyType, counted_size};

/// The characters that a customer managed policy may have (IAM quotas).
const MAX_IDENTITY_POLICY: usize = 6_144;

/// The bytes that a service control policy may have (Organizations quotas).
const MAX_SCP: usize = 5_120;

/// The bytes that a resource control policy may have (Organizations quotas).
const MAX_RCP: usize = 5_120;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    size(subject, report);
    sids(subject, report);
    for statement in &subject.draft.statements {
        present(subject.policy_type, statement, report);
        principals(subject.policy_type, statement, report);
        if subject.policy_type == PolicyType::ResourceControl {
            resource_control(statement, report);
        }
    }
}

fn size(subject: &Subject<'_>, report: &mut Report) {
    let (code, size, limit, unit) = match subject.policy_type {
        PolicyType::Identity => {
            let code = FindingCode::PolicySizeExceedsIdentityPolicyQuota;
            (
                code,
                counted_size(subject.text),
                MAX_IDENTITY_POLICY,
                "characters without white space",
            )
        }
        PolicyType::ServiceControl => {
            let code = FindingCode::PolicySizeExceedsScpQuota;
            (code, subject.text.len(), MAX_SCP, "bytes")
        }
        PolicyType::ResourceControl => {
            let code = FindingCode::PolicySizeExceedsRcpQuota;
            (code, subject.text.len(), MAX_RCP, "bytes")
        }
        PolicyType::Trust | PolicyType::Resource | PolicyType::Session => return,
    };
    if size > limit {
        let message =
            format!("the policy has {size} {unit}, {limit} are allowed; split it into several");
        report.add(code, &subject.draft.place, message);
    }
}

fn sids(subject: &Subject<'_>, report: &mut Report) {
    let of_resource = subject.policy_type == PolicyType::Resource;
    let mut seen: BTreeMap<&str, &Text<'_>> = BTreeMap::new();
    for sid in subject.draft.statements.iter().filter_map(|statement| statement.sid.as_ref()) {
        if sid.value.is_empty() {
            report.add(FindingCode::EmptySidValue, &sid.place, "the Sid is empty");
            continue;
        }
        // Policies of resources other than roles may have blanks and more in a Sid.
        if !of_resource && !sid.value.chars().all(|c| c.is_ascii_alphanumeric()) {
            let message =
                format!("the Sid {} may have letters A to Z and digits alone", quoted(sid.value));
            report.add(FindingCode::UnsupportedSid, &sid.place, message);
        }
        if let Some(first) = seen.get(sid.value) {
            let code = match of_resource {
                true => FindingCode::UniqueSidsRecommended,
                false => FindingCode::UniqueSidsRequired,
            };
            let line = first.place.span.start.line;
            let message = format!("the Sid {} is that of line {line} too", quoted(sid.value));
            report.add(code, &sid.place, message);
        } else {
            seen.insert(sid.value, sid);
        }
    }
}

/// What must be there. An element that is there in a wrong form was reported as that.
fn present(policy_type: PolicyType, statement: &Statement<'_>, report: &mut Report) {
    if statement.spoilt {
        return;
    }
    let place = &statement.place;
    if statement.actions.is_none() {
        let message = "the statement has neither `Action` nor `NotAction`";
        report.add(FindingCode::MissingAction, place, message);
    }
    if statement.resources.is_none() && policy_type != PolicyType::Trust {
        let message = "the statement has neither `Resource` nor `NotResource`";
        report.add(FindingCode::MissingResource, place, message);
    }
    let needs_principal = matches!(
        policy_type,
        PolicyType::Trust | PolicyType::Resource | PolicyType::ResourceControl
    );
    if statement.principals.is_none() && needs_principal {
        let message = "the statement does not say whom it is about; add `Principal`";
        report.add(FindingCode::MissingPrincipal, place, message);
    }
}

fn principals(policy_type: PolicyType, statement: &Statement<'_>, report: &mut Report) {
    if let (PolicyType::Trust, Some(List { key, .. })) = (policy_type, &statement.resources) {
        let message = "a trust policy has no resources: it speaks of its own role";
        report.add(FindingCode::RoleTrustPolicySyntaxErrorResource, key, message);
    }
    let Some(principals) = &statement.principals else { return };
    let (code, message) = match policy_type {
        PolicyType::Identity | PolicyType::Session => (
            FindingCode::UnsupportedPrincipal,
            "this policy is about whom it is attached to and names no principals",
        ),
        PolicyType::ServiceControl => (
            FindingCode::ScpSyntaxErrorPrincipal,
            "a service control policy names no principals; use a condition on `aws:PrincipalArn`",
        ),
        PolicyType::Trust if principals.negated => (
            FindingCode::RoleTrustPolicySyntaxErrorNotPrincipal,
            "a trust policy says whom it trusts; use `Principal`",
        ),
        PolicyType::Trust if principals.star => (
            FindingCode::RoleTrustPolicyUnsupportedWildcardInPrincipal,
            "a trust policy does not take `\"*\"` as its principal; name whom it trusts",
        ),
        PolicyType::Resource if principals.negated && statement.allows() => (
            FindingCode::AllowWithNotPrincipal,
            "this allows everybody who is not named, anonymous callers too; use `Principal`",
        ),
        _ => return,
    };
    report.add(code, &principals.key, message);
}

/// AWS (Organizations, syntax of resource control policies): they only deny, and to everybody; `Action` is a list of
/// services' actions.
fn resource_control(statement: &Statement<'_>, report: &mut Report) {
    if statement.allows() {
        let message = "a resource control policy only denies";
        report.add(FindingCode::RcpSyntaxErrorAllow, &statement.place, message);
    }
    if let Some(principals) = statement.principals.as_ref().filter(|principals| {
        principals.negated || principals.names.iter().any(|(_, name)| name.value != "*")
    }) {
        let message =
            "a resource control policy is about `\"Principal\": \"*\"`; narrow it by conditions";
        report.add(FindingCode::RcpSyntaxErrorPrincipal, &principals.place, message);
    }
    let Some(actions) = &statement.actions else { return };
    if actions.negated {
        let message = "a resource control policy lists its actions; use `Action`";
        report.add(FindingCode::RcpSyntaxErrorNotAction, &actions.key, message);
    }
    for action in actions.items.iter().filter(|action| action.value == "*") {
        let message = "a resource control policy names services; a lone `*` is for AWS's own";
        report.add(FindingCode::RcpSyntaxErrorActionWildcard, &action.place, message);
    }
}
