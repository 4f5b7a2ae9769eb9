//! MinIO's access management plugin (`MINIO_POLICY_PLUGIN_URL`): a POST with what somebody wants to do.
//!
//! Whom MinIO means:
//!
//! - with claims, their session is one that MinIO made from a token: the token must be one that iamd signed for the
//!   point's account (`GetWebIdentityToken`), and its `sub` is the principal; all other claims are denied, and so are
//!   those of a session or service account that MinIO holds to a policy of its own;
//! - without claims, `account` is the id of an active long-term access key of the point's account, or the name of a user
//!   in it.
//!
//! MinIO's own root user and its groups are nobody's here, and `denyOnly`, which asks whether anything denies, is
//! answered as any other question: what is not allowed is denied.

use std::sync::Arc;

use http::StatusCode;
use iamd_service::Known;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::check::is_failure;
use crate::context::{BadContext, Told};
use crate::exchange::{Incoming, Outgoing};
use crate::guard::Guard;
use crate::points::Point;
use crate::subject::{Asking, NoDecision, Subject, malformed};

/// Where MinIO asks.
pub(crate) const PATH: &str = "/-/minio";

#[derive(Deserialize)]
struct Asked {
    input: Input,
}

/// What MinIO tells, as far as it counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    account: String,
    action: String,
    #[serde(default)]
    bucket: String,
    #[serde(default)]
    object: String,
    #[serde(default)]
    conditions: Option<Map<String, Value>>,
    #[serde(default)]
    claims: Option<Map<String, Value>>,
}

/// Claims that MinIO adds to those of the token: whose service account it is, and the policy that the session or service
/// account is held to. MinIO takes a plugin's answer for the whole answer and does not look at that policy itself, and
/// here it cannot be read; so who has one is denied, rather than given all that the token's principal may do.
const NARROWED: [&str; 4] = ["parent", "sa-policy", "sessionPolicy", "sessionPolicy-extracted"];

/// Answers MinIO: `{"result": true}` or `{"result": false}`.
pub(crate) async fn answer(guard: &Guard, point: &Arc<Point>, incoming: &Incoming) -> Outgoing {
    let asked: Result<Asked, _> = serde_json::from_slice(&incoming.body);
    let result = match asked {
        Ok(asked) => decide(guard, point, &asked.input).await,
        Err(error) => Err(malformed(format!("the body is not what MinIO sends: {error}"))),
    };
    match allowed(point, result) {
        Some(allowed) => Outgoing::json(StatusCode::OK, &json!({ "result": allowed })),
        None => not_now(),
    }
}

/// A yes or a no. What was not decided is a no with a log line, and nothing where the fault is ours.
pub(crate) fn allowed(point: &Point, result: Result<bool, NoDecision>) -> Option<bool> {
    let refusal = match result {
        Ok(allowed) => return Some(allowed),
        Err(refusal) => refusal,
    };
    point.note_refusal(refusal.code(), &refusal);
    match refusal {
        NoDecision::Error(error) if is_failure(&error) => None,
        _ => Some(false),
    }
}

/// Where nothing could be decided.
pub(crate) fn not_now() -> Outgoing {
    Outgoing::plain(StatusCode::SERVICE_UNAVAILABLE, "not now\n")
}

/// Decides what MinIO asks.
pub(crate) async fn decide(
    guard: &Guard,
    point: &Point,
    input: &Input,
) -> Result<bool, NoDecision> {
    let account = point.account.ok_or_else(|| malformed("the point has no account"))?;
    let asking = Asking::Point(point, account);
    let who = who(guard, asking, input).await?;
    let subject = Subject {
        action: input.action.clone(),
        resource: resource(input)?,
        resource_account: Some(account),
        told: told(guard, input)?,
        traced: false,
        // MinIO's own bucket.
        elsewhere: true,
    };
    Ok(guard.decide(asking, &who, subject).await?.is_allowed())
}

