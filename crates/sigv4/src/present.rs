//! What a request presents: the parts of its signature, read without any secret.
//!
//! Header form: `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
//! and `x-amz-date` (or `Date`). Query form (presigned): `X-Amz-Algorithm`, `X-Amz-Credential`,
//! `X-Amz-Date`, `X-Amz-Expires`, `X-Amz-SignedHeaders`, `X-Amz-Signature`. Nothing is trusted
//! yet: only [`Presented::verify`] says whether the parts belong to the request.

use std::borrow::Cow;

use crate::time::Timestamp;
use crate::uri::{decoded, malformed_escape, parameters};
use crate::{ALGORITHM, Error, RequestParts, cut, names, same_name};

/// More headers than this, or more names in `SignedHeaders`, are refused: both are compared
/// with each other.
const MAX_HEADERS: usize = 200;
/// More parameters than this in the query string of a signed request are refused.
const MAX_QUERY_PARAMETERS: usize = 1000;
/// `X-Amz-Expires` is at most a week.
pub(crate) const MAX_EXPIRES: u32 = 604_800;
/// Errors repeat at most so many characters of what was sent, and of an algorithm's name.
const MAX_ECHO: usize = 256;
const MAX_ALGORITHM: usize = 24;

/// The parts of a request's signature. Nothing of it is verified. No `Debug`: it holds the
/// signature and the session token.
pub struct Presented<'a> {
    pub(crate) parts: RequestParts<'a>,
    pub(crate) scope: Scope<'a>,
    /// In lower case and sorted.
    pub(crate) signed_headers: Cow<'a, str>,
    pub(crate) signature: Cow<'a, str>,
    pub(crate) time: Timestamp,
    /// The time as it is signed, `20150830T123600Z`.
    pub(crate) stamp: [u8; 16],
    pub(crate) form: Form,
    access_key_id: Cow<'a, str>,
    session_token: Option<Cow<'a, str>>,
    /// `X-Amz-Content-Sha256` in the query of a presigned request.
    pub(crate) content_sha256: Option<Cow<'a, str>>,
}

/// Where the signature was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Header,
    /// With the seconds of `X-Amz-Expires`.
    Query(Option<u32>),
}

/// The credential scope: `date/region/service/terminator`, as sent.
pub struct Scope<'a> {
    date: Cow<'a, str>,
    region: Cow<'a, str>,
    service: Cow<'a, str>,
    terminator: Cow<'a, str>,
}

impl Scope<'_> {
    /// The day the signing key is for: `YYYYMMDD` in a valid request.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The region, e.g. `us-east-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The service's signing name, e.g. `iam`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// `aws4_request` in a valid request.
    pub fn terminator(&self) -> &str {
        &self.terminator
    }
}

impl Presented<'_> {
    /// The access key's id.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The credential scope.
    pub fn scope(&self) -> &Scope<'_> {
        &self.scope
    }

    /// The session token, signed or not. The caller checks that it belongs to the key.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// When the request was signed, in seconds since 1970.
    pub fn signed_at(&self) -> i64 {
        self.time.unix_seconds()
    }

    /// Whether the signature is in the query string.
    pub fn presigned(&self) -> bool {
        self.form != Form::Header
    }
}

/// Reads what the request presents; no secret needed. A request without any signature is
/// `None`, so that anonymous callers can be told apart.
///
/// # Errors
/// A signature of another kind, incomplete or malformed, in AWS's order: form, algorithm,
/// missing parts, `Host` not signed, date, credential.
pub fn present<'a>(parts: &RequestParts<'a>) -> Result<Option<Presented<'a>>, Error> {
    let sent = SentHeaders::read(parts)?;
    let (_, query) = parts.path_and_query();
    let query = match SentParameters::read(query) {
        Err(Error::UnsupportedQueryAlgorithm) if sent.authorization.is_some() => {
            return Err(Error::TwoMechanisms);
        }
        query => query?,
    };
    let mut content_sha256 = None;
    let (raw, form) = match (sent.authorization, query) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(Error::TwoMechanisms),
        (Some(authorization), None) => (from_header(authorization, &sent)?, Form::Header),
        (None, Some(mut query)) => {
            let expires = query.expires.take();
            content_sha256 = query.content_sha256.take();
            (from_query(query, &sent)?, Form::Query(parse_expires(expires)?))
        }
    };
    ensure_bounded(parts)?;
    let signed_headers = ordered(raw.signed_headers)?;
    let (time, stamp) = raw.date.read()?;
    let (access_key_id, scope) = split_credential(&raw.credential)?;
    Ok(Some(Presented {
        parts: *parts,
        scope,
        signed_headers,
        signature: raw.signature,
        time,
        stamp,
        form,
        access_key_id,
        session_token: raw.session_token,
        content_sha256,
    }))
}

