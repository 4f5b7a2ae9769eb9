//! Making temporary credentials.

use iamd_api::sts;
use iamd_credentials::{Session, generate};
use iamd_operation::Tools;
use iamd_types::{AccessKeyId, Code, Error, Secret, entropy};

/// Credentials for a session, and how large their token is, in characters.
pub(crate) struct Issued {
    pub(crate) credentials: sts::Credentials,
    pub(crate) token_size: Option<i32>,
}

/// Draws a key for the session and seals its token. `minimum` asks for a token of at least so many
/// characters.
///
/// # Errors
/// `PackedPolicyTooLarge` when policies and tags do not fit.
pub(crate) fn issue(
    tools: &Tools,
    session: impl FnOnce(Secret<String>) -> Session,
    minimum: Option<i32>,
) -> Result<Issued, Error> {
    let entropy = &*tools.entropy;
    let session = session(generate::secret_access_key(entropy));
    ensure_packs(&session)?;
    let id = AccessKeyId::temporary(session.account, entropy::random(entropy));
    let padded = minimum.and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    let token = tools.keyring.seal_session_padded(&id, &session, padded, entropy);
    let token_size = minimum.and_then(|_| i32::try_from(token.len()).ok());
    let credentials = sts::Credentials {
        access_key_id: id.to_string(),
        secret_access_key: session.secret_access_key.clone(),
        session_token: Secret::new(token),
        expiration: session.expires,
    };
    Ok(Issued { credentials, token_size })
}

fn ensure_packs(session: &Session) -> Result<(), Error> {
    let percent = session.packed_size();
    if percent <= 100 {
        return Ok(());
    }
    let message = if session.policy.is_none() && session.policy_arns.is_empty() {
        format!("Packed size of session tags consumes {percent}% of allotted space.")
    } else {
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")
    };
    Err(Error::new(Code::PackedPolicyTooLarge, message))
}

/// `PackedPolicySize`, which is left out when there is nothing to pack.
pub(crate) fn packed_size(session_has_limits: bool, percent: u32) -> Option<i32> {
    session_has_limits.then(|| i32::try_from(percent).unwrap_or(i32::MAX))
}
