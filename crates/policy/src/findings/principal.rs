//! `Principal` and `NotPrincipal`: names of the forms that their kinds have.

use super::draft::{Principals, Statement, Text};
use super::operand::is_service_principal;
use super::place::{Report, quoted};
use super::{FindingCode, Subject};
use crate::{PolicyType, PrincipalType};

/// The shortest unique id that passes for one.
const MIN_UNIQUE_ID_LENGTH: usize = 16;

/// Conditions on whom a service acts for.
const SOURCE_KEYS: [&str; 5] = [
    "aws:SourceArn",
    "aws:SourceAccount",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
];

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    // Elsewhere there should be none, or everybody.
    if !matches!(subject.policy_type, PolicyType::Trust | PolicyType::Resource) {
        return;
    }
    for statement in &subject.draft.statements {
        let Some(principals) = &statement.principals else { continue };
        for (kind, name) in &principals.names {
            if report.is_full() {
                return;
            }
            // Variables are reported where all of them are.
            if !name.value.contains("${") {
                one(subject.policy_type, *kind, name, report);
            }
        }
        if subject.policy_type == PolicyType::Resource {
            services(statement, principals, report);
        }
    }
}

fn one(policy_type: PolicyType, kind: PrincipalType, name: &Text<'_>, report: &mut Report) {
    let text = name.value;
    let place = &name.place;
    let is_federated = kind == PrincipalType::Federated;
    if is_federated && policy_type == PolicyType::Resource {
        let message = "identity providers are principals of trust policies alone; name the role";
        return report.add(FindingCode::FederatedPrincipalNotSupported, place, message);
    }
    if text == "*" && kind == PrincipalType::Aws {
        return;
    }
    if text.contains(['*', '?']) {
        let message = format!(
            "{} has a wildcard, which the names of principals do not know; use a condition on `aws:PrincipalArn`",
            quoted(text)
        );
        return report.add(FindingCode::UnsupportedWildcardInPrincipal, place, message);
    }
    match kind {
        PrincipalType::Aws => aws(text, name, report),
        PrincipalType::Service if !is_service_principal(text) => {
            let message = format!("{} is no service; write `SERVICE.amazonaws.com`", quoted(text));
            report.add(FindingCode::InvalidServicePrincipalFormat, place, message);
        }
        PrincipalType::Federated if provider_kind(text).is_none() => {
            let message = format!(
                "{} is no identity provider: the ARN of one (`…:oidc-provider/…`, `…:saml-provider/…`) or a domain",
                quoted(text)
            );
            let code = FindingCode::InvalidFederatedPrincipalSyntaxInRoleTrustPolicy;
            report.add(code, place, message);
        }
        _ => {}
    }
}

fn aws(text: &str, name: &Text<'_>, report: &mut Report) {
    let unique = |prefix: &str| {
        text.starts_with(prefix)
            && text.len() >= MIN_UNIQUE_ID_LENGTH
            && text.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let (code, message) = if unique("AROA") {
        let message = format!("{} is a role's unique id; write its ARN", quoted(text));
        (FindingCode::InvalidRoleReference, message)
    } else if unique("AIDA") {
        let message = format!("{} is a user's unique id; write its ARN", quoted(text));
        (FindingCode::InvalidUserReference, message)
    } else if is_account(text) || is_principal_arn(text) {
        return;
    } else {
        let message = format!(
            "{} is no principal: an account's twelve digits, or the ARN of a root, user, role or session",
            quoted(text)
        );
        (FindingCode::InvalidPrincipalFormat, message)
    };
    report.add(code, &name.place, message);
}

fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit())
}

/// The root, a user, a role, or a session of one. Some accounts are words (CloudFront's origin access identities).
fn is_principal_arn(name: &str) -> bool {
    let fields: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, rest] = fields.as_slice() else { return false };
    let named = |prefix: &str| rest.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
    let fits = match *service {
        "iam" => *rest == "root" || named("user/") || named("role/"),
        "sts" => named("assumed-role/") || named("federated-user/"),
        _ => false,
    };
    !partition.is_empty() && !account.is_empty() && fits
}

/// The protocol of an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Oidc,
    Saml,
}

/// What kind of provider a name is; `None` if it is none.
pub(super) fn provider_kind(name: &str) -> Option<Provider> {
    let fields: Vec<&str> = name.splitn(6, ':').collect();
    match fields.as_slice() {
        ["arn", _, "iam", "", account, rest] if is_account(account) => {
            if rest.strip_prefix("saml-provider/").is_some_and(|name| !name.is_empty()) {
                return Some(Provider::Saml);
            }
            rest.strip_prefix("oidc-provider/").filter(|name| !name.is_empty())?;
            Some(Provider::Oidc)
        }
        [domain] => {
            let plain = |c: char| c.is_ascii_alphanumeric() || ['-', '.'].contains(&c);
            (domain.contains('.') && domain.chars().all(plain)).then_some(Provider::Oidc)
        }
        _ => None,
    }
}

/// AWS: a service that anybody can send must say for whom it acts (the confused deputy).
fn services(statement: &Statement<'_>, principals: &Principals<'_>, report: &mut Report) {
    let is_source = |key: &str| SOURCE_KEYS.iter().any(|it| it.eq_ignore_ascii_case(key));
    if !statement.allows() || principals.negated || statement.has_key(is_source) {
        return;
    }
    let services: Vec<_> = principals
        .names
        .iter()
        .filter(|(kind, _)| *kind == PrincipalType::Service)
        .map(|(_, name)| &name.place)
        .collect();
    if !services.is_empty() {
        let message = "the service may act for anybody; add a condition on `aws:SourceArn`, `aws:SourceAccount`, `aws:SourceOrgID` or `aws:SourceOrgPaths`";
        report.add_all(FindingCode::RestrictAccessToServicePrincipal, &services, message);
    }
}
