//! From a signed request to a proof of who signed it.

use std::sync::Arc;

use iamd_credentials::Keyring;
use iamd_directory::{AccessKey, Account, Directory, Route};
use iamd_sigv4::{
    BodyCheck, Payload, PostError, PostLimits, Presented, PresentedPost, RequestParts, Scope,
    Settings, SigningKey, present,
};
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
        present(parts).map_err(|error| Unverified::from(error).into())
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
        let claim = Claim::of(presented);
        let (signed, key) =
            self.signed(&claim, now, || Ok(presented.check(now.seconds(), settings)?)).await?;
        let verified = presented.verify_signature(&key, payload, settings);
        verified.map_err(Unverified::from)?;
        Ok(signed)
    }

    /// Verifies a presented signature over the head of a request to S3. The body must be read through
    /// what comes back.
    ///
    /// # Errors
    /// As [`Self::verify`]; S3 has codes of its own for them.
    pub async fn verify_head(
        &self,
        presented: &Presented<'_>,
        settings: &Settings<'_>,
        now: Timestamp,
    ) -> Result<(Signed, BodyCheck), Unverified> {
        let claim = Claim::of(presented);
        let (signed, key) =
            self.signed(&claim, now, || Ok(presented.check(now.seconds(), settings)?)).await?;
        let check = presented.verify_head(&key, settings)?;
        Ok((signed, check))
    }

    /// Verifies a form that uploads an object to S3, and its policy over its fields.
    ///
    /// # Errors
    /// As [`Self::verify_head`].
    pub async fn verify_form(
        &self,
        presented: &PresentedPost<'_>,
        settings: &Settings<'_>,
        now: Timestamp,
    ) -> Result<(Signed, PostLimits), Unverified> {
        let claim = Claim {
            access_key_id: presented.access_key_id(),
            session_token: presented.session_token(),
            scope: presented.scope(),
        };
        let (signed, key) =
            self.signed(&claim, now, || Ok(presented.check(now.seconds(), settings)?)).await?;
        let limits = presented.verify(&key, now.seconds(), settings)?;
        Ok((signed, limits))
    }

    /// Whose key is presented, and the key derived for its scope, before anything is verified with it. `check`
    /// is what needs no key: it comes before one is derived for a scope of the caller's choice.
    async fn signed(
        &self,
        claim: &Claim<'_>,
        now: Timestamp,
        check: impl FnOnce() -> Result<(), Unverified>,
    ) -> Result<(Signed, Arc<SigningKey>), Unverified> {
        let id = AccessKeyId::parse(claim.access_key_id).map_err(|_| Unverified::Key)?;
        let account = self.account_of(&id).ok_or(Unverified::Key)?;
        let account = self.directory.account(account).await?.ok_or(Unverified::Key)?;
        let session = match claim.session_token {
            Some(token) => Some(self.open_session(&id, token, &account, now)?),
            None => None,
        };
        let found = match &session {
            Some(session) => Keys::Session(session),
            None => {
                let key = account.access_key(id.as_str()).filter(|key| key.active());
                Keys::LongTerm(key.ok_or(Unverified::Key)?)
            }
        };
        check()?;
        let signing_key = self.signing_key(&found, &id, account.id(), claim.scope)?;
        let key = match found {
            Keys::LongTerm(key) => Some(key.clone()),
            Keys::Session(_) => None,
        };
        let proof = Proof { access_key_id: id, account: account.id(), session };
        Ok((Signed { proof, key, account }, signing_key))
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
    ) -> Result<Arc<OpenSession>, Unverified> {
        let open = self.sessions.open(&self.keyring, id, token).map_err(|_| Unverified::Token)?;
        if open.session.account != account.id() {
            return Err(Unverified::Token);
        }
        if open.session.is_expired(now) {
            return Err(Unverified::TokenExpired);
        }
        Ok(open)
    }

    fn signing_key(
        &self,
        key: &Keys<'_>,
        id: &AccessKeyId,
        account: AccountId,
        scope: &Scope<'_>,
    ) -> Result<Arc<SigningKey>, Error> {
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

/// What is presented, as far as finding its key goes.
struct Claim<'a> {
    access_key_id: &'a str,
    session_token: Option<&'a str>,
    scope: &'a Scope<'a>,
}

impl<'a> Claim<'a> {
    fn of(presented: &'a Presented<'a>) -> Self {
        Self {
            access_key_id: presented.access_key_id(),
            session_token: presented.session_token(),
            scope: presented.scope(),
        }
    }
}

/// Where the signing key of a request comes from.
enum Keys<'a> {
    LongTerm(&'a AccessKey),
    Session(&'a OpenSession),
}

/// Why a signed request is not taken. The query services and S3 have different codes and texts for it.
#[derive(Debug)]
pub enum Unverified {
    /// There is no such access key, or it is not active.
    Key,
    /// The session token is not one of ours, or not that of the access key.
    Token,
    /// The session is over.
    TokenExpired,
    /// The signature, or something about it.
    Signature(iamd_sigv4::Error),
    /// A form, or the policy that it is under.
    Form(PostError),
    /// It could not be found out.
    Failed(Error),
}

impl From<iamd_sigv4::Error> for Unverified {
    fn from(error: iamd_sigv4::Error) -> Self {
        Self::Signature(error)
    }
}

impl From<PostError> for Unverified {
    fn from(error: PostError) -> Self {
        Self::Form(error)
    }
}

impl From<Error> for Unverified {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// As the query services answer.
impl From<Unverified> for Error {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Key | Unverified::Token => Self::new(
                Code::InvalidClientTokenId,
                "The security token included in the request is invalid.",
            ),
            Unverified::TokenExpired => Self::new(
                Code::ExpiredToken,
                "The security token included in the request is expired",
            ),
            Unverified::Signature(error) => {
                let code = Code::ALL.iter().find(|code| code.as_str() == error.code());
                let code = code.copied().unwrap_or(Code::IncompleteSignature);
                Self::new(code, error.to_string())
            }
            // Forms are S3's alone.
            Unverified::Form(error) => Self::new(Code::AccessDenied, error.to_string()),
            Unverified::Failed(error) => error,
        }
    }
}
