//! What temporary credentials stand for: who, until when, limited by what.
//!
//! Plain data. The token that carries a [`Session`] is made and opened in `token`; whether it has
//! ended, and whether its principal still exists, the reader decides.

use iamd_types::{AccountId, Secret, Tag, Timestamp, UniqueId};

use crate::pack;

/// How many bytes session policies, policy ARNs and tags may take in a token: 100 % of
/// `PackedPolicySize`.
///
/// A session policy of 2,048 plain characters fits twice over; the rest is for ARNs and tags. The
/// token then has at most 6.6 KB of text, so that a presigned URL or a header with it passes the
/// usual limit of 8 KB per line. It counts bytes as they are: text is not compressed, since opening
/// a token on each request must stay cheap.
pub const PACKED_LIMIT: usize = 4096;

/// What a session was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// `AssumeRole`, `AssumeRoleWithSAML`, `AssumeRoleWithWebIdentity`.
    Role,
    /// `GetSessionToken`.
    SessionToken,
    /// `GetFederationToken`.
    Federation,
    /// A sign-in to the console.
    Console,
}

/// Who acts in the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionPrincipal {
    /// The account's root user.
    Root,
    /// A user.
    User {
        /// `AIDA…`
        id: UniqueId,
    },
    /// A role's session.
    Role {
        /// `AROA…`
        id: UniqueId,
        /// The part after the role's name in the session's ARN.
        session_name: String,
    },
    /// A federated user, with the rights of the one who let it in.
    Federated {
        /// Who called `GetFederationToken`.
        issuer: Issuer,
        /// The name given then.
        name: String,
    },
}

/// Who let a federated user in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// The account's root user.
    Root,
    /// A user.
    User {
        /// `AIDA…`
        id: UniqueId,
    },
}

/// What a session token carries.
#[derive(Debug, Clone)]
pub struct Session {
    /// What made it.
    pub kind: SessionKind,
    /// The account of the principal.
    pub account: AccountId,
    /// The secret that signs the session's requests.
    pub secret_access_key: Secret<String>,
    /// Who acts.
    pub principal: SessionPrincipal,
    /// When it was made: `aws:TokenIssueTime`.
    pub issued: Timestamp,
    /// The first instant at which it no longer counts.
    pub expires: Timestamp,
    /// The inline session policy, as it was sent.
    pub policy: Option<String>,
    /// ARNs of the managed session policies, in the order given.
    pub policy_arns: Vec<String>,
    /// Session tags, those inherited by role chaining included.
    pub tags: Vec<Tag>,
    /// Keys of tags that role chaining hands on.
    pub transitive_tag_keys: Vec<String>,
    /// `sts:SourceIdentity`.
    pub source_identity: Option<String>,
    /// When the caller proved a second factor.
    pub mfa_authenticated_at: Option<Timestamp>,
    /// The identity provider that vouched: its ARN, or the issuer's host and path.
    pub federated_provider: Option<String>,
}

impl Session {
    /// Whether the session has ended: at `expires` it has.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }

    /// How much of [`PACKED_LIMIT`] the session's policies and tags take, in percent, rounded up;
    /// 0 without any. AWS: `PackedPolicySize`; above 100 is `PackedPolicyTooLarge`, and such a
    /// session must not be sealed.
    pub fn packed_size(&self) -> u32 {
        let bytes = pack::limits_len(self);
        u32::try_from((bytes * 100).div_ceil(PACKED_LIMIT)).unwrap_or(u32::MAX)
    }
}
