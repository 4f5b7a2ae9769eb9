//! Principals in trust and resource policies. Users and roles are stored as their unique ids and shown
//! as ARNs, so that one who is deleted and made again under the same name is somebody else (IAM User
//! Guide, "AWS JSON policy elements: Principal").

use std::collections::{BTreeMap, BTreeSet};

use iamd_policy::{Document, NamedPrincipal, PrincipalType, Span};
use iamd_types::{AccountId, Arn, Error, IdKind, UniqueId};

use crate::account::Account;
use crate::directory::Directory;
use crate::packed::Texts;

/// A principal of a policy is not there, or is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid principal in policy: \"{kind}\":\"{name}\"")]
pub struct InvalidPrincipal {
    /// `AWS`, `SERVICE`, `FEDERATED` or `CANONICALUSER`.
    pub kind: &'static str,
    /// As the policy names it.
    pub name: String,
}

/// A policy with principals, and what other accounts told about them.
pub struct Named {
    document: Document,
    /// ARNs of users and roles of other accounts that are there.
    foreign: BTreeMap<String, UniqueId>,
    /// Accounts of this server that it names.
    accounts: BTreeSet<AccountId>,
}

/// A policy as it is stored: users and roles stand as their unique ids.
pub struct Stored {
    /// The document's text.
    pub text: String,
    /// For each user or role of another account its unique id, a blank, and its ARN.
    pub foreign_principals: Vec<String>,
}

impl Named {
    /// Asks the other accounts that the policy of an account names.
    ///
    /// # Errors
    /// A failure to read another account.
    pub async fn look_up(
        document: Document,
        account: AccountId,
        directory: &Directory,
    ) -> Result<Self, Error> {
        let mut policy =
            Self { document, foreign: BTreeMap::new(), accounts: BTreeSet::from([account]) };
        let named: Vec<String> =
            aws_names(&policy.document).map(|name| name.name.value.clone()).collect();
        for name in named {
            let Some(owner) = account_named(&name).filter(|owner| *owner != account) else {
                continue;
            };
            let Some(other) = directory.account(owner).await? else { continue };
            policy.accounts.insert(owner);
            if let Some(id) = Arn::parse(&name).ok().and_then(|arn| entity(&other, &arn)) {
                policy.foreign.insert(name, id);
            }
        }
        Ok(policy)
    }

    /// The document as it was sent.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The form to store, with the account's own principals looked up in this state of it.
    ///
    /// # Errors
    /// A principal that is not there.
    pub fn store(&self, account: &Account) -> Result<Stored, InvalidPrincipal> {
        let mut replaced = Vec::new();
        for named in names(&self.document) {
            if let Some(id) = self.resolve(account, named)? {
                replaced.push((named.name.span, id.to_string()));
            }
        }
        let foreign_principals =
            self.foreign.iter().map(|(arn, id)| format!("{id} {arn}")).collect();
        Ok(Stored { text: substitute(self.document.text(), replaced), foreign_principals })
    }

    /// The unique id that takes the principal's place; `None` when it stays as it is.
    fn resolve(
        &self,
        account: &Account,
        named: &NamedPrincipal,
    ) -> Result<Option<UniqueId>, InvalidPrincipal> {
        let name = named.name.value.as_str();
        let (kind, found) = match named.kind {
            PrincipalType::Service => ("SERVICE", is_service(name).then_some(None)),
            PrincipalType::Federated => ("FEDERATED", is_provider(name).then_some(None)),
            PrincipalType::CanonicalUser => ("CANONICALUSER", None),
            PrincipalType::Aws => ("AWS", self.resolve_aws(account, name)),
        };
        found.ok_or_else(|| InvalidPrincipal { kind, name: name.to_owned() })
    }

    /// `None` when there is no such principal.
    fn resolve_aws(&self, account: &Account, name: &str) -> Option<Option<UniqueId>> {
        if name == "*" {
            return Some(None);
        }
        if let Ok(id) = name.parse::<UniqueId>() {
            let known = account.users().get(id).is_some() || account.roles().get(id).is_some();
            let foreign = self.foreign.values().any(|other| *other == id);
            return (known || foreign).then_some(None);
        }
        let owner = account_named(name)?;
        if !self.accounts.contains(&owner) {
            return None;
        }
        let Ok(arn) = Arn::parse(name) else { return Some(None) }; // the twelve digits
        match (arn.service(), arn.resource()) {
            ("iam", "root") => Some(None),
            ("iam", _) if owner == account.id() => entity(account, &arn).map(Some),
            ("iam", _) => self.foreign.get(name).copied().map(Some),
            ("sts", session) => is_session(session).then_some(None),
            _ => None,
        }
    }
}

