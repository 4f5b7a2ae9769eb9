//! The decision about an HTTP request that an enforcement point tells of. Read [`Checks::check`] top to bottom.

use std::collections::HashSet;
use std::net::IpAddr;

use iamd_authz::{RequestFacts, ResourcePolicy};
use iamd_policy::Values;
use iamd_service::{Asker, Decided, Described, Known, Question, Service};
use iamd_sigv4::{Payload, RequestParts, Settings};
use iamd_types::{Code, Error};
use serde_json::json;

use crate::apis::{Api, Apis};
use crate::settings::Body;
use crate::target::{Ambiguous, ensure_method, plain_path};

/// What is declared of a body that is not bound to the signature.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// More headers than this are not looked at.
const MAX_HEADERS: usize = 100;

/// Headers by which some upstreams let a client choose another method or path than the request line says.
const OVERRIDES: [&str; 5] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// A request, as the point that received it tells.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// Path and query, as the upstream gets them.
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    /// All others.
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
    pub(crate) body: KnownBody<'a>,
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) secure: bool,
}

/// What a point tells of a body.
#[derive(Clone, Copy)]
pub(crate) enum KnownBody<'a> {
    /// All of it; nothing when there is none.
    Whole(&'a [u8]),
    /// Its SHA-256, which the asker computed.
    Hash([u8; 32]),
    /// There may be one, and it was not handed over, or not whole.
    Unknown,
}

/// Why a request does not get to a decision. `Display` is for whoever sent the request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Ambiguous(#[from] Ambiguous),
    #[error("the header `{0}` could make another request of this one")]
    Override(&'static str),
    #[error("the header `{0}` is not the client's to send")]
    Identity(String),
    #[error("the host is missing, or there are two")]
    Host,
    #[error("the enforcement point does not tell `{0}`, or twice")]
    NotTold(&'static str),
    #[error("the request has too many headers")]
    TooManyHeaders,
    #[error("there is no such API at this host and path")]
    NoApi,
    #[error("the body is not signed, and this API asks for signed bodies")]
    UnsignedBody,
    #[error("the body was not handed over whole, so its signed hash cannot be checked")]
    UncheckedBody,
    #[error("`x-amz-content-sha256` is needed where the body is not handed over")]
    NoDeclaredHash,
    #[error("{0}")]
    Error(#[from] Error),
}

impl Refusal {
    /// A word for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous(_)
            | Self::Override(_)
            | Self::Identity(_)
            | Self::Host
            | Self::NotTold(_)
            | Self::TooManyHeaders => "AmbiguousRequest",
            Self::NoApi => "AccessDenied",
            Self::UnsignedBody | Self::UncheckedBody | Self::NoDeclaredHash => {
                "SignatureDoesNotMatch"
            }
            Self::Error(error) => error.code().as_str(),
        }
    }
}

/// Whether an error says nothing about the request.
pub(crate) fn is_failure(error: &Error) -> bool {
    error.code().http_status() >= 500 || error.code() == Code::Throttling
}

/// What was decided, about whom.
pub(crate) struct Checked {
    pub(crate) who: Known,
    pub(crate) decided: Decided,
}

/// What checks are made with.
#[derive(Clone, Copy)]
pub(crate) struct Checks<'g> {
    pub(crate) service: &'g Service,
    pub(crate) apis: &'g Apis,
}

impl<'g> Checks<'g> {
    /// Decides about a request for one of the APIs that the asker protects.
    pub(crate) async fn check(
        self,
        point: &str,
        protected: &HashSet<String>,
        asked: &Asked<'_>,
    ) -> Result<Checked, Refusal> {
        let (api, path) = self.find(Some(protected), asked)?;
        let facts = self.facts(api, asked);
        // Whoever does not sign is nobody, whom only the API's own policy can let in.
        let who = match self.signer(api, asked, &facts).await? {
            Some(who) => who,
            None => self.service.anonymous(api.account).await?,
        };
        let resource = api.arn(asked.method, &path);
        let question = Question {
            asker: Asker::Point(point),
            service: "execute-api",
            event: "Invoke",
            action: "execute-api:Invoke".into(),
            resource,
            owner: Some(api.account),
            policy: ResourcePolicy::Resource(api.policy.as_ref()),
            keys: Vec::<(_, Values)>::new(),
            facts: &facts,
            parameters: json!({ "method": asked.method, "host": asked.host, "path": path }),
            traced: false,
            hides_policy: false,
        };
        let decided = self.service.decide(&who, question)?;
        Ok(Checked { who, decided })
    }

