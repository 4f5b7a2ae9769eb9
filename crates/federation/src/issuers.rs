//! The keys of issuers, fetched when needed and kept for a while.
//!
//! One fetch of an issuer is under way at a time; who comes meanwhile waits for it. A failure is kept
//! too, for a short while, so that bad tokens do not become requests to somebody else. A token that names
//! an unknown key makes a new fetch, but not more often than [`REFRESH_SECONDS`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use thiserror::Error;

use crate::fetch::{Fetch, FetchError, FetchSettings};
use crate::jwk::Jwk;
use crate::jwt::Token;
use crate::url::IssuerUrl;

/// How long keys are used, in seconds.
const FRESH_SECONDS: i64 = 3600;
/// How long a failure is remembered, and keys are not fetched again for an unknown key id, in seconds.
const REFRESH_SECONDS: i64 = 10;
/// The most issuers whose keys are kept.
const MAX_ISSUERS: usize = 1024;

/// Why there are no keys for a token.
#[derive(Debug, Clone, Error)]
pub enum KeyError {
    /// They could not be fetched.
    #[error("cannot fetch the issuer's keys")]
    Fetch(#[source] Arc<FetchError>),
    /// None of them fits the token.
    #[error("the issuer shows no key that the token names")]
    Unknown,
}

/// The keys of all issuers that were asked.
pub struct Issuers {
    fetch: Fetch,
    kept: Mutex<HashMap<Source, Arc<Slot>>>,
}

/// What keys depend on: who is asked, and by whom the connection is trusted.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Source {
    issuer: String,
    thumbprints: Vec<String>,
}

type Slot = tokio::sync::Mutex<Option<Known>>;

/// What the last fetch gave, and when in seconds since 1970.
struct Known {
    at: i64,
    /// When it was last tried to get newer ones.
    tried: i64,
    keys: Result<Arc<[Jwk]>, Arc<FetchError>>,
}

/// The parts of a discovery document that are read.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuers {
    /// Nothing known yet.
    ///
    /// # Errors
    /// When a certificate authority of the settings cannot be one.
    pub fn new(settings: FetchSettings) -> Result<Self, FetchError> {
        Ok(Self { fetch: Fetch::new(settings)?, kept: Mutex::default() })
    }

    /// Whether the configuration lets this issuer be asked.
    pub fn allows(&self, issuer: &IssuerUrl) -> bool {
        self.fetch.allows(issuer)
    }

    /// The thumbprint of the last certificate of the chain that an issuer's host presents. The chain
    /// must lead to a certificate authority that is trusted: what is not vouched for is not written
    /// down as trusted either.
    pub async fn thumbprint(&self, issuer: &IssuerUrl) -> Result<String, FetchError> {
        self.fetch.thumbprint(issuer).await
    }

    /// Keys of the issuer among which there is one that the token names. `now` is in seconds since
    /// 1970.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn keys_for(
        &self,
        token: &Token<'_>,
        issuer: &IssuerUrl,
        thumbprints: &[String],
        now: i64,
    ) -> Result<Arc<[Jwk]>, KeyError> {
        let slot = self.slot(issuer, thumbprints, now);
        let mut known = slot.lock().await;
        let usable = known.as_ref().is_some_and(|known| {
            let is_answer = known.keys.as_ref().is_ok_and(|keys| token.has_candidate(keys));
            let (since, seconds) = match is_answer {
                true => (known.at, FRESH_SECONDS),
                false => (known.tried, REFRESH_SECONDS),
            };
            (0..seconds).contains(&now.saturating_sub(since))
        });
        if !usable {
            let fetched = self.fetch_keys(issuer, thumbprints).await;
            let fetched = fetched.map(Arc::from).map_err(Arc::new);
            // A token with an invented key id must not make good keys forgotten.
            let good = known.as_mut().filter(|known| {
                let age = now.saturating_sub(known.at);
                fetched.is_err() && known.keys.is_ok() && (0..FRESH_SECONDS).contains(&age)
            });
            match good {
                Some(good) => good.tried = now,
                None => *known = Some(Known { at: now, tried: now, keys: fetched }),
            }
        }
        match known.as_ref().map(|known| &known.keys) {
            Some(Ok(keys)) if token.has_candidate(keys) => Ok(Arc::clone(keys)),
            Some(Err(error)) => Err(KeyError::Fetch(Arc::clone(error))),
            _ => Err(KeyError::Unknown),
        }
    }

    fn slot(&self, issuer: &IssuerUrl, thumbprints: &[String], now: i64) -> Arc<Slot> {
        let source = Source { issuer: issuer.to_url(), thumbprints: thumbprints.to_vec() };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_ISSUERS && !kept.contains_key(&source) {
            kept.retain(|_, slot| {
                // What is being fetched stays.
                let known = slot.try_lock();
                known.map_or(true, |known| {
                    known.as_ref().is_some_and(|known| now.saturating_sub(known.at) < FRESH_SECONDS)
                })
            });
            if kept.len() >= MAX_ISSUERS {
                kept.clear();
            }
        }
        Arc::clone(kept.entry(source).or_default())
    }

    async fn fetch_keys(
        &self,
        issuer: &IssuerUrl,
        thumbprints: &[String],
    ) -> Result<Vec<Jwk>, FetchError> {
        let document = self.fetch.get(&issuer.discovery(), thumbprints).await?;
        let discovery: Discovery = serde_json::from_slice(&document)
            .map_err(|_| FetchError::Document("a discovery document"))?;
        if discovery.issuer != issuer.to_url() {
            return Err(FetchError::Document("about the issuer that was asked"));
        }
        let document = self.fetch.get(&discovery.jwks_uri, thumbprints).await?;
        Jwk::read_set(&document).ok_or(FetchError::Document("a set of keys"))
    }
}
