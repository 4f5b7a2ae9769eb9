//! The API listener's handler: iamd's own endpoints under `/-/`, and the service for all else.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use iamd_audit::Health;
use iamd_gateway::{Arriving, Handler, Head, Peer, Plan, Refusal, Request, Response, caller};
use iamd_guard::Guard;
use iamd_service::{Dialect, HeadLine, Refused, Reply, Service, Tls};
use iamd_store::{Partition, Store};
use iamd_types::entropy::random;
use iamd_types::{Code, Entropy, Error};
use ipnet::IpNet;
use tokio::sync::Semaphore;

use crate::unbroken::Unbroken;
use crate::{guard, keys, s3};

/// What AWS has no path for: no bucket or API path begins so.
const OWN: &str = "/-/";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// Where the REST-JSON protocol tells the kind of an error.
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The handler.
pub(crate) struct Api {
    pub(crate) service: Arc<Service>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Turns at requests for S3, all free when none is at work.
    pub(crate) s3_turns: Arc<Semaphore>,
}

/// How many requests for S3 may be at work at a time: twice as many as there may be connections.
pub(crate) const S3_TURNS: u32 = 20_000;

impl Handler for Api {
    type Mark = Dialect;

    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        let is_own = request.target.path().starts_with(OWN);
        async move {
            if is_own {
                // In a box: the future of every request would have room for this one, and is moved as a whole.
                return Box::pin(self.own(request)).await;
            }
            self.serve(&request).await
        }
    }

    fn plan(&self, head: &Head<'_>) -> Plan<Dialect> {
        let header = |name: &str| head.headers.get(name)?.to_str().ok();
        let target = head.target.path_and_query().map_or("", |target| target.as_str());
        if target.starts_with(OWN) {
            // What is asked here with a body is asked in JSON.
            return Plan { mark: Dialect::RestJson, ..Plan::default() };
        }
        let mark = self.service.dialect(&HeadLine {
            method: head.method.as_str(),
            target,
            authorization: head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes),
            header: &header,
        });
        let large = matches!(mark, Dialect::Query | Dialect::Json) && *head.method == Method::POST;
        Plan { streams: mark == Dialect::S3, large, mark }
    }

    /// What was begun is finished and recorded when the peer goes away.
    async fn stream(&self, request: Request<Arriving>) -> Response {
        let (source_ip, secure) = self.caller(&request);
        let Request { method, target, headers, body, tls, .. } = request;
        let service = Arc::clone(&self.service);
        // Never closed.
        let turn = Arc::clone(&self.s3_turns).acquire_owned().await;
        let work = Unbroken::new(async move {
            let _turn = turn;
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            let head = iamd_service::Request {
                method: method.as_str(),
                target: target.path_and_query().map_or("", |target| target.as_str()),
                headers: &headers,
                body: &[],
                source_ip,
                secure,
                tls: tls.map(|tls| Tls { version: tls.version, cipher_suite: tls.cipher_suite }),
            };
            service.handle_s3(&head, s3::arriving(body)).await
        });
        s3::encode(work.await)
    }

    fn refuse(&self, refusal: Refusal, mark: Dialect) -> Response {
        let code = match refusal {
            Refusal::BodyTooLarge { .. } => Code::RequestEntityTooLarge,
            Refusal::BodyTimeout
            | Refusal::MalformedBody
            | Refusal::ConflictingHost
            | Refusal::TooManyHeaders { .. } => Code::MalformedInput,
            Refusal::Busy => Code::ServiceUnavailable,
            Refusal::Failed => Code::InternalFailure,
        };
        let request_id = self.request_id();
        let error = Error::new(code, refusal.to_string());
        let (status, reply) = mark.refuse(&error, request_id.clone());
        tracing::info!(
            target: "iamd::request",
            request_id,
            decision = "refused",
            status,
            error = code.as_str(),
            reason = %refusal,
        );
        match reply {
            Refused::Plain(reply) => encode(reply),
            Refused::S3(reply) => s3::encode(reply),
        }
    }
}

impl Api {
    async fn serve(&self, request: &Request) -> Response {
        let (source_ip, secure) = self.caller(request);
        let target = request.target.path_and_query().map_or("", |target| target.as_str());
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let tls =
            request.tls.map(|tls| Tls { version: tls.version, cipher_suite: tls.cipher_suite });
        let request = iamd_service::Request {
            method: request.method.as_str(),
            target,
            headers: &headers,
            body: &request.body,
            source_ip,
            secure,
            tls,
        };
        encode(self.service.handle(&request).await)
    }

    /// The caller's address and whether its connection is TLS: the peer's, or what a trusted proxy
    /// tells.
    fn caller<B>(&self, request: &Request<B>) -> (Option<IpAddr>, bool) {
        match request.peer {
            Peer::Net(peer) => {
                let tls = request.tls.is_some();
                let caller = caller(peer, tls, &request.headers, &self.trusted_proxies);
                (Some(caller.address), caller.secure)
            }
            Peer::Local { .. } => (None, false),
        }
    }

    async fn own(&self, request: Request) -> Response {
        let name = request.target.path().strip_prefix(OWN).unwrap_or_default();
        if name == "authorize" && request.method == Method::POST {
            let (incoming, secure) = guard::incoming(request, &self.trusted_proxies);
            return guard::encode(self.guard.authorize(&incoming, secure).await);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        if let Some(path) = name.strip_prefix("oidc/") {
            return self.issuer_document(path).await;
        }
        match name {
            "health" => plain(StatusCode::OK, "ok\n"),
            "ready" if self.is_ready().await => plain(StatusCode::OK, "ready\n"),
            "ready" => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "version" => plain(StatusCode::OK, concat!(env!("CARGO_PKG_VERSION"), "\n")),
            _ => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
        }
    }

    /// What everybody may read about an account that issues tokens.
    async fn issuer_document(&self, path: &str) -> Response {
        match self.service.issuer_document(path).await {
            Ok(Some(document)) => {
                let mut headers = HeaderMap::with_capacity(4);
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Response { status: StatusCode::OK, headers, body: Bytes::from(document).into() }
            }
            Ok(None) => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
            Err(error) => {
                tracing::warn!(%error, "the document of an issuer cannot be read");
                plain(StatusCode::SERVICE_UNAVAILABLE, "not now\n")
            }
        }
    }

    /// Whether the store answers and the audit log takes records. Why not is for the log alone.
    async fn is_ready(&self) -> bool {
        match self.service.log().health() {
            Health::Working => {}
            health => {
                tracing::warn!(?health, "not ready: the audit log takes no records");
                return false;
            }
        }
        let Ok(partition) = Partition::new(keys::PARTITION) else {
            return false;
        };
        match self.store.head(&partition).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "not ready: the store does not answer");
                false
            }
        }
    }

    /// A UUID of random bits (RFC 9562 §5.4).
    fn request_id(&self) -> String {
        let bits = u128::from_be_bytes(random(&*self.entropy));
        let bits = bits & !(0xf << 76) | 4 << 76;
        let bits = bits & !(0b11 << 62) | 0b10 << 62;
        let hex = format!("{bits:032x}");
        let mut id = String::with_capacity(36);
        for (at, digit) in hex.chars().enumerate() {
            if [8, 12, 16, 20].contains(&at) {
                id.push('-');
            }
            id.push(digit);
        }
        id
    }
}

fn encode(reply: Reply) -> Response {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    if let Ok(request_id) = HeaderValue::try_from(reply.request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    if let Some(error_type) = reply.error_type {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Response { status, headers, body: reply.body.into() }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Response { status, headers, body: Bytes::from_static(text.as_bytes()).into() }
}
