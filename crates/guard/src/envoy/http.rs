//! Envoy's external authorization over HTTP: the client's request itself comes, its path after [`PREFIX`], with the
//! headers that Envoy is told to hand on.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};

use crate::check::{Asked, Checked, KnownBody, Refusal};
use crate::envoy::grpc::PARTIAL_BODY;
use crate::exchange::{Incoming, Outgoing, ip_address};
use crate::guard::{Answer, Guard};
use crate::identity;
use crate::points::{Point, TOKEN_HEADER};

/// `path_prefix` of Envoy's configuration.
pub(crate) const PREFIX: &str = "/-/envoy";

/// Where Envoy reads which headers the request loses.
const REMOVE: &str = "x-envoy-auth-headers-to-remove";

/// Answers a request.
pub(crate) async fn answer(guard: &Guard, point: &Arc<Point>, incoming: &Incoming) -> Outgoing {
    let result = match asked(point, incoming) {
        Ok(asked) => guard.checks().check(&point.name, &point.apis, &asked).await,
        Err(refusal) => Err(refusal),
    };
    match Answer::of(guard, point, result) {
        Ok(Answer::Allowed(checked)) => allowed(&checked),
        Ok(denied) => denied.to_http(),
        Err(failed) => failed.to_http(),
    }
}

fn asked<'a>(point: &Point, incoming: &'a Incoming) -> Result<Asked<'a>, Refusal> {
    let target = incoming.target.strip_prefix(PREFIX).unwrap_or_default();
    let host = incoming.single("host").ok_or(Refusal::Host)?;
    let mut headers = Vec::with_capacity(incoming.headers.len());
    for (name, value) in &incoming.headers {
        match name.as_str() {
            "host" | PARTIAL_BODY | TOKEN_HEADER => {}
            // Envoy strips those that it is told of by name; of others an upstream might read one of ours.
            name if identity::is_ours(name) && !identity::NAMES.contains(&name) => {
                return Err(Refusal::Identity(name.to_owned()));
            }
            name => headers.push((name, value.as_bytes())),
        }
    }
    let body = match incoming.single(PARTIAL_BODY) {
        Some("false") => KnownBody::Whole(&incoming.body),
        None if point.hands_over_bodies
            && incoming.body.is_empty()
            && !incoming.headers.contains_key(PARTIAL_BODY) =>
        {
            KnownBody::Whole(b"")
        }
        Some(_) | None => KnownBody::Unknown,
    };
    let (mut source_ip, mut secure) = (None, false);
    if point.sets_forwarded_headers {
        let last = incoming.headers.get_all("x-forwarded-for").iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        source_ip = last.and_then(ip_address);
        secure = incoming.single("x-forwarded-proto") == Some("https");
    }
    let method = incoming.method.as_str();
    Ok(Asked { method, target, host, headers, body, source_ip, secure })
}

fn allowed(checked: &Checked) -> Outgoing {
    let mut outgoing = Outgoing::plain(StatusCode::OK, "");
    let mut remove = identity::CGI_NAMES.to_vec();
    for (name, value) in identity::values(checked.who.caller()) {
        // A value that no header can carry must not leave the client's in its place.
        if value.is_empty() || HeaderValue::from_str(&value).is_err() {
            remove.push(name);
        } else {
            outgoing = outgoing.with(name, &value);
        }
    }
    outgoing.with(REMOVE, &remove.join(","))
}
