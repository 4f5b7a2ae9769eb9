//! Secrets at rest: the keyring that seals them, session tokens, passwords, and fresh secrets.
//!
//! It knows no HTTP, no files and no store: keys and sealed bytes come and go as values, time and
//! randomness are arguments. The idea: one [`MasterKey`] outside the store opens the [`Keyring`],
//! whose data keys seal everything else, each sealed thing bound to what it belongs to. The bytes
//! are described in `docs/formats.md`.

pub mod certificate;
mod denial;
pub mod generate;
mod keyring;
mod master_key;
mod pack;
pub mod password;
pub mod qr;
mod sealer;
mod session;
pub mod ssh_key;
mod token;
pub mod totp;

pub use denial::{InvalidDenial, MAX_DENIAL_LENGTH};
pub use keyring::{DataKeyId, Keyring, KeyringError, OpenError, SESSION_OVERLAP_SECONDS};
pub use master_key::{InvalidMasterKey, MasterKey};
pub use session::{Issuer, PACKED_LIMIT, Session, SessionKind, SessionPrincipal};
pub use token::{MAX_TOKEN_LENGTH, TokenError};
