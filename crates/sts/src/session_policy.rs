//! Session policies: what narrows a session when it is made.

use iamd_api::sts;
use iamd_directory::{Account, Managed};
use iamd_policy::{PolicyType, check};
use iamd_types::Error;

/// The most managed session policies (STS API reference: AssumeRole).
const MAX_ARNS: usize = 10;
/// The longest inline session policy, in characters (IAM User Guide, "Pass session tags in AWS STS").
const MAX_CHARACTERS: usize = 2048;

/// Checks an inline session policy.
///
/// # Errors
/// `ValidationError` when it is too long; `MalformedPolicyDocument` in AWS's words.
pub(crate) fn checked(policy: Option<&str>) -> Result<Option<String>, Error> {
    let Some(text) = policy else { return Ok(None) };
    if text.chars().count() > MAX_CHARACTERS {
        return Err(Error::validation(format!(
            "1 validation error detected: Value '{text}' at 'policy' failed to satisfy constraint: \
             Member must have length less than or equal to {MAX_CHARACTERS}"
        )));
    }
    check(text, PolicyType::Session, false)
        .map_err(|refusal| Error::malformed_policy(refusal.message))?;
    Ok(Some(text.to_owned()))
}

/// The ARNs of managed session policies, each of which must be there: in the session's account, or
/// AWS's own.
///
/// # Errors
/// `ValidationError` when there are too many, or one without an ARN: passing it over would leave the session with
/// more than was asked for. `MalformedPolicyDocument` for one that is not there (AWS's texts are not recorded).
pub(crate) fn checked_arns(
    account: &Account,
    arns: Option<&[sts::PolicyDescriptorType]>,
) -> Result<Vec<String>, Error> {
    let arns: Option<Vec<String>> =
        arns.unwrap_or_default().iter().map(|policy| policy.arn.clone()).collect();
    let arns = arns.ok_or_else(|| {
        Error::validation(
            "1 validation error detected: Value null at 'policyArns' failed to satisfy constraint: \
             Member must not be null",
        )
    })?;
    if arns.len() > MAX_ARNS {
        return Err(Error::validation(format!(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: \
             Member must have length less than or equal to {MAX_ARNS}"
        )));
    }
    for arn in &arns {
        match account.managed_by_arn(arn) {
            Some(Managed::Customer(_) | Managed::Aws(_)) => {}
            None => {
                let message = format!("The managed session policy {arn} does not exist.");
                return Err(Error::malformed_policy(message));
            }
        }
    }
    Ok(arns)
}
