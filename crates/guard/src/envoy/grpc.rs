//! `envoy.service.auth.v3.Authorization/Check`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::check::{Asked, Checked, KnownBody, Refusal};
use crate::envoy::messages::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValue,
    HeaderValueOption, HttpRequest, HttpResponse, HttpStatus, OVERWRITE, OkHttpResponse,
    Status as Answered,
};
use crate::exchange::{Incoming, Outgoing, ip_address};
use crate::guard::{Answer, Guard};
use crate::identity;
use crate::points::Point;

/// Set by Envoy beside a body: whether it is only the beginning. Envoy takes it from no client.
pub(crate) const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// Answers a call. Nobody is who may not ask.
pub(crate) async fn answer(
    guard: &Arc<Guard>,
    point: Option<Arc<Point>>,
    incoming: Incoming,
) -> Outgoing {
    let answer = match point {
        Some(point) => {
            let mut call = http::Request::new(Full::new(incoming.body));
            *call.method_mut() = incoming.method;
            *call.headers_mut() = incoming.headers;
            let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
            Grpc::new(codec).unary(Check { guard: Arc::clone(guard), point }, call).await
        }
        None => Status::unauthenticated("only configured enforcement points may ask").into_http(),
    };
    let (head, body) = answer.into_parts();
    match body.collect().await {
        Ok(body) => {
            let trailers = body.trailers().cloned();
            let body = body.to_bytes();
            Outgoing { status: head.status, headers: head.headers, body, trailers }
        }
        Err(status) => {
            let head = status.into_http::<()>().into_parts().0;
            Outgoing {
                status: head.status,
                headers: head.headers,
                body: Bytes::new(),
                trailers: None,
            }
        }
    }
}

struct Check {
    guard: Arc<Guard>,
    point: Arc<Point>,
}

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Response<CheckResponse>, Status>> + Send>>;

    fn call(&mut self, request: Request<CheckRequest>) -> Self::Future {
        let (guard, point) = (Arc::clone(&self.guard), Arc::clone(&self.point));
        Box::pin(async move {
            let request = request.into_inner();
            let attributes = request
                .attributes
                .ok_or_else(|| Status::invalid_argument("the request has no attributes"))?;
            check(&guard, &point, &attributes).await.map(Response::new)
        })
    }
}

async fn check(
    guard: &Guard,
    point: &Point,
    attributes: &AttributeContext,
) -> Result<CheckResponse, Status> {
    let http = attributes
        .request
        .as_ref()
        .and_then(|request| request.http.as_ref())
        .ok_or_else(|| Status::invalid_argument("the request is none of HTTP"))?;
    let address = attributes.source.as_ref().and_then(|source| source.address.as_ref());
    let address = address.and_then(|address| address.socket_address.as_ref());
    let sent = sent(http);
    let result = match asked(point, http, &sent) {
        Ok(mut asked) => {
            asked.source_ip = address.and_then(|it| ip_address(&it.address));
            guard.checks().check(&point.name, &point.apis, &asked).await
        }
        Err(refusal) => Err(refusal),
    };
    match Answer::of(guard, point, result) {
        Ok(Answer::Allowed(checked)) => Ok(allowed(&checked, &sent)),
        Ok(Answer::Denied { code, message, request_id }) => {
            Ok(denied(code, &message, request_id.as_deref()))
        }
        Err(failed) => Err(Status::new(Code::Unavailable, failed.to_string())),
    }
}

/// All headers that Envoy tells, pseudo headers included.
fn sent(http: &HttpRequest) -> Vec<(&str, &[u8])> {
    match &http.header_map {
        Some(map) => map
            .headers
            .iter()
            .map(|header| {
                let raw = &header.raw_value;
                let value = if raw.is_empty() { header.value.as_bytes() } else { raw };
                (header.key.as_str(), value)
            })
            .collect(),
        None => {
            http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
        }
    }
}