async fn who(guard: &Guard, asking: Asking<'_>, input: &Input) -> Result<Known, NoDecision> {
    let Asking::Point(_, account) = asking else {
        return Err(malformed("only a point asks so"));
    };
    if let Some(claims) = input.claims.as_ref().filter(|claims| !claims.is_empty()) {
        let claim = |name: &str| claims.get(name).and_then(Value::as_str);
        let narrows = |name: &String| NARROWED.iter().any(|it| name.eq_ignore_ascii_case(it));
        if claims.keys().any(narrows) {
            return Err(malformed(
                "the session or service account is held to a policy that is not known here",
            ));
        }
        let issuer = guard.service.token_issuer(account);
        return match (claim("iss"), claim("sub")) {
            (Some(found), Some(subject)) if found == issuer => guard.named(asking, subject).await,
            _ => Err(malformed("the claims are of no token that is signed here")),
        };
    }
    match guard.holder(asking, &input.account).await {
        Err(NoDecision::Error(error)) if !is_failure(&error) => {}
        known => return known,
    }
    guard.user(asking, &input.account).await
}

/// A bucket or an object; what is about neither is about everything.
fn resource(input: &Input) -> Result<String, NoDecision> {
    let Input { bucket, object, .. } = input;
    if bucket.is_empty() {
        return if object.is_empty() {
            Ok("*".to_owned())
        } else {
            Err(malformed("an object without a bucket"))
        };
    }
    if bucket.contains(['/', '*', '?', ':']) {
        return Err(malformed("the bucket has a name that none has"));
    }
    Ok(match object.as_str() {
        "" => format!("arn:aws:s3:::{bucket}"),
        object => format!("arn:aws:s3:::{bucket}/{object}"),
    })
}

/// MinIO's conditions by their names in policies. Its others are the request's headers and parameters, or say of the
/// caller what is known here.
///
/// MinIO throws all of them into one map: what it knows itself, then the headers in the spelling of Go's
/// `CanonicalMIMEHeaderKey`, then the parameters as the client spells them. So only the very spelling that MinIO gives a
/// condition is that condition: a header `Sourceip` or `Prefix` is the client's own.
const CONDITIONS: [(&str, &str); 13] = [
    ("SourceIp", "aws:SourceIp"),
    ("SecureTransport", "aws:SecureTransport"),
    ("UserAgent", "aws:UserAgent"),
    ("Referer", "aws:Referer"),
    ("prefix", "s3:prefix"),
    ("delimiter", "s3:delimiter"),
    ("max-keys", "s3:max-keys"),
    ("versionid", "s3:VersionId"),
    ("authType", "s3:authType"),
    ("signatureversion", "s3:signatureversion"),
    ("X-Amz-Server-Side-Encryption", "s3:x-amz-server-side-encryption"),
    ("X-Amz-Copy-Source", "s3:x-amz-copy-source"),
    ("X-Amz-Storage-Class", "s3:x-amz-storage-class"),
];

/// What is told of the request. Conditions that make no sense are refused: a Deny may hang on any of them.
fn told(guard: &Guard, input: &Input) -> Result<Told, BadContext> {
    let now = guard.service.now();
    let mut context = Map::new();
    for (name, values) in input.conditions.iter().flatten() {
        let Some((_, key)) = CONDITIONS.iter().find(|(told, _)| name == told) else { continue };
        // A parameter or header of the same name stands behind what MinIO says itself.
        let first = values.as_array().and_then(|values| values.first()).unwrap_or(values);
        // MinIO tells what is not there as an empty text; an empty prefix is one that is asked for.
        let empty = first.as_str().is_some_and(str::is_empty);
        let is_listed = matches!(*key, "s3:prefix" | "s3:delimiter");
        if !empty || is_listed && input.action.starts_with("s3:List") {
            context.insert((*key).to_owned(), first.clone());
        }
    }
    Told::read(now, &context)
}
