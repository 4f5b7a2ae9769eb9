//! nginx's `auth_request`: a subrequest with the client's headers, and what nginx tells of the request itself.
//!
//! nginx must set each of these, so that nothing of a client's stands in its place; an empty value removes a header:
//!
//! | header | variable |
//! |---|---|
//! | `X-Iamd-Guard-Token` | the point's token |
//! | `X-Original-Method` | `$request_method` |
//! | `X-Original-URI` | `$request_uri` |
//! | `X-Original-Host` | `$http_host` |
//! | `X-Original-Scheme` | `$scheme` |
//! | `X-Original-Remote-Addr` | `$remote_addr` |
//! | `X-Original-Protocol` | `$server_protocol` |
//! | `X-Original-Content-Length` | `$content_length` |
//! | `X-Original-Transfer-Encoding` | `$http_transfer_encoding` |

use std::sync::Arc;

use http::StatusCode;

use crate::check::{Asked, Checked, KnownBody, Refusal};
use crate::exchange::{Incoming, Outgoing, ip_address};
use crate::guard::{Answer, Guard};
use crate::identity;
use crate::points::{Point, TOKEN_HEADER};

/// Where nginx asks.
pub(crate) const PATH: &str = "/-/nginx";

const METHOD: &str = "x-original-method";
const TARGET: &str = "x-original-uri";
const HOST: &str = "x-original-host";
const SCHEME: &str = "x-original-scheme";
const ADDRESS: &str = "x-original-remote-addr";
const PROTOCOL: &str = "x-original-protocol";
const LENGTH: &str = "x-original-content-length";
const ENCODING: &str = "x-original-transfer-encoding";

/// Headers that are nginx's, or of the subrequest's own connection.
const NOT_THE_CLIENTS: [&str; 12] = [
    METHOD,
    TARGET,
    HOST,
    SCHEME,
    ADDRESS,
    PROTOCOL,
    LENGTH,
    ENCODING,
    TOKEN_HEADER,
    "host",
    "connection",
    "content-length",
];

/// Answers a subrequest: 200 or 403, which are what nginx understands; anything else fails the client's request.
pub(crate) async fn answer(guard: &Guard, point: &Arc<Point>, incoming: &Incoming) -> Outgoing {
    let result = match asked(incoming) {
        Ok(asked) => guard.checks().check(&point.name, &point.apis, &asked).await,
        Err(refusal) => Err(refusal),
    };
    match Answer::of(guard, point, result) {
        Ok(Answer::Allowed(checked)) => allowed(&checked),
        Ok(denied) => denied.to_http(),
        Err(failed) => failed.to_http(),
    }
}

fn asked(incoming: &Incoming) -> Result<Asked<'_>, Refusal> {
    let told = |name: &'static str| incoming.single(name).ok_or(Refusal::NotTold(name));
    for name in [PROTOCOL, LENGTH, ENCODING, ADDRESS, SCHEME] {
        if incoming.repeats(name) {
            return Err(Refusal::NotTold(name));
        }
    }
    let mut headers = Vec::with_capacity(incoming.headers.len());
    for (name, value) in &incoming.headers {
        let name = name.as_str();
        if NOT_THE_CLIENTS.contains(&name) {
            continue;
        }
        // nginx sets those that the upstream gets; it cannot remove what it does not know by name.
        if identity::is_ours(name) && !identity::NAMES.contains(&name) {
            return Err(Refusal::Identity(name.to_owned()));
        }
        headers.push((name, value.as_bytes()));
    }
    // The subrequest has a length of its own.
    headers.extend(incoming.single(LENGTH).map(|length| ("content-length", length.as_bytes())));
    // RFC 9112 §6.3: a request of HTTP/1 without either header has no body.
    let is_http1 = matches!(incoming.single(PROTOCOL), Some("HTTP/1.0" | "HTTP/1.1"));
    let none = match (incoming.single(LENGTH), incoming.single(ENCODING)) {
        (Some("0"), None) => true,
        (None, None) => is_http1,
        _ => false,
    };
    Ok(Asked {
        method: told(METHOD)?,
        target: told(TARGET)?,
        host: told(HOST)?,
        headers,
        body: if none { KnownBody::Whole(b"") } else { KnownBody::Unknown },
        source_ip: incoming.single(ADDRESS).and_then(ip_address),
        secure: incoming.single(SCHEME) == Some("https"),
    })
}

/// All headers, also the empty ones: nginx takes each into a variable.
fn allowed(checked: &Checked) -> Outgoing {
    let values = identity::values(checked.who.caller());
    let outgoing = Outgoing::plain(StatusCode::OK, "");
    values.iter().fold(outgoing, |outgoing, (name, value)| outgoing.with(name, value))
}
