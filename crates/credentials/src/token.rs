//! Session tokens: a [`Session`], sealed, as the text that clients send along.
//!
//! Opening one needs the keyring alone. A token is bound to its access key id, and every way in
//! which it can be wrong has the same answer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_types::{AccessKeyId, Entropy};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keyring::DataKeyId;
use crate::pack::{self, Reader};
use crate::sealer::OVERHEAD;
use crate::{Keyring, Session};

/// The longest text that is looked at. The longest token of a session within
/// [`crate::PACKED_LIMIT`] has some 6,600 characters.
pub const MAX_TOKEN_LENGTH: usize = 8192;

const VERSION: u8 = 1;
/// Version and data key id.
const HEADER_LEN: usize = 5;

/// Why a session token was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not a token, altered, another access key's, or sealed under a data key that is unknown or
    /// retired. Which of them, nobody is told.
    #[error("the session token is invalid")]
    Invalid,
}

impl Keyring {
    /// The token of the session whose access key has this id: base64 in the URL-safe alphabet.
    ///
    /// The session's [`Session::packed_size`] is at most 100; a token longer than
    /// [`MAX_TOKEN_LENGTH`] would never open.
    pub fn seal_session(
        &self,
        key: &AccessKeyId,
        session: &Session,
        entropy: &dyn Entropy,
    ) -> String {
        self.seal_session_padded(key, session, 0, entropy)
    }

    /// As [`Self::seal_session`], with a token of at least `minimum` characters
    /// (`MinimumSessionTokenSize`; more than [`MAX_TOKEN_LENGTH`] counts as that).
    pub fn seal_session_padded(
        &self,
        key: &AccessKeyId,
        session: &Session,
        minimum: usize,
        entropy: &dyn Entropy,
    ) -> String {
        let (id, sealer) = self.session_sealer();
        // Four characters hold three bytes.
        let bytes = (minimum.min(MAX_TOKEN_LENGTH) * 3).div_ceil(4);
        let plaintext = pack::pack(session, bytes.saturating_sub(HEADER_LEN + OVERHEAD));
        let mut token = header(id).to_vec();
        sealer.seal(&aad(id, key), &plaintext, entropy, &mut token);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The session in a token that was sealed for this access key id. It may have ended: see
    /// [`Session::is_expired`].
    pub fn open_session(&self, key: &AccessKeyId, token: &str) -> Result<Session, TokenError> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::Invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| TokenError::Invalid)?;
        self.open_session_bytes(key, &mut Zeroizing::new(bytes)).ok_or(TokenError::Invalid)
    }

    fn open_session_bytes(&self, key: &AccessKeyId, token: &mut [u8]) -> Option<Session> {
        let (header, sealed) = token.split_at_mut_checked(HEADER_LEN)?;
        let mut header = Reader::new(header);
        if header.byte()? != VERSION {
            return None;
        }
        let id = DataKeyId(u32::from_be_bytes(header.array()?));
        let plaintext = self.session_opener(id)?.open(&aad(id, key), sealed)?;
        pack::unpack(plaintext)
    }
}

fn header(id: DataKeyId) -> [u8; HEADER_LEN] {
    let [a, b, c, d] = id.0.to_be_bytes();
    [VERSION, a, b, c, d]
}

fn aad(id: DataKeyId, key: &AccessKeyId) -> Vec<u8> {
    [&header(id), key.as_str().as_bytes()].concat()
}
