//! The operations of STS: who is calling, and temporary credentials.
//!
//! Nothing here is stored: a session is what its token carries. This crate must not know HTTP, XML,
//! status codes or storage engines.

mod assume_role;
mod authorization_message;
mod delegated;
mod federation_token;
mod identity;
mod issue;
mod mfa;
mod provider_claims;
mod saml;
mod session_policy;
mod session_tags;
mod session_token;
mod web_identity;
mod web_identity_token;

use iamd_operation::Entry;

/// The tables of all modules. `iamd-service` checks them against the model.
pub const OPERATIONS: &[&[Entry]] = &[
    assume_role::OPERATIONS,
    authorization_message::OPERATIONS,
    delegated::OPERATIONS,
    federation_token::OPERATIONS,
    identity::OPERATIONS,
    saml::OPERATIONS,
    session_token::OPERATIONS,
    web_identity::OPERATIONS,
    web_identity_token::OPERATIONS,
];