/// The parts before they are looked into.
struct Raw<'a> {
    credential: Cow<'a, str>,
    signed_headers: Cow<'a, str>,
    signature: Cow<'a, str>,
    date: Date<'a>,
    session_token: Option<Cow<'a, str>>,
}

enum Date<'a> {
    /// `x-amz-date` or `X-Amz-Date`.
    Basic(Cow<'a, [u8]>),
    /// The `Date` header.
    Http(&'a [u8]),
}

impl Date<'_> {
    /// The instant, and how it is signed.
    fn read(&self) -> Result<(Timestamp, [u8; 16]), Error> {
        let (text, time) = match self {
            Self::Basic(text) => (&**text, Timestamp::parse_basic(text.trim_ascii())),
            Self::Http(text) => (*text, Timestamp::parse_date_header(text)),
        };
        let date = || echo(&String::from_utf8_lossy(text));
        let time = time.ok_or_else(|| Error::DateFormat { date: date() })?;
        let same = text.try_into().ok().filter(|_| matches!(self, Self::Basic(_)));
        Ok((time, same.unwrap_or_else(|| time.basic())))
    }
}

/// The headers that matter here, found in one pass.
#[derive(Default)]
struct SentHeaders<'a> {
    authorization: Option<&'a [u8]>,
    amz_date: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
}

impl<'a> SentHeaders<'a> {
    fn read(parts: &RequestParts<'a>) -> Result<Self, Error> {
        let mut sent = Self::default();
        for &(name, value) in parts.headers {
            // Lengths differ, so that most names are passed over without a comparison.
            let (slot, wanted) = match name.len() {
                13 => (&mut sent.authorization, "authorization"),
                10 => (&mut sent.amz_date, "x-amz-date"),
                4 => (&mut sent.date, "date"),
                20 => (&mut sent.token, "x-amz-security-token"),
                _ => continue,
            };
            if !same_name(name.as_bytes(), wanted.as_bytes()) {
                continue;
            }
            match (slot.replace(value), wanted) {
                (None, _) => {}
                (Some(_), "authorization") => return Err(Error::RepeatedAuthorization),
                (Some(_), name) => return Err(Error::Repeated { name }),
            }
        }
        Ok(sent)
    }

    fn token(&self) -> Result<Option<Cow<'a, str>>, Error> {
        let malformed = Error::Malformed { name: "x-amz-security-token" };
        let text = self.token.map(|token| str::from_utf8(token.trim_ascii())).transpose();
        text.map(|token| token.map(Cow::Borrowed)).map_err(|_| malformed)
    }
}

/// The query's parameters that matter here, decoded.
#[derive(Default)]
struct SentParameters<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    content_sha256: Option<Cow<'a, str>>,
}

impl<'a> SentParameters<'a> {
    /// `None` when the query authenticates nobody.
    fn read(query: &'a str) -> Result<Option<Self>, Error> {
        if query.is_empty() {
            return Ok(None);
        }
        let mut sent = Self::default();
        let (mut version_2_key, mut version_2_signature) = (false, false);
        for (name, value) in parameters(query) {
            let (slot, name) = match &*decoded(name) {
                b"X-Amz-Algorithm" => (&mut sent.algorithm, "X-Amz-Algorithm"),
                b"X-Amz-Credential" => (&mut sent.credential, "X-Amz-Credential"),
                b"X-Amz-Date" => (&mut sent.date, "X-Amz-Date"),
                b"X-Amz-Expires" => (&mut sent.expires, "X-Amz-Expires"),
                b"X-Amz-SignedHeaders" => (&mut sent.signed_headers, "X-Amz-SignedHeaders"),
                b"X-Amz-Signature" => (&mut sent.signature, "X-Amz-Signature"),
                b"X-Amz-Security-Token" => (&mut sent.token, "X-Amz-Security-Token"),
                b"X-Amz-Content-Sha256" => (&mut sent.content_sha256, "X-Amz-Content-Sha256"),
                other => {
                    version_2_key |= other == b"AWSAccessKeyId";
                    version_2_signature |= other == b"Signature";
                    continue;
                }
            };
            let Some(value) = utf8(decoded(value)) else { return Err(Error::Malformed { name }) };
            if slot.replace(value).is_some() {
                return Err(Error::Repeated { name });
            }
        }
        if version_2_key && version_2_signature {
            return Err(Error::UnsupportedQueryAlgorithm);
        }
        let authenticates =
            sent.algorithm.is_some() || sent.credential.is_some() || sent.signature.is_some();
        Ok(authenticates.then_some(sent))
    }
}