fn asked<'a>(
    point: &Point,
    http: &'a HttpRequest,
    sent: &[(&'a str, &'a [u8])],
) -> Result<Asked<'a>, Refusal> {
    let mut headers = Vec::with_capacity(sent.len());
    let (mut partial, mut length, mut is_chunked) = (None, Vec::new(), false);
    // Not the scheme that Envoy tells: over HTTP/2 without TLS that is the client's to write.
    let mut forwarded: Vec<&[u8]> = Vec::new();
    for &(name, value) in sent {
        match name {
            // The same host stands in a field of its own. Two different ones are two requests.
            ":authority" | "host" => {
                if value != http.host.as_bytes() {
                    return Err(Refusal::Host);
                }
                continue;
            }
            PARTIAL_BODY => {
                partial = Some(value);
                continue;
            }
            "content-length" => length.push(value),
            "transfer-encoding" => is_chunked = true,
            "x-forwarded-proto" => forwarded.push(value),
            _ if name.starts_with(':') => continue,
            _ => {}
        }
        headers.push((name, value));
    }
    let handed_over = if http.raw_body.is_empty() { http.body.as_bytes() } else { &http.raw_body };
    // Of a chunked body Envoy tells nothing: it takes `Transfer-Encoding` away before its filters run. So a request of
    // HTTP/1 without a length may have a body all the same; with the length 0 it has none (RFC 9112 §6.3).
    let is_http1 = matches!(http.protocol.as_str(), "HTTP/1.0" | "HTTP/1.1");
    let body = match (partial, length.as_slice()) {
        (Some(b"false"), _) => KnownBody::Whole(handed_over),
        (Some(_), _) => KnownBody::Unknown,
        (None, _) if is_chunked => KnownBody::Unknown,
        (None, [b"0"]) if is_http1 || point.hands_over_bodies => KnownBody::Whole(b""),
        (None, []) if point.hands_over_bodies => KnownBody::Whole(b""),
        (None, _) => KnownBody::Unknown,
    };
    Ok(Asked {
        method: &http.method,
        target: &http.path,
        host: &http.host,
        headers,
        body,
        source_ip: None,
        secure: point.sets_forwarded_headers && forwarded.as_slice() == [b"https"],
    })
}

fn allowed(checked: &Checked, sent: &[(&str, &[u8])]) -> CheckResponse {
    let values = identity::values(checked.who.caller());
    let is_set = |name: &str| values.iter().any(|(set, value)| *set == name && !value.is_empty());
    // Envoy removes after it sets, so nothing may be in both lists.
    let mut remove: Vec<String> = identity::NAMES
        .iter()
        .filter(|name| !is_set(name))
        .chain(&identity::CGI_NAMES)
        .map(|name| (*name).to_owned())
        .collect();
    for (name, _) in sent {
        if identity::is_ours(name) && !is_set(name) && !remove.iter().any(|it| it == name) {
            remove.push((*name).to_owned());
        }
    }
    let set = values.into_iter().filter(|(_, value)| !value.is_empty());
    CheckResponse {
        status: Some(Answered { code: 0, message: String::new() }),
        http_response: Some(HttpResponse::Ok(OkHttpResponse {
            headers: set.map(|(name, value)| header(name, value)).collect(),
            headers_to_remove: remove,
        })),
    }
}

fn denied(code: &str, message: &str, request_id: Option<&str>) -> CheckResponse {
    let mut headers = vec![
        header("content-type", "application/json".to_owned()),
        header("x-amzn-errortype", code.to_owned()),
    ];
    headers.extend(request_id.map(|id| header("x-amzn-requestid", id.to_owned())));
    CheckResponse {
        status: Some(Answered {
            code: i32::from(Code::PermissionDenied),
            message: message.to_owned(),
        }),
        http_response: Some(HttpResponse::Denied(DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(StatusCode::FORBIDDEN.as_u16()) }),
            headers,
            body: Answer::body(code, message, request_id).to_string(),
        })),
    }
}

fn header(name: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.to_owned(), value, raw_value: Vec::new() }),
        append_action: OVERWRITE,
    }
}
