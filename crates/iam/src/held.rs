//! The policies that a user, group or role has, its groups' among them, and the entity that an ARN in a
//! request names.

use std::sync::Arc;

use iamd_directory::{Account, Managed, PolicyRef, User};
use iamd_policy::Document;
use iamd_types::{Arn, Error, Kind};

use crate::owner::Owner;

/// One policy, and who has it.
pub(crate) struct Held<'a> {
    /// The user, group or role that it is attached to or embedded in.
    pub(crate) owner: Owner,
    pub(crate) name: &'a str,
    /// The ARN, when it is a managed policy.
    pub(crate) arn: Option<&'a str>,
    pub(crate) document: &'a Arc<Document>,
}

/// A stored policy cannot be read. What it denies is not known, so nothing is said without it.
#[derive(Debug, thiserror::Error)]
#[error("policy `{0}` cannot be read")]
struct UnreadablePolicy(String);

/// The user, group or role that an ARN names.
///
/// # Errors
/// `InvalidInput` (quoted in public reports) for ARNs of anything else, such as sessions; `NoSuchEntity`.
pub(crate) fn entity(account: &Account, arn: &str) -> Result<Owner, Error> {
    let (kind, path, name) = parts(arn).ok_or_else(|| {
        let message =
            format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.");
        Error::invalid_input(message)
    })?;
    let owner = Owner::find(account, kind, name)?;
    let of_account = Arn::parse(arn).is_ok_and(|arn| arn.account_id() == Some(account.id()));
    if !of_account || owner.path() != path {
        return Err(Error::no_such_entity(kind, name));
    }
    Ok(owner)
}

/// The kind, path and name in `…:user/PATH/NAME`; the path with both its slashes.
pub(crate) fn parts(arn: &str) -> Option<(Kind, &str, &str)> {
    let resource = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?.1;
    let (kind, _) = resource.split_once('/')?;
    let (path, name) = resource.get(kind.len()..)?.rsplit_once('/')?;
    let path = resource.get(kind.len()..=kind.len() + path.len())?;
    let kind = match kind {
        "user" => Kind::User,
        "group" => Kind::Group,
        "role" => Kind::Role,
        _ => return None,
    };
    (!name.is_empty()).then_some((kind, path, name))
}

/// Every identity policy of an entity: its own, then for a user those of its groups.
///
/// # Errors
/// `ServiceFailure` when one of them cannot be read.
pub(crate) fn policies<'a>(account: &'a Account, owner: &Owner) -> Result<Vec<Held<'a>>, Error> {
    let mut held = Vec::new();
    add(&mut held, account, owner)?;
    if let Owner::User(user) = owner {
        for group in groups(account, user) {
            add(&mut held, account, &group)?;
        }
    }
    Ok(held)
}

fn groups(account: &Account, user: &User) -> Vec<Owner> {
    account.groups_of(user).cloned().map(Owner::Group).collect()
}

fn add<'a>(held: &mut Vec<Held<'a>>, account: &'a Account, owner: &Owner) -> Result<(), Error> {
    for policy in owner.attached().iter() {
        let (name, arn, document) = managed(account, policy)?;
        held.push(Held { owner: owner.clone(), name, arn: Some(arn), document });
    }
    for policy in account.inline_policies(owner.id()) {
        let document = policy.parsed().ok_or_else(|| unreadable(policy.name()))?;
        held.push(Held { owner: owner.clone(), name: policy.name(), arn: None, document });
    }
    Ok(())
}

/// Name, ARN and document of a managed policy.
///
/// # Errors
/// `ServiceFailure` when it cannot be read.
pub(crate) fn managed(
    account: &Account,
    policy: PolicyRef,
) -> Result<(&str, &str, &Arc<Document>), Error> {
    let found = account.managed(policy).ok_or_else(|| unreadable("(missing)"))?;
    let (name, arn, document) = match found {
        Managed::Customer(policy) => {
            let version = account.policy_version(policy.id(), policy.default_version());
            let document = version.and_then(|version| version.parsed());
            (policy.name(), account.policy_arn(policy), document)
        }
        Managed::Aws(policy) => (policy.name, policy.arn.as_str(), policy.document()),
    };
    Ok((name, arn, document.ok_or_else(|| unreadable(name))?))
}

fn unreadable(name: &str) -> Error {
    Error::internal(UnreadablePolicy(name.to_owned()))
}
