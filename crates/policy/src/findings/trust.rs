//! Trust policies: principals that can call the actions, and identity providers trusted for some tokens only.

use super::draft::{Principals, Statement, Text};
use super::place::{Place, Report, quoted};
use super::principal::{Provider, provider_kind};
use super::{FindingCode, Subject};
use crate::operator::Test;
use crate::pattern::Pattern;
use crate::{PolicyType, PrincipalType};

/// The host of GitHub's provider.
const GITHUB: &str = "token.actions.githubusercontent.com";

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    if subject.policy_type != PolicyType::Trust {
        return;
    }
    for statement in &subject.draft.statements {
        let Some(principals) = &statement.principals else { continue };
        if principals.negated || report.is_full() {
            continue;
        }
        actions(statement, principals, report);
        sessions(principals, report);
        if statement.allows() {
            providers(statement, principals, report);
        }
    }
}

/// Each action must be one that some principal of the statement can call.
fn actions(statement: &Statement<'_>, principals: &Principals<'_>, report: &mut Report) {
    let Some(actions) = statement.actions.as_ref().filter(|actions| !actions.negated) else {
        return;
    };
    let has = |fits: &dyn Fn(Option<Provider>) -> bool| {
        principals.names.iter().any(|(kind, name)| match kind {
            PrincipalType::Federated => fits(provider_kind(name.value)),
            _ => fits(None),
        })
    };
    let readable = |(kind, name): &(PrincipalType, Text<'_>)| {
        *kind != PrincipalType::Federated || provider_kind(name.value).is_some()
    };
    if principals.names.is_empty() || !principals.names.iter().all(readable) {
        return;
    }
    for action in &actions.items {
        let (fits, wanted) = match action.value.to_ascii_lowercase().as_str() {
            "sts:assumerolewithsaml" => {
                (has(&|it| it == Some(Provider::Saml)), "`Federated` with a SAML provider")
            }
            "sts:assumerolewithwebidentity" => {
                (has(&|it| it == Some(Provider::Oidc)), "`Federated` with an OIDC provider")
            }
            "sts:assumerole" => (has(&|it| it.is_none()), "`AWS` or `Service`"),
            _ => continue,
        };
        if !fits {
            let message = format!(
                "none of the principals can call {}; it needs {wanted}",
                quoted(action.value)
            );
            report.add_all(
                FindingCode::MismatchedActionForPrincipal,
                &[&action.place, &principals.place],
                message,
            );
        }
    }
}

/// Sessions beside their role.
fn sessions(principals: &Principals<'_>, report: &mut Report) {
    let aws = || {
        principals.names.iter().filter(|(kind, _)| *kind == PrincipalType::Aws).map(|(_, it)| it)
    };
    let roles: Vec<(&str, &str)> = aws().filter_map(|name| role_of_role(name.value)).collect();
    for session in aws() {
        if role_of_session(session.value).is_some_and(|role| roles.contains(&role)) {
            let message =
                format!("{} is a session of a role that is named too", quoted(session.value));
            let code = FindingCode::RedundantPrincipalInRoleTrustPolicy;
            report.add(code, &session.place, message);
        }
    }
}

/// The account and the name of a role.
fn role_of_role(arn: &str) -> Option<(&str, &str)> {
    let (_, rest) = arn.split_once(":iam::")?;
    let (account, role) = rest.split_once(":role/")?;
    Some((account, role.rsplit('/').next()?))
}

/// The account and the name of a session's role.
fn role_of_session(arn: &str) -> Option<(&str, &str)> {
    let (_, rest) = arn.split_once(":sts::")?;
    let (account, session) = rest.split_once(":assumed-role/")?;
    Some((account, session.split('/').next()?))
}

/// OIDC providers, whose tokens anybody may have.
fn providers(statement: &Statement<'_>, principals: &Principals<'_>, report: &mut Report) {
    let web = "sts:assumerolewithwebidentity";
    let covers = statement.actions.as_ref().is_some_and(|actions| {
        let covers =
            |action: &Text<'_>| Pattern::of(&action.value.to_ascii_lowercase()).matches(web);
        !actions.negated && actions.items.iter().any(covers)
    });
    if !covers {
        return;
    }
    for (kind, name) in &principals.names {
        let is_oidc = provider_kind(name.value) == Some(Provider::Oidc);
        if *kind != PrincipalType::Federated || !is_oidc {
            continue;
        }
        let provider =
            name.value.split_once(":oidc-provider/").map_or(name.value, |(_, provider)| provider);
        if provider == GITHUB || provider.starts_with(&format!("{GITHUB}/")) {
            github(statement, provider, &name.place, report);
        } else if !statement.has_key(|key| is_claim(key, provider)) {
            let message = format!(
                "whoever has a token of {0} can assume the role; add a condition on `{0}:aud` or `{0}:sub`",
                provider
            );
            let code = FindingCode::MissingConditionKeyForOidcPrincipal;
            report.add(code, &name.place, message);
        }
    }
}

fn is_claim(key: &str, provider: &str) -> bool {
    key.rsplit_once(':').is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(provider))
}

fn github(statement: &Statement<'_>, provider: &str, place: &Place, report: &mut Report) {
    let sub = format!("{provider}:sub");
    let mut conditions = statement
        .conditions
        .iter()
        .filter(|condition| condition.key.value.eq_ignore_ascii_case(&sub))
        .peekable();
    if conditions.peek().is_none() {
        let message =
            format!("every repository on GitHub can assume the role; add a condition on `{sub}`");
        return report.add(FindingCode::MissingGithubRepoConditionKey, place, message);
    }
    for condition in conditions {
        if condition.parsed.is_none_or(|operator| operator.test != Test::StringLike) {
            continue;
        }
        for value in condition.values.iter().filter(|value| value.text.contains(['*', '?'])) {
            let message = format!(
                "{} lets in more than one repository and branch; name them, such as `repo:ORG/REPO:ref:refs/heads/main`",
                quoted(&value.text)
            );
            let code = FindingCode::SpecificGithubRepoAndBranchRecommended;
            report.add(code, &value.place, message);
        }
    }
}
