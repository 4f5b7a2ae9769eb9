//! From a signed request to a proof of who signed it.

use std::sync::Arc;

use iamd_credentials::Keyring;
use iamd_directory::{AccessKey, Account, Directory, Route};
use iamd_sigv4::{Payload, Presented, RequestParts, Settings, SigningKey, present};
use iamd_types::{AccessKeyId, AccountId, Code, Error, Timestamp};

use crate::caller::Proof;
use crate::sessions::{OpenSession, Sessions};

/// Checks signatures against the directory's keys.
pub struct Authenticator {
    directory: Arc<Directory>,
    keyring: Arc<Keyring>,
    sessions: Sessions,
}

/// A request whose signature holds.
pub struct Signed {
    /// Who signed.
    pub proof: Proof,
    /// The key, when it is a long-term one.
    pub key: Option<AccessKey>,
    /// The caller's account, in the state that the key was looked up in.
    pub account: Arc<Account>,
}

impl Authenticator {
    /// An authenticator over these accounts.
    pub fn new(directory: Arc<Directory>, keyring: Arc<Keyring>) -> Self {
        Self { directory, keyring, sessions: Sessions::new() }
    }

    /// What the request presents, before anything is looked up; `None` for an unsigned request.
    pub fn present<'a>(&self, parts: &RequestParts<'a>) -> Result<Option<Presented<'a>>, Error> {
        present(parts).map_err(|error| signature_error(&error))
    }

    /// Verifies a presented signature over the payload.
    ///
    /// # Errors
    /// In AWS's order: `InvalidClientTokenId` for a key or token that is not (or no longer) good,
    /// `ExpiredToken`, then those of [`Presented::verify`].
    pub async fn verify(
        &self,
        presented: &Presented<'_>,
        payload: Payload<'_>,
        settings: &Settings<'_>,
        now: Timestamp,
    ) -> Result<Signed, Error> {
        let id = AccessKeyId::parse(presented.access_key_id()).map_err(|_| invalid_token())?;
        let account = self.account_of(&id).ok_or_else(invalid_token)?;
        let account = self.directory.account(account).await?.ok_or_else(invalid_token)?;
        let session = match presented.session_token() {
            Some(token) => Some(self.open_session(&id, token, &account, now)?),
            None => None,
        };
        let found = match &session {
            Some(session) => Keys::Session(session),
            None => {
                let key = account.access_key(id.as_str()).filter(|key| key.active());
                Keys::LongTerm(key.ok_or_else(invalid_token)?)
            }
        };
        // Before a key is derived for a scope of the caller's choice.
        presented.check(now.seconds(), settings).map_err(|error| signature_error(&error))?;
        let key = self.signing_key(&found, &id, account.id(), presented)?;
        presented
            .verify_signature(&key, payload, settings)
            .map_err(|error| signature_error(&error))?;
        let key = match found {
            Keys::LongTerm(key) => Some(key.clone()),
            Keys::Session(_) => None,
        };
        let proof = Proof { access_key_id: id, account: account.id(), session };
        Ok(Signed { proof, key, account })
    }

    /// The account that an access key id leads to, whether or not there is such a key.
    pub fn account_of(&self, id: &AccessKeyId) -> Option<AccountId> {
        self.directory.routing().find(Route::AccessKey, id.as_str()).or_else(|| id.account())
    }

    fn open_session(
        &self,
        id: &AccessKeyId,
        token: &str,
        account: &Account,
        now: Timestamp,
    ) -> Result<Arc<OpenSession>, Error> {
        let open = self.sessions.open(&self.keyring, id, token).map_err(|_| invalid_token())?;
        if open.session.account != account.id() {
            return Err(invalid_token());
        }
        if open.session.is_expired(now) {
            let message = "The security token included in the request is expired";
            return Err(Error::new(Code::ExpiredToken, message));
        }
        Ok(open)
    }

    fn signing_key(
        &self,
        key: &Keys<'_>,
        id: &AccessKeyId,
        account: AccountId,
        presented: &Presented<'_>,
    ) -> Result<Arc<SigningKey>, Error> {
        let scope = presented.scope();
        let (date, region, service) = (scope.date(), scope.region(), scope.service());
        match key {
            Keys::Session(open) => open.keys.get(date, region, service, || {
                let secret = open.session.secret_access_key.expose();
                Ok(SigningKey::derive(secret, date, region, service))
            }),
            Keys::LongTerm(key) => key.keys().get(date, region, service, || {
                let context = AccessKey::seal_context(account, id.as_str());
                let secret =
                    self.keyring.open(&context, key.sealed_secret()).map_err(Error::internal)?;
                let secret = std::str::from_utf8(secret.expose()).map_err(Error::internal)?;
                Ok(SigningKey::derive(secret, date, region, service))
            }),
        }
    }
}

/// Where the signing key of a request comes from.
enum Keys<'a> {
    LongTerm(&'a AccessKey),
    Session(&'a OpenSession),
}

fn invalid_token() -> Error {
    Error::new(Code::InvalidClientTokenId, "The security token included in the request is invalid.")
}

fn signature_error(error: &iamd_sigv4::Error) -> Error {
    let code = Code::ALL.iter().find(|code| code.as_str() == error.code());
    Error::new(code.copied().unwrap_or(Code::IncompleteSignature), error.to_string())
}
