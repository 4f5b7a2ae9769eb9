//! S3: opened from the configuration, and its bodies on their way in and out of the API listener.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use iamd_gateway::{Arriving, Broken, Payload, Response};
use iamd_objects::{Objects, Tools};
use iamd_s3::{AnswerBody, LocalBackend};
use iamd_service::{S3, S3Reply};
use iamd_types::{Code, Error};

use crate::config::Config;
use crate::stores;

/// Opens the stores of objects.
pub(crate) fn open(config: &Config, directory: &Path, tools: Tools) -> anyhow::Result<S3> {
    let clock = Arc::clone(&tools.clock);
    let objects = Objects::open(directory, tools)
        .with_context(|| format!("cannot open the objects in `{}`", directory.display()))?;
    for damage in objects.damage() {
        tracing::error!(%damage, "an object cannot be read");
    }
    let local = Arc::new(LocalBackend::new(Arc::new(objects)));
    let upstreams = stores::open(&config.s3_stores, &clock)?;
    Ok(S3 { domains: domains(config), local, upstreams })
}

/// The names under which buckets are hosts: those that the server is reached by, unless others are given.
fn domains(config: &Config) -> Vec<String> {
    if !config.s3_domains.is_empty() {
        return config.s3_domains.iter().map(|domain| domain.0.0.clone()).collect();
    }
    let public = config.public_url.as_ref().and_then(|url| url.0.host());
    [Some(config.listen.0.host.clone()), public]
        .into_iter()
        .flatten()
        .filter(|host| host.parse::<std::net::IpAddr>().is_err())
        .map(|host| host.to_ascii_lowercase())
        .collect()
}

/// The body of a request, as the pipeline reads it.
pub(crate) fn arriving(body: Arriving) -> iamd_service::Arriving {
    let length = body.length();
    let bytes = stream::unfold(body, |mut body| async move {
        let piece = body.next().await?;
        Some((piece.map_err(broken), body))
    });
    iamd_service::Arriving { bytes: Box::pin(bytes), length }
}

fn broken(broken: Broken) -> Error {
    Error::s3(match broken {
        Broken::Malformed => Code::IncompleteBody,
        Broken::Timeout => Code::RequestTimeout,
    })
}

/// An answer as the gateway takes it.
pub(crate) fn encode(reply: S3Reply) -> Response {
    let mut headers = HeaderMap::with_capacity(reply.headers.len());
    for (name, value) in reply.headers {
        // Values are UTF-8, which AWS sends as it is.
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => drop(headers.append(name, value)),
            _ => tracing::error!(request_id = reply.request_id, "a header cannot be sent"),
        }
    }
    let body = match reply.body {
        AnswerBody::Whole(bytes) => Payload::Whole(bytes),
        AnswerBody::Head(length) => Payload::Head { length: Some(length) },
        AnswerBody::Stream(length, bytes) => {
            let bytes = bytes.map(|piece| piece.map_err(Into::into));
            Payload::Stream { length: Some(length), bytes: Box::pin(bytes) }
        }
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Response { status, headers, body }
}
