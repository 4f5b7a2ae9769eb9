//! One request and its answer.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Uri, Version};
use hyper::body::{Body, Incoming};

use crate::body::{self, Bounds, Budget};
use crate::limits::MAX_HEADERS;
use crate::request::Head;
use crate::transfer::{Arriving, Leaving};
use crate::watch::Watch;
use crate::{Handler, Limits, Payload, Peer, Refusal, Request, Response, TlsInfo};

/// What all connections of a listener share, read-only but for the budget.
pub(crate) struct Shared<H> {
    pub(crate) handler: Arc<H>,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) large: Budget,
}

/// What the requests of one connection share. Requests count references to this, never to
/// [`Shared`]: a count that all cores write would be the first thing to stop scaling.
pub(crate) struct Connection<H> {
    pub(crate) shared: Arc<Shared<H>>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) peer: Peer,
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) client: Option<Arc<[String]>>,
}

/// Receives the body, asks the handler, and turns a panic of it into a refusal.
///
/// The HTTP machinery moves what this returns as a whole, and futures have room for everything that any way
/// through them keeps: what is large and rarely taken is in boxes, here and in the handlers.
pub(crate) fn exchange<H: Handler>(
    connection: Arc<Connection<H>>,
    request: hyper::Request<Incoming>,
) -> impl Future<Output = Result<hyper::Response<Leaving>, Infallible>> + Send {
    let http2 = request.version() == Version::HTTP_2;
    // RFC 9112 §6.1: after a body without a length, which is how two readers can be made to
    // disagree about where the next request begins, this connection reads no next request.
    let mut close = !http2 && request.body().size_hint().exact().is_none();
    // RFC 9110 §10.1.1: nobody need be told to continue without a body. botocore, which asks all the
    // same, then takes the status of this answer for that of the connection's next one.
    close |= !http2 && request.body().is_end_stream() && waits(request.headers());
    async move {
        let _in_work = connection.watch.request(http2);
        let mut mark = H::Mark::default();
        let answer = AssertUnwindSafe(answer(&connection, request, &mut mark)).catch_unwind().await;
        // What is left of a body, or of a refused request, is not read to get at a next request. A client
        // that is not told would send one, and find the connection closed.
        let (response, whole) = answer
            .unwrap_or(Err(Refusal::Failed))
            .unwrap_or_else(|refusal| (connection.shared.handler.refuse(refusal, mark), false));
        let close = close || !http2 && !whole;
        Ok(encode(response, close, &connection.watch))
    }
}

/// The answer, and whether the request has been read to its end.
async fn answer<H: Handler>(
    connection: &Connection<H>,
    request: hyper::Request<Incoming>,
    mark: &mut H::Mark,
) -> Result<(Response, bool), Refusal> {
    let shared = &*connection.shared;
    let (Parts { method, uri, version, mut headers, .. }, body) = request.into_parts();
    let plan = shared.handler.plan(&Head { method: &method, target: &uri, headers: &headers });
    *mark = plan.mark;
    if headers.len() > MAX_HEADERS {
        return Err(Refusal::TooManyHeaders { limit: MAX_HEADERS });
    }
    settle_host(&uri, &mut headers)?;
    let Connection { peer, tls, .. } = *connection;
    let client = connection.client.clone();
    if plan.streams {
        let body = Arriving::new(body, shared.limits.stall_timeout);
        let ended = body.ended();
        let request = Request { method, target: uri, headers, body, peer, tls, client, version };
        let response = shared.handler.stream(request).await;
        return Ok((response, ended.load(Ordering::Acquire)));
    }
    let limit = if plan.large { shared.limits.large_body } else { shared.limits.body };
    let bounds =
        Bounds { limit, limits: &shared.limits, bytes: &shared.budget, large: &shared.large };
    // The share is the request's until it is answered.
    let (body, _share) = body::receive(body, &bounds).await?;
    let request = Request { method, target: uri, headers, body, peer, tls, client, version };
    Ok((shared.handler.handle(request).await, true))
}

/// Whether the client sends its body only when told to.
fn waits(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Makes `host` the one place where the authority stands: HTTP/2 has it in `:authority`, HTTP/1.1
/// may have it in the target too. Signatures cover `host`, so two different ones are refused.
fn settle_host(target: &Uri, headers: &mut HeaderMap) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Refusal::ConflictingHost);
    }
    let Some(authority) = target.authority() else {
        return Ok(());
    };
    match host {
        Some(host) if host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => Ok(()),
        Some(_) => Err(Refusal::ConflictingHost),
        None => {
            let host =
                HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::ConflictingHost)?;
            headers.insert(HOST, host);
            Ok(())
        }
    }
}

fn encode(response: Response, close: bool, watch: &Arc<Watch>) -> hyper::Response<Leaving> {
    let Response { status, mut headers, body } = response;
    if let Payload::Head { length: Some(length) } = body {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut encoded = hyper::Response::new(Leaving::new(body, || watch.transfer()));
    *encoded.status_mut() = status;
    *encoded.headers_mut() = headers;
    if close {
        encoded.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    encoded
}
