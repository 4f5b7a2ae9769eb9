//! The decision API: `POST /-/authorize` with questions, for points with their token and for principals that sign.
//!
//! A question names a principal, an access key, or a request that somebody signed for one of the APIs that the asker
//! protects. A principal that asks needs `iamd:Authorize` on the ARN that it asks about, and on `*` where it does not
//! name one.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use iamd_authz::RequestFacts;
use iamd_policy::{Effect, PolicyKind};
use iamd_service::{Decided, Described, Known};
use iamd_sigv4::{Payload, RequestParts, Settings};
use iamd_types::{Code, Error};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::check::{Asked, KnownBody, Refusal, is_failure};
use crate::context::{Told, ensure_not_signed};
use crate::exchange::{Incoming, Outgoing};
use crate::guard::{Answer, Guard};
use crate::points::Point;
use crate::subject::{Asking, NoDecision, Subject, malformed};

/// Where both listeners answer.
pub(crate) const PATH: &str = "/-/authorize";

/// The service that requests to it are signed for.
const SERVICE: &str = "iamd";
/// The most questions in one request.
const MAX_QUESTIONS: usize = 100;
/// The most header values of a request that is told of.
const MAX_HEADERS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    requests: Vec<Item>,
}

/// A question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Item {
    principal: Option<String>,
    access_key_id: Option<String>,
    signed: Option<SignedRequest>,
    action: Option<String>,
    resource: Option<String>,
    resource_account: Option<String>,
    #[serde(default)]
    context: Map<String, Value>,
    #[serde(default)]
    trace: bool,
}

/// A request that somebody signed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SignedRequest {
    method: String,
    target: String,
    headers: Map<String, Value>,
    /// The SHA-256 of the body, in lower-case hexadecimal digits, computed by the asker.
    body_sha256: Option<String>,
    /// The body in base64.
    body: Option<String>,
}

/// Answers a point.
pub(crate) async fn answer(guard: &Guard, point: &Arc<Point>, incoming: &Incoming) -> Outgoing {
    match point.account {
        Some(account) => answer_batch(guard, Asking::Point(point, account), incoming).await,
        None => refused("AccessDenied", "the point has no account"),
    }
}

/// Answers a principal that signed.
pub(crate) async fn answer_signed(guard: &Guard, incoming: &Incoming, secure: bool) -> Outgoing {
    let facts = RequestFacts {
        now: guard.service.now(),
        source_ip: incoming.address,
        user_agent: incoming.single("user-agent").map(str::to_owned),
        referer: incoming.single("referer").map(str::to_owned),
        secure_transport: secure,
        region: Cow::Borrowed("us-east-1"),
    };
    let headers: Vec<_> =
        incoming.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let parts = RequestParts {
        method: incoming.method.as_str(),
        target: &incoming.target,
        headers: &headers,
    };
    let described = Described { parts, payload: Payload::Bytes(&incoming.body) };
    let settings = Settings::query(SERVICE, None);
    let asker = match guard.service.signer(&described, &settings, facts.now).await {
        Ok(Some(asker)) => asker,
        Ok(None) => {
            let code = Code::MissingAuthenticationToken;
            return refused(code.as_str(), "Request is missing Authentication Token");
        }
        Err(error) => return failed(&error),
    };
    answer_batch(guard, Asking::Principal(&asker, &facts), incoming).await
}

async fn answer_batch(guard: &Guard, asking: Asking<'_>, incoming: &Incoming) -> Outgoing {
    let batch: Batch = match serde_json::from_slice(&incoming.body) {
        Ok(batch) => batch,
        Err(error) => return invalid(&format!("the body is no list of questions: {error}")),
    };
    if batch.requests.is_empty() || batch.requests.len() > MAX_QUESTIONS {
        return invalid(&format!("expected 1 to {MAX_QUESTIONS} requests"));
    }
    let mut decisions = Vec::with_capacity(batch.requests.len());
    for item in batch.requests {
        match decide(guard, asking, item).await {
            Ok((who, decided)) => decisions.push(told(&who, decided)),
            Err(NoDecision::Error(error)) if is_failure(&error) => return failed(&error),
            Err(refusal) => {
                let error = json!({ "code": refusal.code(), "message": refusal.to_string() });
                decisions.push(json!({ "decision": "deny", "error": error }));
            }
        }
    }
    Outgoing::json(StatusCode::OK, &json!({ "decisions": decisions }))
}

/// Decides one question.
pub(crate) async fn decide(
    guard: &Guard,
    asking: Asking<'_>,
    item: Item,
) -> Result<(Known, Decided), NoDecision> {
    let mut told = Told::read(guard.service.now(), &item.context)?;
    if item.signed.is_some() {
        ensure_not_signed(&item.context)?;
    }
    let account = item.resource_account.as_deref().map(str::parse).transpose();
    let resource_account = account.map_err(|_| malformed("`resourceAccount` is no account id"))?;
    let (who, invoked) = match (&item.principal, &item.access_key_id, &item.signed) {
        (Some(arn), None, None) => (guard.named(asking, arn).await?, None),
        (None, Some(key), None) => (guard.holder(asking, key).await?, None),
        (None, None, Some(signed)) => {
            let (who, resource) = signer(guard, asking, signed, &mut told).await?;
            (who, Some(resource))
        }
        _ => {
            return Err(malformed("give one of `principal`, `accessKeyId` and `signed`"));
        }
    };
    let is_stranger = who.caller().account != asking.account();
    if is_stranger && (item.action.is_some() || item.resource.is_some() || item.trace) {
        return Err(malformed(
            "of a signer of another account only the request itself may be asked about, without `trace`",
        ));
    }
    let (action, resource) = match (item.action, item.resource, invoked) {
        (Some(action), Some(resource), _) => (action, resource),
        (None, None, Some(resource)) => ("execute-api:Invoke".to_owned(), resource),
        _ => return Err(malformed("give `action` and `resource`")),
    };
    let traced = item.trace;
    let elsewhere = false;
    let subject = Subject { action, resource, resource_account, told, traced, elsewhere };
    let mut decided = guard.decide(asking, &who, subject).await?;
    if is_stranger {
        // What their policies are called, and what they ask for, is their account's.
        let examined = &mut decided.examined;
        examined.missing.clear();
        if examined.deciding.kind != Some(PolicyKind::Resource) {
            (examined.deciding.policy, examined.deciding.sid) = (None, None);
        }
    }
    Ok((who, decided))
}

