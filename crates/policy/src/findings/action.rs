//! The text of `Action` and `NotAction`: services and actions that exist.

use super::draft::Text;
use super::place::{Report, quoted};
use super::similar::hint;
use super::{FindingCode, PolicyResource, Subject};
use crate::PolicyType;
use crate::pattern::Pattern;
use crate::vocabulary::{self, Action, Service};

/// What a trust policy may speak of (IAM user guide, trust policies; STS API).
pub(super) const TRUST_ACTIONS: [&str; 7] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "TagSession",
    "SetSourceIdentity",
    "SetContext",
];

/// Longer names of actions are not compared with others.
const MAX_NAME: usize = 256;

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    for actions in subject.draft.statements.iter().filter_map(|it| it.actions.as_ref()) {
        for action in actions.items.iter().filter(|action| !is_everything(action.value)) {
            if report.is_full() {
                return;
            }
            one(subject, action, report);
        }
    }
}

/// Whether a pattern covers every action.
pub(super) fn is_everything(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.chars().all(|c| c == '*') || pattern == "*:*"
}

/// The actions of a service that a pattern (without the service) covers.
pub(super) fn covered<'s>(service: &'s Service, pattern: &str) -> impl Iterator<Item = &'s Action> {
    let wild = pattern.contains(['*', '?']);
    let exact = if wild { None } else { service.action(pattern) };
    let pattern = Pattern::of(&pattern.to_ascii_lowercase());
    let all = if wild { service.actions() } else { &[] };
    all.iter().filter(move |action| pattern.matches(&action.name.to_ascii_lowercase())).chain(exact)
}

fn one(subject: &Subject<'_>, action: &Text<'_>, report: &mut Report) {
    let text = action.value;
    // Variables are reported where all of them are.
    if text.contains("${") {
        return;
    }
    let Some((prefix, name)) = text.split_once(':') else {
        let message = format!(
            "{} is no action; write `SERVICE:ACTION`, such as `s3:GetObject`, or `*`",
            quoted(text)
        );
        return report.add(FindingCode::InvalidAction, &action.place, message);
    };
    let prefix_place = action.place.part(text, 0, prefix.len());
    if prefix.contains(['*', '?']) {
        let message = format!(
            "the service {} has a wildcard, which may cover services with similar names",
            quoted(prefix)
        );
        return report.add(FindingCode::WildcardInServiceName, &prefix_place, message);
    }
    let Some(service) = vocabulary::service(prefix) else {
        let hint = hint(prefix, vocabulary::services());
        let message = format!("there is no service {}{hint}", quoted(prefix));
        return report.add(FindingCode::InvalidServiceInAction, &prefix_place, message);
    };
    if name.len() > MAX_NAME || covered(service, name).next().is_none() {
        let names = service.actions().iter().map(|action| action.name);
        let message = match name.contains(['*', '?']) {
            true => format!("{} covers no action of {}", quoted(text), service.name),
            false => {
                let hint = hint(name, names);
                format!("{} has no action {}{hint}", service.name, quoted(name))
            }
        };
        let place = action.place.part(text, prefix.len() + 1, text.len());
        return report.add(FindingCode::InvalidAction, &place, message);
    }
    fits_policy(subject, action, service, name, report);
}

/// Whether the resource that the policy belongs to has the action.
fn fits_policy(
    subject: &Subject<'_>,
    action: &Text<'_>,
    service: &Service,
    name: &str,
    report: &mut Report,
) {
    let (owner, types, what): (&str, &[&str], &str) = match (subject.policy_type, subject.resource)
    {
        (PolicyType::Trust, _) => {
            let fits = service.prefix == "sts"
                && covered(service, name).any(|action| TRUST_ACTIONS.contains(&action.name));
            if !fits {
                let message = format!(
                    "a trust policy is about assuming its role; {} is no part of that",
                    quoted(action.value)
                );
                report.add(FindingCode::UnsupportedActionInPolicy, &action.place, message);
            }
            return;
        }
        (_, None) => return,
        (_, Some(PolicyResource::S3Bucket)) => ("s3", &["bucket", "object"], "a bucket"),
        (_, Some(PolicyResource::S3AccessPoint)) => {
            ("s3", &["accesspoint", "accesspointobject", "object", "bucket"], "an access point")
        }
        (_, Some(PolicyResource::S3MultiRegionAccessPoint)) => (
            "s3",
            &["multiregionaccesspoint", "multiregionaccesspointobject", "object", "bucket"],
            "a multi-region access point",
        ),
        (_, Some(PolicyResource::S3ObjectLambdaAccessPoint)) => {
            ("s3-object-lambda", &[], "an Object Lambda access point")
        }
        (_, Some(PolicyResource::DynamoDbTable)) => ("dynamodb", &["table", "index"], "a table"),
    };
    let works_on = |action| {
        types.is_empty()
            || service.targets(action).any(|target| types.contains(&target.resource.name))
    };
    if service.prefix == owner && covered(service, name).any(works_on) {
        return;
    }
    let message = format!("{} is no action on {what}", quoted(action.value));
    report.add(FindingCode::UnsupportedActionInPolicy, &action.place, message);
}
