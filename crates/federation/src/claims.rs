//! What a verified token says, and whether it may be acted on.

use serde_json::{Map, Value};
use thiserror::Error;

/// The claims of a token whose signature was verified.
#[derive(Debug, Clone)]
pub struct Claims(Map<String, Value>);

/// What a token says about its bearer, in AWS's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebIdentity {
    /// `sub`.
    pub subject: String,
    /// `azp` if there is one, else `aud`.
    pub audience: String,
    /// `aud`, when `azp` took its place.
    pub original_audience: Option<String>,
    /// `amr`.
    pub amr: Vec<String>,
    /// `email`.
    pub email: Option<String>,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// Keys of tags that role chaining hands on.
    pub transitive_tag_keys: Vec<String>,
    /// The source identity of the session.
    pub source_identity: Option<String>,
}

/// Why a verified token is not acted on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// A claim that must be there is not, or is not of its type.
    #[error("the claim `{0}` is missing or not of its type")]
    Missing(&'static str),
    /// The token's time is over.
    #[error("the token expired at {expires}")]
    Expired {
        /// `exp`, in seconds since 1970.
        expires: i64,
    },
    /// The token's time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// The token is not for any of the registered audiences.
    #[error("the token is for another audience")]
    Audience,
    /// The claim with tags or the source identity is not of its form.
    #[error("the claim `{0}` is malformed")]
    Malformed(&'static str),
}

/// How far an issuer's clock may be ahead, in seconds. The end of a token is taken exactly.
const CLOCK_SKEW: i64 = 300;
/// The longest subject, in characters (STS API reference: `SubjectFromWebIdentityToken`).
const MAX_SUBJECT: usize = 255;
/// The most tags that are read; more than a session can have are refused later by their number.
const MAX_TAGS: usize = 100;

/// Keys and values.
type Pairs = Vec<(String, String)>;

const TAGS: &str = "https://aws.amazon.com/tags";
/// The flat form: one claim for each tag.
const FLAT_TAG: &str = "https://aws.amazon.com/tags/principal_tags/";
const FLAT_TRANSITIVE: &str = "https://aws.amazon.com/tags/transitive_tag_keys";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

impl Claims {
    pub(crate) fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim as condition keys have it: texts, numbers and truth values as text.
    pub fn scalar(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => None,
        }
    }

    /// A claim that is a time, in seconds since 1970 (RFC 7519 §2: fractions are allowed).
    fn time(&self, name: &'static str) -> Result<Option<i64>, ClaimError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let number = value.as_i64().or_else(|| {
            let seconds = value.as_f64()?;
            // Beyond this no whole second can be told apart.
            (seconds.abs() < 9e15).then_some(seconds as i64)
        });
        number.map(Some).ok_or(ClaimError::Missing(name))
    }

    /// Checks times and audience, and reads what AWS takes from a token. `now` is in seconds since
    /// 1970. When there are several audiences the token must say for which of them it was made
    /// (OpenID Connect Core §3.1.3.7): AWS's own words on that case are not recorded.
    ///
    /// # Errors
    /// See [`ClaimError`].
    pub fn identify(&self, now: i64, client_ids: &[&str]) -> Result<WebIdentity, ClaimError> {
        let expires = self.time("exp")?.ok_or(ClaimError::Missing("exp"))?;
        let issued = self.time("iat")?.ok_or(ClaimError::Missing("iat"))?;
        if now >= expires {
            return Err(ClaimError::Expired { expires });
        }
        let begins = self.time("nbf")?.map_or(issued, |start| start.max(issued));
        if begins > now.saturating_add(CLOCK_SKEW) {
            return Err(ClaimError::NotYet);
        }
        let subject = self.text("sub").filter(|subject| !subject.is_empty());
        let subject = subject.filter(|subject| subject.chars().count() <= MAX_SUBJECT);
        let subject = subject.ok_or(ClaimError::Missing("sub"))?.to_owned();
        let (audience, original_audience) = self.audience(client_ids)?;
        let (tags, transitive_tag_keys) = self.tags()?;
        let source_identity = match self.0.get(SOURCE_IDENTITY) {
            None => None,
            Some(Value::String(identity)) => Some(identity.clone()),
            Some(_) => return Err(ClaimError::Malformed(SOURCE_IDENTITY)),
        };
        Ok(WebIdentity {
            subject,
            audience,
            original_audience,
            amr: self.0.get("amr").and_then(texts).unwrap_or_default(),
            email: self.text("email").map(str::to_owned),
            tags,
            transitive_tag_keys,
            source_identity,
        })
    }

    /// The audience that counts, and `aud` when `azp` took its place.
    fn audience(&self, client_ids: &[&str]) -> Result<(String, Option<String>), ClaimError> {
        let audiences = self.0.get("aud").and_then(texts).ok_or(ClaimError::Missing("aud"))?;
        let (counts, original) = match (self.0.get("azp"), audiences.as_slice()) {
            (Some(azp), _) => {
                let azp = azp.as_str().ok_or(ClaimError::Missing("azp"))?.to_owned();
                (azp, audiences.first().cloned())
            }
            (None, [only]) => (only.clone(), None),
            (None, _) => return Err(ClaimError::Audience),
        };
        if client_ids.contains(&counts.as_str()) {
            return Ok((counts, original));
        }
        Err(ClaimError::Audience)
    }

    /// Session tags, nested or flat.
    fn tags(&self) -> Result<(Pairs, Vec<String>), ClaimError> {
        let malformed = || ClaimError::Malformed(TAGS);
        let mut tags = Vec::new();
        let mut add = |key: &str, value: &Value| {
            // Each value is a text, or a list of one.
            let value = texts(value).and_then(|values| <[String; 1]>::try_from(values).ok());
            let [value] = value.ok_or_else(malformed)?;
            tags.push((key.to_owned(), value));
            if tags.len() > MAX_TAGS { Err(malformed()) } else { Ok(()) }
        };
        let mut transitive = None;
        if let Some(nested) = self.0.get(TAGS) {
            let nested = nested.as_object().ok_or_else(malformed)?;
            if let Some(pairs) = nested.get("principal_tags") {
                let pairs = pairs.as_object().ok_or_else(malformed)?;
                pairs.iter().try_for_each(|(key, value)| add(key, value))?;
            }
            transitive = nested.get("transitive_tag_keys");
        }
        for (name, value) in &self.0 {
            if let Some(key) = name.strip_prefix(FLAT_TAG) {
                add(key, value)?;
            }
        }
        let transitive = match transitive.or_else(|| self.0.get(FLAT_TRANSITIVE)) {
            Some(keys) => texts(keys).ok_or_else(malformed)?,
            None => Vec::new(),
        };
        Ok((tags, transitive))
    }
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
