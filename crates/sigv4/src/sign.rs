//! Signing: for clients, tests and requests to other services.

use percent_encoding::utf8_percent_encode;

use crate::canonical::{Canonical, ToSign, hex, hex_text};
use crate::chain::Chain;
use crate::payload::{Covered, UNSIGNED};
use crate::present::MAX_EXPIRES;
use crate::time::Timestamp;
use crate::uri::{COMPONENT, Reading};
use crate::{
    ALGORITHM, Credentials, Error, Payload, RequestParts, Settings, SigningKey, TERMINATOR,
};

/// Headers that proxies and HTTP clients change on the way: not signed, as in AWS's clients.
const NOT_SIGNED: [&str; 6] =
    ["authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

/// The region signed for when [`Settings::region`] says none.
const DEFAULT_REGION: &str = "us-east-1";

/// Headers to add to a request: name in lower case, and value.
pub type AddedHeaders = Vec<(&'static str, String)>;

/// Signs in header form. Returns the headers to add: `x-amz-date`, on S3
/// `x-amz-content-sha256`, `x-amz-security-token` with a session token, and `authorization`.
///
/// # Errors
/// [`Error::HostNotSigned`] when the parts have no `host`; [`Error::Repeated`] when they already
/// have one of the headers to add.
pub fn sign(
    parts: &RequestParts<'_>,
    payload: Payload<'_>,
    credentials: &Credentials<'_>,
    now_unix_seconds: i64,
    settings: &Settings<'_>,
) -> Result<AddedHeaders, Error> {
    let signed = sign_covered(parts, payload.covered()?, credentials, now_unix_seconds, settings)?;
    Ok(signed.headers)
}

/// A signed head: the headers to add, and where a chain of chunks begins.
pub(crate) struct SignedHead {
    pub(crate) headers: AddedHeaders,
    pub(crate) chain: Chain,
}

pub(crate) fn sign_covered(
    parts: &RequestParts<'_>,
    covered: Covered,
    credentials: &Credentials<'_>,
    now_unix_seconds: i64,
    settings: &Settings<'_>,
) -> Result<SignedHead, Error> {
    let time = Timestamp::from_unix_seconds(now_unix_seconds);
    let mut added = vec![("x-amz-date", time.to_string())];
    if settings.content_sha256 {
        added.push(("x-amz-content-sha256", spelled(covered)));
    }
    if let Some(token) = credentials.session_token {
        added.push(("x-amz-security-token", token.to_owned()));
    }
    for &(name, _) in &added {
        if parts.values(name.as_bytes()).next().is_some() {
            return Err(Error::Repeated { name });
        }
    }
    let mut headers = parts.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let complete = RequestParts { headers: &headers, ..*parts };
    let signed_headers = signed_headers(&complete)?;
    let signer = Signer::new(credentials, time, settings);
    let seed = signer.signature(&complete, &signed_headers, covered, false)?;
    let (credential, signature) = (signer.credential(), hex_text(&seed));
    let authorization = format!(
        "{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"
    );
    added.push(("authorization", authorization));
    let chain = signer.chain(&seed);
    Ok(SignedHead { headers: added, chain })
}

/// Signs in query form. Returns the target to request, good for `expires` seconds (1 to
/// 604800).
///
/// # Errors
/// [`Error::HostNotSigned`] when the parts have no `host`; [`Error::ExpiresRange`].
pub fn presign(
    parts: &RequestParts<'_>,
    payload: Payload<'_>,
    credentials: &Credentials<'_>,
    now_unix_seconds: i64,
    expires: u32,
    settings: &Settings<'_>,
) -> Result<String, Error> {
    if !(1..=MAX_EXPIRES).contains(&expires) {
        return Err(Error::ExpiresRange { expires: expires.to_string() });
    }
    let covered = match settings.content_sha256 {
        true => Covered::declared(parts, true, None)?,
        false => payload.covered()?,
    };
    let time = Timestamp::from_unix_seconds(now_unix_seconds);
    let signed_headers = signed_headers(parts)?;
    let signer = Signer::new(credentials, time, settings);
    let mut target = parts.target.to_owned();
    let mut separator = if target.contains('?') { '&' } else { '?' };
    let mut parameter = |name: &str, value: &str| {
        target.push(separator);
        separator = '&';
        target.push_str(name);
        target.push('=');
        target.extend(utf8_percent_encode(value, COMPONENT));
    };
    parameter("X-Amz-Algorithm", ALGORITHM);
    parameter("X-Amz-Credential", &signer.credential());
    parameter("X-Amz-Date", &time.to_string());
    parameter("X-Amz-Expires", &expires.to_string());
    parameter("X-Amz-SignedHeaders", &signed_headers);
    if let Some(token) = credentials.session_token {
        parameter("X-Amz-Security-Token", token);
    }
    let complete = RequestParts { target: &target, ..*parts };
    let signature = hex_text(&signer.signature(&complete, &signed_headers, covered, true)?);
    Ok(format!("{target}&X-Amz-Signature={signature}"))
}

struct Signer<'a> {
    credentials: &'a Credentials<'a>,
    time: Timestamp,
    day: String,
    settings: &'a Settings<'a>,
    key: SigningKey,
}

impl<'a> Signer<'a> {
    fn new(credentials: &'a Credentials<'a>, time: Timestamp, settings: &'a Settings<'a>) -> Self {
        let day = time.day();
        let region = settings.region.unwrap_or(DEFAULT_REGION);
        let secret = credentials.secret_access_key;
        let key = SigningKey::derive(secret, &day, region, settings.service);
        Self { credentials, time, day, settings, key }
    }

    fn scope(&self) -> [&str; 4] {
        let region = self.settings.region.unwrap_or(DEFAULT_REGION);
        [&self.day, region, self.settings.service, TERMINATOR]
    }

    fn credential(&self) -> String {
        format!("{}/{}", self.credentials.access_key_id, self.scope().join("/"))
    }

    fn signature(
        &self,
        parts: &RequestParts<'_>,
        signed_headers: &str,
        covered: Covered,
        presigned: bool,
    ) -> Result<[u8; 32], Error> {
        let settings = self.settings;
        let canonical = Canonical { parts, signed_headers, covered, presigned, settings };
        let to_sign = ToSign {
            time: self.time.basic(),
            scope: self.scope(),
            canonical_request: canonical
                .digest(Reading::DOCUMENTED)
                .ok_or(Error::SignatureMismatch)?,
        };
        Ok(to_sign.signature(&self.key))
    }

    fn chain(&self, seed: &[u8; 32]) -> Chain {
        Chain::new(self.key.clone(), self.time.basic(), self.scope(), hex(seed))
    }
}

/// The names to sign: lower case, sorted, each once.
fn signed_headers(parts: &RequestParts<'_>) -> Result<String, Error> {
    let mut names: Vec<String> = parts
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !NOT_SIGNED.contains(&name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    if !names.iter().any(|name| name == "host") {
        return Err(Error::HostNotSigned);
    }
    Ok(names.join(";"))
}

fn spelled(covered: Covered) -> String {
    match covered {
        Covered::Sha256(hash) => hex_text(&hash),
        Covered::Unsigned => UNSIGNED.to_owned(),
        Covered::Streaming(streaming) => streaming.as_str().to_owned(),
    }
}
