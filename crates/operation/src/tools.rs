//! What the server lends to operations.

use std::sync::Arc;

use iamd_credentials::Keyring;
use iamd_directory::Directory;
use iamd_federation::Issuers;
use iamd_types::Entropy;

/// Shared by all requests of a server.
pub struct Tools {
    /// All accounts.
    pub directory: Arc<Directory>,
    /// Seals secrets and session tokens.
    pub keyring: Arc<Keyring>,
    /// The keys of identity providers.
    pub issuers: Arc<Issuers>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}
