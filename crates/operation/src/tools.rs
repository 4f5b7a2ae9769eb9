//! What the server lends to operations.

use std::sync::Arc;

use iamd_credentials::Keyring;
use iamd_directory::Directory;
use iamd_federation::Issuers;
use iamd_types::{AccountId, Entropy};

/// Shared by all requests of a server.
pub struct Tools {
    /// All accounts.
    pub directory: Arc<Directory>,
    /// Seals secrets and session tokens.
    pub keyring: Arc<Keyring>,
    /// The keys of identity providers.
    pub issuers: Arc<Issuers>,
    /// The URL under which the server is reached, without a slash at its end.
    pub public_url: String,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Tools {
    /// The issuer of the tokens that an account signs.
    pub fn token_issuer(&self, account: AccountId) -> String {
        format!("{}/-/oidc/{account}", self.public_url)
    }
}