fn utf8(bytes: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match bytes {
        Cow::Borrowed(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// Reads the `Authorization` header: algorithm, then `key=value` pieces between commas.
fn from_header<'a>(authorization: &'a [u8], sent: &SentHeaders<'a>) -> Result<Raw<'a>, Error> {
    let Ok(header) = str::from_utf8(authorization) else {
        return Err(Error::Malformed { name: "Authorization" });
    };
    let header = header.trim_ascii();
    let (algorithm, mut rest) = cut(header, b' ').unwrap_or((header, ""));
    if algorithm != ALGORITHM {
        // Enough for every algorithm's name, too little for somebody's token.
        let algorithm = algorithm.chars().take(MAX_ALGORITHM).collect();
        return Err(Error::UnsupportedAlgorithm { algorithm });
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    while !rest.is_empty() {
        let (piece, after) = cut(rest, b',').unwrap_or((rest, ""));
        let piece = piece.trim_ascii();
        rest = after;
        if piece.is_empty() {
            continue;
        }
        let Some((key, value)) = cut(piece, b'=') else {
            return Err(Error::NotKeyValue { part: masked(piece), header: masked(header) });
        };
        let (slot, name) = match key {
            "Credential" => (&mut credential, "Credential"),
            "SignedHeaders" => (&mut signed_headers, "SignedHeaders"),
            "Signature" => (&mut signature, "Signature"),
            _ => continue,
        };
        if slot.replace(Cow::Borrowed(value)).is_some() {
            return Err(Error::Repeated { name });
        }
    }
    let date =
        sent.amz_date.map(|date| Date::Basic(date.into())).or_else(|| sent.date.map(Date::Http));
    match (credential, signature, signed_headers, date) {
        (Some(credential), Some(signature), Some(signed_headers), Some(date)) => {
            Ok(Raw { credential, signed_headers, signature, date, session_token: sent.token()? })
        }
        (credential, signature, signed_headers, date) => Err(Error::IncompleteHeader {
            sentences: sentences([
                (credential.is_some(), "Authorization header requires 'Credential' parameter."),
                (signature.is_some(), "Authorization header requires 'Signature' parameter."),
                (
                    signed_headers.is_some(),
                    "Authorization header requires 'SignedHeaders' parameter.",
                ),
                (
                    date.is_some(),
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
                ),
            ]),
            header: masked(header),
        }),
    }
}

/// Takes the parts from the query string. The token may be in the query or in a header.
fn from_query<'a>(query: SentParameters<'a>, sent: &SentHeaders<'a>) -> Result<Raw<'a>, Error> {
    if query.algorithm.as_deref().is_some_and(|algorithm| algorithm != ALGORITHM) {
        return Err(Error::UnsupportedQueryAlgorithm);
    }
    let session_token = match (query.token, sent.token()?) {
        (Some(_), Some(_)) => return Err(Error::Repeated { name: "X-Amz-Security-Token" }),
        (token, None) | (None, token) => token,
    };
    let algorithm = query.algorithm;
    match (algorithm, query.credential, query.signature, query.signed_headers, query.date) {
        (Some(_), Some(credential), Some(signature), Some(signed_headers), Some(date)) => {
            let date = match date {
                Cow::Borrowed(date) => Cow::Borrowed(date.as_bytes()),
                Cow::Owned(date) => Cow::Owned(date.into_bytes()),
            };
            let date = Date::Basic(date);
            Ok(Raw { credential, signed_headers, signature, date, session_token })
        }
        (algorithm, credential, signature, signed_headers, date) => Err(Error::IncompleteQuery {
            sentences: sentences([
                (
                    algorithm.is_some(),
                    "AWS query-string parameters must include 'X-Amz-Algorithm'.",
                ),
                (
                    credential.is_some(),
                    "AWS query-string parameters must include 'X-Amz-Credential'.",
                ),
                (
                    signature.is_some(),
                    "AWS query-string parameters must include 'X-Amz-Signature'.",
                ),
                (
                    signed_headers.is_some(),
                    "AWS query-string parameters must include 'X-Amz-SignedHeaders'.",
                ),
                (date.is_some(), "AWS query-string parameters must include 'X-Amz-Date'."),
            ]),
        }),
    }
}

/// The sentences of what is not there, a blank after each.
fn sentences<const N: usize>(parts: [(bool, &str); N]) -> String {
    let missing = parts.into_iter().filter(|(there, _)| !there);
    missing.map(|(_, sentence)| format!("{sentence} ")).collect()
}

/// Limits, and what no HTTP parser lets through but would blur the canonical request's lines.
fn ensure_bounded(parts: &RequestParts<'_>) -> Result<(), Error> {
    let control = |text: &str| text.bytes().any(|byte| byte.is_ascii_control());
    if control(parts.target) || control(parts.method) {
        return Err(Error::Malformed { name: "The request line" });
    }
    if parts.headers.len() > MAX_HEADERS {
        return Err(Error::Malformed { name: "The header section" });
    }
    let (_, query) = parts.path_and_query();
    if query.is_empty() {
        return Ok(());
    }
    if parameters(query).count() > MAX_QUERY_PARAMETERS {
        return Err(Error::Malformed { name: "The query string" });
    }
    match malformed_escape(query) {
        Some(digits) => Err(Error::MalformedQueryString { digits: digits.to_owned() }),
        None => Ok(()),
    }
}

/// The list as the canonical request has it: in lower case and sorted, `host` among it.
fn ordered(list: Cow<'_, str>) -> Result<Cow<'_, str>, Error> {
    // Every byte is looked at: that is faster than stopping early.
    let upper = list.bytes().fold(false, |upper, byte| upper | byte.is_ascii_uppercase());
    let (mut count, mut host, mut ready) = (0, false, !upper);
    let mut previous: &[u8] = b"";
    for name in names(&list) {
        count += 1;
        host |= same_name(name, b"host");
        ready &= previous <= name;
        previous = name;
    }
    match (host, ready) {
        _ if count > MAX_HEADERS => Err(Error::Malformed { name: "SignedHeaders" }),
        (false, _) => Err(Error::HostNotSigned),
        (true, true) => Ok(list),
        (true, false) => {
            let lower = list.to_ascii_lowercase();
            let mut sorted: Vec<&str> = lower.split(';').collect();
            sorted.sort_unstable();
            Ok(Cow::Owned(sorted.join(";")))
        }
    }
}

fn parse_expires(expires: Option<Cow<'_, str>>) -> Result<Option<u32>, Error> {
    let Some(expires) = expires else { return Ok(None) };
    let number = expires.bytes().all(|byte| byte.is_ascii_digit()).then(|| expires.parse().ok());
    match number.flatten() {
        Some(seconds @ 1..=MAX_EXPIRES) => Ok(Some(seconds)),
        _ => Err(Error::ExpiresRange { expires: echo(&expires) }),
    }
}

/// Takes `key/date/region/service/terminator` apart.
pub(crate) fn split_credential<'a>(
    credential: &Cow<'a, str>,
) -> Result<(Cow<'a, str>, Scope<'a>), Error> {
    let split = match credential {
        Cow::Borrowed(text) => five(text).map(|parts| parts.map(Cow::Borrowed)),
        Cow::Owned(text) => five(text).map(|parts| parts.map(|part| part.to_owned().into())),
    };
    let Some([access_key_id, date, region, service, terminator]) = split else {
        return Err(Error::CredentialParts { credential: echo(credential) });
    };
    Ok((access_key_id, Scope { date, region, service, terminator }))
}

fn five(credential: &str) -> Option<[&str; 5]> {
    let (access_key_id, rest) = cut(credential, b'/')?;
    let (date, rest) = cut(rest, b'/')?;
    let (region, rest) = cut(rest, b'/')?;
    let (service, terminator) = cut(rest, b'/')?;
    let whole = !terminator.contains('/');
    whole.then_some([access_key_id, date, region, service, terminator])
}

/// The header for an error message: whoever reads a log must not be able to use it.
fn masked(header: &str) -> String {
    match header.split_once("Signature") {
        Some((before, _)) => format!("{}Signature...", echo(before)),
        None => echo(header),
    }
}

/// What was sent, for an error message.
pub(crate) fn echo(text: &str) -> String {
    text.chars().take(MAX_ECHO).collect()
}
