//! Whether a credential is active, as requests and answers say it.

use iamd_api::iam::StatusType;
use iamd_types::Error;

/// As answers show it.
pub(crate) fn shown(active: bool) -> StatusType {
    if active { StatusType::Active } else { StatusType::Inactive }
}

/// What a request asks for.
///
/// # Errors
/// `ValidationError`: only the service itself lets credentials expire. AWS's text is not recorded.
pub(crate) fn asked(status: StatusType) -> Result<bool, Error> {
    match status {
        StatusType::Active => Ok(true),
        StatusType::Inactive => Ok(false),
        StatusType::Expired => Err(Error::validation("Status must be Active or Inactive.")),
    }
}
