//! Trust policies of roles: checked as AWS does, and their principals looked up.

use iamd_directory::principals::{self, Named, Stored};
use iamd_directory::{Account, Directory, Role};
use iamd_policy::{PolicyType, check};
use iamd_types::{AccountId, Error};

use crate::documents::{refusal, size};

/// A trust policy that passed AWS's checks.
pub(crate) struct CheckedTrust(Named);

/// Checks a trust policy, and asks the other accounts that it names.
///
/// # Errors
/// `MalformedPolicyDocument` in AWS's words; a failure to read another account.
pub(crate) async fn checked(
    text: &str,
    account: AccountId,
    directory: &Directory,
) -> Result<CheckedTrust, Error> {
    let document = check(text, PolicyType::Trust, false).map_err(refusal)?;
    Ok(CheckedTrust(Named::look_up(document, account, directory).await?))
}

impl CheckedTrust {
    /// The form to store, with the account's own principals looked up in this state of it.
    ///
    /// # Errors
    /// `MalformedPolicyDocument` for a principal that is not there; `LimitExceeded` for a document
    /// that is too large.
    pub(crate) fn store(&self, account: &Account) -> Result<Stored, Error> {
        let quota = account.quotas().assume_role_policy_size;
        if size(self.0.document().text()) > quota {
            return Err(Error::quota("ACLSizePerRole", quota));
        }
        self.0.store(account).map_err(|invalid| Error::malformed_policy(invalid.to_string()))
    }
}

/// The trust policy of a role as answers show it.
pub(crate) fn shown(account: &Account, role: &Role) -> String {
    match role.trust_document() {
        Some(document) => principals::shown(account, document, role.foreign_principals()),
        None => role.trust_policy().to_owned(),
    }
}
