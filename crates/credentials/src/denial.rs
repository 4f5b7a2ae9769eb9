//! Encoded authorization messages: why a request was denied, sealed, so that the caller can carry it to
//! somebody who may know (`sts:DecodeAuthorizationMessage`).
//!
//! A message is bound to the account of the denied caller and opens nowhere else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_types::{AccountId, Entropy};
use thiserror::Error;

use crate::Keyring;

/// The longest encoded message, in characters (STS model: `encodedMessageType`).
pub const MAX_DENIAL_LENGTH: usize = 10_240;

/// The text is not an encoded message of this account. Why, nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the authorization message is invalid")]
pub struct InvalidDenial;

impl Keyring {
    /// Seals what was decided about a caller of this account. `None` when it would be longer than
    /// [`MAX_DENIAL_LENGTH`].
    pub fn seal_denial(
        &self,
        account: AccountId,
        message: &str,
        entropy: &dyn Entropy,
    ) -> Option<String> {
        let sealed = self.seal(&context(account), message.as_bytes(), entropy);
        let text = URL_SAFE_NO_PAD.encode(sealed);
        (text.len() <= MAX_DENIAL_LENGTH).then_some(text)
    }

    /// Opens what [`Self::seal_denial`] gave for the same account.
    ///
    /// # Errors
    /// [`InvalidDenial`] for everything else.
    pub fn open_denial(&self, account: AccountId, text: &str) -> Result<String, InvalidDenial> {
        if text.len() > MAX_DENIAL_LENGTH {
            return Err(InvalidDenial);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidDenial)?;
        let opened = self.open(&context(account), &sealed).map_err(|_| InvalidDenial)?;
        String::from_utf8(opened.expose().clone()).map_err(|_| InvalidDenial)
    }
}

fn context(account: AccountId) -> Vec<u8> {
    format!("denial/{account}").into_bytes()
}