/// A stored policy as answers show it: with the present ARNs of principals that are there, and the bare
/// ids of those that are gone.
pub fn shown(account: &Account, document: &Document, foreign_principals: Texts<'_>) -> String {
    substitute(document.text(), arns(account, document, foreign_principals).collect())
}

/// As [`shown`], with accounts that are written as twelve digits by the ARNs of their root users.
pub fn shown_as_arns(
    account: &Account,
    document: &Document,
    foreign_principals: Texts<'_>,
) -> String {
    let roots = aws_names(document).filter_map(|named| {
        let id: AccountId = named.name.value.parse().ok()?;
        Some((named.name.span, format!("arn:aws:iam::{id}:root")))
    });
    let all = arns(account, document, foreign_principals).chain(roots).collect();
    substitute(document.text(), all)
}

/// Where unique ids stand, and the ARNs of those that are there.
fn arns(
    account: &Account,
    document: &Document,
    foreign_principals: Texts<'_>,
) -> impl Iterator<Item = (Span, String)> {
    aws_names(document).filter_map(move |named| {
        let id = named.name.value.parse().ok()?;
        Some((named.name.span, arn_of(account, foreign_principals, id)?))
    })
}

fn arn_of(account: &Account, foreign_principals: Texts<'_>, id: UniqueId) -> Option<String> {
    match id.kind() {
        IdKind::User => account.users().get(id).map(|user| account.user_arn(user)),
        IdKind::Role => account.roles().get(id).map(|role| account.role_arn(role)),
        _ => None,
    }
    .or_else(|| {
        let id = id.to_string();
        let mut foreign = foreign_principals.filter_map(|pair| pair.split_once(' '));
        foreign.find(|(of, _)| *of == id).map(|(_, arn)| arn.to_owned())
    })
}

fn names(document: &Document) -> impl Iterator<Item = &NamedPrincipal> {
    document.statements().iter().flat_map(|statement| &statement.principals).flat_map(|p| &p.names)
}

fn aws_names(document: &Document) -> impl Iterator<Item = &NamedPrincipal> {
    names(document).filter(|named| named.kind == PrincipalType::Aws)
}

/// The text with JSON strings in the place of these spans.
fn substitute(text: &str, mut spans: Vec<(Span, String)>) -> String {
    spans.sort_by_key(|(span, _)| span.start.offset);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for (span, value) in spans {
        let (start, end) = (span.start.offset as usize, span.end.offset as usize);
        result.push_str(text.get(done..start).unwrap_or_default());
        // Ids and ARNs hold nothing that JSON would escape.
        result.push('"');
        result.push_str(&value);
        result.push('"');
        done = end;
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// The account of a principal written as ARN or as twelve digits.
fn account_named(name: &str) -> Option<AccountId> {
    name.parse().ok().or_else(|| Arn::parse(name).ok()?.account_id())
}

/// The user or role with exactly this ARN.
fn entity(account: &Account, arn: &Arn) -> Option<UniqueId> {
    let (resource_type, _) = arn.resource().split_once('/')?;
    let name = arn.resource().rsplit('/').next()?;
    let (id, present) = match resource_type {
        "user" => account.users().named(name).map(|user| (user.id(), account.user_arn(user)))?,
        "role" => account.roles().named(name).map(|role| (role.id(), account.role_arn(role)))?,
        _ => return None,
    };
    (present == arn.as_str()).then_some(id)
}

/// Whether an STS resource is that of one session: `assumed-role/ROLE/SESSION`,
/// `federated-user/NAME`.
fn is_session(resource: &str) -> bool {
    let parts: Vec<&str> = resource.split('/').collect();
    match parts.as_slice() {
        ["assumed-role", role, session] => !role.is_empty() && !session.is_empty(),
        ["federated-user", name] => !name.is_empty(),
        _ => false,
    }
}

/// Whether the name has the form of a service principal. AWS knows the names of its services; here
/// any service may be run, so the form decides.
fn is_service(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    [".amazonaws.com", ".amazonaws.com.cn"]
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix))
        .any(|service| service.split('.').all(label))
}

/// Whether the name is a provider's ARN or one of those that need no provider.
fn is_provider(name: &str) -> bool {
    const BUILT_IN: [&str; 4] = [
        "accounts.google.com",
        "cognito-identity.amazonaws.com",
        "graph.facebook.com",
        "www.amazon.com",
    ];
    BUILT_IN.contains(&name)
        || Arn::parse(name).is_ok_and(|arn| {
            arn.service() == "iam"
                && (arn.resource().starts_with("oidc-provider/")
                    || arn.resource().starts_with("saml-provider/"))
        })
}