/// Whoever signed a request for one of the APIs that the asker protects, and the request as a resource. A principal
/// that asks may show requests for the APIs of its account.
async fn signer(
    guard: &Guard,
    asking: Asking<'_>,
    signed: &SignedRequest,
    told: &mut Told,
) -> Result<(Known, String), NoDecision> {
    guard.ensure_may_ask(asking, "*", None)?;
    let headers = headers(&signed.headers)?;
    let mut hosts = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = match (hosts.next(), hosts.next()) {
        (Some((_, host)), None) => *host,
        _ => return Err(malformed(Refusal::Host.to_string())),
    };
    let others = headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
    let body = match (&signed.body, &signed.body_sha256) {
        (Some(body), None) => {
            Some(STANDARD.decode(body).map_err(|_| malformed("`body` is not base64"))?)
        }
        (None, None) => Some(Vec::new()),
        (None, Some(_)) => None,
        (Some(_), Some(_)) => return Err(malformed("give `body` or `bodySha256`")),
    };
    let hash = match &signed.body_sha256 {
        Some(text) => Some(
            crate::check::hash(text.as_bytes())
                .ok_or_else(|| malformed("`bodySha256` is not 64 hexadecimal digits"))?,
        ),
        None => None,
    };
    let body = match (&body, hash) {
        (Some(body), _) => KnownBody::Whole(body),
        (None, Some(hash)) => KnownBody::Hash(hash),
        (None, None) => KnownBody::Unknown,
    };
    let asked = Asked {
        method: &signed.method,
        target: &signed.target,
        host,
        headers: others.map(|(name, value)| (*name, value.as_bytes())).collect(),
        body,
        source_ip: told.facts.source_ip,
        secure: told.facts.secure_transport,
    };
    let checks = guard.checks();
    let protected = match asking {
        Asking::Point(point, _) => Some(&point.apis),
        Asking::Principal(..) => None,
    };
    let (api, path) = checks.find(protected, &asked).map_err(no_decision)?;
    if protected.is_none() && api.account != asking.account() {
        return Err(no_decision(Refusal::NoApi));
    }
    let facts = checks.facts(api, &asked);
    let who = checks.signer(api, &asked, &facts).await.map_err(no_decision)?;
    let who = who.ok_or_else(|| malformed("the request is not signed"))?;
    told.facts = facts;
    Ok((who, api.arn(&signed.method, &path)))
}

fn no_decision(refusal: Refusal) -> NoDecision {
    match refusal {
        Refusal::Error(error) => NoDecision::Error(error),
        refusal => malformed(refusal.to_string()),
    }
}

/// A header's value is a text, or a list of those of several headers of one name.
fn headers(told: &Map<String, Value>) -> Result<Vec<(&str, &str)>, NoDecision> {
    let mut headers = Vec::with_capacity(told.len());
    for (name, value) in told {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let value = value.as_str().ok_or_else(|| malformed("a header is not a text"))?;
            headers.push((name.as_str(), value));
        }
    }
    if headers.len() > MAX_HEADERS {
        return Err(malformed("the request has too many headers"));
    }
    Ok(headers)
}

fn told(who: &Known, decided: Decided) -> Value {
    let Decided { request_id, examined } = decided;
    let effect = match (&examined.denied, examined.explicit) {
        (None, _) => Effect::Allow,
        (Some(_), true) => Effect::ExplicitDeny,
        (Some(_), false) => Effect::ImplicitDeny,
    };
    let mut told = json!({
        "decision": if effect == Effect::Allow { "allow" } else { "deny" },
        "explicit": effect == Effect::ExplicitDeny,
        "principal": who.caller().arn,
        "decidedBy": examined.deciding.kind.map(|kind| kind.to_string()),
        "policy": examined.deciding.policy,
        "statement": examined.deciding.sid,
        "requestId": request_id.to_string(),
    });
    if let Some(members) = told.as_object_mut() {
        members.retain(|_, value| !value.is_null());
        if let Some(denied) = examined.denied {
            members.insert("reason".to_owned(), denied.message().into());
        }
        if !examined.missing.is_empty() {
            members.insert("missingContext".to_owned(), examined.missing.into());
        }
        if let Some(trace) = examined.trace {
            members.insert("trace".to_owned(), trace);
        }
    }
    told
}

fn refused(code: &str, message: &str) -> Outgoing {
    Outgoing::json(StatusCode::FORBIDDEN, &Answer::body(code, message, None))
        .with("x-amzn-errortype", code)
}

fn invalid(message: &str) -> Outgoing {
    let code = Code::ValidationError.as_str();
    Outgoing::json(StatusCode::BAD_REQUEST, &Answer::body(code, message, None))
        .with("x-amzn-errortype", code)
}

fn failed(error: &Error) -> Outgoing {
    let code = error.code();
    let status = StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::FORBIDDEN);
    Outgoing::json(status, &Answer::body(code.as_str(), error.message(), None))
        .with("x-amzn-errortype", code.as_str())
}
