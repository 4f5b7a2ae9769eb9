//! Identity providers: OIDC tokens verified against their issuer's keys, tokens signed for others, and
//! the metadata of SAML providers.
//!
//! The one idea: a verifier gives out what it verified, and nothing else can be read. This crate must
//! not know the directory, policies or any operation; what it is told of a provider is plain values.

pub mod address;
mod claims;
mod fetch;
mod issuers;
mod json;
mod jwk;
mod jwt;
pub mod metadata;
mod private_key;
mod signing;
mod tls;
mod url;

pub use claims::{ClaimError, Claims, WebIdentity};
pub use fetch::{FetchError, FetchSettings, HostPattern};
pub use issuers::{Issuers, KeyError};
pub use jwk::Jwk;
pub use jwt::{Algorithm, Malformed, Token};
pub use private_key::is_private_key;
pub use signing::{MintedKey, SigningError, mint, sign};
pub use url::{InvalidIssuerUrl, IssuerUrl};
