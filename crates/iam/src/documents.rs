//! Policy documents that come in: AWS's checks, and how large they may be.

use iamd_directory::{Account, InlinePolicy};
use iamd_policy::{PolicyType, check, counted_size};
use iamd_types::{Code, Error, Kind, UniqueId};

/// A document of a customer managed policy.
///
/// # Errors
/// `MalformedPolicyDocument` in AWS's words; `LimitExceeded` when it is too large.
pub(crate) fn check_managed(account: &Account, text: &str) -> Result<(), Error> {
    check(text, PolicyType::Identity, true).map_err(refusal)?;
    let quota = account.quotas().policy_size;
    if size(text) > quota {
        return Err(Error::quota("PolicySize", quota));
    }
    Ok(())
}

/// A document to be embedded in a user, group or role, beside those it has.
///
/// # Errors
/// `MalformedPolicyDocument` in AWS's words; `LimitExceeded` when all together are too large.
pub(crate) fn check_inline(
    account: &Account,
    kind: Kind,
    owner: (UniqueId, &str),
    name: &str,
    text: &str,
) -> Result<(), Error> {
    check(text, PolicyType::Identity, false).map_err(refusal)?;
    let quotas = account.quotas();
    let quota = match kind {
        Kind::Group => quotas.group_policy_size,
        Kind::Role => quotas.role_policy_size,
        _ => quotas.user_policy_size,
    };
    let (id, owner_name) = owner;
    let others = account.inline_policies(id).filter(|policy| policy.name() != name);
    let total = size(text) + others.map(InlinePolicy::document).map(size).sum::<u64>();
    if total > quota {
        let message = format!(
            "Maximum policy size of {quota} bytes exceeded for {} {owner_name}",
            kind.noun()
        );
        return Err(Error::new(Code::LimitExceeded, message));
    }
    Ok(())
}

/// A refused document as the caller's error.
pub(crate) fn refusal(refusal: iamd_policy::Refusal) -> Error {
    Error::malformed_policy(refusal.message)
}

/// Characters without white space.
pub(crate) fn size(text: &str) -> u64 {
    counted_size(text) as u64
}
