//! The guard's listener, and where its tokens and policies are read.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, StatusCode};
use iamd_gateway::{Handler, Payload, Peer, Refusal, Request, Response, caller};
use iamd_guard::{Files, Guard, Incoming, Outgoing};
use iamd_service::Service;
use iamd_types::Secret;
use ipnet::IpNet;

use crate::config::Config;
use crate::files::read_secret;

/// The guard as configured.
pub(crate) fn open(config: &Config, service: &Arc<Service>) -> anyhow::Result<Arc<Guard>> {
    let guard = Guard::new(Arc::clone(service), &config.guard, &OnDisk);
    guard.map(Arc::new).context("the guard cannot be set up as configured")
}

struct OnDisk;

impl Files for OnDisk {
    fn secret(&self, path: &Path) -> Result<Secret<String>, String> {
        match read_secret(path, "token") {
            Ok(Some(token)) => Ok(token),
            Ok(None) => Err(format!("needs the token `{}`, which is not there", path.display())),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    fn text(&self, path: &Path) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| format!("needs `{}`: {error}", path.display()))
    }
}

/// What answers on the guard's listener.
pub(crate) struct GuardListener(pub(crate) Arc<Guard>);

impl Handler for GuardListener {
    type Mark = ();

    async fn handle(&self, request: Request) -> Response {
        match (request.method.as_str(), request.target.path()) {
            ("GET" | "HEAD", "/-/health") => plain(StatusCode::OK, "ok\n"),
            _ => encode(self.0.handle(incoming(request, &[]).0).await),
        }
    }

    fn refuse(&self, refusal: Refusal, (): ()) -> Response {
        let status = match refusal {
            Refusal::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        tracing::info!(target: "iamd::request", decision = "refused", reason = %refusal);
        plain(status, "the request cannot be read\n")
    }
}

/// A request as the guard takes it, and whether its sender spoke TLS.
pub(crate) fn incoming(request: Request, trusted: &[IpNet]) -> (Incoming, bool) {
    let (address, secure) = match request.peer {
        Peer::Net(peer) => {
            let caller = caller(peer, request.tls.is_some(), &request.headers, trusted);
            (Some(caller.address), caller.secure)
        }
        Peer::Local { .. } => (None, false),
    };
    let target = request.target.path_and_query().map_or("", PathAndQuery::as_str).to_owned();
    let incoming = Incoming {
        method: request.method,
        target,
        headers: request.headers,
        body: request.body,
        address,
        certificate: request.client,
    };
    (incoming, secure)
}

pub(crate) fn encode(outgoing: Outgoing) -> Response {
    let body = match outgoing.trailers {
        Some(trailers) => Payload::Trailed(outgoing.body, trailers),
        None => outgoing.body.into(),
    };
    Response { status: outgoing.status, headers: outgoing.headers, body }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    Response { status, headers: HeaderMap::new(), body: Bytes::from_static(text.as_bytes()).into() }
}
