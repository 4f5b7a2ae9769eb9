//! The text of `Principal` on write: its form. Whether the principal exists, the caller must say.

use super::{PolicyType, Refusal, Verdict, allows_others};
use crate::{Document, NamedPrincipal, PrincipalType, StatementEffect};

/// The shortest unique id that passes for one.
const MIN_UNIQUE_ID_LENGTH: usize = 16;

pub(super) fn check(document: &Document, policy_type: PolicyType) -> Verdict {
    for statement in &document.statements {
        if allows_others(statement) {
            // No recorded wording; AWS's documentation says that it must not be used.
            return Err(Refusal::new("Policy statement must not combine Allow with NotPrincipal."));
        }
        let allows = statement.effect == StatementEffect::Allow;
        for principal in statement.principals.iter().flat_map(|principals| &principals.names) {
            match policy_type {
                PolicyType::ResourceControl => resource_control(principal, allows)?,
                _ => form(principal, policy_type == PolicyType::Trust)?,
            }
        }
    }
    Ok(())
}

/// AWS: a resource control policy speaks of everybody, and only denies.
fn resource_control(principal: &NamedPrincipal, allows: bool) -> Verdict {
    if allows {
        return Err(Refusal::new("Resource control policies may only deny."));
    }
    match (principal.kind, principal.name.value.as_str()) {
        (PrincipalType::Aws, "*") => Ok(()),
        _ => Err(invalid(principal)),
    }
}

fn form(principal: &NamedPrincipal, trust: bool) -> Verdict {
    let name = principal.name.value.as_str();
    let plain = !name.is_empty() && !name.contains(['*', '?', '$']);
    let valid = match principal.kind {
        PrincipalType::Aws if name == "*" || is_account(name) || is_unique_id(name) => true,
        PrincipalType::Aws if !name.starts_with("arn:") => {
            return Err(Refusal::new("Invalid principal in policy."));
        }
        PrincipalType::Aws => plain && is_principal_arn(name, trust),
        PrincipalType::Service => plain && name.contains('.') && !name.contains([' ', ':', '/']),
        PrincipalType::Federated => plain && (name.contains('.') || name.starts_with("arn:")),
        PrincipalType::CanonicalUser => plain && !trust,
    };
    if valid { Ok(()) } else { Err(invalid(principal)) }
}

fn invalid(principal: &NamedPrincipal) -> Refusal {
    let kind = match principal.kind {
        PrincipalType::Aws => "AWS",
        PrincipalType::Service => "SERVICE",
        PrincipalType::Federated => "FEDERATED",
        PrincipalType::CanonicalUser => "CANONICALUSER",
    };
    Refusal::new(format!("Invalid principal in policy: \"{kind}\":\"{}\"", principal.name.value))
}

fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit())
}

fn is_unique_id(name: &str) -> bool {
    let prefixed = name.starts_with("AIDA") || name.starts_with("AROA");
    prefixed
        && name.len() >= MIN_UNIQUE_ID_LENGTH
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The root, a user, a role, or a session of one. Outside trust policies AWS has accounts that are words
/// (CloudFront's origin access identities).
fn is_principal_arn(name: &str, trust: bool) -> bool {
    let fields: Vec<&str> = name.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, rest] = fields[..] else { return false };
    let named = |prefix: &str| rest.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
    let account_fits = if trust { is_account(account) } else { !account.is_empty() };
    let kind_fits = match service {
        "iam" => rest == "root" || named("user/") || named("role/"),
        "sts" => named("assumed-role/") || named("federated-user/"),
        _ => false,
    };
    !partition.is_empty() && account_fits && kind_fits
}
