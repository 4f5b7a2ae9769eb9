//! The headers in which an upstream learns who calls.
//!
//! Their names are the guard's: whatever a client sends under them, or under a name that some upstream reads as one of
//! them, does not get through.

use iamd_authz::{Caller, Principal};

/// What all of the names begin with.
const PREFIX: &str = "x-iamd-";

/// The headers, in the order of [`values`].
pub(crate) const NAMES: [&str; 6] = [
    "x-iamd-principal-arn",
    "x-iamd-principal-type",
    "x-iamd-account",
    "x-iamd-user-id",
    "x-iamd-session-name",
    "x-iamd-source-identity",
];

/// The same names as CGI and its heirs would have them: they read both forms as one.
pub(crate) const CGI_NAMES: [&str; 6] = [
    "x_iamd_principal_arn",
    "x_iamd_principal_type",
    "x_iamd_account",
    "x_iamd_user_id",
    "x_iamd_session_name",
    "x_iamd_source_identity",
];

/// The headers about a caller. Empty where there is nothing to say: the upstream gets no such header then.
pub(crate) fn values(caller: &Caller) -> [(&'static str, String); 6] {
    let anonymous = matches!(caller.principal, Principal::Bearer(_));
    let known = |text: &str| if anonymous { String::new() } else { text.to_owned() };
    let session_name = match &caller.principal {
        Principal::Role { session_name, .. } => session_name.as_str(),
        Principal::Federated { name, .. } => name.as_str(),
        _ => "",
    };
    let source_identity = caller.session().and_then(|session| session.source_identity.as_deref());
    let [arn, kind, account, user_id, session, identity] = NAMES;
    [
        (arn, known(&caller.arn)),
        (kind, caller.principal_type().to_owned()),
        (account, known(&caller.account.to_string())),
        (user_id, known(&caller.user_id)),
        (session, session_name.to_owned()),
        (identity, source_identity.unwrap_or_default().to_owned()),
    ]
}

/// Whether some upstream could take a header of this name for one of the guard's.
pub(crate) fn is_ours(name: &str) -> bool {
    let mut bytes =
        name.bytes().map(|byte| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() });
    PREFIX.bytes().all(|expected| bytes.next() == Some(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_taken_for_ours() {
        for name in NAMES.iter().chain(&CGI_NAMES) {
            assert!(is_ours(name), "{name}");
        }
        for name in ["X-Iamd-Principal-Arn", "x_iamd-account", "X-IAMD_anything", "x-iamd-"] {
            assert!(is_ours(name), "{name}");
        }
        for name in ["", "x-iam", "x-iamd", "x-amz-date", "my-x-iamd-account"] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