    /// The API that a request belongs to, and the request's path as policies see it. Refuses what an upstream could
    /// take for another request.
    pub(crate) fn find(
        self,
        protected: Option<&HashSet<String>>,
        asked: &Asked<'_>,
    ) -> Result<(&'g Api, String), Refusal> {
        ensure_method(asked.method)?;
        let path = plain_path(asked.target)?;
        if asked.headers.len() > MAX_HEADERS {
            return Err(Refusal::TooManyHeaders);
        }
        for name in OVERRIDES {
            if asked.headers.iter().any(|(sent, _)| same_header(sent, name)) {
                return Err(Refusal::Override(name));
            }
        }
        let api = self.apis.find(asked.host, &path, protected).ok_or(Refusal::NoApi)?;
        Ok((api, path))
    }

    /// Whoever signed the request for this API.
    pub(crate) async fn signer(
        self,
        api: &Api,
        asked: &Asked<'_>,
        facts: &RequestFacts,
    ) -> Result<Option<Known>, Refusal> {
        let mut headers = Vec::with_capacity(asked.headers.len() + 1);
        headers.push(("host", asked.host.as_bytes()));
        headers.extend_from_slice(&asked.headers);
        let parts = RequestParts { method: asked.method, target: asked.target, headers: &headers };
        let payload = match payload(api.body, asked) {
            Ok(payload) => payload,
            // Nothing is asked of the body of a request that is not signed.
            Err(_) if matches!(iamd_sigv4::present(&parts), Ok(None)) => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        let described = Described { parts, payload };
        let settings = Settings::query(&api.service, Some(&api.region));
        Ok(self.service.signer(&described, &settings, facts.now).await?)
    }

    pub(crate) fn facts(self, api: &Api, asked: &Asked<'_>) -> RequestFacts {
        let text = |name: &str| {
            let mut values =
                asked.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
            let (_, value) = values.next()?;
            std::str::from_utf8(value).ok().map(str::to_owned)
        };
        RequestFacts {
            now: self.service.now(),
            source_ip: asked.source_ip,
            user_agent: text("user-agent"),
            referer: text("referer"),
            secure_transport: asked.secure,
            region: api.region.clone().into(),
        }
    }
}

/// Whether some upstream takes one name for the other.
fn same_header(sent: &str, name: &str) -> bool {
    sent.len() == name.len()
        && sent.bytes().zip(name.bytes()).all(|(sent, expected)| {
            sent.eq_ignore_ascii_case(&expected) || sent == b'_' && expected == b'-'
        })
}

/// What the signature must cover of the body.
fn payload<'a>(rule: Body, asked: &Asked<'a>) -> Result<Payload<'a>, Refusal> {
    let mut declared =
        asked.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-content-sha256"));
    let first = declared.next().map(|(_, value)| value.trim_ascii());
    if declared.next().is_some() {
        return Err(Refusal::NoDeclaredHash);
    }
    match (first, asked.body) {
        (Some(value), _) if value == UNSIGNED.as_bytes() => match rule {
            Body::UnsignedAllowed => Ok(Payload::Unsigned),
            Body::Checked | Body::DeclaredHash => Err(Refusal::UnsignedBody),
        },
        (_, KnownBody::Whole(body)) => Ok(Payload::Bytes(body)),
        (_, KnownBody::Hash(hash)) => Ok(Payload::Sha256(hash)),
        (_, KnownBody::Unknown) if rule == Body::Checked => Err(Refusal::UncheckedBody),
        (Some(value), KnownBody::Unknown) => {
            hash(value).map(Payload::Sha256).ok_or(Refusal::NoDeclaredHash)
        }
        (None, KnownBody::Unknown) => Err(Refusal::NoDeclaredHash),
    }
}

/// 64 lower-case hexadecimal digits.
pub(crate) fn hash(text: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.try_into().ok()?;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    for (byte, [high, low]) in hash.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}
