//! How S3 shows accounts: by a canonical user id, 64 hexadecimal digits.

use iamd_api::s3;
use iamd_types::AccountId;
use sha2::{Digest, Sha256};

/// The canonical user id of an account. AWS draws it at random; here it follows from the account's number, so that it
/// needs no place to be kept.
pub fn canonical_id(account: AccountId) -> String {
    let digest = Sha256::digest(format!("iamd canonical user {account}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An account as the owner of something. S3 leaves the display name out since 2025.
pub fn owner(account: AccountId) -> s3::Owner {
    s3::Owner { display_name: None, id: Some(canonical_id(account)) }
}

/// The one grant of every bucket and object where ACLs are switched off: its owner may do all.
pub fn full_control(account: AccountId) -> s3::Grant {
    s3::Grant {
        grantee: Some(s3::Grantee {
            display_name: None,
            email_address: None,
            id: Some(canonical_id(account)),
            r#type: s3::Type::CanonicalUser,
            uri: None,
        }),
        permission: Some(s3::Permission::FullControl),
    }
}
