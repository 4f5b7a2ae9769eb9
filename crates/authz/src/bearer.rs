//! Somebody who signs nothing, and whom an identity provider vouches for.

use iamd_policy::Values;
use iamd_types::Tag;

/// What a verified token says, as policies, sessions and records need it.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The provider's ARN, as trust policies name it.
    pub provider: String,
    /// The subject.
    pub subject: String,
    /// The audience that counts.
    pub audience: String,
    /// The condition keys of the token, `ISSUER:sub` and the like.
    pub keys: Vec<(String, Values)>,
    /// The tags that the session is to have.
    pub tags: Vec<Tag>,
    /// The keys of those that role chaining hands on.
    pub transitive_tag_keys: Vec<String>,
    /// The source identity that the session is to have.
    pub source_identity: Option<String>,
    /// `ISSUER:AUDIENCE:SUBJECT`, as records show it.
    pub principal_id: String,
}
